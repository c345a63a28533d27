"""Weak signs: small rises of two kinds in one place, and what one of them does beside an alarm."""

from math import isfinite

import numpy as np
import pytest
from contract import MINUTE, START, Case, contract_of, rows
from hypothesis import strategies as st
from test_fire import UNIT, device, point, short

from park.events import AlarmState, Label, Reason
from park.readings import Quality, batch_of
from park.records import Command, Config, PlaceRow, Verb
from stream.detectors.signs import Signs
from stream.fire import Fire
from stream.pipeline import Pipeline
from stream.rules import parse, shipped

HEAT, SMOKE, CO, STATE, FAR, BOTH_HEAT, BOTH_SMOKE, SECOND_SMOKE, GAS, BUTTON = range(1, 11)
CONFIG = Config(
    1, START,
    points=(
        point(HEAT, "temperature", 1), point(SMOKE, "smoke_obscuration", 2), point(CO, "co", 3),
        point(STATE, "smoke", 4),
        point(FAR, "smoke_obscuration", 5, 11), point(BOTH_HEAT, "temperature", 6),
        point(BOTH_SMOKE, "smoke_obscuration", 6), point(SECOND_SMOKE, "smoke_obscuration", 7),
        point(GAS, "gas_level", 8), point(BUTTON, "call_point", 9),
    ),
    devices=(*(device(n) for n in range(1, 10) if n != 5), device(5, place=11)),
    places=(PlaceRow(1, 1, 0, "park", "p"), PlaceRow(UNIT, 1, 1, "unit", "u"), PlaceRow(11, 1, 1, "unit", "v")),
    limits=parse(shipped()),
)  # fmt: skip
CALM = {HEAT: 20.0, SMOKE: 0.0, CO: 2.0, FAR: 0.0, BOTH_HEAT: 20.0, BOTH_SMOKE: 0.0, SECOND_SMOKE: 0.0, GAS: 0.0}
RISEN = {HEAT: 25.0, SMOKE: 2.0, CO: 55.0, FAR: 2.0, BOTH_HEAT: 25.0, BOTH_SMOKE: 2.0, SECOND_SMOKE: 2.0, GAS: 6.0}
JOINT = ("fire.pre_alarm", AlarmState.ACTIVE, Reason.JOINT_RISE)
ALARM = ("fire.pre_alarm", AlarmState.ACTIVE, Reason.DETECTOR_ALARM)
SECOND = ("fire.confirmed", AlarmState.ACTIVE, Reason.SECOND_DEVICE)


class Room:
    """A room whose sensors have been calm for sixty readings, one every ten seconds."""

    def __init__(self, step=10_000):
        self.step = step  # ms between readings
        self.pipeline = Pipeline(lambda d: (Fire(d),))
        self.told = []
        self.pipeline.run(CONFIG, self.told.append)
        self.now = 0
        for _ in range(60):
            self.says()

    def says(self, quality=Quality.GOOD, times=1, **named):
        """Let all sensors speak, some of them (`p1=25.0`) otherwise than calm, or not (None); return what was told."""
        self.told = []
        values = CALM | {int(name[1:]): value for name, value in named.items()}
        values = {p: v for p, v in values.items() if v is not None}
        for _ in range(times):
            self.now += self.step
            at = START + self.now
            batch = batch_of([(p, at, float(v), int(quality), at) for p, v in values.items()])
            self.pipeline.operators[0].on_batch(batch, self.told.append)
        return self.told

    def risen(self, *points, times=3, quality=Quality.GOOD):
        """Let some points rise by what is weak; return what was told."""
        return self.says(quality, times, **{f"p{p}": RISEN.get(p, 1.0) for p in points})

    def do(self, verb, actor="Lin", **about):
        """Pass a command; return what was told."""
        self.told = []
        self.pipeline.run(Command(verb, START + self.now, actor, reason="r", **about), self.told.append)
        return self.told


# what rises by little -> what is told
TOGETHER = {
    "heat": ((HEAT,), []),
    "smoke": ((SMOKE,), []),
    "CO": ((CO,), []),
    "two smoke meters": ((SMOKE, SECOND_SMOKE), []),
    "heat and smoke elsewhere": ((HEAT, FAR), []),
    "heat and a gas leak": ((HEAT, GAS), []),
    "heat and smoke": ((HEAT, SMOKE), [JOINT]),
    "heat and CO": ((HEAT, CO), [JOINT]),
    "smoke and CO": ((SMOKE, CO), [JOINT]),
    "all three": ((HEAT, SMOKE, CO), [JOINT]),
    "heat and smoke of one device": ((BOTH_HEAT, BOTH_SMOKE), [JOINT]),
    "smoke of a detector that says alarm": ((STATE, SMOKE), [ALARM]),
}  # fmt: skip


