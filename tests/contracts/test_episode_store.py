"""What every store of episodes and marks promises."""

from dataclasses import replace

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from park.episodes import Verdict
from park.errors import NotFound, UserError
from park.events import Anomaly, Baseline, Finding, Reason, Severity
from park.metrics import Lane
from park.wire import encode_event
from runtime.storage.sql import migrate
from runtime.storage.sql.episodes import SqlEpisodes
from runtime.storage.sql.events import SqlEvents

T0 = 1_760_000_000_000
HOUR = 3_600_000


@pytest.fixture
def store(database):
    return SqlEpisodes(database)


def began(since=T0, point=1, park=1, **more):
    fields = {
        "value": 61.0, "expected": 24.0, "low": 18.0, "high": 31.0, "score": 0.8, "park": park,
        "episode": f"anomaly/{point}/{since}", "since": since, "anomaly": Anomaly.SPIKE, "baseline": Baseline.FORECAST,
        "rising": True, "times": 1e6, **more,
    }  # fmt: skip
    return Finding("anomaly", point, since + 60_000, since + 60_100, Severity.LOW, Reason.UNUSUAL, **fields)


def over(first, until):
    return replace(first, ts=until, at=until + 100, reason=Reason.USUAL_AGAIN, until=until, score=0.9)


def put(database, *found):
    events = SqlEvents(database)
    events.apply(Lane.BULK, events.applied(Lane.BULK) + 1, list(found))


class TestEpisodes:
    def test_two_findings_are_one(self, database, store):
        """What told of an episode and what ended it are one, its newest figures those of the end."""
        first = began()
        put(database, first, over(first, T0 + HOUR))
        (found,) = store.episodes()

        assert (first, over(first, T0 + HOUR), None) == (found.began, found.over, found.mark)
        assert (T0 + HOUR, 0.9) == (found.until, found.newest.score)

    def test_other_findings(self, database, store):
        """A finding of no episode, a meter's swap, is none."""
        put(database, Finding("meter", 1, T0, T0, Severity.LOW, Reason.METER_SWAP, park=1))

        assert [] == store.episodes()

    def test_filters(self, database, store):
        """Episodes are found by park, point, time, kind, whether they are under way and whether they are marked."""
        a, b, c = began(T0), began(T0 + HOUR, point=2), began(T0 + 2 * HOUR, point=3, park=2, anomaly=Anomaly.STUCK)
        gone = began(T0 + 3 * HOUR, point=4, anomaly=Anomaly.MISSING, until=T0 + 4 * HOUR)  # told when it is over
        put(database, a, b, c, gone, over(a, T0 + HOUR))
        store.mark(store.episode(b.episode), Verdict.TRUE, note="", actor="x", now=T0)

        asked = [
            ({}, [gone, c, b, a]), ({"park": 2}, [c]), ({"point": 2}, [b]), ({"start": b.ts, "end": c.ts}, [b]),
            ({"anomaly": "stuck"}, [c]), ({"standing": True}, [c, b]), ({"standing": False}, [gone, a]),
            ({"marked": True}, [b]), ({"marked": False}, [gone, c, a]), ({"anomaly": "%"}, []),
        ]  # fmt: skip
        for query, expected in asked:
            assert [f.episode for f in expected] == [e.id for e in store.episodes(**query)], query

    def test_pages(self, database, store):
        """Pages follow each other without a hole or a twin, also where several began at once."""
        put(database, *(began(T0 + n // 3 * HOUR, point=n + 1) for n in range(9)))
        found, before = [], ""
        while page := store.episodes(before=before, limit=2):
            found += [e.id for e in page]
            before = page[-1].began.id

        assert [e.id for e in store.episodes()] == found

    def test_no_place_to_go_on_from(self, store):
        """What is no id is refused."""
        with pytest.raises(UserError):
            store.episodes(before="nonsense")

    def test_unknown(self, store):
        """An episode that never was is not found."""
        with pytest.raises(NotFound):
            store.episode("anomaly/1/1")

    def test_among(self, database, store):
        """Those of some ids come in the order of the ids; what is not known is left out."""
        put(database, began(T0), began(T0 + HOUR))

        asked = [f"anomaly/1/{T0 + HOUR}", "anomaly/9/9", f"anomaly/1/{T0}"]
        assert [asked[0], asked[2]] == [e.id for e in store.among(asked)]


class TestMarks:
    def test_the_last_holds(self, database, store):
        """The last mark holds; all stay in the books with who and when."""
        put(database, began())
        episode = store.episode(began().episode)
        store.mark(episode, Verdict.TRUE, note="", actor="desk", now=T0 + 1)
        last = store.mark(episode, Verdict.FALSE, note="检修", actor="officer", now=T0 + 2)

        assert last == store.episode(episode.id).mark
        assert [("false", "检修", "officer", T0 + 2), ("true", "", "desk", T0 + 1)] == [
            (m.verdict, m.note, m.actor, m.at) for m in store.marks(episode.id)
        ]

    def test_of_others(self, database, store):
        """A mark is of its episode alone."""
        put(database, began(), began(T0 + HOUR))
        store.mark(store.episode(began().episode), Verdict.TRUE, note="", actor="x", now=T0)

        assert [None, Verdict.TRUE] == [e.mark and e.mark.verdict for e in store.episodes()]


def test_findings_of_before(database, store):
    """Findings of a database from before episodes were columns are found as episodes after the migration."""
    first = began()
    config = Config()
    config.set_main_option("script_location", str(migrate._FOLDER))
    put(database, first)
    with database.write() as connection:  # as the version before left it
        connection.execute(sa.text("DROP TABLE marks"))
        for name in ("ix_findings_point", "ix_findings_episode"):
            connection.execute(sa.text(f"DROP INDEX {name}"))
        for name in ("point", "episode"):
            connection.execute(sa.text(f"ALTER TABLE findings DROP COLUMN {name}"))
        config.attributes["connection"] = connection
        command.stamp(config, "0007")
        command.upgrade(config, "0008")

    assert [first] == [e.began for e in store.episodes(point=1)]
    assert encode_event(first) == encode_event(store.episode(first.episode).began)
