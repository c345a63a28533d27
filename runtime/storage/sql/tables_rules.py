"""The table of rule tables."""

from sqlalchemy import BigInteger, Boolean, Column, Integer, Table, Text

from runtime.storage.sql.tables import metadata

rule_sets = Table(  # rows are added and never changed: the audit of rules
    "rule_sets", metadata, Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False), Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False), Column("text", Text, nullable=False),
    Column("rules", Integer, nullable=False), Column("life_safety", Boolean, nullable=False),
    Column("rolled_back_to", BigInteger, nullable=True),
)  # fmt: skip
