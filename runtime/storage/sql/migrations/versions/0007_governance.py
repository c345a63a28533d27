"""Inspection plans, rounds, hazards and drills, with their histories and files."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _serial() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), server_default="0", nullable=False)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default="", nullable=False)


def upgrade() -> None:
    """Make the tables of a park's office."""
    op.create_table(
        "office_things", _serial(), _text("kind"), _number("park"), _text("state"), _number("due"), _text("origin"),
        _number("version"), _text("body"), sa.PrimaryKeyConstraint("id", name=op.f("pk_office_things")),
    )  # fmt: skip
    op.create_index(
        "uq_office_things_origin",
        "office_things",
        ["kind", "origin"],
        unique=True,
        sqlite_where=sa.text("origin != ''"),
        postgresql_where=sa.text("origin != ''"),
    )
    op.create_index("ix_office_things_state", "office_things", ["kind", "state", "due"], unique=False)
    op.create_index("ix_office_things_park", "office_things", ["kind", "park", "id"], unique=False)
    op.create_table(
        "office_changes", _serial(), _number("thing"), _number("at"), _text("actor"), _text("verb"), _text("note"),
        _number("version"), sa.PrimaryKeyConstraint("id", name=op.f("pk_office_changes")),
    )  # fmt: skip
    op.create_index("ix_office_changes_thing", "office_changes", ["thing", "id"], unique=False)
    op.create_table(
        "office_files", _serial(), _number("thing"), _text("name"), _text("media_type"), _number("size"),
        _text("digest"), _number("at"), _text("actor"), sa.PrimaryKeyConstraint("id", name=op.f("pk_office_files")),
    )  # fmt: skip
    op.create_index("ix_office_files_thing", "office_files", ["thing", "id"], unique=False)


def downgrade() -> None:
    """Drop them."""
    for name in ("office_files", "office_changes", "office_things"):
        op.drop_table(name)
