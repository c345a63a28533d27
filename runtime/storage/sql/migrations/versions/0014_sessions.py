"""Sessions of browsers and tickets of live streams: any process of a city knows them."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "sessions",
        sa.Column("digest", sa.Text(), primary_key=True),
        sa.Column("purpose", sa.Text(), nullable=False, server_default=""),
        sa.Column("key", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("expires", sa.BigInteger(), nullable=False, server_default="0"),
    )
    op.create_index("ix_sessions_expires", "sessions", ["expires"], unique=False)
