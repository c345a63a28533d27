"""The table of what people say of episodes."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from runtime.storage.sql.tables import metadata

marks = Table(  # rows are added, never changed or deleted: the last of an episode holds
    "marks", metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("episode", Text, nullable=False), Column("point", BigInteger, nullable=False),
    Column("park", BigInteger, nullable=False), Column("verdict", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""), Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
)  # fmt: skip
Index("ix_marks_episode", marks.c.episode)
