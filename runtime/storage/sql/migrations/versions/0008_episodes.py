"""The point and the episode of findings as columns, and what people say of episodes."""

import msgspec
import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ROWS = 1_000  # of one step: a year's findings of a city are not held at once


def upgrade() -> None:
    """Add the columns and fill them from the findings; make the table of marks."""
    op.add_column("findings", sa.Column("point", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("findings", sa.Column("episode", sa.Text(), nullable=False, server_default=""))
    op.create_index("ix_findings_point", "findings", ["point", "ts", "id"])
    op.create_index("ix_findings_episode", "findings", ["episode"])
    _fill()
    op.create_table(
        "marks",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("episode", sa.Text(), nullable=False),
        sa.Column("point", sa.BigInteger(), nullable=False),
        sa.Column("park", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False, server_default=""),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_marks")),
    )
    op.create_index("ix_marks_episode", "marks", ["episode"])


def _fill() -> None:
    connection = op.get_bind()
    findings = sa.table("findings", *(sa.column(n) for n in ("id", "body", "point", "episode")))
    c = findings.c
    last = ""
    while True:
        query = sa.select(c.id, c.body).where(c.id > last).order_by(c.id).limit(_ROWS)
        rows = connection.execute(query).all()
        if not rows:
            return
        for key, body in rows:
            said = msgspec.json.decode(body)
            change = sa.update(findings).where(c.id == key)
            connection.execute(change.values(point=said.get("point", 0), episode=said.get("episode", "")))
        last = rows[-1].id
