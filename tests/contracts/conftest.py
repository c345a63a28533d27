"""Where the rows of a contract's test lie: SQLite, and a real PostgreSQL."""

import shutil
from pathlib import Path

import pytest

from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry
from tests.alerts.alarm_house import Alarms
from tests.contracts.registry_plan import PLAN, WHO
from tests.servers import postgresql

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.server)]


@pytest.fixture(params=DATABASES)
def where(request, tmp_path, file):
    """Return what `Database.open` takes: a file, or the address of a database of its own; "files": where none is."""
    if request.param == "files":
        yield request.param
        return
    if request.param == "sqlite":
        yield Path(shutil.copy(file, tmp_path / "park.sqlite"))
        return
    with postgresql() as url:
        yield url


@pytest.fixture
def database(where):
    """Return a database that holds nothing."""
    opened = Database.open(where)
    yield opened
    opened.close()


@pytest.fixture
def registry(database):
    """Return an empty registry."""
    return SqlRegistry(database)


@pytest.fixture
def planned(registry):
    """Return a registry with a small park in it."""
    registry.save(PLAN, **WHO)
    return registry


@pytest.fixture
def alarms(where):
    """Return stores of alarms over an empty database."""
    opened = Alarms(where)
    yield opened
    opened.close()
