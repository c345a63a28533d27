"""Clocks that are slow by less than a gateway may gather."""

import numpy as np
import pytest
from hypothesis import strategies as st

from park.events import Reason, Status
from park.metrics import Lane
from park.records import Config, DeviceRow, PlaceRow, PointRow
from stream.quality import QualityGate
from tests.stream.contract import HOUR, MINUTE, START, Case, contract_of, records_of, rows, run, started

GATEWAY, DAY = 10, 24 * HOUR
METERS = (11, 12, 13)  # behind the gateway; a point each, of the same number
ALONE = 14  # speaks for itself
SLOW, TOLD, RIGHT = 10 * MINUTE, (Status.WRONG_CLOCK, Reason.WRONG_CLOCK), (Status.ONLINE, Reason.CLOCK_OK)
CONFIG = Config(
    1, START,
    points=tuple(PointRow(n, "power", n, 5, 1) for n in (*METERS, ALONE)),
    devices=(DeviceRow(GATEWAY, 1, 5, Lane.BULK, "gateway"), DeviceRow(ALONE, 1, 5, Lane.BULK, "meter"),
             *(DeviceRow(n, 1, 5, Lane.BULK, "meter", gateway=GATEWAY) for n in METERS)),
    places=(PlaceRow(1, 1, 0, "park", "a park"), PlaceRow(5, 1, 1, "unit", "a unit")),
)  # fmt: skip
CASE = Case("quality", lambda directory: (QualityGate(directory),), CONFIG, st.nothing())
TestAgesContract = contract_of(
    Case(
        "ages of readings", lambda d: (QualityGate(d),), CONFIG,
        rows([*METERS, ALONE], st.sampled_from([1.0, 2.0]), span=60 * HOUR, step=20 * MINUTE, max_size=60,
             delays=(0, 30_000, SLOW)),
        guarded=True,
    )
)  # fmt: skip


def said(*ages, meters=METERS, hours=48):
    """Return what is said of devices; each of `ages` is (meter, first hour, last, ms), of others a reading is new."""
    items = []
    for quarter in range(4 * hours):
        at = START + quarter * 15 * MINUTE
        for meter in meters:
            age = next((a(quarter) if callable(a) else a for m, first, last, a in ages
                        if m == meter and first * 4 <= quarter < last * 4), 0)  # fmt: skip
            items.append((meter, at - age, float(quarter), 0, at))
    events = run(started(CASE), records_of(items, range(0, len(items), 50))).events
    return [(e.device, (e.at - START) / HOUR, (e.status, e.reason)) for e in events if e.status is not Status.SILENT]


class TestSlowClocks:
    @pytest.mark.parametrize("meter", [11, ALONE])
    def test_told_and_cleared(self, meter):
        """A meter that is ten minutes slow from one hour to another is told within three, and cleared within two."""
        told = said((meter, 30, 40, SLOW), meters=(*METERS, ALONE))

        assert [(d, s) for d, _, s in told] == [(meter, TOLD), (meter, RIGHT)]
        assert [30 < told[0][1] <= 33, 40 < told[1][1] <= 42] == [True, True]

    @pytest.mark.parametrize(
        "ages",
        [
            pytest.param([(11, 0, 48, SLOW)], id="older from the first day on: so its gateway asks it"),
            pytest.param([(m, 30, 48, SLOW) for m in METERS], id="all behind the gateway: it gathers now"),
            pytest.param([(m, 30, 48, SLOW) for m in METERS[:2]], id="half of the others: it asks them first"),
            pytest.param([(11, 30, 48, lambda q: q % 4 * 5 * MINUTE)], id="some new, some old: gathered"),
            pytest.param([(11, 30, 31, SLOW)], id="an hour alone"),
            pytest.param([(11, 10, 48, SLOW)], id="before a day of its past is known"),
            pytest.param([(11, 30, 48, MINUTE)], id="a minute"),
        ],
    )
    def test_untold(self, ages):
        """What a gateway does, what was always so, and what is soon over, is no slow clock."""
        assert said(*ages) == []

    def test_told_once(self):
        """A clock that becomes slower still is told once, and cleared once."""
        told = said((11, 30, 35, SLOW), (11, 35, 40, 40 * MINUTE))

        assert [(d, s) for d, _, s in told] == [(11, TOLD), (11, RIGHT)]

    def test_fast_clock_is_not_its_usual(self):
        """A clock that was ahead for days and is right again is not slow."""
        told = said((11, 30, 80, -5 * MINUTE), hours=100)

        assert [(d, s) for d, _, s in told] == [(11, TOLD), (11, RIGHT)]


def test_snapshot_of_a_program_without_ages():
    """A snapshot that knows no ages is taken, and they are learned anew."""
    stages = started(CASE)
    state = stages.snapshot()
    state["quality"] = {n: c for n, c in state["quality"].items() if not n.startswith("age_")}

    stages.restore(state)

    assert np.array_equal(0, stages.snapshot()["quality"]["age_hour"])
