"""The time of alarms follows the wall clock, and never goes back."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from runtime.alarm_clock import AlarmClock

NOW, HOUR, DAY = 1_800_000_000_000, 3_600_000, 86_400_000


def clocks(newest=0):
    """Return a wall clock, elapsed time, and the clock of alarms over them."""
    told = SimpleNamespace(wall=NOW, elapsed=100.0)
    return told, AlarmClock(lambda: told.wall, lambda: told.elapsed, newest)


def passed(told, clock, ms, wall=None):
    """Let time pass; return what the clock says then."""
    told.elapsed += ms / 1_000
    told.wall = told.wall + ms if wall is None else wall
    return clock.now()


def test_follows():
    """It says what the wall clock says."""
    told, clock = clocks()

    assert [NOW, NOW + 500, NOW + HOUR] == [clock.now(), passed(told, clock, 500), passed(told, clock, HOUR - 500)]


def test_set_back():
    """A wall clock that is set back an hour holds no timer back: time goes on by what has passed."""
    told, clock = clocks()
    clock.now()
    passed(told, clock, 1_000, NOW - HOUR)

    assert NOW + 61_000 == passed(told, clock, 60_000)


def test_set_forward():
    """A wall clock that is set forward is followed."""
    told, clock = clocks()

    assert NOW + HOUR == passed(told, clock, 1_000, NOW + HOUR)


def test_set_back_before_a_restart():
    """After a restart time goes on from the newest change, unless that is a day ahead: then it was wrong."""
    _, on = clocks(NOW + HOUR)
    _, wrong = clocks(NOW + 2 * DAY)

    assert (NOW + HOUR, NOW) == (on.now(), wrong.now())


@given(st.lists(st.tuples(st.integers(0, 100_000), st.none() | st.integers(NOW - DAY, NOW + DAY)), max_size=30))
def test_never_back(steps):
    """Whatever the wall clock does, time goes on by at least what has passed."""
    told, clock = clocks()
    before = clock.now()
    for ms, wall in steps:
        after = passed(told, clock, ms, wall)
        assert after >= before + ms - 1  # parts of a millisecond
        before = after
