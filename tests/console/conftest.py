"""A real page in a real Chromium, over the real application and real stores."""

import shutil
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
import uvicorn

from api.app import create_app
from api.services import Component, Services
from park.events import AlarmState, ConditionChange, DeviceStatus, Finding, Reason, Severity, Status
from park.metrics import Lane
from park.model import Device, Enterprise, Lease, Park, Place, PlaceKind, Point
from park.ports import Chunk
from park.readings import Quality, batch_of
from park.records import LimitRow
from park.roles import Principal, Role
from park.settings import ApiSettings
from runtime.live import LiveBuffer
from runtime.rulebook import Rulebook
from runtime.storage.memory import MemoryStore
from runtime.storage.sql.database import Database
from runtime.storage.sql.events import SqlEvents
from runtime.storage.sql.quarantine import SqlQuarantine
from runtime.storage.sql.registry import SqlRegistry
from runtime.storage.sql.rules import SqlRules
from tests.api.api_house import TableKeys

NOW = 1_795_219_200_000  # 2026-11-21 08:00 +08:00
MINUTE, DAY = 60_000, 86_400_000
PATIENCE = 30_000  # ms that a page may take to come to what is expected of it: machines of CI are slow
# The shell draws pages as the browser does and has no windows to keep: a page costs it a third.
CHROMIUM = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser"))), None)
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
# Values are hours old in words only when the clock of the page goes on, and a page's clock is the server's.
SCRIPT = "<script>window.hurt=1</script><img src=x onerror=window.hurt=1>"


