"""Points that say what cannot be."""

from hypothesis import strategies as st

from park.events import Reason
from park.metrics import Lane
from park.readings import Quality
from park.records import Config, DeviceRow, PlaceRow, PointRow
from stream.implausible import Implausible
from stream.quality import QualityGate
from tests.stream.contract import HOUR, MINUTE, START, Case, contract_of, records_of, rows, run, started

POWER, VOLTS = 1, 2
CONFIG = Config(
    1, START,
    points=(PointRow(POWER, "power", 1, 10, 9), PointRow(VOLTS, "voltage", 1, 10, 9)),
    devices=(DeviceRow(1, 9, 10, Lane.BULK, "meter"),), places=(PlaceRow(9, 9, 0, "park", "p"),),
)  # fmt: skip
CASE = Case("implausible", lambda d: (QualityGate(d), Implausible(d)), CONFIG, st.nothing())
ITEMS = rows([POWER, VOLTS], st.sampled_from([5.0, 3e5, -4e5]), step=20 * MINUTE, span=9 * HOUR,
             qualities=(Quality.GOOD, Quality.LATE))  # fmt: skip
TestImplausibleContract = contract_of(
    Case("implausible", lambda d: (QualityGate(d), Implausible(d)), CONFIG, ITEMS, guarded=True)
)


def told(*values, point=POWER, every=15):
    """Return (minute, value) of what is found in a reading each quarter of an hour."""
    some = [(point, START + every * n * MINUTE, float(v), 0, START + every * n * MINUTE) for n, v in enumerate(values)]
    found = [e for e in run(started(CASE), records_of(some)).events if getattr(e, "kind", "") == "range"]
    return [((e.at - START) / MINUTE, e.value) for e in found]


def test_wrong_unit():
    """W where kW is meant is told after an hour, once, with what the metric can be."""
    assert [(75, 355_000)] == told(355, *[355_000] * 20)


def test_one_value():
    """A value that cannot be, between others that can, is nothing."""
    assert [] == told(*[355, 355_000, 355_000, 355_000, 355_000] * 5)


def test_again():
    """Once values could be again, it is told anew."""
    assert [75, 210] == [at for at, _ in told(5, *[2e5] * 7, 5, 5, *[2e5] * 7)]


def test_not_a_number():
    """What is no number at all is told without a value."""
    assert [(60, None)] == told(*[float("inf")] * 6)


def test_reason():
    """It says why, and the least and the most that could be."""
    some = [(POWER, START + n * HOUR, 1e6, 0, START + n * HOUR) for n in range(2)]
    (found,) = (e for e in run(started(CASE), records_of(some)).events if getattr(e, "kind", "") == "range")

    assert (Reason.OUT_OF_RANGE, -1e5, 1e5, 1, 10) == (found.reason, found.low, found.high, found.device, found.place)
