"""The devices of a simulated park are held to what they promise only once they speak at it."""

from contextlib import ExitStack, closing

import numpy as np

from park.metrics import METRICS, Kind, Lane
from park.model import Device, Point
from park.records import Batch
from park.settings import LogSettings, Settings
from runtime.log import SegmentLog
from runtime.names import DATABASE
from runtime.past import write_history
from runtime.simulated import found_park, promise_live
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry
from simulators.equipment import LIVE
from simulators.registry import load, park_plan
from simulators.scenario import HOUR, scenario_before
from stream.rules import parse, shipped


def test_promised_once_they_speak(tmp_path):
    """A founded park promises its past's rhythm, however long the platform takes to listen; then the live one, once."""
    found_park(Settings(data_dir=tmp_path), tmp_path / DATABASE, 2, 1, lambda _: None)
    with closing(Database.open(tmp_path / DATABASE)) as database:
        registry = SqlRegistry(database)
        before = [d.interval > LIVE[d.kind] for d in registry.find(Device, limit=1_000)]
        promise_live(tmp_path, registry, 1 << 41)
        after = [d.interval == LIVE[d.kind] for d in registry.find(Device, limit=1_000)]
        version = registry.version
        promise_live(tmp_path, registry, 1 << 41)

        assert all(before)
        assert all(after)
        assert version == registry.version


def test_the_past_has_rules(tmp_path):
    """The past is held to the rule table: what has stood in it for days is not new with the first live value."""
    found_park(Settings(data_dir=tmp_path), tmp_path / DATABASE, 2, 1, lambda _: None)
    ruled = {}
    for lane in Lane:
        with closing(SegmentLog(tmp_path / "log" / lane, LogSettings(), lane)) as log:
            ruled[lane] = next(record for _, record in log.read(0)).limits

    assert dict.fromkeys(Lane, parse(shipped())) == ruled


def test_the_open_hour_begins_live(tmp_path):
    """What is told by the hour is of the hour before: the open hour has none of it beside what comes live."""
    until = 1_795_313_400_000  # 40 minutes past the hour
    hour = until // HOUR * HOUR
    scenario = scenario_before(until, 1, enterprises=2)
    with ExitStack() as stack:
        registry = SqlRegistry(stack.enter_context(closing(Database.open(tmp_path / DATABASE))))
        logs = {x: stack.enter_context(closing(SegmentLog(tmp_path / x, LogSettings(), x))) for x in Lane}
        numbers = load(park_plan(scenario), registry, now=scenario.origin)
        write_history(scenario, numbers, until, registry, parse(shipped()), logs, lambda _: None)
        batches = [record.readings for _, record in logs[Lane.BULK].read(0) if isinstance(record, Batch)]
        kinds = {p.id: METRICS[p.metric].kind for p in registry.find(Point, limit=1_000)}
        summed = {kind: [p for p in kinds if kinds[p] is kind] for kind in (Kind.INTERVAL, Kind.COUNT)}
    point, ts = (np.concatenate([getattr(b, name) for b in batches]) for name in ("point", "ts"))
    amount = {kind: np.isin(point, points) for kind, points in summed.items()}

    assert [hour, hour] == [ts[of].max() // HOUR * HOUR + HOUR for of in amount.values()]
    assert hour <= ts[~np.logical_or.reduce(list(amount.values()))].max() < until


def test_of_nobody(tmp_path):
    """Where no simulated park lives nothing is promised."""
    with closing(Database.open(tmp_path / DATABASE)) as database:
        registry = SqlRegistry(database)
        promise_live(tmp_path, registry, 1 << 41)

        assert 0 == registry.version
