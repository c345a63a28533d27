"""What could hide a fire, end it unseen, or keep it from being told again."""

import numpy as np
import pytest
from test_fire import (
    BUTTON,
    CO,
    CONFIG,
    ELSEWHERE,
    GAS,
    HEAT,
    PRE,
    SECOND_CHANNEL,
    SMOKE_1,
    SMOKE_2,
    UNIT,
    Watch,
    device,
    short,
)  # fmt: skip

from park.events import AlarmState, Label, Reason
from park.metrics import LIFE_ALARMS
from park.readings import Quality, batch_of
from park.records import Batch, Config, Edge, PointRow, Refusal, Refused
from stream.pipeline import Pipeline
from stream.stages import bulk_stages, life_stages

START = CONFIG.received
RAISED = [q for q in Quality if q not in {Quality.TEST, Quality.MAINTENANCE}]


def at(*rows):
    """Return a batch of (point, ts, value, received), times in seconds."""
    return batch_of([(p, START + int(t * 1000), float(v), 0, START + int(r * 1000)) for p, t, v, r in rows])


def batch_record(*rows, refused=()):
    """Return a record of (point, ts, value, quality, received) rows."""
    none = np.zeros(0, np.int32)
    return Batch(batch_of(rows), Edge(none, none, none), refused)


def watch_batch(watch, batch):
    """Pass a batch; return what was told."""
    told = []
    watch.pipeline.operators[0].on_batch(batch, told.append)
    return told


class TestEndedUnseen:
    @pytest.mark.parametrize("value", [2, 5, 15, 255, -1, 0.5, float("inf")])
    def test_a_value_that_is_no_state(self, value):
        """Only a 0 is "normal": a number that the metric does not know ends nothing."""
        watch = Watch()
        watch.read(SMOKE_1, 1, 5)

        assert watch.read(SMOKE_1, value, 6) == []

    def test_a_reset_names_one_family(self):
        """Whoever resets the gas alarm of a place does not end the fire beside it."""
        watch = Watch()
        watch.read(SMOKE_1, 1, 5)
        (gas,) = watch.read(GAS, 1, 6)

        told = watch.reset(9, arguments={"family": gas.family, "subject": gas.subject})

        assert [(e.family, e.state) for e in told] == [("gas", AlarmState.CLEARED)]

    def test_a_reset_of_gas_hides_no_older_fire(self):
        """A smoke alarm that was on its way when the gas alarm of its place was reset is raised."""
        watch = Watch()
        (gas,) = watch.read(GAS, 1, 6)
        watch.reset(9, arguments={"family": gas.family, "subject": gas.subject})

        assert short(watch.read(SMOKE_1, 1, 8, received=10)) == [PRE]

    def test_a_reset_of_a_test_hides_no_fire(self):
        """What was raised under test and reset keeps no alarm of the device itself from being raised."""
        watch = Watch()
        watch.mode(1, "test", 1)
        (test,) = watch.read(SMOKE_1, 1, 2)
        watch.reset(9, arguments={"family": test.family, "subject": test.subject})
        watch.mode(1, "normal", 10)

        assert short(watch.read(SECOND_CHANNEL, 1, 8, received=11)) == [PRE]

    def test_a_reset_names_one_condition(self):
        """A fire that began after the one that the person saw is not ended with it."""
        watch = Watch()
        (first,) = watch.read(SMOKE_1, 1, 5)
        watch.read(SMOKE_1, 0, 6)
        watch.read(SMOKE_1, 1, 7)
        about = {"condition": first.condition_id, "family": first.family, "subject": first.subject}

        assert watch.reset(8, arguments=about) == []
        assert short(watch.read(SMOKE_2, 1, 7.5, received=9)) == [
            ("fire.confirmed", AlarmState.ACTIVE, Reason.SECOND_DEVICE)
        ]


class TestToldAgain:
    def test_another_fire_within_the_same_millisecond(self):
        """Alarm, normal, alarm of one receipt and no times of their own: two conditions, the second one stands.

        Stores know a fact by its id: with the id of the first, the second would be taken for known.
        """
        watch = Watch()

        first, over, second = watch_batch(watch, at((SMOKE_1, 5, 1, 5), (SMOKE_1, 5, 0, 5), (SMOKE_1, 5, 1, 5)))

        assert [e.state for e in (first, over, second)] == [AlarmState.ACTIVE, AlarmState.CLEARED, AlarmState.ACTIVE]
        assert first.condition_id == over.condition_id != second.condition_id
        assert len({e.id for e in (first, over, second)}) == 3

    def test_another_fire_after_a_restart(self):
        """The same, with a restart before the second."""
        watch = Watch()
        first, _ = watch_batch(watch, at((SMOKE_1, 5, 1, 5), (SMOKE_1, 5, 0, 5)))

        (second,) = watch_batch(watch.restarted(), at((SMOKE_1, 5, 1, 5)))

        assert first.condition_id != second.condition_id


