"""Registers into use."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from park.events import Reason
from park.metrics import Lane
from park.readings import Quality
from park.records import Config, DeviceRow, PlaceRow, PointRow
from stream.meters import QUARTER, Meters
from stream.quality import QualityGate
from tests.stream.contract import DAY, HOUR, MINUTE, START, Case, contract_of, records_of, rows, run, started

REGISTER, USE, WATER, WATER_USE, POWER = 1, 2, 3, 4, 5
MODULUS = 100_000.0
CONFIG = Config(
    1, START,
    points=(PointRow(REGISTER, "energy", 11, 5, 1, modulus=MODULUS, ratio=40.0, interval=MINUTE),
            PointRow(USE, "energy_use", 11, 5, 1, source=REGISTER),
            PointRow(WATER, "water", 12, 5, 1, interval=HOUR), PointRow(WATER_USE, "water_use", 12, 5, 1, source=WATER),
            PointRow(POWER, "power", 11, 5, 1)),
    devices=(DeviceRow(11, 1, 5, Lane.BULK, "meter"), DeviceRow(12, 1, 5, Lane.BULK, "meter")),
    places=(PlaceRow(1, 1, 0, "park", "a park"), PlaceRow(5, 1, 1, "unit", "a unit")),
)  # fmt: skip
CASE = Case("meters", lambda directory: (Meters(directory),), CONFIG, st.nothing())

_values = st.sampled_from([0.0, 0.5, 1000.0, 1001.0, 1002.5, 99_999.0, 3.0, 5e8])
TestMetersContract = contract_of(
    Case("meters", lambda d: (Meters(d),), CONFIG, rows([REGISTER, WATER, POWER], _values, step=20_000, span=DAY))
)
TestGuardedMetersContract = contract_of(
    Case(
        "quality and meters", lambda d: (QualityGate(d), Meters(d)), CONFIG,
        rows([REGISTER, WATER, POWER], _values, step=20_000, span=4 * HOUR,
             qualities=(Quality.GOOD, Quality.LATE, Quality.RETAINED)),
        guarded=True,
    )
)  # fmt: skip


def at(minute, value, quality=Quality.GOOD, point=REGISTER):
    """Return a reading of the register `minute` minutes after the start."""
    ts = START + int(minute * MINUTE)
    return (point, ts, value, int(quality), ts)


def used(*items, config=CONFIG, point=USE):
    """Return (minute that the piece ends, use, quality) of the pieces of use."""
    told = run(started(replace(CASE, config=config)), records_of(items))
    return [((ts + 1 - START) / MINUTE, value, quality) for p, ts, value, quality, _ in told.readings if p == point]


def reasons(*items):
    """Return what a person is told."""
    return [e.reason for e in run(started(CASE), records_of(items)).events]


class TestUse:
    def test_difference_times_ratio(self):
        """Use is the difference of the register, times the transformer's ratio."""
        assert used(at(1, 100.0), at(2, 100.5)) == [(2, 20.0, Quality.GOOD)]

    def test_follows_its_source(self):
        """A reading of use stands right after the register reading that tells it."""
        told = run(started(CASE), records_of([at(1, 1.0), at(2, 2.0), at(2, 7.0, point=POWER)]))

        assert [row[0] for row in told.readings] == [REGISTER, REGISTER, USE, POWER]

    def test_cut_at_the_quarter(self):
        """Use over the turn of a quarter hour falls into both, by time."""
        assert used(at(14, 1.0), at(16, 2.0)) == [(15, 20.0, Quality.GOOD), (16, 20.0, Quality.GOOD)]

    def test_reading_at_the_quarter(self):
        """A reading on the turn of a quarter hour ends the quarter before it."""
        assert used(at(0, 1.0), at(15, 2.0), at(30, 3.0)) == [(15, 40.0, 0), (30, 40.0, 0)]

    def test_gap(self):
        """Use of a gap is spread over its quarters, and marked as estimated."""
        assert used(at(0, 1.0), at(60, 5.0)) == [(15 * n, 40.0, Quality.ESTIMATED) for n in (1, 2, 3, 4)]

    def test_late_reading(self):
        """A register reading from within a known interval adds nothing."""
        assert sum(u for _, u, _ in used(at(1, 1.0), at(9, 3.0), at(5, 2.0, Quality.LATE))) == 80.0

    def test_back_fill_before_the_present(self):
        """Back-filled readings that come in order are use of the past."""
        items = (at(1, 1.0), at(2, 2.0, Quality.LATE), at(3, 3.0))

        assert used(*items) == [(2, 40.0, Quality.LATE), (3, 40.0, Quality.GOOD)]

    @pytest.mark.parametrize("quality", [Quality.RETAINED, Quality.SUSPECT, Quality.TEST])
    def test_doubtful(self, quality):
        """Doubtful readings do not count; the next good one covers them."""
        assert used(at(1, 1.0), at(2, 7.0, quality), at(3, 3.0)) == [(3, 80.0, Quality.GOOD)]

    def test_ratio_by_date(self):
        """A new transformer ratio holds from its date, also within a gap."""
        row = replace(CONFIG.points[0], ratio=80.0, effective=START + 15 * MINUTE)
        first, later = records_of([at(0, 1.0)], after=0)[:2], records_of([at(30, 3.0)])
        told = run(started(CASE), [*first, Config(2, START + MINUTE, points=(row,)), *later])

        assert [r[2] for r in told.readings if r[0] == USE] == [40.0, 80.0]

    def test_other_device(self):
        """Where another meter is put in, its first reading begins anew."""
        row = replace(CONFIG.points[0], device=12)
        first, later = records_of([at(1, 1.0)], after=0)[:2], records_of([at(2, 500.0), at(3, 501.0)])
        told = run(started(CASE), [*first, Config(2, START + MINUTE, points=(row,)), *later])

        assert [r[2] for r in told.readings if r[0] == USE] == [40.0]
        assert [e.reason for e in told.events] == [Reason.METER_SWAP]


