"""Where the rows of a contract's test lie: SQLite, and a real PostgreSQL."""

import shutil
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from runtime.storage.sql.database import Database
from tests.servers import postgresql

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.server)]


@pytest.fixture(scope="session")
def cluster():
    """Run one PostgreSQL for the run; its database `ready` is migrated, to be copied."""
    with postgresql() as url:
        admin = create_engine(url, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(text("CREATE DATABASE ready"))
        Database.open(make_url(url).set(database="ready").render_as_string(hide_password=False)).close()
        yield admin
        admin.dispose()


@pytest.fixture(scope="session")
def file(tmp_path_factory):
    """Return a SQLite file that is migrated, to be copied."""
    path = tmp_path_factory.mktemp("ready") / "park.sqlite"
    Database.open(path).close()
    return path


@pytest.fixture(params=DATABASES)
def where(request, tmp_path, file):
    """Return what `Database.open` takes: a file, or the address of a database of its own; "files": where none is."""
    if request.param == "files":
        yield request.param
        return
    if request.param == "sqlite":
        yield Path(shutil.copy(file, tmp_path / "park.sqlite"))
        return
    admin = request.getfixturevalue("cluster")
    name = f"test_{abs(hash(request.node.nodeid)):x}"
    with admin.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE ready STRATEGY file_copy'))
    yield admin.url.set(database=name, drivername="postgresql+psycopg").render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
