"""Whether a refused message was retained: old state stays old when it is taken in again."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the flag; what is kept so far was not marked."""
    op.add_column("quarantine", sa.Column("retained", sa.Boolean(), nullable=False, server_default=sa.false()))
