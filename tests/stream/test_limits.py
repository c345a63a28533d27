"""Limits: delays, dead-bands, and what decides nothing."""

from contract import MINUTE, START, Case, contract_of, rows
from hypothesis import strategies as st

from park.events import AlarmState, Reason
from park.metrics import Lane
from park.readings import Quality, batch_of
from park.records import Config, DeviceRow, LimitRow, PlaceRow, PointRow, Tick
from stream.limits import Limits
from stream.pipeline import Pipeline

HOT = LimitRow("hot", "temperature", "high", "I: a test", high=70.0, dead_band=2.0)
COLD = LimitRow("cold", "temperature", "low", "I: a test", low=0.0, on_delay=2 * MINUTE, off_delay=MINUTE)
BAND = LimitRow("band", "voltage", "low", "I: a test", high=235.4, low=198.0, dead_band=1.0, kinds=("meter",))
CONFIG = Config(
    1, START,
    points=(PointRow(1, "temperature", 1, 10, 9), PointRow(2, "voltage", 1, 10, 9), PointRow(3, "voltage", 2, 10, 9)),
    devices=(DeviceRow(1, 9, 10, Lane.BULK, "meter"), DeviceRow(2, 9, 10, Lane.BULK, "sensor")),
    places=(PlaceRow(9, 9, 0, "park", "p"),),
    limits=(HOT, COLD, BAND),
)  # fmt: skip


def run(*steps, config=CONFIG):
    """Return (rule, state, seconds, value) of what (point, value, seconds[, quality]) rows and records bring."""
    pipeline = Pipeline(lambda d: (Limits(d),))
    told = []
    pipeline.run(config, told.append)
    for step in steps:
        if isinstance(step, tuple):
            number, value, at, *quality = step
            ts = START + at * 1000
            batch = batch_of([(number, ts, float(value), int(*quality), ts)])
            pipeline.operators[0].on_batch(batch, told.append)
        else:
            pipeline.run(step, told.append)
    return [(e.rule, e.state, (e.at - START) / 1000, e.value) for e in told]


def tick(seconds):
    return Tick(START + seconds * 1000)


ON, OFF = AlarmState.ACTIVE, AlarmState.CLEARED


class TestLimits:
    def test_dead_band(self):
        """A value resting on its limit gives one alarm, not one for each crossing."""
        assert [("limit.hot", ON, 0, 71.0), ("limit.hot", OFF, 4, 67.0)] == run(
            (1, 71, 0), (1, 69, 1), (1, 71, 2), (1, 69, 3), (1, 67, 4)
        )

    def test_on_delay(self):
        """A value must stay beyond its limit for the delay; one that comes back earlier is none."""
        assert [("limit.cold", ON, 120, -2.0)] == run((1, -1, 0), (1, -2, 60), (1, -3, 130))
        assert [] == run((1, -1, 0), (1, 1, 60), (1, -1, 100), tick(180))

    def test_tick_and_reading_end_a_delay_alike(self):
        """A delay ends at its own time, whether a tick or a reading shows that it is over."""
        by_tick = run((1, -1, 0), tick(120), (1, -9, 150))
        by_reading = run((1, -1, 0), (1, -9, 150))

        assert [("limit.cold", ON, 120, -1.0)] == by_tick == by_reading

    def test_off_delay(self):
        """A value must stay inside for the delay before the condition ends."""
        assert [("limit.cold", ON, 120, -1.0), ("limit.cold", OFF, 250, 3.0)] == run(
            (1, -1, 0), tick(120), (1, 1, 130), (1, -1, 170), (1, 2, 190), (1, 3, 240), tick(300)
        )

    def test_both_sides(self):
        """A band tells which side was left."""
        assert [("limit.band", ON, 0, 240.0), ("limit.band", OFF, 1, 220.0), ("limit.band", ON, 2, 100.0)] == run(
            (2, 240, 0), (2, 220, 1), (2, 100, 2)
        )

    def test_kinds(self):
        """A rule for meters leaves other devices alone."""
        assert [] == run((3, 240, 0))

    def test_doubtful_readings_decide_nothing(self):
        """Late, retained, suspect and not finite readings neither raise a condition nor end one."""
        bad = [Quality.LATE, Quality.RETAINED, Quality.SUSPECT, Quality.OUT_OF_RANGE, Quality.STALE, Quality.TEST]

        assert [] == run(*((1, 99, n, q) for n, q in enumerate(bad)), (1, float("inf"), 9))
        assert [("limit.hot", ON, 0, 71.0)] == run((1, 71, 0), *((1, 5, 1 + n, q) for n, q in enumerate(bad)))

    def test_reason_and_limit(self):
        """An event says which limit was passed, and where it stands in the park."""
        told = []
        pipeline = Pipeline(lambda d: (Limits(d),))
        pipeline.run(CONFIG, told.append)

        pipeline.operators[0].on_batch(batch_of([(2, START, 100.0, 0, START)]), told.append)

        (e,) = told
        assert (Reason.BELOW_LIMIT, 198.0, "point:2", 9, 10, 1, 2) == (
            e.reason, e.limit, e.subject, e.park, e.place, e.device, e.point,
        )  # fmt: skip

    def test_rule_that_goes(self):
        """A table without a rule ends what the rule held, and only that."""
        cooler = LimitRow("hot", "temperature", "high", "I: a test", high=80.0)

        assert [("limit.hot", ON, 0, 71.0), ("limit.hot", OFF, 60, 71.0)] == run(
            (1, 71, 0), Config(2, START + 60_000, limits=(COLD, BAND)), (1, 99, 61)
        )
        assert [("limit.hot", ON, 0, 71.0), ("limit.hot", OFF, 61, 75.0)] == run(
            (1, 71, 0), Config(2, START + 60_000, limits=(cooler,)), (1, 75, 61)
        )


VALUES = st.sampled_from([-5.0, -1.0, 0.0, 60.0, 69.0, 70.0, 71.0, 100.0, 198.5, 220.0, 240.0])
ITEMS = rows([1, 2, 3], VALUES, span=15 * MINUTE, qualities=(Quality.GOOD, Quality.GOOD, Quality.LATE), delays=(0, 500))
TestLimitsContract = contract_of(Case("limits", lambda d: (Limits(d),), CONFIG, ITEMS))
