"""A database is brought to the tables of this program, or left as it was."""

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from park.errors import Conflict, Corrupt, Full, MachineryError
from runtime.storage.sql import migrate
from runtime.storage.sql.database import Database
from runtime.storage.sql.tables import metadata


@pytest.fixture
def path(tmp_path):
    return tmp_path / "park.sqlite"


def test_from_empty(path):
    """The migrations give exactly the tables that the code has."""
    database = Database.open(path)

    with database.read() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    database.close()

    assert [] == differences


def test_indices(path):
    """The migrations give exactly the indices that the code has, partial ones with their condition."""

    def texts(connection):
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"
        return connection.exec_driver_sql(query).all()

    migrated, created = Database.open(path), Database.open("sqlite://")
    with created.write() as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)
        expected = texts(connection)
    with migrated.read() as connection:
        found = texts(connection)
    migrated.close()
    created.close()

    assert expected == found


def test_head():
    """The version that lets an open database alone is that of the newest migration."""
    config = Config()
    config.set_main_option("script_location", str(migrate._FOLDER))

    assert [migrate.HEAD] == ScriptDirectory.from_config(config).get_heads()


def test_again(path):
    """Opening twice changes nothing."""
    Database.open(path).close()
    before = path.read_bytes()
    Database.open(path).close()

    assert before == path.read_bytes()


def test_of_a_newer_program(path):
    """A database of a newer program is refused and left alone."""
    database = Database.open(path)
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()

    with pytest.raises(Corrupt, match="another version"):
        Database.open(path)


def test_no_database(path):
    """A file that is none is told as such."""
    path.write_bytes(b"This is not a database. " * 1_000)

    with pytest.raises(Corrupt, match="not a database"):
        Database.open(path)


def test_a_folder_that_is_not_there(tmp_path):
    """A place that cannot be opened is told as such."""
    with pytest.raises(MachineryError, match="unable to open"):
        Database.open(tmp_path / "nowhere" / "park.sqlite")


def test_odd_names(tmp_path):
    """A path may hold what it likes."""
    odd = tmp_path / "100% ä ? # 园区"
    odd.mkdir()

    Database.open(odd / "park.sqlite").close()

    assert (odd / "park.sqlite").exists()


def test_opened_by_two(path):
    """Two threads that open an empty database at once both find it whole."""
    opened, failures = [], []

    def go():
        try:
            opened.append(Database.open(path))
        except Exception as why:  # noqa: BLE001 - told below
            failures.append(why)

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for database in opened:
        database.close()

    assert ([], 2) == (failures, len(opened))


def test_refused_by_the_database(path):
    """What breaks a reference is refused by the database itself, and nothing of it remains."""
    database = Database.open(path)

    with pytest.raises(Conflict, match="refuses"), database.write() as connection:
        connection.exec_driver_sql("INSERT INTO numbers (space, last) VALUES ('x', 1)")
        connection.exec_driver_sql("INSERT INTO points (id, device) VALUES (1, 99)")

    with database.read() as connection:
        assert [] == connection.exec_driver_sql("SELECT * FROM numbers").all()
    database.close()


def test_no_room(path):
    """A full disk is told as such, nothing of the write remains, and all goes on when there is room."""
    database = Database.open(path)

    with pytest.raises(Full, match="full"), database.write() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + 2}")
        connection.exec_driver_sql("INSERT INTO tallies (name, value) VALUES ('small', 1)")
        connection.exec_driver_sql("INSERT INTO changes (id, reason) VALUES (1, ?)", ("x" * 1_000_000,))
    with database.write() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
        connection.exec_driver_sql("INSERT INTO tallies (name, value) VALUES ('after', 1)")

    with database.read() as connection:
        assert [("after", 1)] == connection.exec_driver_sql("SELECT name, value FROM tallies").all()
    database.close()


def test_what_can_wait(path):
    """A write that can be left is left while another thread writes."""
    database = Database.open(path)
    found = []

    def ask():
        with database.write_if_free() as connection:
            found.append(connection is not None)

    with database.write():
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    ask()
    database.close()

    assert [False, True] == found


def test_words_for_postgresql():
    """Every table and index can be said in PostgreSQL's words."""
    texts = [
        str(statement.compile(dialect=postgresql.dialect()))
        for table in metadata.sorted_tables
        for statement in (CreateTable(table), *(CreateIndex(index) for index in table.indexes))
    ]

    assert any("BIGSERIAL" in text for text in texts)
    assert any("WHERE gone IS NULL AND source_key != ''" in text for text in texts)
