"""The machine of cases: every state told everything, and what the table means to people."""

from dataclasses import replace
from itertools import product

import pytest
from alarm_words import HOUR, MINUTE, NOW, anomaly, burns, does, fire, limit, passes, trigger

from alerts import lifecycle
from alerts.diagram import after, exemplar
from alerts.lifecycle import (
    CALM,
    HOLDING,
    NOTE_MOST,
    PERSONS,
    RESET_PATIENCE,
    SHELF_MOST,
    TABLE,
    Scope,
    act,
    row_of,
    tell,
)
from park.alarms import CaseState, CaseVerb, MessageKind, TransitionReason, Verdict
from park.errors import Conflict, Forbidden, UserError
from park.events import AlarmState, Label, Severity
from park.metrics import Lane

S, V, M = CaseState, CaseVerb, MessageKind
STATES = (None, *S)


def opened(*triggers, now=NOW):
    """Return the case that some triggers make."""
    case = None
    for told in triggers:
        outcome = tell(case, told, max(now, told.at))
        case = replace(outcome.case, id=1, paged=1) if outcome else case
    return case


def of(state, *, life):
    """Return a case in a state, of a family that triggers and acts know."""
    return exemplar(state, life=life)


class TestTable:
    @pytest.mark.parametrize(("verb", "state", "life"), list(product(V, STATES, (True, False))))
    def test_one_row_each(self, verb, state, life):
        """Each verb finds at most one row in each state."""
        scopes = {Scope.ANY, Scope.LIFE if life else Scope.ORDINARY}

        assert 1 >= sum(r.verb is verb and state in r.before and r.scope in scopes for r in TABLE)

    def test_every_verb_has_a_row(self):
        """Nothing can be told that the table does not know."""
        assert set(V) == {row.verb for row in TABLE}

    @pytest.mark.parametrize(("verb", "state", "life"), list(product(sorted(PERSONS), S, (True, False))))
    def test_people_get_what_the_table_says(self, verb, state, life):
        """An act leads to the state of its row, or is refused and changes nothing."""
        case = replace(of(state, life=life), shelved_until=NOW + 1 if verb is V.UNSHELVE else None)
        case = replace(case, out_of_service=verb is V.RESTORE, reset_asked=NOW - HOUR)
        asked = does(verb, note="words", until=NOW + MINUTE, verdict=Verdict.UNWANTED)
        row = row_of(verb, state, life=life)

        if verb in HOLDING and life:
            with pytest.raises(Forbidden):
                act(case, asked, NOW)
        elif row is None or (verb is V.ACKNOWLEDGE and case.acknowledged):
            with pytest.raises(Conflict):
                act(case, asked, NOW)
        else:
            outcome = act(case, asked, NOW)
            assert after(row, state, life=life) is outcome.case.state
            assert (case.version + 1, NOW) == (outcome.case.version, outcome.case.changed)
            assert ["wang"] * len(outcome.transitions) == [line.actor for line in outcome.transitions]

    def test_nobody_is_nobody(self):
        """Who gives no name changes nothing."""
        with pytest.raises(UserError, match="name"):
            act(of(S.UNACKNOWLEDGED, life=True), does(V.ACKNOWLEDGE, actor=" "), NOW)

    @pytest.mark.parametrize("verb", sorted(set(V) - PERSONS))
    def test_people_cannot_play_the_platform(self, verb):
        """What only conditions and time may do, no person can ask for."""
        with pytest.raises(UserError):
            act(of(S.UNACKNOWLEDGED, life=False), does(verb), NOW)