@dataclass
class House:
    """The stores behind a page, what the page asked of the runtime, and a server that can go away."""

    services: Services
    ids: SimpleNamespace
    commands: list = field(default_factory=list)
    position: int = 1
    server: uvicorn.Server | None = None
    port: int = 0
    thread: threading.Thread | None = None

    @property
    def address(self):
        """Where the page is; it is served from the first time on that somebody asks, as the house is by then."""
        if self.thread is None:
            self.serve()
        return f"http://127.0.0.1:{self.port}/"

    def serve(self):
        """Serve the application; on the same port as before, if there was one."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(100)
        self.port = listener.getsockname()[1]
        self.server = uvicorn.Server(
            uvicorn.Config(create_app(self.services), log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
        )
        self.thread = threading.Thread(target=self._run, args=(listener,))
        self.thread.start()

    def _run(self, listener):
        try:
            self.server.run(sockets=[listener])
        finally:
            listener.close()

    def go_away(self):
        """Stop serving, if it is served; streams break as they do when a platform dies."""
        if self.thread is not None:
            self.server.should_exit = True
            self.thread.join(20)
            self.thread = None

    def tell(self, *events, lane=Lane.LIFE):
        """Store events and tell the live pages, as the runtime does."""
        self.position += 1
        self.services.events.apply(lane, self.position, list(events))
        for event in events:
            self.services.live.tell(event)

    def fire(self, *, confirmed=False, state=AlarmState.ACTIVE, at=NOW, since=NOW, place=None):
        """Return a fire in the first unit."""
        return ConditionChange(
            "fire.confirmed" if confirmed else "fire.pre_alarm", "fire", f"place:{place or self.ids.units[0]}", since,
            at, at, state, Severity.CRITICAL if confirmed else Severity.HIGH,
            Reason.SECOND_DEVICE if confirmed else Reason.DETECTOR_ALARM, self.ids.park, place or self.ids.units[0],
            self.ids.smoke, self.ids.alarm, 1.0,
        )  # fmt: skip

    def silent(self, at=NOW):
        """Return that the meter went silent."""
        return DeviceStatus(self.ids.meter, Status.SILENT, at, at - MINUTE, Reason.SILENT, self.ids.park)


def small_park(registry):
    """Save a park of two buildings with three units each; one name is a script."""

    def save(thing):
        (saved,) = registry.save([thing], actor="test", reason="", now=NOW - 30 * DAY)
        return saved.id

    def box(x, y, w, h):
        return ((x, y), (x + w, y), (x + w, y + h), (x, y + h))

    park = save(Park(0, "xixing", "西兴小微园", outline=box(0.0, 0.0, 220.0, 60.0)))
    units = []
    for b in range(2):
        x = 10.0 + 105.0 * b
        name = f"{b + 1}号楼"
        building = save(Place(0, park, park, PlaceKind.BUILDING, f"b{b + 1}", name, 9e3, 3, box(x, 10.0, 95.0, 36.0)))
        for f in range(3):
            place = Place(
                0, park, building, PlaceKind.UNIT, f"b{b + 1}-{f + 1}01", f"{name}{f + 1}01", 800.0, f + 1,
                box(x, 10.0 + 12.0 * f, 95.0, 12.0),
            )  # fmt: skip
            units.append(save(place))
    names = ("宏达五金有限公司", SCRIPT)
    firms = [save(Enterprise(0, park, f"e{i}", name, "machining", 22)) for i, name in enumerate(names)]
    for unit, firm in zip(units, firms, strict=False):
        save(Lease(0, unit, firm, NOW - 20 * DAY))
    meter = save(Device(0, park, "native:xixing/-/meter", "meter", "101 总表", units[0]))
    smoke = save(Device(0, park, "native:xixing/-/smoke", "smoke_detector", SCRIPT, units[0], lane=Lane.LIFE))
    power = save(Point(0, meter, "power", source_key="power"))
    co2 = save(Point(0, meter, "co2", source_key="co2"))
    alarm = save(Point(0, smoke, "smoke", source_key="smoke"))
    return SimpleNamespace(park=park, units=units, meter=meter, smoke=smoke, power=power, co2=co2, alarm=alarm)


def readings_of(ids):
    """Return a day of power every five minutes with a gap of six hours, and what else is newest."""
    rows = [
        (ids.power, NOW - m * MINUTE, 20.0 + m % 7, Quality.GOOD, NOW - m * MINUTE)
        for m in range(1_435, -1, -5)
        if not 600 <= m < 960
    ]
    rows.append((ids.co2, NOW - 600 * MINUTE, 700.0, Quality.SUSPECT, NOW - 600 * MINUTE))  # long silent, doubtful
    rows.append((ids.alarm, NOW - 10_000, 0.0, Quality.GOOD, NOW - 9_000))
    return batch_of(rows)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    """Return a database with a small park, made once and copied for each test."""
    path = tmp_path_factory.mktemp("console") / "park.db"
    database = Database.open(path)
    ids = small_park(SqlRegistry(database))
    database.close()
    return path, ids


@pytest.fixture
def house(tmp_path, prepared):
    """Real stores with a small park, served on a free port."""
    path, ids = prepared
    database = Database.open(shutil.copy(path, tmp_path / "park.db"))
    registry = SqlRegistry(database)
    store = MemoryStore()
    store.write(Chunk(Lane.BULK, 1, readings_of(ids)))
    events = SqlEvents(database)
    finding = Finding(
        "anomaly", ids.power, NOW - 9 * MINUTE, NOW - 9 * MINUTE, Severity.LOW, Reason.UNUSUAL, 61.0, 24.0, 18.0, 31.0,
        0.9, ids.meter, ids.units[0], ids.park,
    )  # fmt: skip
    online = DeviceStatus(ids.meter, Status.ONLINE, NOW - DAY, NOW - DAY, Reason.BACK, ids.park)
    events.apply(Lane.BULK, 1, [finding, online])
    commands = []
    services = Services(
        registry=registry, readings=store, events=events, quarantine=SqlQuarantine(database),
        live=LiveBuffer(ApiSettings(), NOW), keys=TableKeys(
            Principal("officer", Role.OFFICER, frozenset({ids.park})),
            Principal("viewer", Role.VIEWER, frozenset({ids.park})),
        ),
        rules=Rulebook(SqlRules(database), registry, lambda: NOW), ledger=SimpleNamespace(rows=lambda *_: []),
        submit=lambda lane, command: commands.append((lane, command)), retry=lambda *_: 0,
        claim=lambda *_: registry.get(Device, ids.meter), components=lambda: [Component("store", ready=True)],
        figures=list, now=lambda: NOW, require_keys=False,
        limits=lambda: (LimitRow("co2", "co2", "low", "GB/T 18883-2022", high=1000.0),),
    )  # fmt: skip
    made = House(services, SimpleNamespace(**vars(ids)), commands)  # a test may add to the ids of its park
    yield made
    made.go_away()
    database.close()


@pytest.fixture
def guarded(house):
    """The same house, with keys asked for."""
    house.go_away()
    house.services = replace(house.services, require_keys=True)
    return house


@pytest.fixture(scope="module")
def chromium():
    """A headless Chromium for the tests of a file; no longer, because its driver keeps an event loop in this thread."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium):
    """Open pages; at the end: no error was logged but those expected, and no request left the host."""
    contexts, wrong, foreign = [], [], []

    @contextmanager
    def quiet():
        """Errors of the network are expected in here: the server is away."""
        before = len(wrong)
        yield
        wrong[before:] = [text for text in wrong[before:] if "net::" not in text]

    def open_(address, *, width=1440, height=900, host="", **more):
        context = chromium.new_context(viewport={"width": width, "height": height}, **more)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        home = urlsplit(host or address).netloc
        page.on("request", lambda asked: foreign.append(asked.url) if not ours(asked.url, home) else None)
        page.goto(address)
        return page

    open_.quiet = quiet
    open_.wrong = wrong
    open_.expected = set()  # statuses of answers that are no errors here, whenever the browser logs them
    yield open_
    for context in contexts:
        context.close()
    assert [] == foreign
    assert [] == [text for text in wrong if not any(status in text for status in open_.expected)]


def ours(url, host):
    """Whether a request stays on the host."""
    return url.startswith("data:") or urlsplit(url).netloc == host
