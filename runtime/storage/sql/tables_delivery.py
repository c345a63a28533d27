"""The tables of delivery: receivers, and messages on their way to them."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text, text

from runtime.storage.sql.tables import metadata

_SERIAL = BigInteger().with_variant(Integer, "sqlite")


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


targets = Table(
    "targets", metadata, Column("id", _SERIAL, primary_key=True), _text("name"), _number("park"), _number("version"),
    Column("ended", BigInteger, nullable=True), _text("body"),
)  # fmt: skip
Index(
    "uq_targets_name", targets.c.name, unique=True, sqlite_where=text("ended IS NULL"),
    postgresql_where=text("ended IS NULL"),
)  # fmt: skip

target_changes = Table(  # who changed which target; secrets are left out
    "target_changes", metadata, Column("id", _SERIAL, primary_key=True), _number("target"), _number("at"),
    _text("actor"), _text("after"),
)  # fmt: skip
Index("ix_target_changes_target", target_changes.c.target, target_changes.c.id)

dispatches = Table(
    "dispatches", metadata, Column("seq", _SERIAL, primary_key=True), _text("id"), _text("notification"),
    _text("target"), _text("address"), Column("life", Boolean, nullable=False), _number("case"), _number("park"),
    _text("told_group"), _text("state"), _number("due"), _number("attempts"), _number("created"), _text("batch"),
    Column("ended", BigInteger, nullable=True), _text("receipt"), _text("trouble"), _text("body"),
)  # fmt: skip
_waits = text("state IN ('waiting', 'sending')")
Index("uq_dispatches_id", dispatches.c.id, unique=True)
Index("ix_dispatches_notification", dispatches.c.notification)
Index(
    "ix_dispatches_queue", dispatches.c.life, dispatches.c.target, dispatches.c.address, dispatches.c.seq,
    sqlite_where=_waits, postgresql_where=_waits,
)  # fmt: skip
Index("ix_dispatches_due", dispatches.c.due, sqlite_where=_waits, postgresql_where=_waits)
Index("ix_dispatches_case", dispatches.c.case, dispatches.c.seq)
Index("ix_dispatches_state", dispatches.c.state, dispatches.c.seq)
