"""Fire and gas: raised at receipt, latched, one alarm a place."""

from contract import MINUTE, START, Case, contract_of, rows
from hypothesis import strategies as st

from park.events import AlarmState, Label, Reason, Severity
from park.metrics import Lane
from park.readings import Quality, batch_of
from park.records import Command, Config, DeviceRow, PlaceRow, PointRow, Refusal, Refused, Tick, Verb
from stream.fire import Fire
from stream.pipeline import Pipeline
from stream.rules import parse, shipped

UNIT = 10
SMOKE_1, SMOKE_2, BUTTON, GAS, HEAT, CO, OBSCURED, ELSEWHERE, SECOND_CHANNEL = range(1, 10)


def point(number, metric, device, place=UNIT):
    return PointRow(number, metric, device, place, 1)


def device(number, kind="smoke_detector", place=UNIT, lane=Lane.LIFE, mode="normal"):
    return DeviceRow(number, 1, place, lane, kind, mode=mode)


CONFIG = Config(
    1, START,
    points=(
        point(SMOKE_1, "smoke", 1), point(SMOKE_2, "smoke", 2), point(BUTTON, "call_point", 3),
        point(GAS, "gas", 4), point(HEAT, "temperature", 5), point(CO, "co_alarm", 6),
        point(OBSCURED, "smoke_obscuration", 7), point(ELSEWHERE, "smoke", 8, 11), point(SECOND_CHANNEL, "heat", 1),
    ),
    devices=(*(device(n) for n in range(1, 8)), device(8, place=11)),
    places=(PlaceRow(1, 1, 0, "park", "p"), PlaceRow(UNIT, 1, 1, "unit", "u"), PlaceRow(11, 1, 1, "unit", "v")),
    limits=parse(shipped()),
)  # fmt: skip


class Watch:
    """A fire stage, with a hand to throw things at it."""

    def __init__(self):
        self.pipeline = Pipeline(lambda d: (Fire(d),))
        self.told = []
        self.do(CONFIG)

    def do(self, record):
        """Pass a record; return what was told."""
        self.told = []
        self.pipeline.run(record, self.told.append)
        return self.told

    def read(self, number, value, at, quality=Quality.GOOD, received=None):
        """Pass one reading at `at` seconds; return what was told."""
        ts = START + int(at * 1000)
        received = ts if received is None else START + int(received * 1000)
        self.told = []
        stage = self.pipeline.operators[0]
        stage.on_batch(batch_of([(number, ts, float(value), int(quality), received)]), self.told.append)
        return self.told

    def reset(self, at, actor="Officer Lin", **whom):
        """Pass a person's reset."""
        return self.do(Command(Verb.RESET, START + int(at * 1000), actor, reason="seen on site", **whom))

    def mode(self, device, mode, at):
        """Pass a device's way into or out of test."""
        return self.do(Command(Verb.MODE, START + int(at * 1000), "Lin", device=device, arguments={"mode": mode}))

    def restarted(self):
        """Return a watch that was restored from this one's snapshot."""
        other = Watch()
        other.pipeline.restore(self.pipeline.snapshot())
        return other


def short(events):
    """Return rule, state and reason of events."""
    return [(e.rule, e.state, e.reason) for e in events]


PRE = ("fire.pre_alarm", AlarmState.ACTIVE, Reason.DETECTOR_ALARM)
CONFIRMED = ("fire.confirmed", AlarmState.ACTIVE, Reason.SECOND_DEVICE)
OVER = ("fire.pre_alarm", AlarmState.CLEARED, Reason.DEVICE_RESET)