class TestClocks:
    def test_a_clock_that_stands_still(self):
        """A device that always says the same time is heard again after its reset."""
        watch = Watch()
        watch.read(SMOKE_1, 1, 5)
        watch.read(SMOKE_1, 0, 5, received=60)

        assert [e.rule for e in watch.read(SMOKE_1, 1, 5, received=120)] == ["fire.pre_alarm"]

    def test_a_clock_that_stands_still_after_a_person(self):
        """The same after a person's reset, as soon as the device cannot but be heard anew."""
        watch = Watch()
        watch.read(SMOKE_1, 1, 5)
        watch.reset(10, place=UNIT)

        told = [watch.read(SMOKE_1, 1, 5, received=60 * n) for n in range(1, 9)]

        assert [e.rule for some in told for e in some] == ["fire.pre_alarm"]

    def test_a_device_never_heard_before(self):
        """The first word of a device with a slow clock, just after a reset of its place, is an alarm."""
        watch = Watch()
        watch.read(SMOKE_1, 1, 5)
        watch.reset(100, place=UNIT)

        assert [e.device for e in watch.read(SMOKE_2, 1, 60, received=101)] == [2]

    def test_a_late_word_of_a_device_never_heard_before(self):
        """A device that says itself that its alarm is of before the reset is believed."""
        watch = Watch()
        watch.read(SMOKE_1, 1, 5)
        watch.reset(100, place=UNIT)

        assert watch.read(SMOKE_2, 1, 60, Quality.LATE, received=101) == []

    @pytest.mark.parametrize("by_device", [True, False])
    def test_a_clock_that_is_set_back_an_hour(self, by_device):
        """The first word after a silence is believed, also where its time lies before a reset of before the silence."""
        watch = Watch()
        watch.read(SMOKE_1, 1, 4_000)
        if by_device:
            watch.read(SMOKE_1, 0, 4_060)
        else:
            watch.reset(4_060, place=UNIT)

        assert [e.rule for e in watch.read(SMOKE_1, 1, 1_000, received=4_600)] == ["fire.pre_alarm"]

    @pytest.mark.parametrize("by_device", [True, False])
    def test_a_clock_ahead_that_is_put_right(self, by_device):
        """An alarm after a reset is raised where the device's clock, ten minutes ahead, was corrected in between."""
        watch = Watch()
        watch.read(SMOKE_1, 1, 605, received=5)
        if by_device:
            watch.read(SMOKE_1, 0, 660, received=60)
        else:
            watch.reset(60, place=UNIT)

        assert [e.rule for e in watch.read(SMOKE_1, 1, 120, received=120)] == ["fire.pre_alarm"]


class TestEveryGateOfEveryPipeline:
    """Life safety passes every gate: each metric, in each lane, whatever its quality."""

    @pytest.mark.parametrize("stages", [life_stages, bulk_stages])
    @pytest.mark.parametrize("quality", RAISED)
    @pytest.mark.parametrize("metric", sorted(LIFE_ALARMS))
    def test_raised(self, metric, quality, stages):
        """An alarm state is raised at receipt, labelled unless its quality is fit for the present."""
        pipeline = Pipeline(stages)
        told = []
        pipeline.run(Config(1, START, (PointRow(1, metric, 1, UNIT, 1),), (device(1),), CONFIG.places), told.append)
        pipeline.run(batch_record((1, START, 1.0, int(quality), START + 1_000)), told.append)

        (event,) = [e for e in told if getattr(e, "family", "") in {"fire", "gas"}]

        assert (event.state, event.at, event.subject) == (AlarmState.ACTIVE, START + 1_000, f"place:{UNIT}")
        assert bool(event.labels) == (quality >= Quality.LATE)

    @pytest.mark.parametrize("stages", [life_stages, bulk_stages])
    @pytest.mark.parametrize("metric", sorted(LIFE_ALARMS))
    def test_unclaimed(self, metric, stages):
        """An alarm of a stranger is raised in whichever lane it is heard."""
        pipeline = Pipeline(stages)
        told = []
        refused = Refused(Refusal.UNKNOWN_DEVICE, "t", b"", 0, START, "z2m:x", readings=1, alarm=metric)
        pipeline.run(batch_record(refused=(refused,)), told.append)

        assert [(e.subject, e.labels) for e in told] == [("unclaimed:z2m:x", (Label.UNCLAIMED,))]

    @pytest.mark.parametrize("quality", [q for q in Quality if q >= Quality.LATE])
    @pytest.mark.parametrize("number", [SMOKE_1, BUTTON, GAS, CO, ELSEWHERE, SECOND_CHANNEL])
    def test_only_a_live_normal_is_a_reset(self, number, quality):
        """A "normal" that is retained, late, suspect or of a wrong clock ends nothing."""
        watch = Watch()
        watch.read(number, 1, 5)

        assert watch.read(number, 0, 6, quality) == []

    def test_heat_of_a_wrong_clock(self):
        """Values of a device with a wrong clock are looked at like any other."""
        watch = Watch()
        told = [watch.read(HEAT, 90, n, Quality.WRONG_CLOCK) for n in range(3)]

        assert [e.rule for some in told for e in some] == ["fire.pre_alarm"]