class TestTogether:
    @pytest.mark.parametrize(("points", "told"), TOGETHER.values(), ids=TOGETHER)
    def test_weak(self, points, told):
        """Two kinds in one place are a pre-alarm; one kind, twice or not, and gas are none."""
        assert told == short(Room().risen(*points, times=6))

    @pytest.mark.parametrize(
        ("step", "points", "told"),
        [
            pytest.param(10_000, (HEAT, SMOKE), [JOINT], id="two kinds"),
            pytest.param(15_000, (HEAT, SMOKE), [JOINT], id="a quarter of a minute apart"),
            pytest.param(10_000, (HEAT,), [], id="one kind"),
            pytest.param(10_000, (SMOKE, SECOND_SMOKE), [], id="one kind twice"),
            pytest.param(10_000, (BOTH_HEAT, BOTH_SMOKE), [], id="two kinds of one device: one wild message"),
            pytest.param(2_000, (HEAT, SMOKE), [], id="the second reading comes soon"),
        ],
    )
    def test_by_one_reading(self, step, points, told):
        """Of devices that speak seldom one reading of each of two kinds is enough."""
        assert told == short(Room(step).risen(*points, times=1))

    def test_one_reading_confirms_nothing(self):
        """What one reading shows is no confirmation of an alarm, before it or after; the second one is."""
        after, before = Room(), Room()
        after.risen(STATE)
        before.risen(HEAT, times=1)

        assert ([], [SECOND]) == (after.risen(HEAT, times=1), short(after.risen(HEAT, times=1)))
        assert [ALARM] == short(before.says(times=1, p4=1.0))

    def test_the_second_reading_confirms(self):
        """What one reading began beside a CO alarm is confirmed by the next one, and so by a sign that becomes full."""
        gas, smoke = Room(), Room()
        gas.says(times=3, p3=400.0)
        smoke.risen(HEAT, SMOKE, times=1)

        assert [[JOINT], [SECOND]] == [short(gas.says(p1=25.0, p3=400.0)) for _ in range(2)]
        assert [[], [SECOND]] == [short(smoke.says(p1=25.0, p2=9.0)) for _ in range(2)]

    def test_a_single_reading_confirms_no_full_sign(self):
        """What one reading showed long ago is no second signal of smoke that has become an alarm."""
        room = Room()
        room.risen(HEAT, SMOKE, times=1)

        assert {"fire.pre_alarm"} == {e.rule for e in room.says(times=12, p2=9.0)}

    def test_one_reading_is_latched(self):
        """A fire that one reading of each kind began stands when the values are back, below what they had passed."""
        room = Room()
        room.risen(HEAT, SMOKE, times=1)

        assert [(AlarmState.LATCHED, True)] == [(e.state, isfinite(e.limit)) for e in room.says(times=3)]

    def test_not_at_once(self):
        """Rises that are more than a minute apart have nothing to do with one another."""
        gone, silent, soon = Room(), Room(), Room()
        for room in (gone, silent, soon):
            room.risen(SMOKE, times=2)
        gone.says(times=8)
        silent.says(times=6, p2=None)
        soon.says(times=3, p2=None)

        assert [] == gone.risen(HEAT)
        assert [] == silent.says(times=3, p1=25.0, p2=None)
        assert [JOINT] == short(soon.says(times=3, p1=25.0, p2=None))

    def test_a_full_sign_confirms(self):
        """What began with weak signs is confirmed by the first full one of another kind and device."""
        room = Room()
        room.risen(HEAT, SMOKE)

        told = room.says(times=3, p1=25.0, p2=9.0)

        assert [SECOND] == short(told)

    def test_a_weak_sign_confirms(self):
        """A detector's own alarm is confirmed by a small rise of another kind, before it or after."""
        after, before = Room(), Room()
        after.risen(STATE)
        before.risen(HEAT)

        assert [SECOND] == short(after.risen(HEAT))
        assert ["fire.pre_alarm", "fire.confirmed"] == [e.rule for e in before.risen(STATE, HEAT, times=1)]

    def test_a_call_point_confirms(self):
        """Somebody who presses the button beside weak signs has confirmed them."""
        room = Room()
        room.risen(HEAT, SMOKE)

        assert [("fire.confirmed", AlarmState.ACTIVE, Reason.CALL_POINT)] == short(
            room.risen(HEAT, SMOKE, BUTTON, times=1)
        )

    def test_one_device_does_not_confirm_itself(self):
        """Two kinds of one device are a pre-alarm, and stay one however strong they get."""
        room = Room()
        told = [*room.risen(BOTH_HEAT, BOTH_SMOKE), *room.says(times=3, p6=70.0, p7=20.0)]

        assert {"fire.pre_alarm"} == {e.rule for e in told}

    def test_it_is_latched(self):
        """Values that are back leave it latched; a named person ends it, and it can begin anew."""
        room = Room()
        room.risen(HEAT, SMOKE)

        assert [AlarmState.LATCHED] == [e.state for e in room.says(times=6)]
        assert [] == room.do(Verb.RESET, actor=" ", place=UNIT)
        assert [AlarmState.CLEARED] == [e.state for e in room.do(Verb.RESET, place=UNIT)]
        assert [JOINT] == short(room.risen(HEAT, SMOKE))

    def test_a_restart_forgets_no_weak_sign(self):
        """A weak sign of before a restart counts after it."""
        one, other = Room(), Room()
        one.risen(SMOKE)
        other.pipeline.restore(one.pipeline.snapshot())
        other.now = one.now

        assert [JOINT] == short(other.risen(HEAT, SMOKE, times=2))