class TestFire:
    def test_pre_alarm_becomes_confirmed(self):
        """A second device makes it worse: same case, unacknowledged again, people called."""
        case = act(opened(burns()), does(V.ACKNOWLEDGE), NOW).case
        outcome = tell(case, burns(NOW, NOW + 5, device=8, confirmed=True), NOW + 5)

        assert (S.UNACKNOWLEDGED, Severity.CRITICAL, "fire.confirmed", M.WORSE, (7, 8)) == (
            outcome.case.state, outcome.case.severity, outcome.case.rule, outcome.call, outcome.case.devices
        )  # fmt: skip

    def test_limit_of_its_own_point(self):
        """Another point's value takes its own limit with it, or none; the same point's value without one keeps it."""
        rise = replace(burns(), limit=1.3)
        pressed = tell(opened(rise), burns(NOW, NOW + 5, device=8, confirmed=True), NOW + 5).case
        same = tell(opened(rise), burns(NOW, NOW + 5), NOW + 5).case

        assert (1.0, None) == (pressed.value, pressed.limit)
        assert (1.0, 1.3) == (same.value, same.limit)

    def test_further_device(self):
        """A third device of a confirmed fire takes the acknowledgement away and calls again."""
        case = opened(burns(), burns(NOW, NOW + 5, device=8, confirmed=True))
        case = act(case, does(V.ACKNOWLEDGE), NOW).case
        outcome = tell(case, burns(NOW, NOW + 9, device=9, confirmed=True), NOW + 9)

        assert (S.UNACKNOWLEDGED, M.WORSE) == (outcome.case.state, outcome.call)
        assert [(V.JOIN, 9)] == [(line.verb, line.device) for line in outcome.transitions]

    def test_heard_by_both_lanes(self):
        """The other lane's word of the same device joins: one more trigger, nobody called, still acknowledged."""
        case = act(opened(burns()), does(V.ACKNOWLEDGE), NOW).case
        outcome = tell(case, burns(NOW + 3, lane=Lane.BULK), NOW + 3)

        assert (S.ACKNOWLEDGED, 2, None, 2) == (
            outcome.case.state, outcome.case.count, outcome.call, len(outcome.case.holders)
        )  # fmt: skip

    @pytest.mark.parametrize("family", ["fire", "gas"])
    def test_a_device_of_each_lane_confirms(self, family):
        """Two devices, of which each lane sees one, confirm as two of one lane do: people are called again."""
        case = act(opened(burns(family=family)), does(V.ACKNOWLEDGE), NOW).case
        outcome = tell(case, burns(NOW + 3, lane=Lane.BULK, device=8, family=family), NOW + 3)

        assert (S.UNACKNOWLEDGED, Severity.CRITICAL, f"{family}.confirmed", M.WORSE) == (
            outcome.case.state, outcome.case.severity, outcome.case.rule, outcome.call
        )  # fmt: skip

    def test_what_was_reset_confirms_nothing(self):
        """A device whose alarm is over is no second one."""
        case = opened(burns(), burns(NOW, NOW + 2, state=AlarmState.CLEARED))
        outcome = tell(case, burns(NOW + 3, lane=Lane.BULK, device=8), NOW + 3)

        assert (Severity.HIGH, "fire.pre_alarm") == (outcome.case.severity, outcome.case.rule)

    def test_over_when_both_lanes_say_so(self):
        """What two lanes hold up is over when the second lets go."""
        case = opened(burns(), burns(NOW + 3, lane=Lane.BULK))
        half = tell(case, burns(NOW, NOW + 9, state=AlarmState.CLEARED), NOW + 9)
        whole = tell(half.case, burns(NOW + 3, NOW + 10, lane=Lane.BULK, state=AlarmState.CLEARED), NOW + 10)

        assert (S.UNACKNOWLEDGED, S.RETURNED) == (half.case.state, whole.case.state)

    def test_one_lane_lets_go_of_what_the_other_holds_latched(self):
        """When the lane that held it active lets go, what the other holds latched is told as latched."""
        case = opened(burns(), burns(NOW + 3, lane=Lane.BULK), burns(NOW, NOW + 5, state=AlarmState.LATCHED))
        outcome = tell(case, burns(NOW + 3, NOW + 9, lane=Lane.BULK, state=AlarmState.CLEARED), NOW + 9)

        assert (S.UNACKNOWLEDGED, S.LATCHED_UNACKNOWLEDGED) == (case.state, outcome.case.state)
        assert [V.LATCH] == [line.verb for line in outcome.transitions]

    def test_new_activation_after_return(self):
        """A fire that comes back before anybody closed it takes the acknowledgement away and calls again."""
        case = act(opened(burns(), burns(NOW, NOW + 5, state=AlarmState.CLEARED)), does(V.ACKNOWLEDGE), NOW).case
        outcome = tell(case, burns(NOW + 9), NOW + 9)

        assert S.RETURNED_ACKNOWLEDGED is case.state
        assert (S.UNACKNOWLEDGED, M.AGAIN) == (outcome.case.state, outcome.call)

    def test_values_back_is_no_end(self):
        """Values that are back latch the case; only a reset ends it."""
        case = opened(burns(), burns(NOW, NOW + 5, state=AlarmState.LATCHED))

        assert S.LATCHED_UNACKNOWLEDGED is case.state
        assert S.RETURNED is tell(case, burns(NOW, NOW + 9, state=AlarmState.CLEARED), NOW + 9).case.state

    def test_never_less_severe(self):
        """A confirmed fire stays confirmed whatever a lane that knows less says."""
        case = opened(burns(), burns(NOW, NOW + 5, device=8, confirmed=True), burns(NOW + 7, lane=Lane.BULK))

        assert (Severity.CRITICAL, "fire.confirmed") == (case.severity, case.rule)

    def test_end_of_another_condition(self):
        """The end of a condition that a newer one has replaced ends nothing."""
        case = opened(burns(), burns(NOW + 5))

        assert None is tell(case, burns(NOW, NOW + 9, state=AlarmState.CLEARED), NOW + 9)

    def test_reset_needs_a_reason_of_the_standard(self):
        """A person says which of the three of GB/T 45839 5.8.1 holds."""
        with pytest.raises(UserError, match=r"5\.8\.1"):
            act(opened(burns()), does(V.RESET, why=TransitionReason.PERSON), NOW)

    def test_a_reset_is_a_wish(self):
        """A person's reset leaves the case standing until the stage has obeyed."""
        outcome = act(opened(burns()), does(V.RESET), NOW)

        assert (S.UNACKNOWLEDGED, NOW) == (outcome.case.state, outcome.case.reset_asked)

    def test_close_while_it_burns(self):
        """A fire that stands cannot be closed, nor right after a reset was asked for."""
        case, asked = opened(burns()), does(V.CLOSE, verdict=Verdict.UNKNOWN)
        with pytest.raises(Conflict, match="stands"):
            act(case, asked, NOW)
        with pytest.raises(Conflict, match="stands"):
            act(act(case, does(V.RESET), NOW).case, asked, NOW + RESET_PATIENCE - 1)

    def test_close_what_no_stage_holds(self):
        """A reset that nothing obeyed for a minute lets a named person close the case."""
        case = act(opened(burns()), does(V.RESET), NOW).case

        assert S.CLOSED is act(case, does(V.CLOSE, verdict=Verdict.EQUIPMENT), NOW + RESET_PATIENCE).case.state

    def test_close_what_burns_anew_after_a_reset(self):
        """A reset that was obeyed lets nobody close the fire that comes after it: a stage holds that one."""
        case = act(opened(burns()), does(V.RESET), NOW).case
        for told in (burns(NOW, NOW + 5, state=AlarmState.CLEARED), burns(NOW + 9)):
            case = tell(case, told, told.at).case

        with pytest.raises(Conflict, match="stands"):
            act(case, does(V.CLOSE, verdict=Verdict.UNKNOWN), NOW + HOUR)

    @pytest.mark.parametrize(
        "told",
        [
            pytest.param([burns(NOW, NOW + 5, state=AlarmState.CLEARED), burns(NOW + 6)], id="another fire"),
            pytest.param([burns(NOW, NOW + 5, device=8, confirmed=True)], id="confirmed meanwhile"),
            pytest.param([burns(NOW + 5, lane=Lane.BULK)], id="heard on the other lane"),
        ],
    )
    def test_close_what_began_while_a_reset_was_written_down(self, told):
        """What a stage began, or made worse, before the row of a reset that it had obeyed is nobody's to close."""
        seen = opened(burns())
        case = opened(burns(), *told)
        case = act(case, does(V.RESET, seen=seen.holders), NOW + 9).case

        assert None is case.reset_asked
        with pytest.raises(Conflict, match="stands"):
            act(case, does(V.CLOSE, verdict=Verdict.UNKNOWN), NOW + HOUR)

    def test_close_what_latched_while_a_reset_was_written_down(self):
        """Values that are back begin nothing: the reset is of them, too."""
        seen = opened(burns())
        case = opened(burns(), burns(NOW, NOW + 5, state=AlarmState.LATCHED))

        assert NOW + 9 == act(case, does(V.RESET, seen=seen.holders), NOW + 9).case.reset_asked

    def test_close_needs_a_verdict(self):
        """Nobody closes a fire without saying what it was."""
        case = opened(burns(), burns(NOW, NOW + 5, state=AlarmState.CLEARED))
        with pytest.raises(UserError, match="verdict"):
            act(case, does(V.CLOSE), NOW)

    def test_person_confirms(self):
        """A person who sees the fire confirms it: critical, and everybody is called."""
        outcome = act(opened(burns()), does(V.CONFIRM), NOW)

        assert (Severity.CRITICAL, "fire.confirmed", M.WORSE) == (
            outcome.case.severity, outcome.case.rule, outcome.call
        )  # fmt: skip