class TestClocksSetBackUnseen:
    """A clock that is set back while its device is heard: an alarm that is told once is told."""

    @pytest.mark.parametrize("by_device", [True, False])
    @pytest.mark.parametrize("back", [1, 59, 3_600])
    def test_within_minutes_of_its_last_word(self, back, by_device):
        """An alarm after a reset is raised though its time lies before the reset, and before what was said last."""
        watch = Watch()
        watch.read(SMOKE_1, 1, 4_000)
        if by_device:
            watch.read(SMOKE_1, 0, 4_060)
        else:
            watch.reset(4_060, place=UNIT)
            watch.read(SMOKE_1, 0, 4_070)
        watch = watch.restarted()

        told = watch.read(SMOKE_1, 1, 4_060 - back, received=4_090)

        assert [e.rule for e in told] == ["fire.pre_alarm"]

    def test_little_by_little(self):
        """So it is where the clock, set back by less than the silence before, says a time after its last word."""
        watch = Watch()
        watch.read(SMOKE_1, 0, 1_000)
        watch.read(SMOKE_2, 1, 1_090)
        watch.reset(1_100, place=UNIT)

        assert [e.device for e in watch.read(SMOKE_1, 1, 1_090, received=1_290)] == [1]

    def test_all_that_was_in_flight(self):
        """Alarms that come once more in a row, after their device's reset and beyond a restart, stay ended."""
        watch = Watch()
        for at in (5, 6, 7):
            watch.read(SMOKE_1, 1, at)
        watch.read(SMOKE_1, 0, 8)
        watch = watch.restarted()

        assert [watch.read(SMOKE_1, 1, at, received=9) for at in (5, 6, 7)] == [[], [], []]

    def test_heat_after_a_sign_that_was_reset(self):
        """Late values of before a person's reset do not keep the point, still hot, from being an alarm."""
        watch = Watch()
        watch.read(HEAT, 60, 1)
        watch.read(HEAT, 60, 8)
        watch.reset(9, place=UNIT)
        covered = [watch.read(HEAT, 60, at, Quality.LATE, received=9.5) for at in (8.2, 8.4)]

        told = [e for at in (19, 29) for e in watch.read(HEAT, 61, at)]

        assert covered == [[], []]
        assert [e.rule for e in told] == ["fire.pre_alarm"]


LATE, RETAINED = Quality.LATE, Quality.RETAINED
LABEL = {LATE: (Label.LATE,), RETAINED: (Label.RETAINED,), Quality.GOOD: ()}


