"""What parks and places have contracted of electricity."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; nobody has a contract yet."""
    for table in ("parks", "places"):
        op.add_column(table, sa.Column("contracted_demand", sa.Double(), server_default="0.0", nullable=False))
