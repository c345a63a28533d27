"""Days of enterprises by park, and papers on file."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns that a park's days are summed by, and the table of papers."""
    op.add_column("activity_days", sa.Column("park", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("activity_days", sa.Column("state", sa.Text(), server_default="", nullable=False))
    op.add_column("activity_days", sa.Column("ratio", sa.Double(), nullable=True))
    op.add_column("activity_days", sa.Column("amount", sa.Double(), nullable=True))
    op.add_column("activity_days", sa.Column("expected", sa.Double(), nullable=True))
    op.add_column("activity_days", sa.Column("rest", sa.Text(), server_default="", nullable=False))
    op.create_index("ix_activity_days_park", "activity_days", ["park", "day"], unique=False)
    op.create_table(
        "papers",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("enterprise", sa.BigInteger(), nullable=False),
        sa.Column("park", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("begin_day", sa.Text(), nullable=False),
        sa.Column("end_day", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("withdrawn", sa.BigInteger(), nullable=True),
        sa.Column("withdrawn_by", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["enterprise"], ["enterprises.id"], name=op.f("fk_papers_enterprise")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_papers")),
    )
    op.create_index("ix_papers_enterprise", "papers", ["enterprise"], unique=False)


def downgrade() -> None:
    """Drop them."""
    op.drop_table("papers")
    op.drop_index("ix_activity_days_park", "activity_days")
    for name in ("rest", "expected", "amount", "ratio", "state", "park"):
        op.drop_column("activity_days", name)
