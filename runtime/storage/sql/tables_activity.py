"""The table of papers on file."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text

from runtime.storage.sql.tables import metadata

papers = Table(  # rows are added, and taken back; never deleted
    "papers", metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("enterprise", ForeignKey("enterprises.id"), nullable=False), Column("park", BigInteger, nullable=False),
    Column("kind", Text, nullable=False), Column("begin_day", Text, nullable=False),
    Column("end_day", Text, nullable=False), Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False), Column("note", Text, nullable=False, server_default=""),
    Column("withdrawn", BigInteger, nullable=True), Column("withdrawn_by", Text, nullable=False, server_default=""),
)  # fmt: skip
Index("ix_papers_enterprise", papers.c.enterprise)