class TestOrdinary:
    def test_seen_and_over_is_closed(self):
        """What was acknowledged and is over is closed, and so is what is over and acknowledged."""
        over = passes(NOW, NOW + 5, state=AlarmState.CLEARED)
        first = tell(act(opened(passes()), does(V.ACKNOWLEDGE), NOW).case, over, NOW + 5).case
        second = act(opened(passes(), over), does(V.ACKNOWLEDGE), NOW).case

        assert (S.CLOSED, S.CLOSED) == (first.state, second.state)

    def test_same_again(self):
        """The same once more is counted and calls nobody."""
        outcome = tell(opened(passes()), passes(NOW + 5), NOW + 5)

        assert (2, None) == (outcome.case.count, outcome.call)

    def test_eases(self):
        """What became less severe stays and says so."""
        outcome = tell(opened(passes()), passes(NOW, NOW + 5, severity=Severity.LOW), NOW + 5)

        assert (Severity.LOW, None, V.EASE) == (outcome.case.severity, outcome.call, outcome.transitions[0].verb)

    def test_finding_is_a_moment(self):
        """A finding is over when it is told, and waits to be seen."""
        outcome = tell(None, anomaly(), NOW)

        assert (S.RETURNED, M.RAISED, [V.TRIGGER, V.RETURN]) == (
            outcome.case.state, outcome.call, [line.verb for line in outcome.transitions]
        )  # fmt: skip

    def test_over_without_a_case(self):
        """The end of what nobody was told of makes no case."""
        assert None is tell(None, passes(state=AlarmState.CLEARED), NOW)

    def test_history_read_late(self):
        """What began and ended long before we heard of it closes by itself and calls nobody."""
        late = NOW + 2 * HOUR
        case = replace(tell(None, passes(), late).case, id=1)
        outcome = tell(case, passes(NOW, NOW + 5, state=AlarmState.CLEARED), late)

        assert (S.CLOSED, NOW, None, TransitionReason.STALE) == (
            outcome.case.state, outcome.case.raised, outcome.call, outcome.transitions[-1].why
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("age", "labels", "state"),
        [
            (2 * HOUR, (Label.HISTORY,), S.CLOSED),  # what a claimed device said long ago: over, and nobody is called
            (2 * HOUR, (), S.RETURNED),  # log time may be behind a clock that is not believed: it happens now
            (MINUTE, (Label.HISTORY,), S.RETURNED),
        ],
    )
    def test_history_taken_in_again(self, age, labels, state):
        """What its stage calls history is history, though its log tells it only now."""
        told = (replace(burns(NOW, NOW + n, state=s), labels=labels, live=True)
                for n, s in enumerate((AlarmState.ACTIVE, AlarmState.CLEARED)))  # fmt: skip
        case = None
        for one in told:
            case = replace(tell(case, one, NOW + age).case, id=1)

        assert state is case.state

    def test_who_ended_it(self):
        """The line of a condition that a named person's command ended says by whom, though nobody else noted that."""
        case = replace(tell(None, burns(), NOW).case, id=1)
        over = replace(fire(NOW, NOW + 5, state=AlarmState.CLEARED), actor="anna")
        (trigger,) = lifecycle_triggers(over)

        assert ["anna"] == [line.actor for line in tell(case, trigger, NOW + 5).transitions]

    def test_test_alarms_are_none(self):
        """An alarm of a device under test makes no case."""
        change = replace(limit(), family="test", rule="test.alarm")

        assert () == lifecycle_triggers(change)


