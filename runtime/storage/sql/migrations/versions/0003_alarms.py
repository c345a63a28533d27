"""Alarms: cases, their history and timers, the outbox, links, plans of people on duty."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of alarms."""
    op.create_table(
        "alarm_links",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("case", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("actor", sa.Text(), server_default="", nullable=False),
        sa.Column("expires", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_alarm_links")),
    )
    op.create_index("ix_alarm_links_expires", "alarm_links", ["expires"], unique=False)
    op.create_table(
        "case_attachments",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("case", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("media_type", sa.Text(), server_default="", nullable=False),
        sa.Column("size", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("digest", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("actor", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_attachments")),
    )
    op.create_index("ix_case_attachments_case", "case_attachments", ["case", "id"], unique=False)
    op.create_table(
        "case_timers",
        sa.Column("case", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("due", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("call", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("case", "kind", name=op.f("pk_case_timers")),
    )
    op.create_index("ix_case_timers_due", "case_timers", ["due"], unique=False)
    op.create_table(
        "case_transitions",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("case", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("verb", sa.Text(), server_default="", nullable=False),
        sa.Column("actor", sa.Text(), server_default="", nullable=False),
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_transitions")),
    )
    op.create_index("ix_case_transitions_at", "case_transitions", ["at"], unique=False)
    op.create_index("ix_case_transitions_case", "case_transitions", ["case", "id"], unique=False)
    op.create_table(
        "cases",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("family", sa.Text(), server_default="", nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("cause", sa.Text(), server_default="", nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("life", sa.Boolean(), nullable=False),
        sa.Column("rank", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("held_back", sa.Boolean(), nullable=False),
        sa.Column("inhibits", sa.Boolean(), nullable=False),
        sa.Column("park", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("place", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("device", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("gateway", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("path", sa.Text(), server_default="", nullable=False),
        sa.Column("owner", sa.Text(), server_default="", nullable=False),
        sa.Column("raised", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("announced", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cases")),
    )
    op.create_index("ix_cases_announced", "cases", ["park", "announced"], unique=False)
    op.create_index("ix_cases_device", "cases", ["device", "open"], unique=False)
    op.create_index("ix_cases_gateway", "cases", ["gateway", "open"], unique=False)
    op.create_index("ix_cases_held_back", "cases", ["held_back", "open"], unique=False)
    op.create_index(
        "ix_cases_inhibits",
        "cases",
        ["park"],
        unique=False,
        sqlite_where=sa.text("inhibits = 1"),
        postgresql_where=sa.text("inhibits"),
    )
    op.create_index("ix_cases_list", "cases", ["open", "rank", "raised", "id"], unique=False)
    op.create_index("ix_cases_park", "cases", ["park", "open", "rank", "raised", "id"], unique=False)
    op.create_index("ix_cases_raised", "cases", ["raised"], unique=False)
    op.create_index(
        "uq_cases_open",
        "cases",
        ["family", "subject", "cause"],
        unique=True,
        sqlite_where=sa.text("open = 1"),
        postgresql_where=sa.text("open"),
    )
    op.create_table(
        "duty_changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("plan", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("actor", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("before", sa.Text(), server_default="", nullable=False),
        sa.Column("after", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_changes")),
    )
    op.create_index("ix_duty_changes_plan", "duty_changes", ["plan", "id"], unique=False)
    op.create_table(
        "duty_plans",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("park", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("version", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("starts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("ends", sa.BigInteger(), nullable=True),
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty_plans")),
    )
    op.create_index("ix_duty_plans_kind", "duty_plans", ["kind", "ends"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("case", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("park", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("target", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("life", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("due", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("attempts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("created", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("receipt", sa.Text(), server_default="", nullable=False),
        sa.Column("trouble", sa.Text(), server_default="", nullable=False),
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index("ix_outbox_case", "outbox", ["case", "created"], unique=False)
    op.create_index("ix_outbox_created", "outbox", ["created", "id"], unique=False)
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["life", "due"],
        unique=False,
        sqlite_where=sa.text("state IN ('waiting', 'sending')"),
        postgresql_where=sa.text("state IN ('waiting', 'sending')"),
    )


def downgrade() -> None:
    """Drop them."""
    for table in (
        "duty_changes",
        "duty_plans",
        "alarm_links",
        "outbox",
        "case_timers",
        "case_attachments",
        "case_transitions",
        "cases",
    ):
        op.drop_table(table)