class TestKeptApart:
    @pytest.mark.parametrize("quality", [Quality.TEST, Quality.MAINTENANCE])
    def test_quality(self, quality):
        """Weak signs of a test count for nothing."""
        assert [] == Room().risen(HEAT, SMOKE, quality=quality)

    def test_mode(self):
        """A device under test neither raises nor confirms by weak signs."""
        room = Room()
        room.do(Verb.MODE, device=1, arguments={"mode": "test"})

        assert [] == room.risen(HEAT, SMOKE)

    def test_labels(self):
        """A wrong clock is no obstacle, and is said."""
        (event,) = Room().risen(HEAT, SMOKE, quality=Quality.WRONG_CLOCK)

        assert (Label.WRONG_CLOCK,) == event.labels


class TestUsual:
    """What a sensor does on its own is no sign."""

    def test_a_heater(self):
        """A heater that swings the temperature all day is learned, and so is no second sign beside smoke."""
        room = Room()
        for _ in range(40):
            room.says(times=18, p1=24.5)
            room.says(times=18)

        assert [] == room.says(times=4, p1=24.5, p2=2.0)

    def test_a_new_cell(self):
        """A CO cell that nobody has heard for half an hour of readings is not believed by its weak signs."""
        pipeline = Pipeline(lambda d: (Fire(d),))
        told = []
        pipeline.run(CONFIG, told.append)
        for n in range(20):
            at = START + 10_000 * n
            values = {CO: 2.0 if n < 10 else 55.0, SMOKE: 0.0 if n < 10 else 2.0}
            pipeline.operators[0].on_batch(batch_of([(p, at, v, 0, at) for p, v in values.items()]), told.append)

        assert [] == told

    def test_one_wild_value_deafens_nobody(self):
        """A wild value moves what is usual hardly at all."""
        room = Room()
        room.says(p1=1_000.0)
        room.says(times=30)

        assert [JOINT] == short(room.risen(HEAT, SMOKE))

    def test_hourly_readings(self):
        """Of a change within an hour's silence nobody can say that it was fast."""
        signs = Pipeline(lambda d: (Fire(d),))
        told = []
        signs.run(CONFIG, told.append)
        for n in range(48):
            at = START + n * 60 * MINUTE
            rising = {HEAT: 10.0 + 4 * n % 40, SMOKE: 1.2 * (n % 3)}
            signs.operators[0].on_batch(batch_of([(p, at, v, 0, at) for p, v in rising.items()]), told.append)

        assert [] == told


def test_older_snapshot():
    """A snapshot of before there were weak signs is taken, and they are learned anew."""
    room = Room()
    states = room.pipeline.snapshot()
    new = {"slow", "usual", "taught", "weak", "weak_streak", "weak_calm", "weak_back"}
    states["fire"] = {k: v for k, v in states["fire"].items() if k.removeprefix("sign_") not in new}
    other = Room()
    other.pipeline.restore(states)
    other.now = room.now
    other.says(times=60)

    assert [JOINT] == short(other.risen(HEAT, SMOKE))


def test_nobody_looks_at_bulk():
    """Temperatures of devices that are no life-safety devices cost nothing here and say nothing."""
    signs = Signs(Pipeline(lambda _: ()).directory)

    assert 0 == len(signs.look(batch_of([]), np.zeros(0, np.bool_)).rows)


resets = st.builds(
    lambda at, place, device: Command(Verb.RESET, START + at * 1_000, "Lin", place=place, device=device),
    st.integers(0, 1_800), st.sampled_from([0, UNIT]), st.sampled_from([0, 1, 2, 6]),
)  # fmt: skip
some = st.builds(
    lambda *lists: [item for items in lists for item in items],
    rows([HEAT, BOTH_HEAT], st.sampled_from([20.0, 20.5, 24.0, 28.0, 60.0]), span=5 * MINUTE, delays=(0, 500, 2_000)),
    rows([SMOKE, BOTH_SMOKE, FAR, SECOND_SMOKE], st.sampled_from([0.0, 1.0, 1.5, 3.0, 9.0]), span=5 * MINUTE,
         delays=(0, 500), qualities=(Quality.GOOD, Quality.TEST, Quality.WRONG_CLOCK)),
    rows([CO], st.sampled_from([0.0, 40.0, 90.0, 400.0]), span=5 * MINUTE, delays=(0,)),
    rows([STATE, BUTTON], st.sampled_from([0.0, 1.0]), span=5 * MINUTE, max_size=6),
    st.lists(resets, max_size=2),
)  # fmt: skip
TestJointContract = contract_of(Case("joint", lambda d: (Fire(d),), CONFIG, some))
