"""Hazards: every row of the table, the five that are demanded, and the steps at which people are told."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.hazards import DAY, TABLE, Deed, do, mermaid, table, verbs
from governance.reminders import STEPS, due_step, escalated
from park.errors import Conflict, Forbidden, ParkError, UserError
from park.events import Severity
from park.governance import Five, Hazard, HazardGrade, HazardState, HazardVerb

NOW = 1_795_219_200_000
S, V = HazardState, HazardVerb
FIVE = Five("王磊", "清空通道", "0", NOW + 5 * DAY, "每两小时巡查")


def hazard(**more):
    return replace(Hazard(1, 12, "通道堵塞", NOW, "desk", NOW + 5 * DAY, id=9, version=1), **more)


def deed(verb, actor="officer", **more):
    return Deed(verb, actor, NOW, **{"note": "why", **more})


@pytest.mark.parametrize("missing", ["responsible", "measures", "funds", "due", "contingency"])
def test_all_five_are_demanded(missing):
    """Rectification does not begin while any of the five is missing, and the answer names it."""
    four = replace(FIVE, **{missing: type(getattr(FIVE, missing))()})

    with pytest.raises(Conflict, match=missing):
        do(hazard(five=four), deed(V.BEGIN))
    assert S.RECTIFYING is do(hazard(five=FIVE), deed(V.BEGIN)).thing.state


def test_five_one_by_one():
    """The five may be settled one at a time; what is left out stays."""
    first = do(hazard(), deed(V.PLAN, five=Five(responsible="王磊"))).thing
    second = do(first, deed(V.PLAN, five=Five(due=NOW + DAY))).thing

    assert ("王磊", NOW + DAY, NOW + DAY) == (second.five.responsible, second.five.due, second.due)


def test_limit_in_rectification():
    """Once work has begun the limit is moved by an extension alone."""
    begun = hazard(state=S.RECTIFYING, five=FIVE)

    with pytest.raises(Conflict, match="extend"):
        do(begun, deed(V.PLAN, five=Five(due=NOW + 9 * DAY)))
    moved = do(begun, deed(V.EXTEND, due=NOW + 9 * DAY)).thing
    assert (NOW + 9 * DAY, NOW + 9 * DAY, 1) == (moved.due, moved.five.due, moved.extended)


def test_evidence_before_closing():
    """A re-inspection closes nothing without evidence that was attached since the work was done."""
    done = do(hazard(state=S.RECTIFYING, five=FIVE, attachments=3), deed(V.DONE, "worker")).thing

    with pytest.raises(Conflict, match="evidence"):
        do(done, deed(V.APPROVE))
    closed = do(do(done, deed(V.ATTACH)).thing, deed(V.APPROVE)).thing
    assert (S.CLOSED, NOW, "officer") == (closed.state, closed.closed, closed.closed_by)


def test_nobody_inspects_his_own_work():
    """Who rectified a hazard does not close it."""
    done = do(hazard(state=S.RECTIFYING, five=FIVE), deed(V.DONE, "officer")).thing

    with pytest.raises(Forbidden):
        do(do(done, deed(V.ATTACH)).thing, deed(V.APPROVE, "officer"))


@pytest.mark.parametrize("verb", [V.DONE, V.REJECT, V.DISMISS, V.REOPEN, V.COMMENT, V.EXTEND])
def test_words_are_demanded(verb):
    """What must be explained is refused without words."""
    before = next(iter(next(row for row in TABLE if row.verb is verb).before))

    with pytest.raises(UserError):
        do(hazard(state=before, five=FIVE), deed(verb, note=" ", due=NOW + 9 * DAY))


@pytest.mark.parametrize("due", [NOW, NOW - 1, NOW + 400 * DAY])
def test_limits_that_are_none(due):
    """A limit lies in the future, within a year."""
    with pytest.raises(UserError):
        do(hazard(), deed(V.PLAN, five=Five(due=due)))


@given(st.lists(st.tuples(st.sampled_from(list(V)), st.sampled_from(["a", "b"])), max_size=25))
def test_any_order(acts):
    """Whatever is tried in whatever order, a closed hazard had all five, evidence and two persons."""
    now, rectifier = hazard(), ""
    for verb, actor in acts:
        if verb not in {row.verb for row in TABLE}:
            continue
        try:
            after = do(now, deed(verb, actor, five=FIVE, due=now.due + DAY)).thing
        except ParkError:
            continue
        rectifier = actor if verb is V.DONE else rectifier
        assert verb in verbs(now.state) or verb is V.ESCALATE
        now = after
        if now.state is S.CLOSED:
            assert not now.five.missing
            assert now.evidence
            assert now.closed_by != rectifier


def test_every_state_is_left_or_an_end():
    """Every state can be reached and left by some row."""
    reached = {row.after for row in TABLE} - {None}
    left = {s for row in TABLE if row.after is not None for s in row.before}

    assert set(S) == reached
    assert set(S) == left


def test_the_diagram_names_every_state():
    """Diagram and table of the page are made from the table of transitions."""
    assert all(state in mermaid() for state in S)
    assert len(TABLE) + 2 == len(table().splitlines())


# ── who is told ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("days", "told", "step"),
    [(-4, 0, None), (-3, 0, 1), (-3, 1, None), (0, 1, 2), (1, 2, 3), (3, 0, 4), (7, 4, 5), (13, 5, None), (14, 5, 6),
     (21, 5, 7)],
)  # fmt: skip
def test_steps(days, told, step):
    """People are told three days before a limit, on it, and ever more rarely after it; after an absence once."""
    assert step == due_step(hazard(told=told), NOW + (5 + days) * DAY)


@pytest.mark.parametrize("state", [S.CLOSED, S.DISMISSED])
def test_what_is_over_tells_nobody(state):
    """A hazard that is over reminds nobody."""
    assert None is due_step(hazard(state=state), NOW + 99 * DAY)


def test_whom_it_tells():
    """The officer who answers is told first, everybody from the day after the limit; a major one is urgent."""
    first = escalated(hazard(officer=4), NOW + 5 * DAY)
    later = escalated(hazard(officer=4, told=2, grade=HazardGrade.MAJOR), NOW + 6 * DAY)

    assert ["officer:4", "all"] == [done.messages[0].target for done in (first, later)]
    assert Severity.HIGH is later.messages[0].severity
    assert not later.messages[0].life
    assert (2, 3) == (first.thing.told, later.thing.told)
    assert len(STEPS) == 5