def lifecycle_triggers(change):
    """Return what an event tells cases."""
    from alerts.triggers import triggers_of

    return triggers_of(Lane.LIFE, change)


BAD = {
    "shelf in the past": (does(V.SHELVE, note="x", until=NOW), "seven days"),
    "shelf for a year": (does(V.SHELVE, note="x", until=NOW + SHELF_MOST + 1), "seven days"),
    "shelf without end": (does(V.SHELVE, note="x"), "seven days"),
    "shelf without why": (does(V.SHELVE, until=NOW + 1), "why"),
    "out of service without why": (does(V.REMOVE), "why"),
    "comment without words": (does(V.COMMENT, note=" \n"), "words"),
    "comment too long": (does(V.COMMENT, note="x" * (NOTE_MOST + 1)), str(NOTE_MOST)),
    "close without why": (does(V.CLOSE), "why"),
}


@pytest.mark.parametrize(("asked", "why"), BAD.values(), ids=BAD.keys())
def test_refused(asked, why):
    """What cannot be meant is refused with a sentence."""
    with pytest.raises(UserError, match=why):
        act(opened(passes()), asked, NOW)


def test_words_are_kept_as_written():
    """A comment is kept as it was written, markup and all; who shows it escapes it."""
    said = "<script>alert(1)</script>"

    assert said == act(opened(passes()), does(V.COMMENT, note=said), NOW).transitions[0].note


def test_calm_is_shorter_than_stale():
    """People are called again to what comes back before it counts as history."""
    assert CALM < lifecycle.STALE_AFTER
    assert trigger(limit()).at == NOW
