"""Delivery: receivers, who changed them, and messages on their way to them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_WAITS = sa.text("state IN ('waiting', 'sending')")


def _serial(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default="", nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)


def upgrade() -> None:
    """Make the tables of delivery."""
    op.create_table(
        "targets", _serial("id"), _text("name"), _number("park"), _number("version"),
        sa.Column("ended", sa.BigInteger(), nullable=True), _text("body"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_targets")),
    )  # fmt: skip
    ended = sa.text("ended IS NULL")
    op.create_index("uq_targets_name", "targets", ["name"], unique=True, sqlite_where=ended, postgresql_where=ended)
    op.create_table(
        "target_changes", _serial("id"), _number("target"), _number("at"), _text("actor"), _text("after"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_target_changes")),
    )  # fmt: skip
    op.create_index("ix_target_changes_target", "target_changes", ["target", "id"], unique=False)
    op.create_table(
        "dispatches", _serial("seq"), _text("id"), _text("notification"), _text("target"), _text("address"),
        sa.Column("life", sa.Boolean(), nullable=False), _number("case"), _number("park"), _text("told_group"),
        _text("state"), _number("due"), _number("attempts"), _number("created"), _text("batch"),
        sa.Column("ended", sa.BigInteger(), nullable=True), _text("receipt"), _text("trouble"), _text("body"),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_dispatches")),
    )  # fmt: skip
    op.create_index("uq_dispatches_id", "dispatches", ["id"], unique=True)
    op.create_index("ix_dispatches_notification", "dispatches", ["notification"], unique=False)
    op.create_index(
        "ix_dispatches_queue", "dispatches", ["life", "target", "address", "seq"], unique=False, sqlite_where=_WAITS,
        postgresql_where=_WAITS,
    )  # fmt: skip
    op.create_index("ix_dispatches_due", "dispatches", ["due"], sqlite_where=_WAITS, postgresql_where=_WAITS)
    op.create_index("ix_dispatches_case", "dispatches", ["case", "seq"], unique=False)
    op.create_index("ix_dispatches_state", "dispatches", ["state", "seq"], unique=False)


def downgrade() -> None:
    """Drop them."""
    for name in ("dispatches", "target_changes", "targets"):
        op.drop_table(name)
