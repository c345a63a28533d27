"""A process that was paused in the middle of a transaction: its server has cut it off, and nothing of it is lost."""

import pytest
from sqlalchemy import text

from park.alarm_ports import CaseFilter
from park.errors import Unavailable
from park.metrics import Lane
from runtime.storage.sql.alarm_intake import Intake
from runtime.storage.sql.alarms import SqlAlarms
from runtime.storage.sql.configuration import bindings_since, config_since
from runtime.storage.sql.events import SqlEvents
from tests.alerts.alarm_words import NOW, fire
from tests.tools import until

pytestmark = pytest.mark.server


class Paused(SqlAlarms):
    """Cases of a process that sleeps, once, for longer than the server waits for it."""

    slept = False

    def take(self, connection, triggers, now):
        """Sleep; then go on as if nothing had been."""
        if not self.slept:
            self.slept = True
            mine = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 20")
            asked = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :mine").bindparams(mine=mine)
            with connection.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as other:
                # Each question a transaction of its own: within one PostgreSQL says again what it saw first.
                until(lambda: not other.execute(asked).scalar_one())
        return super().take(connection, triggers, now)


@pytest.mark.parametrize("where", [pytest.param("postgresql")], indirect=True)
def test_it_is_tried_again(database):
    """It is the database's absence, no fault of the fire's: no trigger is given up, and trying again tells all."""
    alarms = Paused(database)
    intake = Intake(alarms, lambda: NOW)
    events = SqlEvents(database, intake)
    with pytest.raises(Unavailable):
        events.apply(Lane.LIFE, 1, [fire()])
    said = intake.troubles.newest
    events.apply(Lane.LIFE, 1, [fire()])
    (case,) = alarms.cases(CaseFilter())

    assert (True, 1) == ("no case could be told" not in said, case.count)


@pytest.mark.parametrize("where", [pytest.param("postgresql")], indirect=True)
@pytest.mark.parametrize(
    "ask", [lambda c: config_since(c, 0, NOW), lambda c: bindings_since(c, 0)], ids=["config", "bindings"]
)
def test_a_whole_city_is_read_at_leisure(planned, database, ask):
    """Who makes a city's rows into objects between two statements is not cut off for it; the next transaction is."""
    del planned
    bound = text("SHOW idle_in_transaction_session_timeout")
    with database.read() as connection:
        ask(connection)
        within = connection.execute(bound).scalar_one()
    with database.read() as connection:
        after = connection.execute(bound).scalar_one()

    assert ("45s", "15s") == (within, after)
