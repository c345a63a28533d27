"""A database with a small park and everything that alarms need, over it."""

from types import SimpleNamespace

from park.metrics import Lane
from park.model import Device, Park, Place, PlaceKind
from runtime.storage.sql.alarm_intake import Intake
from runtime.storage.sql.alarm_links import SqlLinks
from runtime.storage.sql.alarm_outbox import SqlOutbox
from runtime.storage.sql.alarm_plans import SqlPlans
from runtime.storage.sql.alarms import SqlAlarms
from runtime.storage.sql.database import Database
from runtime.storage.sql.events import SqlEvents
from runtime.storage.sql.registry import SqlRegistry
from tests.alerts.alarm_words import NOW


def small_park(registry: SqlRegistry) -> SimpleNamespace:
    """Save a park with a building, two units, a gateway, five devices behind it and one beside it."""

    def save(thing):
        (saved,) = registry.save([thing], actor="test", reason="", now=NOW - 1)
        return saved.id

    park = save(Park(0, "xixing", "西兴小微园"))
    building = save(Place(0, park, park, PlaceKind.BUILDING, "A", "A 幢"))
    unit = save(Place(0, park, building, PlaceKind.UNIT, "A-101", "101"))
    other = save(Place(0, park, building, PlaceKind.UNIT, "A-102", "102"))
    gateway = save(Device(0, park, "native:xixing/-/gw", "gateway", "网关", building))
    main = save(Device(0, park, "native:xixing/gw/main", "meter", "总表", building, gateway))
    behind = [save(Device(0, park, f"native:xixing/gw/m{n}", "sub_meter", f"表 {n}", unit, gateway)) for n in range(5)]
    smoke = save(Device(0, park, "z2m:smoke", "smoke_detector", "烟感", unit, gateway, Lane.LIFE))
    alone = save(Device(0, park, "native:xixing/-/alone", "sub_meter", "独立表", other))
    return SimpleNamespace(
        park=park, building=building, unit=unit, other=other, gateway=gateway, main=main, behind=behind, smoke=smoke,
        alone=alone,
    )  # fmt: skip


class Alarms:
    """Stores of alarms over one database, and what they told the world."""

    def __init__(self, where):
        self.database = Database.open(where)
        self.told = []
        self.now = NOW
        self.store = SqlAlarms(self.database, lambda cases, waiting: self.told.append((cases, waiting)))
        self.outbox = SqlOutbox(self.database)
        self.plans = SqlPlans(self.database)
        self.links = SqlLinks(self.database, self.store)
        self.intake = Intake(self.store, lambda: self.now)
        self.events = SqlEvents(self.database, self.intake)

    def tell(self, *triggers, now=None):
        """Tell triggers, each at its own time; return the newest case."""
        changed = []
        for one in triggers:
            changed = self.store.trigger([one], max(NOW, one.at) if now is None else now) or changed
        return changed[-1] if changed else None

    def said(self, *states, case=0):
        """Return the ids of notifications, oldest first."""
        found = [d for d in self.outbox.deliveries(case=case, limit=10_000) if not states or d.state in states]
        return [d.notification.id for d in sorted(found, key=lambda d: (d.notification.created, d.notification.id))]

    def verbs(self, case):
        """Return what happened to a case."""
        return [line.verb.value for line in self.store.history(case)]

    def close(self):
        """Let go of the database."""
        self.database.close()
