"""Until when a device is set apart, and a way to those that are."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column and the index."""
    op.add_column("devices", sa.Column("mode_until", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_index("ix_devices_mode", "devices", ["mode"])
