"""A small park in real stores, a clock that stands still, and a client within the process."""

import asyncio
import hashlib
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import httpx

from api.services import Component, Services
from park.errors import Full
from park.metrics import Lane
from park.model import Device, Enterprise, Lease, Park, Place, PlaceKind, Point
from park.readings import Quality, batch_of
from park.roles import Purpose

NOW = 1_795_219_200_000  # 2026-11-21 08:00 +08:00
DAY = 86_400_000


class TableKeys:
    """Keys in a table, by hash: the smallest thing that keeps the port's promise."""

    def __init__(self, *principals):
        self._table = {}
        self._words = {}  # word -> (purpose, number of the key, until)
        self.add(*principals)

    def add(self, *principals):
        """Make keys, each named after its holder."""
        for n, p in enumerate(principals, len(self._table) + 1):
            self._table[hashlib.sha256(f"park_{p.name}".encode()).digest()] = replace(p, key=n)

    def check(self, token, _now):
        """Return who holds a key."""
        return self._table.get(hashlib.sha256(token.encode()).digest())

    def holds(self, key, _now):
        """Tell whether a key opens anything."""
        return any(p.key == key for p in self._table.values())

    def open(self, key, purpose, *, now, lasts):
        """Return a word for a key."""
        word = f"word-{len(self._words)}-{'x' * 20}"
        self._words[word] = (purpose, key, now + lasts)
        return word

    def enter(self, word, purpose, now):
        """Return who holds the key behind a word."""
        kept, key, until = self._words.get(word, ("", 0, 0))
        if kept is purpose is Purpose.TICKET:
            self.close(word)
        there = kept is purpose and now < until
        return next((p for p in self._table.values() if there and p.key == key), None)

    def close(self, word):
        """Let a word end."""
        self._words.pop(word, None)

    def revoke(self, name):
        """Make a key worthless."""
        del self._table[hashlib.sha256(f"park_{name}".encode()).digest()]


@dataclass
class House:
    """What the runtime would be: it keeps what the API asked of it."""

    services: Services
    ids: SimpleNamespace
    keys: TableKeys
    commands: list = field(default_factory=list)
    retried: list = field(default_factory=list)
    claims: list = field(default_factory=list)
    changed: list = field(default_factory=list)
    woken: list = field(default_factory=list)  # times that the courier was told of something to send
    parts: list = field(default_factory=lambda: [Component("store", ready=True)])
    now: int = NOW
    ledger_rows: list = field(default_factory=list)
    full: set = field(default_factory=set)  # lanes that take nothing

    handed: list = field(default_factory=list)

    def hand_in(self, lanes):
        """Take messages, unless a lane takes nothing."""
        if any(lanes[lane] for lane in self.full):
            raise Full("no room for the log")
        self.handed.append(lanes)

    def submit(self, lane, command):
        """Take a command for a lane."""
        if lane in self.full:
            raise Full("no room for the log")
        self.commands.append((lane, command))


class Client:
    """Call an application within this process, as an HTTP client would."""

    def __init__(self, app, key=""):
        self.app, self.key = app, key

    def __call__(self, method, path, *, headers=(), base="http://localhost", **more):
        """Return the answer of a call."""

        async def ask():
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=base) as client:
                sent = dict(headers)
                if self.key:
                    sent.setdefault("Authorization", f"Bearer {self.key}")
                whole = path == "/" or path.startswith(("/api", "/metrics", "/static", "/a/"))
                path_ = path if whole else f"/api/v1{path}"
                return await client.request(method, path_, headers=sent, **more)

        return asyncio.run(ask())

    def get(self, path, **params):
        """Return the JSON of a call that must succeed."""
        answer = self("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()


def small_park(registry):
    """Save two parks, one with a building, two units, a tenant and some devices; return their ids."""

    def save(thing):
        (saved,) = registry.save([thing], actor="test", reason="", now=NOW - 30 * DAY)
        return saved.id

    park = save(Park(0, "xixing", "西兴小微园", outline=((0.0, 0.0), (300.0, 0.0), (300.0, 200.0))))
    other = save(Park(0, "other", "另一园"))
    building = save(Place(0, park, park, PlaceKind.BUILDING, "A", "A 幢", 5_000.0))
    unit = save(
        Place(0, park, building, PlaceKind.UNIT, "A-101", "101", 800.0, 1, ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0)))
    )
    empty = save(Place(0, park, building, PlaceKind.UNIT, "A-102", "102", 800.0, 1))
    zone = save(Place(0, park, unit, PlaceKind.ZONE, "A-101-z", "门厅", 60.0, 1))
    firm = save(Enterprise(0, park, "91330108MA2XXXXX0K", "宏达五金", "metal", 22))
    lease = save(Lease(0, unit, firm, NOW - 20 * DAY))
    gateway = save(Device(0, park, "native:xixing/-/gw", "gateway", "网关", building))
    meter = save(Device(0, park, "native:xixing/gw/meter", "meter", "总表", unit, gateway))
    smoke = save(Device(0, park, "z2m:smoke", "smoke_detector", "烟感", zone, gateway, Lane.LIFE))
    power = save(Point(0, meter, "power", source_key="power"))
    energy = save(Point(0, meter, "energy", source_key="energy"))
    alarm = save(Point(0, smoke, "smoke", source_key="smoke"))
    battery = save(Point(0, smoke, "battery", source_key="battery"))
    far = save(Device(0, other, "native:other/-/meter", "meter", "", other))
    far_power = save(Point(0, far, "power", source_key="power"))
    return SimpleNamespace(
        park=park, other=other, building=building, unit=unit, empty=empty, zone=zone, firm=firm, lease=lease,
        gateway=gateway, meter=meter, smoke=smoke, power=power, energy=energy, alarm=alarm, battery=battery, far=far,
        far_power=far_power,
    )  # fmt: skip


def readings_of(ids):
    """Return an hour of power every minute, and one reading of each other point."""
    rows = [
        (ids.power, NOW - 60_000 * (60 - i), 20.0 + i % 5, Quality.GOOD, NOW - 60_000 * (60 - i)) for i in range(60)
    ]
    rows += [
        (ids.alarm, NOW - 10_000, 0.0, Quality.GOOD, NOW - 9_000),
        (ids.battery, NOW - 10_000, 90.0, Quality.GOOD, NOW - 9_000),
        (ids.far_power, NOW - DAY, 1.0, Quality.ESTIMATED, NOW - DAY),
    ]
    return batch_of(rows)