class TestOddReadings:
    TABLE = (
        # before, now, next: used in all, reason
        ((1000.0, 0.0, 1001.0), 40.0, Reason.METER_GLITCH),
        ((1000.0, 0.0, 0.0, 0.0, 1001.0), 40.0, Reason.METER_GLITCH),
        ((1000.0, 5e8, 1001.0), 40.0, Reason.METER_GLITCH),
        ((1000.0, 400.0, 1001.0), 40.0, Reason.METER_GLITCH),
        ((1000.0, 0.25, 0.5), 20.0, Reason.METER_RESET),
        ((1000.0, 0.0, 0.0, 0.5), 20.0, Reason.METER_RESET),
        ((1000.0, 620.0, 621.0), 40.0, Reason.METER_SWAP),
        ((1000.0, 5e8, 5e8 + 1), 40.0, Reason.METER_SWAP),
        ((99_998.0, 3.0, 4.0), 240.0, Reason.METER_ROLLOVER),
        ((99_998.0, 0.0, 99_999.0), 40.0, Reason.METER_GLITCH),
        ((99_998.0, 0.0, 3.0), 200.0, Reason.METER_ROLLOVER),
    )

    @pytest.mark.parametrize(("values", "use", "reason"), TABLE)
    def test_verdict(self, values, use, reason):
        """What follows an odd reading decides what it was, once, and how much was used."""
        items = [at(n, v) for n, v in enumerate(values)]

        assert sum(u for _, u, _ in used(*items)) == pytest.approx(use)
        assert reasons(*items) == [reason]

    def test_guessed_modulus(self):
        """A register without a known modulus turns at a power of ten that it was close to."""
        items = [at(n, v, point=WATER) for n, v in enumerate((9_999.5, 0.5, 1.0))]

        assert sum(u for _, u, _ in used(*items, point=WATER_USE)) == 1.5


_step = st.tuples(
    st.sampled_from([1, 20, 59, 60, 900, 3_600, 40 * 86_400]),  # s
    st.sampled_from([0.0, 0.5, 3.0, 4_999.5]),
    st.sampled_from(["", "", "", "zero", "spike", "lost", "twice"]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(_step, max_size=25), st.floats(1.0, MODULUS - 1), st.sets(st.integers(0, 60)))
def test_nothing_is_lost_or_added(steps, begin, cuts):
    """All use together is the ratio times what the register went through, for any cut, gap, rollover and glitch."""
    ts, total = START, 0.0
    items = [(REGISTER, ts, begin, 0, ts)]
    for n, (seconds, step, fate) in enumerate([*steps, (60, 0.0, ""), (60, 0.0, "")]):
        amount = step if fate in {"", "twice"} else min(step, 3.0)  # more than a tenth unseen is no rollover
        ts, total = ts + seconds * 1_000, total + amount
        shown = {"zero": 0.0, "spike": 5e8 - 1e3 * n}.get(fate, (begin + total) % MODULUS)
        if fate != "lost":
            items += [(REGISTER, ts, shown, 0, ts)] * (2 if fate == "twice" else 1)

    told = run(started(CASE), records_of(items, cuts))
    pieces = [row for row in told.readings if row[0] == USE]

    assert sum(row[2] for row in pieces) == pytest.approx(40.0 * total, abs=1e-6)
    assert all(row[2] >= 0 for row in pieces)
    assert [row[1] for row in pieces] == sorted({row[1] for row in pieces})


def test_piece_falls_into_one_quarter():
    """No piece of use crosses the turn of a quarter hour."""
    pieces = used(at(3, 1.0), at(200.5, 9.0))

    assert [int((m * MINUTE - 1) // QUARTER) for m, _, _ in pieces] == list(range(14))


def test_year_long_gap():
    """A gap of a year gives a bounded number of pieces, and loses nothing."""
    pieces = used(at(0, 1.0), at(390 * 1_440, 9.0))

    assert len(pieces) == 390 * 24
    assert sum(u for _, u, _ in pieces) == pytest.approx(320.0)
