"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "activity_days",
        sa.Column("enterprise", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("enterprise", "day", name=op.f("pk_activity_days")),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("prefix", sa.Text(), server_default="", nullable=False),
        sa.Column("digest", sa.Text(), server_default="", nullable=False),
        sa.Column("role", sa.Text(), server_default="", nullable=False),
        sa.Column("parks", sa.Text(), nullable=True),
        sa.Column("created", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=True),
        sa.Column("revoked", sa.BigInteger(), nullable=True),
        sa.Column("last_used", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
    )
    op.create_index("uq_api_keys_prefix", "api_keys", ["prefix"], unique=True)
    op.create_table(
        "applied",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("consumer", "lane", name=op.f("pk_applied")),
    )
    op.create_table(
        "calendar",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("through", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_calendar")),
    )
    op.create_table(
        "changes",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("actor", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("noun", sa.Text(), server_default="", nullable=False),
        sa.Column("key", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("before", sa.Text(), server_default="", nullable=False),
        sa.Column("after", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_changes")),
    )
    op.create_index("ix_changes_thing", "changes", ["noun", "key", "id"], unique=False)
    op.create_table(
        "condition_changes",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("condition_id", sa.Text(), server_default="", nullable=False),
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_condition_changes")),
    )
    op.create_index("ix_condition_changes_condition", "condition_changes", ["condition_id", "seq"], unique=False)
    op.create_index("uq_condition_changes_id", "condition_changes", ["id"], unique=True)
    op.create_table(
        "conditions",
        sa.Column("condition_id", sa.Text(), nullable=False),
        sa.Column("park", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("since", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("standing", sa.Boolean(), nullable=False),
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("condition_id", name=op.f("pk_conditions")),
    )
    op.create_index("ix_conditions_since", "conditions", ["since", "condition_id"], unique=False)
    op.create_index("ix_conditions_standing", "conditions", ["park", "standing", "since"], unique=False)
    op.create_table(
        "device_status",
        sa.Column("device", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("park", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("device", name=op.f("pk_device_status")),
    )
    op.create_index("ix_device_status_park", "device_status", ["park"], unique=False)
    op.create_table(
        "findings",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("park", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("ts", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_findings")),
    )
    op.create_index("ix_findings_park", "findings", ["park", "ts", "id"], unique=False)
    op.create_index("ix_findings_ts", "findings", ["ts", "id"], unique=False)
    op.create_table(
        "key_changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("actor", sa.Text(), server_default="", nullable=False),
        sa.Column("verb", sa.Text(), server_default="", nullable=False),
        sa.Column("key", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_key_changes")),
    )
    op.create_table(
        "ledger",
        sa.Column("lane", sa.Text(), nullable=False),
        sa.Column("gateway", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hour", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("messages", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("received", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("duplicate", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("rejected", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("quarantined", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("lane", "gateway", "hour", name=op.f("pk_ledger")),
    )
    op.create_index("ix_ledger_hour", "ledger", ["hour"], unique=False)
    op.create_table(
        "numbers",
        sa.Column("space", sa.Text(), nullable=False),
        sa.Column("last", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("space", name=op.f("pk_numbers")),
    )
    op.create_table(
        "parks",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("timezone", sa.Text(), server_default="", nullable=False),
        sa.Column("district", sa.Text(), server_default="", nullable=False),
        sa.Column("area_mu", sa.Double(), server_default="0.0", nullable=False),
        sa.Column("outline", sa.Text(), server_default="[]", nullable=False),
        sa.Column("gone", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parks")),
    )
    op.create_index(
        "uq_parks_code",
        "parks",
        ["code"],
        unique=True,
        sqlite_where=sa.text("gone IS NULL"),
        postgresql_where=sa.text("gone IS NULL"),
    )
    op.create_table(
        "quarantine",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("lane", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("actor", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("topic", sa.Text(), server_default="", nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("received", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("device_key", sa.Text(), server_default="", nullable=False),
        sa.Column("gateway", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("readings", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
        sa.Column("alarm", sa.Text(), server_default="", nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
    )
    op.create_index("ix_quarantine_device", "quarantine", ["state", "device_key", "id"], unique=False)
    op.create_index("ix_quarantine_state", "quarantine", ["state", "id"], unique=False)
    op.create_table(
        "tallies",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tallies")),
    )
    op.create_table(
        "devices",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("park", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("place", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("gateway", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("lane", sa.Text(), server_default="", nullable=False),
        sa.Column("interval", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("mode", sa.Text(), server_default="", nullable=False),
        sa.Column("gone", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["park"], ["parks.id"], name=op.f("fk_devices_park")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
    )
    op.create_index("ix_devices_gateway", "devices", ["gateway"], unique=False)
    op.create_index(op.f("ix_devices_park"), "devices", ["park"], unique=False)
    op.create_index("ix_devices_place", "devices", ["place"], unique=False)
    op.create_index(
        "uq_devices_key",
        "devices",
        ["key"],
        unique=True,
        sqlite_where=sa.text("gone IS NULL"),
        postgresql_where=sa.text("gone IS NULL"),
    )
    op.create_table(
        "enterprises",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("park", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("trade", sa.Text(), server_default="", nullable=False),
        sa.Column("headcount", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("size_class", sa.Text(), server_default="", nullable=False),
        sa.Column("contact", sa.Text(), server_default="", nullable=False),
        sa.Column("gone", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["park"], ["parks.id"], name=op.f("fk_enterprises_park")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enterprises")),
    )
    op.create_index(op.f("ix_enterprises_park"), "enterprises", ["park"], unique=False)
    op.create_index(
        "uq_enterprises_code",
        "enterprises",
        ["park", "code"],
        unique=True,
        sqlite_where=sa.text("gone IS NULL"),
        postgresql_where=sa.text("gone IS NULL"),
    )
    op.create_table(
        "places",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("park", sa.BigInteger(), nullable=False),
        sa.Column("parent", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("kind", sa.Text(), server_default="", nullable=False),
        sa.Column("code", sa.Text(), server_default="", nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("area", sa.Double(), server_default="0.0", nullable=False),
        sa.Column("floor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("outline", sa.Text(), server_default="[]", nullable=False),
        sa.Column("fire_class", sa.Text(), server_default="", nullable=False),
        sa.Column("permitted_use", sa.Text(), server_default="", nullable=False),
        sa.Column("gone", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["park"], ["parks.id"], name=op.f("fk_places_park")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_places")),
    )
    op.create_index("ix_places_parent", "places", ["parent"], unique=False)
    op.create_index(op.f("ix_places_park"), "places", ["park"], unique=False)
    op.create_index(
        "uq_places_code",
        "places",
        ["park", "code"],
        unique=True,
        sqlite_where=sa.text("gone IS NULL"),
        postgresql_where=sa.text("gone IS NULL"),
    )
    op.create_table(
        "leases",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("enterprise", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("valid_to", sa.BigInteger(), nullable=True),
        sa.Column("agreed_output", sa.Double(), server_default="0.0", nullable=False),
        sa.Column("gone", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["enterprise"], ["enterprises.id"], name=op.f("fk_leases_enterprise")),
        sa.ForeignKeyConstraint(["place"], ["places.id"], name=op.f("fk_leases_place")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leases")),
    )
    op.create_index(op.f("ix_leases_enterprise"), "leases", ["enterprise"], unique=False)
    op.create_index(op.f("ix_leases_place"), "leases", ["place"], unique=False)
    op.create_table(
        "points",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("device", sa.BigInteger(), nullable=False),
        sa.Column("metric", sa.Text(), server_default="", nullable=False),
        sa.Column("channel", sa.Text(), server_default="", nullable=False),
        sa.Column("source_key", sa.Text(), server_default="", nullable=False),
        sa.Column("scale", sa.Double(), server_default="1.0", nullable=False),
        sa.Column("offset", sa.Double(), server_default="0.0", nullable=False),
        sa.Column("interval", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("source", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("modulus", sa.Double(), server_default="0.0", nullable=False),
        sa.Column("ratio", sa.Double(), server_default="1.0", nullable=False),
        sa.Column("effective", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("gone", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["device"], ["devices.id"], name=op.f("fk_points_device")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_points")),
    )
    op.create_index("ix_points_device", "points", ["device"], unique=False)
    op.create_index("ix_points_source", "points", ["source"], unique=False)
    op.create_index(
        "uq_points_source_key",
        "points",
        ["device", "source_key"],
        unique=True,
        sqlite_where=sa.text("gone IS NULL AND source_key != ''"),
        postgresql_where=sa.text("gone IS NULL AND source_key != ''"),
    )


def downgrade() -> None:
    """Drop them."""
    for table in (
        "points",
        "leases",
        "places",
        "enterprises",
        "devices",
        "tallies",
        "quarantine",
        "parks",
        "numbers",
        "ledger",
        "key_changes",
        "findings",
        "device_status",
        "conditions",
        "condition_changes",
        "changes",
        "calendar",
        "applied",
        "api_keys",
        "activity_days",
    ):
        op.drop_table(table)