class TestValuesThatAreNotThePresent:
    """A level that is passed is evidence, however it comes; what a newer value has overtaken is history."""

    @pytest.mark.parametrize(
        ("before", "values", "quality", "raised"),
        [
            ([21], [(10, 80), (20, 85)], LATE, [20]),  # back-filled after the last word
            ([21], [(10, 80), (20, 85), (30, 90)], LATE, [20]),  # told once
            ([], [(10, 80), (20, 85)], LATE, [20]),
            ([21], [(10, 80)], LATE, []),  # one absurd value is no fire
            ([21], [(10, 80), (20, 21), (30, 80)], LATE, []),
            ([21], [(10, 50), (20, 55)], LATE, []),  # below the level: nothing rises from the past
            ([80], [(10, 80)], LATE, [10]),  # the second in a row
            ([21], [(-20, 80), (-10, 85)], LATE, []),  # overtaken by what was seen since
            ([21], [(20, 80), (10, 85)], LATE, []),
            ([21], [(10, 80)], RETAINED, [10]),  # the broker remembers one
            ([], [(10, 80)], RETAINED, [10]),
            ([21], [(-10, 80)], RETAINED, []),
            ([21], [(10, 5000)], RETAINED, []),  # beyond what the metric can be: a fault
            ([21], [(-20, 80), (-10, 85)], Quality.GOOD, [-10]),  # a clock that was set back
            ([21], [(-20, 80), (-20, 80)], Quality.GOOD, []),  # the same one twice
            ([21], [(-20, 80)], Quality.GOOD, []),
        ],
    )
    @pytest.mark.parametrize("restarts", [False, True])
    def test_told_once_or_not_at_all(self, before, values, quality, raised, restarts):
        """Heat above its level is told with its label, and latched, unless a newer value is known."""
        watch = Watch()
        for value in before:
            watch.read(HEAT, value, 0)
        told = []
        for nth, (ts, value) in enumerate(values):
            watch = watch.restarted() if restarts else watch
            told += watch.read(HEAT, value, ts, quality, received=100 + nth)

        assert [(e.rule, e.ts, e.labels, e.limit) for e in told] == [
            ("fire.pre_alarm", START + ts * 1_000, LABEL[quality], 57.0) for ts in raised
        ]

    def test_latched_by_what_comes_then(self):
        """Live values that are calm latch it; a person ends it, and the broker's copy raises it no second time."""
        watch = Watch()
        watch.read(HEAT, 21, 0)
        watch.read(HEAT, 80, 100, RETAINED)
        calm = [e.state for at in (110, 120) for e in watch.read(HEAT, 22, at)]
        over = [e.state for e in watch.reset(130, place=UNIT)]

        assert (calm, over) == ([AlarmState.LATCHED], [AlarmState.CLEARED])
        assert watch.read(HEAT, 80, 200, RETAINED) == []

    def test_still_hot_live(self):
        """Live values that go on where the back-filled ones ended are the same alarm."""
        watch = Watch()
        told = [e for at in (10, 20) for e in watch.read(HEAT, 80, at, LATE, received=100 + at)]
        told += [e for at in (130, 140) for e in watch.read(HEAT, 85, at)]

        assert [e.labels for e in told] == [(Label.LATE,)]

    def test_of_before_a_reset(self):
        """What is late and of before a person's reset is ended with it."""
        watch = Watch()
        watch.read(HEAT, 21, 0)
        watch.reset(50, place=UNIT)

        assert [watch.read(HEAT, 80, at, LATE, received=60 + at) for at in (10, 20, 30)] == [[], [], []]


class TestWithinABatch:
    """What is reset by one row of a batch, or of before a reset, hides nothing that comes behind it."""

    def test_late_values_of_before_and_after_a_reset(self):
        """Late values of before a reset are passed over; those of after it, in the same batch, are an alarm."""
        watch = Watch()
        watch.reset(50, place=UNIT)
        rows = [(HEAT, START + at * 1_000, 80.0, LATE, START + 200_000) for at in (20, 30, 60, 70, 80)]

        told = watch.do(batch_record(*rows))

        assert [("fire.pre_alarm", START + 70_000)] == [(e.rule, e.ts) for e in told]

    @pytest.mark.parametrize("cut", [False, True])
    def test_values_behind_a_reset(self, cut):
        """Heat that goes on behind its device's own reset is a new alarm, in one batch as one by one."""
        watch = Watch()
        watch.do(Config(2, START, (PointRow(20, "smoke", 5, UNIT, 1),)))
        rows = [(20, 1, 1), (HEAT, 80, 2), (HEAT, 80, 3), (20, 0, 4), (HEAT, 80, 5), (HEAT, 80, 6)]
        rows = [(p, START + at * 1_000, float(v), 0, START + at * 1_000) for p, v, at in rows]

        told = [e for some in ([[r] for r in rows] if cut else [rows]) for e in watch.do(batch_record(*some))]

        assert [(1, AlarmState.ACTIVE), (4, AlarmState.CLEARED), (6, AlarmState.ACTIVE)] == [
            ((e.at - START) // 1_000, e.state) for e in told
        ]


class TestAboveTheScale:
    @pytest.mark.parametrize(("metric", "value"), [("gas_level", 105), ("gas_level", 200), ("smoke_obscuration", 101)])
    def test_an_overloaded_cell(self, metric, value):
        """What is above the end of its scale is more of the same: an alarm, that says it is in doubt."""
        watch = Watch()
        watch.do(Config(2, START, (PointRow(20, metric, 4, UNIT, 1),)))

        told = [e for at in (0, 10) for e in watch.read(20, value, at)]

        assert [(AlarmState.ACTIVE, value, (Label.SUSPECT,))] == [(e.state, e.value, e.labels) for e in told]

    @pytest.mark.parametrize(("metric", "value"), [("gas_level", 201), ("smoke_obscuration", 65_535), ("co", 1e6)])
    def test_a_broken_wire(self, metric, value):
        """What is far above is a fault, and told as such: `stream.unreadable`."""
        watch = Watch()
        watch.do(Config(2, START, (PointRow(20, metric, 4, UNIT, 1),)))

        assert [] == [e for at in (0, 10) for e in watch.read(20, value, at)]
