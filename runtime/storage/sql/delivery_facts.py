"""What a message tells, read from the rows as they are in the transaction that sends it on its way."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from park.alarms import Case, Notification
from park.delivery import Facts
from park.measures import MEASURES
from park.metrics import METRICS
from runtime.storage.sql.alarm_rows import case_of
from runtime.storage.sql.tables import devices, parks, places, points
from runtime.storage.sql.tables_alarms import cases
from runtime.troubles import Troubles


@dataclass(frozen=True, slots=True)
class Basis:
    """What a rule rests on, and what is to be done."""

    basis: str = ""
    runbook_zh: str = ""
    runbook_en: str = ""
    summary_zh: str = ""  # what the rule's alarms are called
    summary_en: str = ""
    metric: str = ""  # that the rule is about, where no point says so


BasisOf = Callable[[str], Basis]
_DEEP = 8  # places above one another that are named
_DIGITS = 18  # of a key, which is a 64-bit number


class FactReader:
    """Facts of notifications within one transaction; names are read once."""

    def __init__(self, connection: Connection, basis: BasisOf) -> None:
        self._connection = connection
        self._basis = basis
        self._troubles = Troubles("facts of messages")
        self._cases: dict[int, Case | None] = {}
        self._parks: dict[int, tuple[str, str]] = {}
        self._places: dict[int, str] = {}
        self._points: dict[int, tuple[str, str]] = {}

    def of(self, note: Notification) -> Facts:
        """Return what a notification tells."""
        case = self.case(note.case)
        park = note.park or (case.park if case else 0)
        park_name, zone = self._park(park)
        if case is None:
            said = note.body
            return Facts(
                note.id, note.case, note.kind, note.severity, note.life, note.created, park=park_name, park_id=park,
                timezone=zone, words=said, rule=said.get("rule", ""), reason=said.get("reason", ""),
                place=self._place(_key(said, "place")), device=self._device(_key(said, "device")),
                basis=said.get("basis", ""),
            )  # fmt: skip
        metric, device = self._point(case.point)
        known = METRICS.get(metric)
        basis = Basis()
        with self._troubles.passing("what a rule rests on could not be read"):  # a fire is told without
            basis = self._basis(case.rule)
        measure = None if known else MEASURES.get(basis.metric)
        about = known or measure
        text = ""
        if known is not None and known.codes and case.value is not None and 0 <= case.value < len(known.codes):
            text = known.codes[int(case.value)]
        return Facts(
            note.id, case.id, note.kind, note.severity, note.life, note.created, case.family, case.rule, case.state,
            park_name, self._place(case.place), device or self._device(case.device), about.zh if about else "",
            measure.title if measure else known.en if known else "", about.unit if about else "", case.value,
            case.limit, text, case.reason, case.since, basis.basis, basis.runbook_zh, basis.runbook_en, case.count,
            case.answer, case.point, park, zone, note.body, case.version, what_zh=basis.summary_zh,
            what_en=basis.summary_en,
        )  # fmt: skip

    def case(self, key: int) -> Case | None:
        """Return a case as it is; None: there is none."""
        if key not in self._cases:
            body = self._connection.execute(select(cases.c.body).where(cases.c.id == key)).scalar() if key else None
            self._cases[key] = None if body is None else case_of(body)
        return self._cases[key]

    def _park(self, key: int) -> tuple[str, str]:
        if key not in self._parks:
            query = select(parks.c.name, parks.c.timezone).where(parks.c.id == key)
            row = self._connection.execute(query).first() if key else None
            self._parks[key] = ("", "Asia/Shanghai") if row is None else (row.name, row.timezone or "Asia/Shanghai")
        return self._parks[key]

    def _place(self, key: int) -> str:
        """Return the names from the building down to a place; one that the next begins with is said with it."""
        if key not in self._places:
            names: list[str] = []
            at, seen = key, set[int]()
            while at and at not in seen and len(names) < _DEEP:
                seen.add(at)
                row = self._connection.execute(select(places.c.name, places.c.parent).where(places.c.id == at)).first()
                if row is None:
                    break
                if not names or not names[-1].startswith(row.name):
                    names.append(row.name)
                at = row.parent
            self._places[key] = " ".join(reversed(names))
        return self._places[key]

    def _point(self, key: int) -> tuple[str, str]:
        if key not in self._points:
            query = (
                select(points.c.metric, devices.c.name)
                .join(devices, devices.c.id == points.c.device)
                .where(points.c.id == key)
            )
            row = self._connection.execute(query).first() if key else None
            self._points[key] = ("", "") if row is None else (row.metric, row.name)
        return self._points[key]

    def _device(self, key: int) -> str:
        found = self._connection.execute(select(devices.c.name).where(devices.c.id == key)).scalar() if key else None
        return str(found or "")


def _key(words: Mapping[str, str], name: str) -> int:
    """Return the number that some words give for a thing; 0: none."""
    text = words.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else 0
