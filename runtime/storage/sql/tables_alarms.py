"""The tables of alarms: cases and their history, timers, the outbox, plans of people on duty.

```
cases ── case_transitions      case_timers (at most one a kind)     outbox (notifications)
   └──── case_attachments      alarm_links (digests)                duty_plans ── duty_changes (audit)
```
`body` holds the whole thing as JSON; the columns beside it are what is asked for and what must be unique.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text, text

from runtime.storage.sql.tables import metadata

_SERIAL = BigInteger().with_variant(Integer, "sqlite")


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False)


cases = Table(
    "cases", metadata, Column("id", _SERIAL, primary_key=True), _text("family"), _text("subject"), _text("cause"),
    _flag("open"), _flag("life"), _number("rank"), _text("state"), _flag("held_back"), _flag("inhibits"),
    _number("park"), _number("place"), _number("device"), _number("gateway"), _text("path"), _text("owner"),
    _number("raised"), _number("announced"), _number("version"), _text("body"),
)  # fmt: skip
# One open alarm per rule family, subject and cause; both databases know partial indices.
Index(
    "uq_cases_open", cases.c.family, cases.c.subject, cases.c.cause, unique=True, sqlite_where=text("open = 1"),
    postgresql_where=text("open"),
)  # fmt: skip
Index("ix_cases_list", cases.c.open, cases.c.rank, cases.c.raised, cases.c.id)
Index("ix_cases_park", cases.c.park, cases.c.open, cases.c.rank, cases.c.raised, cases.c.id)
Index("ix_cases_announced", cases.c.park, cases.c.announced)
Index("ix_cases_raised", cases.c.raised)
Index("ix_cases_device", cases.c.device, cases.c.open)
Index("ix_cases_gateway", cases.c.gateway, cases.c.open)
Index("ix_cases_inhibits", cases.c.park, sqlite_where=text("inhibits = 1"), postgresql_where=text("inhibits"))
Index("ix_cases_held_back", cases.c.held_back, cases.c.open)

case_transitions = Table(
    "case_transitions", metadata, Column("id", _SERIAL, primary_key=True), _number("case"), _number("at"),
    _text("verb"), _text("actor"), _text("body"),
)  # fmt: skip
Index("ix_case_transitions_case", case_transitions.c.case, case_transitions.c.id)
Index("ix_case_transitions_at", case_transitions.c.at)

# Events that people were called out to before the log's order reached them; gone once it has.
called_out = Table("called_out", metadata, Column("event", Text, primary_key=True), _number("at"))

case_attachments = Table(
    "case_attachments", metadata, Column("id", _SERIAL, primary_key=True), _number("case"), _text("name"),
    _text("media_type"), _number("size"), _text("digest"), _number("at"), _text("actor"),
)  # fmt: skip
Index("ix_case_attachments_case", case_attachments.c.case, case_attachments.c.id)

case_timers = Table(
    "case_timers", metadata, Column("case", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, primary_key=True), _number("due"), _number("call"),
)  # fmt: skip
Index("ix_case_timers_due", case_timers.c.due)

outbox = Table(
    "outbox", metadata, Column("id", Text, primary_key=True), _number("case"), _number("park"), _text("target"),
    _text("kind"), _flag("life"), _text("state"), _number("due"), _number("attempts"), _number("created"),
    Column("ended", BigInteger, nullable=True), _text("receipt"), _text("trouble"), _text("body"),
)  # fmt: skip
_waits = text("state IN ('waiting', 'sending')")
Index("ix_outbox_due", outbox.c.life, outbox.c.due, sqlite_where=_waits, postgresql_where=_waits)
Index("ix_outbox_case", outbox.c.case, outbox.c.created)
Index("ix_outbox_created", outbox.c.created, outbox.c.id)

alarm_links = Table(  # never the word itself: its SHA-256
    "alarm_links", metadata, Column("digest", Text, primary_key=True), _number("case"), _text("actor"),
    _number("expires"), Column("used", BigInteger, nullable=True), _number("version"),
)  # fmt: skip
Index("ix_alarm_links_expires", alarm_links.c.expires)

duty_plans = Table(
    "duty_plans", metadata, Column("id", _SERIAL, primary_key=True), _text("kind"), _number("park"),
    _number("version"), _number("starts"), Column("ends", BigInteger, nullable=True), _text("body"),
)  # fmt: skip
Index("ix_duty_plans_kind", duty_plans.c.kind, duty_plans.c.ends)

duty_changes = Table(
    "duty_changes", metadata, Column("id", _SERIAL, primary_key=True), _number("plan"), _number("at"),
    _text("actor"), _text("kind"), _text("before"), _text("after"),
)  # fmt: skip
Index("ix_duty_changes_plan", duty_changes.c.plan, duty_changes.c.id)
