"""A worker on real engines finds and stores what one machine does, and ends in order."""

from contextlib import closing

import pytest

from park.events import Bands, Level, Rollups
from park.metrics import Lane
from park.ports import Chunk
from park.series import RAW
from park.wire import SmallEvent, encode_event
from runtime.bands import COLUMNS
from runtime.city_series import CitySeries
from runtime.storage.influx import Influx
from runtime.storage.influx_store import InfluxStore
from runtime.storage.memory import MemoryStore
from runtime.storage.sql.registry import SqlRegistry
from stream.pipeline import Pipeline
from stream.stages import bulk_stages, life_stages, store_stages
from tests.city.worker_city import (
    Ingester,
    Working,
    config_of,
    ends_of,
    engines,
    logged,
    once,
    recorded,
    told,
    worked,
)
from tests.noted import Noted

SMALL = SmallEvent.__args__
STAGES = {Lane.LIFE: life_stages, Lane.BULK: bulk_stages}

pytestmark = [pytest.mark.server, pytest.mark.slow]


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """Return engines whose logs hold a recorded hour, and the hour."""
    with engines(tmp_path_factory.mktemp("city")) as made:
        records = recorded(made)
        with Working(made.settings) as first:  # the topics are made by whoever comes first
            ingester = Ingester(made)
            for lane in Lane:
                ingester.put(lane, records[lane][:1])
            half = {lane: len(records[lane]) // 2 for lane in Lane}
            for lane in Lane:
                ingester.put(lane, records[lane][1 : half[lane]])
            worked(first, ends_of(made))
        for lane in Lane:
            ingester.put(lane, records[lane][half[lane] :])
        ends = ends_of(made)
        with Working(made.settings) as second:
            worked(second, ends)
            brought = {lane: feed.messages for lane, feed in second.role.work.feeds.items()}
        ingester.close()
        yield made, records, brought


class OneMachine:
    """What one machine finds and stores of a lane's records."""

    def __init__(self, records, folder):
        self.found, self.drawn, self.store = [], [], MemoryStore()
        for lane in Lane:
            finding, storing = Pipeline(STAGES[lane]), Pipeline(store_stages)
            for position, record in logged(records[lane], folder, lane):
                finding.run(record, self._take)
                rollups = []
                out = storing.run(record, lambda e: rollups.append(e) if isinstance(e, Rollups) else None)  # noqa: B023
                self.store.write(Chunk(lane, position, out, tuple(rollups)))

    def _take(self, event):
        if isinstance(event, SMALL):
            self.found.append(encode_event(event))
        elif isinstance(event, Bands):
            self.drawn.append(event)


def test_the_same_findings(city, tmp_path):
    """Two workers, one after the other, tell the same findings as one machine, in the same bytes and order."""
    made, records, _ = city
    one = OneMachine(records, tmp_path)
    messages = told(made)
    lanes = {lane: [e for s in made.streams if s.startswith(lane) for e in once(messages[s])] for lane in Lane}

    assert any(b'"fire' in event for event in one.found)
    assert one.found == lanes[Lane.LIFE] + lanes[Lane.BULK]


def test_the_same_series(city, tmp_path):
    """Readings and rollups in InfluxDB are those of one machine."""
    made, records, _ = city
    one = OneMachine(records, tmp_path)
    points = [row.point for row in config_of(records[Lane.BULK]).points]
    refused = []
    client = Influx(made.influx.url, made.influx.token, "park", lambda *why: refused.append(why))
    store = InfluxStore(client, CitySeries(SqlRegistry(made.database)), Noted())
    theirs = {p: store.raw(p, 0, 1 << 62, 1 << 30) for p in points}
    rolled, expected = store.rollups(Level.HOUR, points, 0, 1 << 62), one.store.rollups(Level.HOUR, points, 0, 1 << 62)
    store.close()

    assert {p: one.store.raw(p, 0, 1 << 62, 1 << 30).value.tolist() for p in points} == {
        p: rows.value.tolist() for p, rows in theirs.items()
    }
    assert expected.point.tolist() == rolled.point.tolist()
    assert expected.total.tolist() == pytest.approx(rolled.total.tolist())
    assert RAW.name in made.influx.buckets()


def test_the_same_bands(city, tmp_path):
    """What was usual of every point is in InfluxDB as one machine draws it, for charts."""
    made, records, _ = city
    drawn = {row for bands in OneMachine(records, tmp_path).drawn for row in rows_of(bands)}
    with closing(Influx(made.influx.url, made.influx.token, "park", lambda *_: None)) as client:
        store = InfluxStore(client, CitySeries(SqlRegistry(made.database)), Noted())
        points = [row.point for row in config_of(records[Lane.BULK]).points]
        theirs = {row for point in points for row in rows_of(store.bands(point, 0, 1 << 53))}

    assert drawn
    assert drawn == theirs


def rows_of(bands):
    """Return bands as rows."""
    return zip(*(getattr(bands, name).tolist() for name in COLUMNS), strict=True)


def test_what_lay_in_the_log_comes_once(city):
    """A worker reads for itself what came while none ran; Faust brings none of it again."""
    _, _, brought = city

    assert dict.fromkeys(Lane, 0) == brought


def test_epochs_rise(city):
    """Each worker told of every log under an epoch of its own, the second behind the first."""
    made, _, _ = city
    epochs = [[message.epoch for message in messages] for messages in told(made).values()]

    assert [{1, 2}] * 4 == [set(each) for each in epochs]
    assert [sorted(each) for each in epochs] == epochs
