"""The tables of a park's office: plans, rounds, hazards and drills, their histories and files.

```
office_things ──< office_changes (who, when, what, why)
      └────────< office_files (digests)
```
`body` holds the whole thing as JSON; the columns beside it are what is asked for and what must be unique.
"""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, text

from runtime.storage.sql.tables import metadata

_SERIAL = BigInteger().with_variant(Integer, "sqlite")


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


office_things = Table(
    "office_things", metadata, Column("id", _SERIAL, primary_key=True), _text("kind"), _number("park"), _text("state"),
    _number("due"), _text("origin"), _number("version"), _text("body"),
)  # fmt: skip
_has_origin = text("origin != ''")
Index("uq_office_things_origin", office_things.c.kind, office_things.c.origin, unique=True, sqlite_where=_has_origin,
      postgresql_where=_has_origin)  # fmt: skip
Index("ix_office_things_state", office_things.c.kind, office_things.c.state, office_things.c.due)
Index("ix_office_things_park", office_things.c.kind, office_things.c.park, office_things.c.id)

office_changes = Table(
    "office_changes", metadata, Column("id", _SERIAL, primary_key=True), _number("thing"), _number("at"),
    _text("actor"), _text("verb"), _text("note"), _number("version"),
)  # fmt: skip
Index("ix_office_changes_thing", office_changes.c.thing, office_changes.c.id)

office_files = Table(
    "office_files", metadata, Column("id", _SERIAL, primary_key=True), _number("thing"), _text("name"),
    _text("media_type"), _number("size"), _text("digest"), _number("at"), _text("actor"),
)  # fmt: skip
Index("ix_office_files_thing", office_files.c.thing, office_files.c.id)
