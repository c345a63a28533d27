"""The API over real stores, with a small park in them and a clock that stands still."""

import asyncio
import hashlib
import shutil
from dataclasses import dataclass, field
from types import SimpleNamespace

import httpx
import pytest

from api.app import create_app
from api.services import Component, Figure, Services
from park.metrics import Lane
from park.model import Device, Enterprise, Lease, Park, Place, PlaceKind, Point
from park.ports import Chunk
from park.readings import Quality, batch_of
from park.roles import Principal, Role
from park.settings import ApiSettings
from runtime.live import LiveBuffer
from runtime.storage.memory import MemoryStore
from runtime.storage.sql.database import Database
from runtime.storage.sql.events import SqlEvents
from runtime.storage.sql.quarantine import SqlQuarantine
from runtime.storage.sql.registry import SqlRegistry

NOW = 1_795_219_200_000  # 2026-11-21 08:00 +08:00
DAY = 86_400_000


class TableKeys:
    """Keys in a table, by hash: the smallest thing that keeps the port's promise."""

    def __init__(self, *principals):
        self._table = {hashlib.sha256(f"park_{p.name}".encode()).digest(): p for p in principals}

    def check(self, token, _now):
        """Return who holds a key."""
        return self._table.get(hashlib.sha256(token.encode()).digest())

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
    parts: list = field(default_factory=lambda: [Component("store", ready=True)])
    now: int = NOW
    ledger_rows: list = field(default_factory=list)


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
                path_ = path if path.startswith(("/api", "/metrics", "/static")) or path == "/" else f"/api/v1{path}"
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


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """Return a database with a small park, made once and copied for each test."""
    path = tmp_path_factory.mktemp("api") / "park.db"
    database = Database.open(path)
    ids = small_park(SqlRegistry(database))
    database.close()
    return path, ids


@pytest.fixture
def house(tmp_path, prepared):
    """Real stores with a small park, and keys named after their roles and scopes."""
    path, ids = prepared
    database = Database.open(shutil.copy(path, tmp_path / "park.db"))
    registry = SqlRegistry(database)
    store = MemoryStore()
    store.write(Chunk(Lane.BULK, 1, readings_of(ids)))
    one = frozenset({ids.park})
    keys = TableKeys(
        Principal("viewer", Role.VIEWER),
        Principal("operator", Role.OPERATOR, one),
        Principal("officer", Role.OFFICER, one),
        Principal("admin", Role.ADMIN),
        Principal("local-admin", Role.ADMIN, one),
        Principal("two", Role.VIEWER, frozenset({ids.park, ids.other})),
        Principal("gateway", Role.INGEST),
        Principal("other", Role.ADMIN, frozenset({ids.other})),
    )
    held = []
    services = Services(
        registry=registry,
        readings=store,
        events=SqlEvents(database),
        quarantine=SqlQuarantine(database),
        live=LiveBuffer(ApiSettings(), NOW),
        keys=keys,
        ledger=SimpleNamespace(rows=lambda *_: held[0].ledger_rows),
        submit=lambda lane, command: held[0].commands.append((lane, command)),
        retry=lambda ids, actor: held[0].retried.append((list(ids), actor)) or len(ids),
        claim=lambda claim, actor: held[0].claims.append((claim, actor)) or registry.get(Device, ids.meter),
        components=lambda: held[0].parts,
        figures=lambda: [Figure("park_readings_total", "counter", "Readings taken in.", [({"lane": 'a"b'}, 3.0)])],
        now=lambda: held[0].now,
        registry_changed=lambda: held[0].changed.append(1),
    )
    held.append(House(services, ids, keys))
    yield held[0]
    database.close()


@pytest.fixture
def services(house):
    return house.services


@pytest.fixture
def app(services):
    """The application over them."""
    return create_app(services)


@pytest.fixture
def admin(app):
    """A client that may do everything."""
    return Client(app, "park_admin")


@pytest.fixture
def viewer(app):
    """A client that may see everything."""
    return Client(app, "park_viewer")
