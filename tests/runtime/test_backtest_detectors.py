"""Another bar for unusual values over a recorded time: which episodes would have been told, and what hears of them."""

import numpy as np
import pytest
from lane_parts import MINUTE, START

from park.metrics import Lane
from park.readings import ReadingBatch
from park.records import Batch, Config, DeviceRow, Edge, PlaceRow, PointRow, Tick
from park.settings import LogSettings
from runtime.backtest import Asked, backtest
from runtime.log import SegmentLog
from stream.rule_text import with_bar
from stream.rules import parse

HOUR, DAY = 60 * MINUTE, 24 * 60 * MINUTE
NONE = Edge(*(np.zeros(0, np.int32),) * 3)
WATCHED = (
    '[[limit]]\nrule = "restless"\nfinding = "anomaly"\nwindow = "2d"\nseverity = "low"\nhigh = 0\n'
    'basis = "I: a test"\nversion = 2026-01-01\n'
)
NEVER = 1e300  # days
CONFIG = Config(
    1, START, points=(PointRow(1, "power", 1, 3, 1), PointRow(2, "power", 2, 3, 1)),
    devices=(DeviceRow(1, 1, 3, Lane.BULK, "meter"), DeviceRow(2, 1, 3, Lane.BULK, "meter")),
    places=(PlaceRow(1, 1, 0, "park", "p"), PlaceRow(3, 1, 1, "unit", "u")), limits=parse(WATCHED),
)  # fmt: skip


def day(number, point):
    """Return a day of a load by quarter hours; on the ninth it is six times its usual for three hours."""
    ts = START + number * DAY + np.arange(0, DAY, 15 * MINUTE)
    hour = (ts - START) // HOUR % 24
    value = np.where((hour >= 8) & (hour < 18), 50.0, 8.0)
    value += np.random.default_rng(number * 2 + point).normal(0, 1.0, len(ts))
    if number == 8:
        value[4:16] = 60.0
    return ts, value


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data folder with ten days of two meters."""
    folder = tmp_path_factory.mktemp("detectors") / "park"
    for lane in Lane:
        log = SegmentLog(folder / "log" / lane, LogSettings(reserve_bytes=0), lane)
        log.append([CONFIG])
        for number in range(10):
            parts = [day(number, point) for point in (1, 2)] if lane is Lane.BULK else []
            for point, (ts, value) in enumerate(parts, 1):
                rows = ReadingBatch(
                    np.full(len(ts), point, np.int32), ts, value, np.zeros(len(ts), np.uint8), ts + point
                )
                log.append([Batch(rows, NONE)])
            log.append([Tick(START + (number + 1) * DAY)])
        log.close()
    return folder


def found(folder, changed, present=WATCHED):
    asked = Asked(folder, parse(changed), None if present is None else parse(present), START + DAY, START + 10 * DAY)
    return backtest(asked, lambda _: None)


def subjects(found):
    return sorted((f["family"], f["subject"]) for f in found)


def quiet(text, point=1):
    return with_bar(text, point, NEVER, basis="I: a test", version="2026-01-02")


def test_a_higher_bar(folder):
    """Episodes of the point with the higher bar are gone, with the condition that counts them; the other's stay."""
    result = found(folder, quiet(WATCHED))

    assert {("anomaly", "point:1"), ("limit.restless", "point:1")} == set(subjects(result["only_present"]))
    assert [] == result["only_changed"]
    rows = {row["rule"]: row for row in result["rules"]}
    assert (rows["limit.restless"]["present"], rows["limit.restless"]["changed"]) == (2, 1)
    assert all(f["value"] > f["limit"] for f in result["only_present"] if f["family"] == "anomaly")


def test_a_lower_bar(folder):
    """Seen from the other side the same episodes are new."""
    there, back = found(folder, quiet(WATCHED)), found(folder, WATCHED, quiet(WATCHED))

    assert there["only_present"] == back["only_changed"]
    assert [] == back["only_present"]


def test_rules_of_that_time(folder):
    """Against the rules of that time a higher bar leaves out the same."""
    assert found(folder, quiet(WATCHED))["only_present"] == found(folder, quiet(WATCHED), None)["only_present"]


def test_the_same_bar(folder):
    """Where both sides have the same bar nothing is said of episodes, and rules on findings fire alike on both."""
    result = found(folder, WATCHED)

    assert ["limit.restless"] == [row["rule"] for row in result["rules"]]
    assert ([], []) == (result["only_present"], result["only_changed"])
