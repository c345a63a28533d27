"""The API over real stores, with a small park in them."""

import shutil
from types import SimpleNamespace

import pytest
from api_house import NOW, Client, House, TableKeys, readings_of, small_park

from api.app import create_app
from api.services import Figure, Services
from park.metrics import Lane
from park.model import Device
from park.ports import Chunk
from park.roles import Principal, Role
from park.settings import ApiSettings, DeliverySettings
from runtime.cases import Cases
from runtime.delivery_office import DeliveryOffice
from runtime.live import LiveBuffer
from runtime.office_house import OfficeHouse
from runtime.rulebook import Rulebook
from runtime.storage.memory import MemoryStore
from runtime.storage.sql.database import Database
from runtime.storage.sql.episodes import SqlEpisodes
from runtime.storage.sql.events import SqlEvents
from runtime.storage.sql.quarantine import SqlQuarantine
from runtime.storage.sql.registry import SqlRegistry
from runtime.storage.sql.rules import SqlRules


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
        Principal("safety", Role.OFFICER),
        Principal("admin", Role.ADMIN),
        Principal("local-admin", Role.ADMIN, one),
        Principal("two", Role.VIEWER, frozenset({ids.park, ids.other})),
        Principal("gateway", Role.INGEST),
        Principal("gate-one", Role.INGEST, one),
        Principal("other", Role.ADMIN, frozenset({ids.other})),
    )
    held = [SimpleNamespace(now=NOW)]
    live = LiveBuffer(ApiSettings(), NOW)
    cases = Cases(database, tmp_path / "attachments", live.publish, lambda: held[0].now, lambda: 0.0)
    events = SqlEvents(database, cases.intake)
    office = OfficeHouse(database, registry, events, cases)
    services = Services(
        registry=registry,
        readings=store,
        bands=store,
        episodes=SqlEpisodes(database),
        events=events,
        office=office.desk,
        quarantine=SqlQuarantine(database),
        live=live,
        alarms=cases.services(),
        delivery=DeliveryOffice(database, tuple).services(
            DeliverySettings(), lambda: held[0].now, lambda: held[0].woken.append(1)
        ),
        keys=keys,
        rules=Rulebook(SqlRules(database), registry, lambda: held[0].now),
        ledger=SimpleNamespace(rows=lambda *_: held[0].ledger_rows),
        submit=lambda lane, command: held[0].submit(lane, command),  # noqa: PLW0108 - it is made further down
        retry=lambda ids, actor: held[0].retried.append((list(ids), actor)) or len(ids),
        claim=lambda claim, actor: held[0].claims.append((claim, actor)) or registry.get(Device, ids.meter),
        components=lambda: held[0].parts,
        hand_in=lambda lanes: held[0].hand_in(lanes),  # noqa: PLW0108 - it is made further down
        figures=lambda: [Figure("park_readings_total", "counter", "Readings taken in.", [({"lane": 'a"b'}, 3.0)])],
        now=lambda: held[0].now,
        registry_changed=lambda: held[0].changed.append(1),
    )
    held[0] = House(services, ids, keys)
    held[0].office = office.office
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
