"""A back-test of a time that the log does not reach back to: stored windows, and what they do not tell."""

import hashlib

import numpy as np
import pytest
from lane_parts import MINUTE, START

from park.events import Level, Rollups
from park.metrics import Lane
from park.ports import Chunk
from park.readings import batch_of
from park.records import Batch, Config, DeviceRow, Edge, PlaceRow, PointRow, Tick
from park.settings import LogSettings, StoreSettings
from runtime.backtest import Asked, backtest
from runtime.log import SegmentLog
from runtime.storage.duckdb import DuckStore
from runtime.storage.snapshots import FileSnapshots
from stream.pipeline import Pipeline
from stream.rules import parse
from stream.stages import bulk_stages, life_stages

HOUR, DAY = 60 * MINUTE, 24 * 60 * MINUTE
NONE = Edge(*(np.zeros(0, np.int32),) * 3)
STAGES = {Lane.LIFE: life_stages, Lane.BULK: bulk_stages}
OPENS = START + 2 * DAY  # where the log begins; what was before it is in the store only


def table(high, name="hot", more='metric = "temperature"\nfor = "5m"'):
    return (
        f'[[limit]]\nrule = "{name}"\n{more}\nseverity = "high"\nhigh = {high}\nbasis = "I: a"\nversion = 2026-01-01\n'
    )


RULES = table(70)
CONFIG = Config(
    1, START,
    points=(
        PointRow(1, "temperature", 1, 3, 1, interval=15_000), PointRow(2, "energy", 1, 3, 1),
        PointRow(3, "energy_use", 1, 3, 1, source=2), PointRow(4, "co", 2, 3, 1),
    ),
    devices=(DeviceRow(1, 1, 3, Lane.BULK, "sensor"), DeviceRow(2, 1, 3, Lane.LIFE, "co_detector")),
    places=(PlaceRow(1, 1, 0, "park", "p"), PlaceRow(3, 1, 1, "unit", "u")), limits=parse(RULES),
)  # fmt: skip


def warmth(minute):
    """Return an hour at 65 on the second day, and another that begins 30 minutes before the log."""
    return 65.0 if 1_500 <= minute < 1_560 or 2_850 <= minute < 2_910 else 20.0


def stored(folder, level=Level.MINUTE, width=MINUTE, count=1):
    """Store two days of windows: a temperature, and ten kWh in each."""
    store = DuckStore(folder / "series", StoreSettings(duckdb_memory="200MB"))
    start = START + np.arange(0, 2 * DAY, width)
    n = len(start)
    for point, value in ((1, np.array([warmth((t - START) // MINUTE) for t in start.tolist()])), (3, np.full(n, 10.0))):
        rows = Rollups(
            level, np.full(n, point, np.int32), start, np.full(n, count, np.int32), value * count, value, value, value,
            start, np.full(n, width), np.zeros(n, np.int32),
        )  # fmt: skip
        store.write(Chunk(Lane.BULK.value, point, batch_of([]), (rows,)))
    store.flush()
    store.close()


def logged(folder):
    """Write logs whose first day is gone, and a snapshot of the third, which knows the registry."""
    for lane in Lane:
        log = SegmentLog(folder / "log" / lane, LogSettings(reserve_bytes=0), lane)
        log.skip_to(1_000_000)
        pipeline = Pipeline(STAGES[lane])
        pipeline.run(CONFIG, lambda _: None)
        for m in range(300):
            at = OPENS + m * MINUTE
            rows = batch_of([(1, at, warmth(2_880 + m), 0, at + 1)])
            position = log.append([Tick(at), *([Batch(rows, NONE)] if lane is Lane.BULK else [])])
            pipeline.run(Tick(at), lambda _: None)
        tick = {"version": np.array(1), "tick": np.array(at)}
        FileSnapshots(folder / "snapshots").save(lane.value, position, {**pipeline.snapshot(), "lane": tick})
        log.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data folder whose log has lost its beginning, with windows of it in the store."""
    folder = tmp_path_factory.mktemp("before") / "park"
    logged(folder)
    stored(folder)
    return folder


def found(folder, changed, begin=START, end=OPENS + 5 * HOUR, present=RULES):
    return backtest(Asked(folder, parse(changed), parse(present), begin, end), lambda _: None)


def spans(result):
    return [((f["since"] - START) // MINUTE, (f["until"] - START) // MINUTE) for f in result["only_changed"]]


def notes(result):
    return " | ".join(result["notes"])


def test_across_the_beginning(folder):
    """A lower limit finds the hour of the day before; one that goes on into the log is one and not two."""
    result = found(folder, table(60))

    assert [(1_506, 1_561), (2_856, 2_910)] == spans(result)
    assert (True, True) == (result["approximate"], "windows of 1m stand in the place" in notes(result))
    assert "what was before is not known" not in notes(result).replace("life: ", "life").split("bulk:")[-1]


def test_wholly_before(folder):
    """A time that was over before the log begins is answered, too."""
    assert [(1_506, 1_561)] == spans(found(folder, table(60), end=START + 30 * HOUR))


def test_amounts(folder):
    """A sum of a clock window is exact: sums of minutes add up to it."""
    rule = table(599, "much", 'metric = "energy_use"\nwindow = "1h"\nvalid = 0.75')

    result = found(folder, rule + RULES, START + HOUR, START + 5 * HOUR)
    assert [600.0] == [f["value"] for f in result["only_changed"]]


def test_what_is_not_known(folder):
    """Rules on what no window keeps are named: measures, findings, and devices of life safety."""
    more = table(2, "tilted", 'metric = "voltage_unbalance"') + table(
        0, "restless", 'finding = "anomaly"\nwindow = "2d"'
    ) + table(1, "stuffy", 'metric = "co"')  # fmt: skip
    said = notes(found(folder, RULES + more))

    assert "before the log nothing is known of: restless, stuffy, tilted" in said
    assert "what detectors of fire and gas said before the log begins" in said


def test_coarser_windows(tmp_path):
    """Where minutes are kept no more the quarter hours stand in, and the answer says so."""
    folder = tmp_path / "park"
    logged(folder)
    stored(folder, Level.QUARTER, 15 * MINUTE, 15)

    result = found(folder, table(60), end=START + 30 * HOUR)
    assert [(1_520, 1_575)] == spans(result)
    assert "windows of 15m" in notes(result)


def test_nothing_stored(tmp_path):
    """Without a store the answer begins with the log, and says so."""
    logged(tmp_path / "park")
    result = found(tmp_path / "park", table(60))

    assert [(2_885, 2_910)] == spans(result)
    assert "nothing is stored of the time before the log" in notes(result)


def test_a_store_that_cannot_be_read(tmp_path):
    """A broken file of the store is said to be one; the log is run all the same."""
    folder = tmp_path / "park"
    logged(folder)
    stored(folder)
    for path in (folder / "series" / "1m").glob("*.duckdb"):
        path.write_bytes(b"nothing of the kind" * 1_000)
    result = found(folder, table(60))

    assert [(2_885, 2_910)] == spans(result)
    assert "cannot be read" in notes(result)


def test_nothing_is_touched(folder):
    """The folder is the same afterwards, byte for byte."""

    def whole():
        files = (p for p in sorted(folder.rglob("*")) if p.is_file())
        return {str(p): (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns) for p in files}

    before = whole()
    found(folder, table(60))

    assert before == whole()
