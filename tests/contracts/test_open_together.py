"""Many open new databases at once, in a city's processes or in one: each is brought up to date, and all get in."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from runtime.storage.sql.database import Database
from tests.servers import postgresql


@pytest.mark.server
def test_all_get_in():
    """Four that begin together on an empty PostgreSQL find its tables whole."""
    with postgresql(empty=True) as url, ThreadPoolExecutor(4) as pool:
        opened = list(pool.map(Database.open, [url] * 4))
        for database in opened:
            with database.read() as connection:
                assert 0 == connection.execute(text("SELECT count(*) FROM conditions")).scalar()
            database.close()


def test_files_side_by_side(tmp_path):
    """Threads of one process bring new files up to date at once: Alembic knows but one at a time."""
    with ThreadPoolExecutor(3) as pool:
        opened = list(pool.map(Database.open, [tmp_path / f"{n}.db" for n in range(3)]))
    for database in opened:
        with database.read() as connection:
            assert 0 == connection.execute(text("SELECT count(*) FROM conditions")).scalar()
        database.close()
