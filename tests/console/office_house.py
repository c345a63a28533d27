"""The console's house with alarms, an office and delivery in it, a clock that tests move, and keys of every role."""

import time
from dataclasses import replace
from types import SimpleNamespace

from desk_house import NOW
from playwright.sync_api import expect

from park.delivery import Channel, Target
from park.duty import Officer, Rota, Shift
from park.model import Enterprise
from park.roles import Principal, Role
from park.settings import DeliverySettings
from runtime.cases import Cases
from runtime.claiming import claim_device
from runtime.delivery import Courier
from runtime.delivery_network import Network
from runtime.delivery_office import DeliveryOffice
from runtime.delivery_send import Sender
from runtime.office_house import OfficeHouse
from runtime.storage.sql.activity import SqlActivity
from runtime.storage.sql.events import SqlEvents
from runtime.storage.sql.papers import SqlPapers

ROLES = (Role.VIEWER, Role.OPERATOR, Role.OFFICER, Role.ADMIN)
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
JPEG = b"\xff\xd8\xff\xe0 and so on"


class Desk:
    """A house with everything of an office; `clock.now` is its time."""

    def __init__(self, house, folder):
        self.house, self.ids = house, house.ids
        self.clock = SimpleNamespace(now=NOW)
        self.database = house.services.registry._database
        now = lambda: self.clock.now  # noqa: E731 - handed to five parts
        registry = house.services.registry
        self.cases = Cases(self.database, folder, house.services.live.publish, now, lambda: 0.0)
        events = SqlEvents(self.database, self.cases.intake)
        self.office = OfficeHouse(self.database, registry, events, self.cases)
        settings = DeliverySettings(loopback=True)
        delivery = DeliveryOffice(self.database, tuple)
        self.network = Network(settings, time.monotonic)
        self.courier = Courier(delivery.dispatches, Sender(settings, self.network, {}), now, time.monotonic)
        self.cases.wakes(self.courier.wake)
        one = frozenset({self.ids.park})
        house.services.keys.add(*(Principal(r.value, r, one) for r in ROLES[:3]), Principal("admin", Role.ADMIN, None))
        park = SimpleNamespace(registry=registry, quarantine=house.services.quarantine)
        self.retried = []
        house.go_away()
        house.services = replace(
            house.services, alarms=self.cases.services(), office=self.office.desk, events=events, now=now,
            delivery=delivery.services(settings, now, self.courier.wake), activity=SqlActivity(self.database),
            papers=SqlPapers(self.database), retry=self._retry,
            claim=lambda claim, actor: claim_device(park, claim, actor, self.clock.now),
        )  # fmt: skip

    def _retry(self, ids, actor):
        self.retried.append((list(ids), actor))
        return len(ids)

    @property
    def services(self):
        """What the API is given."""
        return self.house.services

    @property
    def store(self):
        """Where things of the office are kept."""
        return self.office.store

    def guard(self):
        """Ask for keys from here on."""
        self.house.go_away()
        self.house.services = replace(self.house.services, require_keys=True)
        return self

    def on_duty(self, name="王工", number="+8613800000000", *, start=0, end=1_440):
        """Save an officer and a rota that he stands in; return both."""
        plans = self.cases.plans
        who = plans.save(Officer(name, (("sms", number),), park=self.ids.park), actor="test", now=NOW)
        shifts = (Shift(who.id, start, end),)
        return who, plans.save(Rota("日班", shifts, park=self.ids.park), actor="test", now=NOW)

    def receiver(self, name, url, **more):
        """Save a webhook receiver."""
        target = Target(name, Channel.WEBHOOK, url, park=self.ids.park, rate=6_000, **more)
        return self.services.delivery.targets.save(target, actor="test", now=NOW)

    @property
    def firm(self):
        """The first enterprise."""
        return self.services.registry.find(Enterprise)[0]

    def go(self, opened, page, *, key="", language="", **more):
        """Open a page of the park and wait until it is live."""
        query = f"?lang={language}" if language else ""
        shown = opened(f"{self.house.address}{query}#/park/{self.ids.park}/{page}", host=self.house.address, **more)
        if key:
            shown.locator("dialog input").fill(f"park_{key}")
            shown.locator("dialog button[type=submit]").click()
        expect(shown.locator(".line.live")).to_be_visible()
        if key:
            opened.expected.add("401")
        return shown


def phone(**more):
    """Return how a phone opens a page."""
    return {"width": 390, "height": 800, "has_touch": True, **more}


def expected_errors(opened, *statuses):
    """Say which answers are expected that a browser logs as errors."""
    opened.expected |= set(statuses)