class TestLadder:
    def test_one_detector_is_a_pre_alarm(self):
        """One detector raises a pre-alarm at once, at the time of its reading."""
        (event,) = Watch().read(SMOKE_1, 1, 5)

        assert short([event])[0] == PRE
        assert (
            event.severity, event.subject, event.since, event.park, event.place, event.device, event.point,
            event.value, event.labels,
        ) == (Severity.HIGH, "place:10", START + 5000, 1, 10, 1, SMOKE_1, 1.0, ())  # fmt: skip

    def test_second_device_confirms(self):
        """A second device of the place confirms the same alarm: one id, critical."""
        watch = Watch()

        (first,) = watch.read(SMOKE_1, 1, 5)
        (second,) = watch.read(SMOKE_2, 1, 9)

        assert short([second])[0] == CONFIRMED
        assert (first.condition_id, Severity.CRITICAL) == (second.condition_id, second.severity)

    def test_call_point_confirms(self):
        """A call point beside a detector confirms, and says that it was a call point."""
        watch = Watch()
        watch.read(SMOKE_1, 1, 5)

        assert short(watch.read(BUTTON, 1, 9)) == [("fire.confirmed", AlarmState.ACTIVE, Reason.CALL_POINT)]

    def test_same_device_does_not_confirm(self):
        """The same device again, or another channel of it, is not independent and not news."""
        watch = Watch()
        watch.read(SMOKE_1, 1, 5)

        assert watch.read(SMOKE_1, 1, 9) == []
        assert watch.read(SECOND_CHANNEL, 1, 10) == []

    def test_other_place_is_another_fire(self):
        """A detector elsewhere raises its own alarm."""
        watch = Watch()
        watch.read(SMOKE_1, 1, 5)

        (event,) = watch.read(ELSEWHERE, 1, 6)

        assert (event.subject, event.rule) == ("place:11", "fire.pre_alarm")

    def test_further_device_is_told(self):
        """A third device is told, so that it pages again."""
        watch = Watch()
        for number, at in ((SMOKE_1, 1), (SMOKE_2, 2)):
            watch.read(number, 1, at)

        assert short(watch.read(BUTTON, 1, 3)) == [("fire.confirmed", AlarmState.ACTIVE, Reason.CALL_POINT)]

    def test_gas_has_a_family_of_its_own(self):
        """Gas beside a fire is a condition of its own, and confirms no fire."""
        watch = Watch()
        watch.read(SMOKE_1, 1, 1)

        (event,) = watch.read(GAS, 1, 2)

        assert (event.family, event.rule) == ("gas", "gas.pre_alarm")

    def test_co_confirms_a_fire(self):
        """CO joins a fire of its place; where it came first, the fire begins confirmed."""
        after, before = Watch(), Watch()
        after.read(SMOKE_1, 1, 1)
        before.read(CO, 1, 1)

        assert short(after.read(CO, 1, 2)) == [CONFIRMED]
        assert short(before.read(SMOKE_1, 1, 2)) == [PRE, CONFIRMED]


class TestEveryGate:
    """What holds ordinary alarms back does not hold back these."""

    def test_quality_is_a_label(self):
        """A late, retained, wrongly clocked or suspect alarm is raised, and says so."""
        cases = {
            Quality.LATE: (Label.LATE,),
            Quality.RETAINED: (Label.RETAINED,),
            Quality.WRONG_CLOCK: (Label.WRONG_CLOCK,),
            Quality.SUSPECT: (Label.SUSPECT,),
            Quality.OUT_OF_RANGE: (Label.SUSPECT,),
            Quality.STALE: (Label.SUSPECT,),
        }

        told = {q: [(e.rule, e.labels) for e in Watch().read(SMOKE_1, 1, 5, q)] for q in cases}

        assert {q: [("fire.pre_alarm", labels)] for q, labels in cases.items()} == told

    def test_late_by_its_time(self):
        """An alarm that was long on its way is raised and called late, flagged as such or not."""
        (event,) = Watch().read(SMOKE_1, 1, 0, received=900)

        assert (event.labels, event.at) == ((Label.LATE,), START + 900_000)

    def test_late_alarm_behind_a_heartbeat(self):
        """A late alarm is raised although the device has said "normal" since: that was no reset of it."""
        watch = Watch()
        watch.read(SMOKE_1, 0, 60)

        assert short(watch.read(SMOKE_1, 1, 30, Quality.LATE, received=70)) == [PRE]

    def test_unclaimed(self):
        """An alarm of a device that nobody has registered is raised once, under its key."""
        watch = Watch()
        stage = watch.pipeline.operators[0]
        message = Refused(
            Refusal.UNKNOWN_DEVICE, "zigbee2mqtt/kitchen", b"{}", 2, START, "z2m:kitchen", readings=1, alarm="smoke"
        )
        told = []

        stage.on_refused((message, message), told.append)

        assert [(e.rule, e.subject, e.labels) for e in told] == [
            ("fire.pre_alarm", "unclaimed:z2m:kitchen", (Label.UNCLAIMED,))
        ]
        cleared = watch.reset(9, arguments={"subject": "unclaimed:z2m:kitchen"})
        assert [e.state for e in cleared] == [AlarmState.CLEARED]

    def test_unclaimed_are_bounded(self):
        """However many unknown devices cry fire, the memory for them is bounded and none goes unheard."""
        watch = Watch()
        stage = watch.pipeline.operators[0]
        messages = tuple(
            Refused(Refusal.UNKNOWN_DEVICE, "t", b"", 0, START, f"native:x/-/{n}", alarm="smoke") for n in range(1_200)
        )
        told = []

        stage.on_refused(messages, told.append)

        assert (len(told), told[-1].subject) == (1_001, "unclaimed:*")

    def test_bulk_readings_pass_untouched(self):
        """Readings that tell of no fire go on as they came."""
        watch = Watch()
        batch = batch_of([(500, START, 1.0, 0, START)])

        assert batch is watch.pipeline.operators[0].on_batch(batch, watch.told.append)


