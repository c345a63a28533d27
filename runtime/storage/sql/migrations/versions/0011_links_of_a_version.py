"""The version of the alarm that a link was sent with: what has become worse since is not acknowledged by it."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; links that were sent before are of no version, and good while nothing became worse."""
    op.add_column("alarm_links", sa.Column("version", sa.BigInteger(), nullable=False, server_default="0"))
