"""Many processes of a city open a new database at once: one brings it up to date, and all get in."""

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
