"""What of the workers' words is believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from park.errors import Unavailable
from park.events import DeviceStatus, Reason, Status
from park.told import Told, tell
from runtime.told_gate import Judged, ToldGate, Verdict


def event(number):
    """Return an event that is like no other."""
    return DeviceStatus(number, Status.ONLINE, number, number, Reason.BACK)


def gate(epoch=3, given=3, end=100):
    """Return the gate of a log."""
    return ToldGate("life-0", epoch, lambda: given, lambda: end)


@pytest.mark.parametrize(
    ("told", "verdict"),
    [
        (Told("life-0", 3, 50, (event(1),)), Verdict.TAKEN),
        (Told("life-0", 3, 100, ()), Verdict.TAKEN),
        (Told("life-0", 3, 50, (event(1),), last=False), Verdict.WAITS),
        (Told("life-0", 2, 50, (event(1),)), Verdict.STALE),
        (Told("life-0", 4, 50, (event(1),)), Verdict.WRONG),
        (Told("life-0", 3, 101, (event(1),)), Verdict.WRONG),
        (Told("bulk-0", 3, 50, (event(1),)), Verdict.WRONG),
    ],
)
def test_each_word_has_its_verdict(told, verdict):
    """Of this log, of an epoch that was given out and is not over, up to where the log is."""
    assert verdict is gate().judge(told).verdict


def test_a_new_holder_is_believed_and_the_old_one_is_over():
    """Once a newer epoch has spoken the older one is left out."""
    held = gate(epoch=3, given=4)
    first = held.judge(Told("life-0", 4, 60, (event(1),)))
    late = held.judge(Told("life-0", 3, 61, (event(2),)))

    assert (Verdict.TAKEN, Verdict.STALE) == (first.verdict, late.verdict)


def test_a_wrong_epoch_hides_nothing_that_follows():
    """An epoch that was never given out does not make the true one an old one."""
    held = gate()
    held.judge(Told("life-0", 2**62, 50, ()))

    assert Verdict.TAKEN is held.judge(Told("life-0", 3, 51, (event(1),))).verdict


def test_the_log_is_asked_for_its_end_again_when_it_has_grown():
    """A position past the end that we knew is believed once the log has it."""
    ends = iter([50, 60])
    held = ToldGate("life-0", 3, lambda: 3, lambda: next(ends))

    assert [Verdict.TAKEN, Verdict.TAKEN] == [held.judge(Told("life-0", 3, p, ())).verdict for p in (50, 60)]


def test_a_log_that_does_not_answer_hides_no_fire():
    """While nobody says where the log ends a step a little beyond is taken; one far beyond waits for an answer."""

    def away():
        raise Unavailable("away")

    held = ToldGate("life-0", 3, lambda: 3, away)

    assert Verdict.TAKEN is held.judge(Told("life-0", 3, 900, (event(1),))).verdict
    with pytest.raises(Unavailable):
        held.judge(Told("life-0", 3, 2**50, ()))


@given(st.lists(st.integers(0, 450), min_size=1, max_size=4))
def test_steps_come_out_whole_and_in_order(sizes):
    """However many messages a step needs, it is taken once, with all of its events."""
    held, steps = gate(), []
    for place, size in enumerate(sizes, 1):
        steps.append((place, tuple(event(n) for n in range(size))))
    judged = [held.judge(part) for place, events in steps for part in tell("life-0", 3, place, events)]

    taken = [(j.position, j.events) for j in judged if j.verdict is Verdict.TAKEN]
    assert steps == taken


def test_a_step_that_was_cut_off_is_dropped_for_the_one_that_tells_it_again():
    """What a holder that ended had begun to tell is not joined to what the next one tells."""
    held = gate(epoch=3, given=4)
    held.judge(Told("life-0", 3, 50, (event(1),), last=False))

    again = held.judge(Told("life-0", 4, 48, (event(2),)))

    assert Judged(Verdict.TAKEN, 48, (event(2),)) == again


@pytest.mark.parametrize("last", [True, False])
def test_a_message_that_comes_twice_and_late(last):
    """It takes nothing from the step that waits for its end: a Kafka without numbers lets it in between."""
    held = gate()
    held.judge(Told("life-0", 3, 40, (event(1),)))
    held.judge(Told("life-0", 3, 50, (event(2),), last=False))
    late = held.judge(Told("life-0", 3, 40, (event(1),), last=last))
    whole = held.judge(Told("life-0", 3, 50, (event(3),)))

    assert (Verdict.TAKEN if last else Verdict.WAITS) is late.verdict
    assert Judged(Verdict.TAKEN, 50, (event(2), event(3))) == whole


def test_a_step_without_end_is_refused():
    """Parts that never end do not fill the memory, and the next step is taken."""
    held = gate()
    part = Told("life-0", 3, 50, tuple(event(n) for n in range(200)), last=False)
    wrong = next(j for j in iter(lambda: held.judge(part), None) if j.verdict is not Verdict.WAITS)

    assert Verdict.WRONG is wrong.verdict
    assert Verdict.TAKEN is held.judge(Told("life-0", 3, 51, ())).verdict
