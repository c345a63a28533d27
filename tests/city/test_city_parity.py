"""One recorded hour on one machine and through a city: the same events, byte for byte, and the same alarms."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text

from park.alarm_ports import CaseFilter
from park.metrics import Lane
from park.wire import SmallEvent
from runtime.alarm_clock import AlarmClock
from runtime.role_alarms import NAME, run_alarms
from runtime.storage.sql.alarm_intake import Intake
from runtime.storage.sql.alarms import SqlAlarms
from runtime.storage.sql.database import Database
from runtime.storage.sql.events import SqlEvents
from runtime.storage.sql.leadership import sign_of
from runtime.topics import prepare_topics
from stream.pipeline import Pipeline
from stream.stages import bulk_stages, life_stages
from tests.city.told_city import thread_of
from tests.city.worker_city import Ingester, Working, ends_of, engines, logged, recorded, worked
from tests.tools import until

SMALL = SmallEvent.__args__
STAGES = {Lane.LIFE: life_stages, Lane.BULK: bulk_stages}
NOW = 1_790_000_000_000  # epoch ms
# By the clock of people and the order in which things were written, which differ; all else is of the log.
OF_PEOPLE = ("id", "version", "raised", "changed", "acknowledged_at", "called", "closed", "reset_asked")

pytestmark = [pytest.mark.server, pytest.mark.slow]


def one_machine(records, folder):
    """Return the database of one machine that was given an hour's records."""
    database = Database.open(folder / "one.db")
    alarms = SqlAlarms(database)
    intake = Intake(alarms, AlarmClock(lambda: NOW, lambda: 0.0, 0).now)
    intake.live_from(dict.fromkeys(Lane, 0))  # as in the city: it was empty when its processes began
    events = SqlEvents(database, intake)
    for lane in (Lane.LIFE, Lane.BULK):
        pipeline = Pipeline(STAGES[lane])
        for position, record in logged(records[lane], folder, lane):
            found = []
            pipeline.run(record, lambda e: found.append(e) if isinstance(e, SMALL) else None)  # noqa: B023
            events.apply(lane, position, found)
    return database


def rows(database):
    """Return every event as it is stored, by table."""
    tables = ("condition_changes", "conditions", "findings", "device_status", "activity_days")
    with database.read() as connection:
        return {t: sorted(body for (body,) in connection.execute(text(f"SELECT body FROM {t}"))) for t in tables}


def alarms(database):
    """Return every alarm as far as it is of the log, and what happened to it."""
    store = SqlAlarms(database)
    found = []
    for case in store.cases(CaseFilter(open=None), limit=1_000):
        happened = [(t.verb, t.why, t.before, t.after, t.event) for t in store.history(case.id)]
        plain = {f: getattr(case, f) for f in case.__dataclass_fields__ if f not in OF_PEOPLE}
        found.append((str(sorted(plain.items(), key=str)), happened))
    return sorted(found)


def test_the_same_events_and_alarms(tmp_path):
    """Three parks' hour with a fire in it, through ingesters' logs, a worker, Kafka and PostgreSQL."""
    (tmp_path / "city").mkdir()
    with engines(tmp_path / "city") as made:
        records = recorded(made)
        alone = one_machine(records, tmp_path)
        settings = replace(made.settings, data_dir=tmp_path / "alarms")
        asyncio.run(prepare_topics(settings.city))
        with Working(made.settings) as working, thread_of(run_alarms, settings):
            until(lambda: sign_of(made.database, NAME), 60)  # by then it knows where the logs ended: they are empty
            ingester = Ingester(made)
            for lane in Lane:
                ingester.put(lane, records[lane])
            ingester.close()
            worked(working, ends_of(made))
            until(lambda: rows(made.database) == rows(alone), 60, 0.5)
        expected, found = alarms(alone), alarms(made.database)
        alone.close()

    assert any("'fire" in plain for plain, _ in expected)
    assert expected == found
