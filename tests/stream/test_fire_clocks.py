"""Clocks that are set back, sessions that are taken up, and resets: what burns afterwards stands."""

import pytest
from contract import START
from hypothesis import given
from hypothesis import strategies as st
from test_fire import BUTTON, HEAT, PRE, SMOKE_1, SMOKE_2, UNIT, Watch, short

from park.events import AlarmState, Reason
from park.readings import Quality, batch_of

SECOND = 1_000


class TestAfterAPersonsReset:
    @pytest.mark.parametrize("back", [0.5, 3, 9, 11, 60])
    @pytest.mark.parametrize("way", [0, 1])
    @pytest.mark.parametrize("quality", [Quality.GOOD, Quality.SUSPECT, Quality.STALE])
    def test_a_clock_that_went_back_a_little(self, back, way, quality):
        """An alarm of the moments after a reset is raised, though its clock says that it is of before."""
        watch = Watch()
        watch.read(SMOKE_1, 0, 0)
        watch.read(SMOKE_2, 1, 90)
        watch.reset(100, place=UNIT)

        told = watch.read(SMOKE_1, 1, 100.4 - back, quality, received=100.4 + way)

        assert [("fire.pre_alarm", 1)] == [(e.rule, e.device) for e in told]

    def test_a_further_detector_that_nobody_has_seen(self):
        """An alarm that was on its way while a person reset is another detector's word: it is raised."""
        watch = Watch()
        watch.read(SMOKE_1, 0, 1)
        watch.read(SMOKE_2, 1, 2)
        watch.reset(9, place=UNIT)

        assert [PRE] == short(watch.read(SMOKE_1, 1, 8, received=10))

    @pytest.mark.parametrize("restarts", [False, True])
    def test_a_time_that_is_said_again_and_again(self, restarts):
        """Of a device that goes on with the same time the first word after a reset is a copy, the next an alarm."""
        watch = Watch()
        watch.read(SMOKE_1, 1, 5)
        watch.reset(10, place=UNIT)
        copies = [watch.read(SMOKE_1, 1, 5, received=at) for at in (12, 13, 22)]
        watch = watch.restarted() if restarts else watch

        assert ([[], [], []], [PRE]) == (copies, short(watch.read(SMOKE_1, 1, 5, received=22.1)))


class TestAnEarlierNormal:
    """A "normal" of before a fire, by a clock that went back between the two, does not end the fire."""

    def test_of_a_session_that_is_taken_up(self):
        """The device's last words come once more, its "normal" of before the clock went back among them."""
        watch = Watch()
        watch.read(SMOKE_1, 0, 4_000)
        watch.read(SMOKE_1, 1, 1_000, received=4_100)
        watch = watch.restarted()

        assert [] == watch.read(SMOKE_1, 0, 4_000, received=4_200)
        assert [] == watch.read(SMOKE_1, 1, 1_000, received=4_200)
        assert AlarmState.ACTIVE == watch.read(SMOKE_2, 1, 4_201)[0].state
        assert "fire.confirmed" == watch.told[0].rule

    def test_once_the_clock_is_past_it(self):
        """Once its clock has passed what it said before, its "normal" is its reset."""
        watch = Watch()
        watch.read(SMOKE_1, 0, 100)
        watch.read(SMOKE_1, 1, 80, received=110)

        assert [] == watch.read(SMOKE_1, 0, 100, received=131)
        assert [Reason.DEVICE_RESET] == [e.reason for e in watch.read(SMOKE_1, 0, 101, received=131)]


class TestRisesAfterAClockWentBack:
    @pytest.mark.parametrize("back", [1, 5, 60, 3_600])
    @pytest.mark.parametrize("restarts", [False, True])
    def test_a_fast_rise(self, back, restarts):
        """Heat that rises fast is told by its rise: one reading later at most than by a clock that is right."""
        values = [22, 22, 22, 22, 24, 29, 35, 41, 47]
        at = {}
        for step in (0, back):
            watch = Watch()
            for nth, value in enumerate(values):
                watch = watch.restarted() if restarts else watch
                ts = 4_000 + 10 * nth
                for told in watch.read(HEAT, value, ts - step if nth > 3 else ts, received=ts):
                    at[step] = (nth, told.reason)

        assert (at[0][0], Reason.RATE_OF_RISE) == at[0]
        assert at[back] in {at[0], (at[0][0] + 1, Reason.RATE_OF_RISE)}

    @pytest.mark.parametrize("pace", [0, 1, 4])
    def test_a_burst_of_what_was_delivered_before(self, pace):
        """Values of an earlier time that come faster than they were measured rise from nothing: it cools down."""
        watch = Watch()
        for nth in range(30):
            watch.read(HEAT, 50 - nth, 10 * nth)

        told = [watch.read(HEAT, 22 + 2 * nth, 10 * nth, received=300 + pace * nth) for nth in range(15)]

        assert [[]] * 15 == told

    def test_two_ways_of_one_device(self):
        """What comes late beside what is present teaches nothing, whatever its pace."""
        watch = Watch()
        for nth in range(30):
            watch.read(HEAT, 22, 10 * nth)

        told = [
            watch.read(HEAT, value, ts, received=300 + 10 * nth)
            for nth in range(12)
            for value, ts in ((22, 300 + 10 * nth), (22 + 3 * nth, 10 * nth))
        ]

        assert [[]] * 24 == told


# What happens to one detector: it says its state after so many ms; its clock is set; a person resets its place; a
# session is taken up, and its last words come once more, the oldest of them first.
_HAPPENS = st.one_of(
    st.tuples(st.just("says"), st.integers(1, 20 * SECOND), st.sampled_from([0, 1])),
    st.tuples(st.just("clock"), st.integers(-30 * SECOND, 30 * SECOND), st.just(0)),
    st.tuples(st.just("clock"), st.integers(-3_600 * SECOND, 600 * SECOND), st.just(0)),
    st.tuples(st.just("reset"), st.integers(1, 20 * SECOND), st.just(0)),
    st.tuples(st.just("again"), st.integers(0, 2 * SECOND), st.integers(1, 4)),
    st.tuples(st.just("restart"), st.just(0), st.just(0)),
)


def standing(watch):
    """Return whether a fire of the place stands."""
    return watch.pipeline.operators[0]._conditions.get("fire", f"place:{UNIT}") is not None


@given(st.lists(_HAPPENS, max_size=14), st.sampled_from([SMOKE_1, BUTTON]), st.sampled_from([1, SECOND]))
def test_what_burns_stands(happens, number, grid):
    """However a clock is set, whoever resets, whatever is delivered twice: a fire after it stands.

    A word whose time was said before, to the grid of the clock, may be taken for a copy: then the next one counts.
    """
    watch, now, clock = Watch(), START + 4_000 * SECOND, 0
    said: list[tuple[int, int]] = []
    burns = False

    def read(state, ts):
        watch.pipeline.operators[0].on_batch(batch_of([(number, ts, float(state), 0, now)]), watch.told.append)

    for what, ms, extra in happens:
        if what == "clock":
            clock += ms
        elif what == "restart":
            watch = watch.restarted()
        elif what == "says":
            now += ms
            said.append((extra, (now + clock) // grid * grid))
            read(*said[-1])
            burns = extra == 1 and (burns or said[-1] not in said[:-1])
        elif what == "reset":
            now += ms
            watch.reset((now - START) / SECOND, place=UNIT)
            burns = False
        else:
            now += ms
            for word in said[-extra:]:
                read(*word)
        assert standing(watch) or not burns
