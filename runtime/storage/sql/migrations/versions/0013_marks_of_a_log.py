"""What the log was that a snapshot is of: one that was cut short and grew again is noticed."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the column."""
    op.add_column("snapshots", sa.Column("marks", sa.LargeBinary(), nullable=True))
