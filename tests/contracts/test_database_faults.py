"""What a fault of a database says: what went wrong, and nothing of what was to be written."""

import traceback

import pytest
from sqlalchemy import insert

from park.errors import MachineryError, UserError
from runtime.storage.sql.database import Database
from runtime.storage.sql.tables_delivery import targets

SECRET = "key-of-a-robot"


@pytest.mark.parametrize("said", ["database or disk is full", "a value that nobody may have"])
def test_no_secret_in_a_fault(tmp_path, said):
    """A traceback goes into the program's log: no word of a row that could not be written stands in it."""
    database = Database.open(tmp_path / "park.db")
    with database.write() as connection:
        connection.exec_driver_sql(
            f"CREATE TRIGGER full BEFORE INSERT ON targets BEGIN SELECT RAISE(FAIL, '{said}'); END"
        )
    row = {"name": "desk", "park": 0, "version": 1, "body": SECRET}
    with pytest.raises((MachineryError, UserError)) as why, database.write() as connection:
        connection.execute(insert(targets).values(**row))
    text = "".join(traceback.format_exception(why.value))
    database.close()

    assert said in text
    assert SECRET not in text
