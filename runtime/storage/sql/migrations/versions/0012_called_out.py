"""Events that people were called out to before they were written in their order: each makes one alarm."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "called_out",
        sa.Column("event", sa.Text(), primary_key=True),
        sa.Column("at", sa.BigInteger(), nullable=False, server_default="0"),
    )