class TestLatch:
    def test_only_a_real_reset_clears(self):
        """Retained and late normals, ticks and a restart clear nothing; a live normal does."""
        watch = Watch()
        watch.read(SMOKE_1, 1, 5)

        assert watch.read(SMOKE_1, 0, 6, Quality.RETAINED) == []
        assert watch.read(SMOKE_1, 0, 7, Quality.LATE) == []
        assert watch.read(SMOKE_1, 0, 8, Quality.WRONG_CLOCK) == []
        assert watch.read(SMOKE_1, 0, 4) == []
        assert watch.read(SMOKE_1, float("nan"), 9) == []
        assert watch.do(Tick(START + 60 * MINUTE)) == []
        assert short(watch.restarted().read(SMOKE_1, 0, 10)) == [OVER]

    def test_every_device_must_be_reset(self):
        """A fire that two devices hold up ends when both are reset."""
        watch = Watch()
        watch.read(SMOKE_1, 1, 5)
        watch.read(SMOKE_2, 1, 6)

        assert watch.read(SMOKE_1, 0, 7) == []
        assert short(watch.read(SMOKE_2, 0, 8)) == [("fire.confirmed", AlarmState.CLEARED, Reason.DEVICE_RESET)]

    def test_reactivation_is_told(self):
        """A device that alarms again after its reset is told anew while the fire stands."""
        watch = Watch()
        watch.read(SMOKE_1, 1, 5)
        watch.read(SMOKE_2, 1, 6)
        watch.read(SMOKE_1, 0, 7)

        (event,) = watch.read(SMOKE_1, 1, 8)

        assert (event.rule, event.device) == ("fire.confirmed", 1)

    def test_person_reset(self):
        """A named person ends it; what is older stays ended, what is newer is a new alarm."""
        watch = Watch()
        watch.read(SMOKE_1, 1, 5)

        assert watch.reset(9, actor=" ", place=UNIT) == []
        assert short(watch.reset(10, place=UNIT)) == [("fire.pre_alarm", AlarmState.CLEARED, Reason.PERSON_RESET)]
        assert watch.read(SMOKE_1, 1, 5, received=11) == []
        assert watch.read(SMOKE_1, 1, 8, Quality.LATE, received=12) == []
        assert short(watch.read(SMOKE_1, 1, 13)) == [PRE]

    def test_reset_of_a_device(self):
        """A reset that names a device ends what that device holds up, and no more."""
        watch = Watch()
        watch.read(SMOKE_1, 1, 5)
        watch.read(SMOKE_2, 1, 6)

        assert watch.reset(7, device=1) == []
        assert [e.state for e in watch.reset(8, device=2)] == [AlarmState.CLEARED]

    def test_reset_of_a_park_reaches_its_units(self):
        """A reset that names a place ends what stands anywhere within it."""
        watch = Watch()
        watch.read(SMOKE_1, 1, 5)
        watch.read(ELSEWHERE, 1, 6)

        assert {"place:10", "place:11"} == {e.subject for e in watch.reset(7, place=1)}

    def test_redelivery_after_a_device_reset(self):
        """An alarm that comes once more after its device was reset stays ended."""
        watch = Watch()
        watch.read(SMOKE_1, 1, 5)
        watch.read(SMOKE_1, 0, 6)

        assert watch.read(SMOKE_1, 1, 5, received=7) == []

    def test_slow_clock_after_a_reset(self):
        """A new alarm of a device whose clock is ten minutes slow is not taken for one before the reset."""
        watch = Watch()
        watch.read(SMOKE_1, 0, 0, received=600)
        watch.read(SMOKE_1, 1, 60, received=660)
        watch.reset(700, place=UNIT)

        assert [e.rule for e in watch.read(SMOKE_1, 1, 110, received=710)] == ["fire.pre_alarm"]


