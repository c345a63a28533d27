"""Every table, as the code wants it; the migrations bring a database there, and a test compares the two.

```
numbers   parks ── places ── leases ── enterprises      changes (audit, and what held when)
            └── devices ── points                       calendar (leases told so far)
applied   conditions / condition_changes   findings   device_status   activity_days
          quarantine   ledger   tallies                 api_keys / key_changes
```
Times are epoch ms. A row that is `gone` was retired: it stays for the references to it.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    and_,
    false,
)

# Names of constraints are given, so that a later migration can find them on every database.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_SERIAL = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only for INTEGER


def _text(name: str, default: str = "") -> Column[str]:
    return Column(name, Text, nullable=False, server_default=default)


def _number(name: str, default: int = 0) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=str(default))


def _real(name: str, default: float = 0.0) -> Column[float]:
    return Column(name, Double, nullable=False, server_default=str(default))


def _id() -> Column[int]:
    return Column("id", BigInteger, primary_key=True, autoincrement=False)


def _gone() -> Column[int | None]:
    return Column("gone", BigInteger, nullable=True)


# ── the registry ─────────────────────────────────────────────────────────────────────────────────

numbers = Table(  # the last number given out, by space; it only rises, so none is used twice
    "numbers", metadata, Column("space", Text, primary_key=True), _number("last")
)

parks = Table(
    "parks", metadata, _id(), _text("code"), _text("name"), _text("timezone"), _text("district"), _real("area_mu"),
    _text("outline", "[]"), _real("contracted_demand"), _gone(),
)  # fmt: skip

places = Table(
    "places", metadata, _id(), Column("park", ForeignKey("parks.id"), nullable=False, index=True),
    _number("parent"), _text("kind"), _text("code"), _text("name"), _real("area"), _number("floor"),
    _text("outline", "[]"), _text("fire_class"), _text("permitted_use"),
    _real("contracted_demand"), _gone(),
)  # fmt: skip

enterprises = Table(
    "enterprises", metadata, _id(), Column("park", ForeignKey("parks.id"), nullable=False, index=True),
    _text("code"), _text("name"), _text("trade"), _number("headcount"), _text("size_class"), _text("contact"), _gone(),
)  # fmt: skip

leases = Table(
    "leases", metadata, _id(), Column("place", ForeignKey("places.id"), nullable=False, index=True),
    Column("enterprise", ForeignKey("enterprises.id"), nullable=False, index=True),
    _number("valid_from"), Column("valid_to", BigInteger, nullable=True), _real("agreed_output"), _gone(),
)  # fmt: skip

devices = Table(
    "devices", metadata, _id(), Column("park", ForeignKey("parks.id"), nullable=False, index=True),
    _text("key"), _text("kind"), _text("name"), _number("place"), _number("gateway"), _text("lane"),
    _number("interval"), _text("state"), _text("mode"), _number("mode_until"), _gone(),
)  # fmt: skip
Index("ix_devices_mode", devices.c.mode)  # few are set apart, and each minute they are looked at

points = Table(
    "points", metadata, _id(), Column("device", ForeignKey("devices.id"), nullable=False),
    _text("metric"), _text("channel"), _text("source_key"), _real("scale", 1.0), _real("offset"),
    _number("interval"), _number("source"), _real("modulus"), _real("ratio", 1.0), _number("effective"), _gone(),
)  # fmt: skip

changes = Table(
    "changes", metadata, _id(), _number("at"), _text("actor"), _text("reason"), _text("noun"), _number("key"),
    _text("before"), _text("after"),
)  # fmt: skip

calendar = Table(  # how far the beginnings and ends of leases have been told
    "calendar", metadata, Column("name", Text, primary_key=True), _number("through")
)


def _living(name: str, table: Table, *columns: str, also: str = "") -> Index:
    """Make columns unique among things that are not retired: a code may be given again, a number never."""
    where = and_(table.c.gone.is_(None), *([table.c[also] != ""] if also else []))
    return Index(name, *(table.c[c] for c in columns), unique=True, sqlite_where=where, postgresql_where=where)


_living("uq_parks_code", parks, "code")
_living("uq_places_code", places, "park", "code")
_living("uq_enterprises_code", enterprises, "park", "code")
_living("uq_devices_key", devices, "key")
_living("uq_points_source_key", points, "device", "source_key", also="source_key")
Index("ix_places_parent", places.c.parent)
Index("ix_devices_place", devices.c.place)
Index("ix_devices_gateway", devices.c.gateway)
Index("ix_points_device", points.c.device)
Index("ix_points_source", points.c.source)
Index("ix_changes_thing", changes.c.noun, changes.c.key, changes.c.id)

# ── what was found ───────────────────────────────────────────────────────────────────────────────

applied = Table(  # how far each consumer of a lane's log has come
    "applied", metadata, Column("consumer", Text, primary_key=True), Column("lane", Text, primary_key=True),
    _number("position"),
)  # fmt: skip

conditions = Table(  # the newest change of each
    "conditions", metadata, Column("condition_id", Text, primary_key=True), _number("park"), _number("since"),
    Column("standing", Boolean, nullable=False), _text("body"),
)  # fmt: skip
Index("ix_conditions_since", conditions.c.since, conditions.c.condition_id)
Index("ix_conditions_standing", conditions.c.park, conditions.c.standing, conditions.c.since)

condition_changes = Table(
    "condition_changes", metadata, Column("seq", _SERIAL, primary_key=True), Column("id", Text, nullable=False),
    _text("condition_id"), _text("body"),
)  # fmt: skip
Index("uq_condition_changes_id", condition_changes.c.id, unique=True)
Index("ix_condition_changes_condition", condition_changes.c.condition_id, condition_changes.c.seq)

findings = Table(
    "findings", metadata, Column("id", Text, primary_key=True), _text("kind"), _number("park"), _number("ts"),
    _text("body"), _number("point"), _text("episode"),
)  # fmt: skip
Index("ix_findings_ts", findings.c.ts, findings.c.id)
Index("ix_findings_point", findings.c.point, findings.c.ts, findings.c.id)
Index("ix_findings_episode", findings.c.episode)
Index("ix_findings_park", findings.c.park, findings.c.ts, findings.c.id)

device_status = Table(  # the newest of each
    "device_status", metadata, Column("device", BigInteger, primary_key=True, autoincrement=False), _number("park"),
    _number("at"), _text("body"),
)  # fmt: skip
Index("ix_device_status_park", device_status.c.park)

activity_days = Table(
    "activity_days", metadata, Column("enterprise", BigInteger, primary_key=True, autoincrement=False),
    Column("day", Text, primary_key=True), _text("body"), _number("park"), _text("state"),
    Column("ratio", Double, nullable=True), Column("amount", Double, nullable=True),
    Column("expected", Double, nullable=True), _text("rest"),
)  # fmt: skip
Index("ix_activity_days_park", activity_days.c.park, activity_days.c.day)

# ── what was not taken in, and what was counted ──────────────────────────────────────────────────

quarantine = Table(
    "quarantine", metadata, Column("id", _SERIAL, primary_key=True), _text("lane"), _text("state"), _text("actor"),
    _text("reason"), _text("topic"), Column("payload", LargeBinary, nullable=False), _number("size"),
    _number("received"), _text("device_key"), _number("gateway"), _number("readings"), _text("detail"), _text("alarm"),
    Column("whole", Boolean, nullable=False), _number("bytes"),
    Column("retained", Boolean, nullable=False, server_default=false()),
)  # fmt: skip
Index("ix_quarantine_state", quarantine.c.state, quarantine.c.id)
Index("ix_quarantine_device", quarantine.c.state, quarantine.c.device_key, quarantine.c.id)

tallies = Table(  # counts that only the sum is asked of
    "tallies", metadata, Column("name", Text, primary_key=True), _number("value")
)

ledger = Table(
    "ledger", metadata, Column("lane", Text, primary_key=True),
    Column("gateway", BigInteger, primary_key=True, autoincrement=False),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    _number("messages"), _number("received"), _number("duplicate"), _number("rejected"), _number("quarantined"),
)  # fmt: skip
Index("ix_ledger_hour", ledger.c.hour)

# ── keys ─────────────────────────────────────────────────────────────────────────────────────────

api_keys = Table(  # never the key itself: its first letters to find it, its SHA-256 to know it
    "api_keys", metadata, Column("id", _SERIAL, primary_key=True), _text("name"), _text("prefix"), _text("digest"),
    _text("role"), Column("parks", Text, nullable=True), _number("created"),
    Column("expires", BigInteger, nullable=True), Column("revoked", BigInteger, nullable=True), _number("last_used"),
)  # fmt: skip
Index("uq_api_keys_prefix", api_keys.c.prefix, unique=True)

key_changes = Table(
    "key_changes", metadata, Column("id", _SERIAL, primary_key=True), _number("at"), _text("actor"), _text("verb"),
    _number("key"), _text("detail"),
)  # fmt: skip

sessions = Table(  # never the word itself: its SHA-256. Of browsers, for a shift; tickets of live streams, used once
    "sessions", metadata, Column("digest", Text, primary_key=True), _text("purpose"), _number("key"),
    _number("expires"),
)  # fmt: skip
Index("ix_sessions_expires", sessions.c.expires)