class TestModes:
    def test_test_mode_is_kept_apart(self):
        """A device under test, by its mode or its reading's quality, raises no fire."""
        watch = Watch()
        watch.mode(1, "test", 1)

        (mode,) = watch.read(SMOKE_1, 1, 2)
        (quality,) = watch.read(SMOKE_2, 1, 3, Quality.TEST)

        assert [(e.family, e.rule, e.severity, e.labels) for e in (mode, quality)] == [
            ("test", "test.alarm", Severity.LOW, (Label.TEST,))
        ] * 2

    def test_alarm_that_outlives_its_test(self):
        """When the test ends and the device still alarms, it is an alarm."""
        watch = Watch()
        watch.mode(1, "test", 1)
        watch.read(SMOKE_1, 1, 2)

        assert [e.state for e in watch.mode(1, "normal", 3)] == [AlarmState.CLEARED, AlarmState.ACTIVE]
        assert watch.told[1].rule == "fire.pre_alarm"

    def test_test_mode_hides_no_standing_fire(self):
        """A fire that stands goes on standing when its device is put under test."""
        watch = Watch()
        watch.read(SMOKE_1, 1, 1)

        assert watch.mode(1, "test", 2) == []
        assert short(watch.read(SMOKE_1, 0, 3)) == [OVER]


class TestValues:
    """Signs of fire in values."""

    def feed(self, number, values, step=5):
        """Feed values at a pace; return the watch and what was told."""
        watch = Watch()
        return watch, [e for n, v in enumerate(values) for e in watch.read(number, v, n * step)]

    def test_heat(self):
        """Heat at the level of a heat detector is a pre-alarm after two readings."""
        _, told = self.feed(HEAT, [50, 56, 58, 58], step=600)

        assert [(e.rule, e.reason, e.limit) for e in told] == [("fire.pre_alarm", Reason.ABOVE_LIMIT, 57.0)]

    def test_fast_rise(self):
        """A fast rise is a pre-alarm before the level is reached; a slow one of the same height is none."""
        values = [22, 24, 27, 31, 37, 43, 48]

        assert [e.reason for e in self.feed(HEAT, values, step=10)[1]] == [Reason.RATE_OF_RISE]
        assert self.feed(HEAT, values, step=1200)[1] == []

    def test_spike(self):
        """A single absurd value is no fire."""
        assert self.feed(HEAT, [22, 22, 300, 22, 22])[1] == []
        assert self.feed(HEAT, [22, 5000, 5000, 22])[1] == []

    def test_latched_when_values_are_back(self):
        """Values that come back leave the alarm latched; only a person ends it."""
        watch, told = self.feed(OBSCURED, [0, 8, 9, 1, 1])

        assert [e.state for e in told] == [AlarmState.ACTIVE, AlarmState.LATCHED]
        assert [e.state for e in watch.reset(100, place=UNIT)] == [AlarmState.CLEARED]

    def test_still_hot_after_a_reset(self):
        """Values that still stand above the level after a person's reset raise a new alarm."""
        watch, _ = self.feed(HEAT, [60, 60, 60])
        watch.reset(20, place=UNIT)

        told = [e for at in (25, 30) for e in watch.read(HEAT, 61, at)]

        assert [(e.rule, e.state) for e in told] == [("fire.pre_alarm", AlarmState.ACTIVE)]

    def test_values_confirm_a_detector(self):
        """Values of one device confirm the alarm of another."""
        watch, _ = self.feed(HEAT, [60, 60])

        assert short(watch.read(SMOKE_1, 1, 11)) == [CONFIRMED]


commands = st.builds(
    lambda at, place, device: Command(Verb.RESET, START + at * 1000, "Lin", device, place),
    st.integers(0, 1800), st.sampled_from([0, UNIT]), st.sampled_from([0, 1, 5]),
)  # fmt: skip
unknown = st.builds(
    lambda at, key: Refused(Refusal.UNKNOWN_DEVICE, "t", b"", 0, START + at * 1000, key, alarm="smoke"),
    st.integers(0, 1800), st.sampled_from(["a:b", "c:d"]),
)  # fmt: skip
everything = st.builds(
    lambda *lists: [item for items in lists for item in items],
    rows([SMOKE_1, SMOKE_2, BUTTON, GAS, CO, ELSEWHERE, SECOND_CHANNEL], st.sampled_from([0.0, 1.0]),
         span=30 * MINUTE, qualities=(Quality.GOOD, Quality.LATE, Quality.RETAINED, Quality.WRONG_CLOCK, Quality.TEST)),
    rows([HEAT, OBSCURED], st.sampled_from([0.0, 20.0, 40.0, 60.0, 80.0, 1e300]), span=30 * MINUTE,
         qualities=(Quality.GOOD, Quality.LATE, Quality.RETAINED)),
    st.lists(commands, max_size=3),
    st.lists(unknown, max_size=2),
)  # fmt: skip
TestFireContract = contract_of(Case("fire", lambda d: (Fire(d),), CONFIG, everything))
