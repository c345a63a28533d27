"""Rounds: due by the calendar, answered, finished; faults become hazards."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.checklists import parse, shipped
from governance.rounds import answered, checked, due_days, end_of, finished, over, round_of, today
from park.errors import Conflict, SettingsError, UserError
from park.governance import Answer, Every, HazardGrade, InspectionPlan, RoundState, Verdict

NOW = 1_795_219_200_000  # 2026-11-21 08:00 +08:00
DAILY = InspectionPlan("每日", "daily_patrol", 1, Every.DAY, "2026-11-01", (12,), id=3)


def days_of(plan, start, end):
    return [d.isoformat() for d in due_days(plan, date.fromisoformat(start), date.fromisoformat(end))]


@pytest.mark.parametrize(
    ("every", "first", "start", "end", "expected"),
    [
        (Every.DAY, "2026-11-01", "2026-11-03", "2026-11-05", ["2026-11-03", "2026-11-04"]),
        (Every.DAY, "2026-11-04", "2026-11-01", "2026-11-06", ["2026-11-04", "2026-11-05"]),
        (Every.WEEK, "2026-11-02", "2026-11-03", "2026-11-17", ["2026-11-09", "2026-11-16"]),
        (Every.MONTH, "2026-01-31", "2026-02-01", "2026-04-01", ["2026-02-28", "2026-03-31"]),
        (Every.MONTH, "2027-12-31", "2028-02-01", "2028-03-01", ["2028-02-29"]),
        (Every.QUARTER, "2026-01-15", "2026-04-01", "2026-11-01", ["2026-04-15", "2026-07-15", "2026-10-15"]),
    ],
)
def test_due(every, first, start, end, expected):
    """Rounds follow from the first one; a month too short for its day takes its last."""
    assert expected == days_of(replace(DAILY, every=every, first=first), start, end)


@given(
    st.sampled_from(list(Every)), st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 900),
    st.lists(st.integers(1, 60), max_size=6),
)  # fmt: skip
def test_any_cut_of_time(every, first, begin, steps):
    """However time is cut, the same rounds come due, each once, and none before the first."""
    plan = replace(DAILY, every=every, first=first.isoformat())
    start = first + timedelta(days=begin - 100)
    cuts = [start]
    for step in steps:
        cuts.append(cuts[-1] + timedelta(days=step))
    parts = [d for a, b in pairwise(cuts) for d in due_days(plan, a, b)]

    assert list(due_days(plan, start, cuts[-1])) == parts
    assert all(d >= first for d in parts)


def test_last_day():
    """A plan that ends has no round after its last day."""
    assert ["2026-11-03"] == days_of(replace(DAILY, last="2026-11-03"), "2026-11-03", "2026-11-09")


def test_park_day():
    """A round is due until the end of its day in the park, and a grace after it."""
    day = today(NOW, 480)
    due = round_of(replace(DAILY, grace=1), day, 480).due

    assert ("2026-11-21", NOW + 16 * 3_600_000) == (day.isoformat(), end_of(day, 480))
    assert due == end_of(day, 480) + 86_400_000


@pytest.mark.parametrize(
    "wrong", [{"name": " "}, {"first": "soon"}, {"last": "2026-10-01"}, {"grace": 61}, {"places": tuple(range(501))}]
)
def test_bad_plans(wrong):
    """A plan that cannot be meant is refused with a sentence."""
    with pytest.raises(UserError):
        checked(replace(DAILY, **wrong))


LIST = shipped()["let_premises"]


def visit():
    return replace(round_of(DAILY, today(NOW, 480), 480), id=7, checklist=LIST.key)


def all_of(verdict=Verdict.OK, **more):
    said = {item.key: Answer(item.key, verdict, NOW, "desk") for item in LIST.items}
    return tuple((said | more).values())


def test_open_items():
    """A round with items that nobody answered is not done, and the answer names them."""
    part = answered(visit(), LIST, all_of()[1:]).thing

    with pytest.raises(Conflict, match=LIST.items[0].key):
        finished(part, LIST, "desk", NOW)


def test_faults_become_hazards():
    """Each fault becomes a hazard named by what is wrong, with grade, basis and days of its item, at its place."""
    fault = Answer("living_in", Verdict.FAULT, NOW, "desk", "二楼住人", 15)
    done = finished(answered(visit(), LIST, all_of(living_in=fault)).thing, LIST, "desk", NOW)
    (hazard,) = done.made

    assert (RoundState.DONE, 1) == (done.thing.state, done.thing.hazards)
    assert ("round:7/living_in", HazardGrade.MAJOR, 15, "living_in", "二楼住人") == (
        hazard.origin, hazard.grade, hazard.place, hazard.category, hazard.title
    )  # fmt: skip
    assert "有无违规住人（三合一：住宿与生产、储存、经营合用）：二楼住人" == hazard.note
    assert NOW < hazard.due <= NOW + 86_400_000


def test_answers_may_be_corrected():
    """An item that is answered anew has the newer answer, once."""
    first = answered(visit(), LIST, (Answer("sublet", Verdict.FAULT, NOW, "desk", "x"),)).thing
    second = answered(first, LIST, (Answer("sublet", Verdict.OK, NOW + 1, "desk"),)).thing

    assert [(Verdict.OK, NOW + 1)] == [(a.verdict, a.at) for a in second.answers]


@pytest.mark.parametrize(
    "answer", [Answer("nose", Verdict.OK, NOW, "desk"), Answer("sublet", Verdict.FAULT, NOW, "desk", " ")]
)
def test_bad_answers(answer):
    """An item that is not on the list, and a fault without words, are refused."""
    with pytest.raises(UserError):
        answered(visit(), LIST, (answer,))


def test_done_is_done():
    """A round is finished once; a late one says so."""
    late = finished(answered(visit(), LIST, all_of()).thing, LIST, "desk", NOW + 9 * 86_400_000).thing

    assert late.late
    with pytest.raises(Conflict):
        finished(late, LIST, "desk", NOW)
    assert not over(late, NOW + 99 * 86_400_000)


# ── checklists ───────────────────────────────────────────────────────────────────────────────────


def test_shipped():
    """What comes with the platform asks for change of use and illegal building, and every item has its basis."""
    items = [item for checklist in shipped().values() for item in checklist.items]

    assert {"change_of_use", "illegal_building", "living_in"} <= {item.category for item in items}
    assert all(item.basis and item.zh and item.en for item in items)


_ITEM = '[[checklist]]\nkey="a"\nzh="a"\nen="a"\nbasis="a"\n[[checklist.item]]\nkey="b"\nzh="b"\nen="b"\nbasis="b"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [("[[checklist", "checklists"), ("checklist = 3\n", "list of tables"), (_ITEM + "days = -1\n", "item b"),
     (_ITEM + 'grade = "huge"\n', "grade"), (_ITEM + "colour = 1\n", "colour"), (_ITEM + _ITEM, "twice"),
     (_ITEM + _ITEM[_ITEM.index("[[checklist.item"):], "each key once")],
)  # fmt: skip
def test_bad_checklists(text, said):
    """A text that is no checklist is refused, and the sentence names the place."""
    with pytest.raises(SettingsError, match=said):
        parse(text)
    assert ["b"] == [item.key for item in parse(_ITEM)["a"].items]


def test_a_long_fault():
    """Of many words the first line, cut, is the hazard's name; all of them stand in it."""
    fault = Answer("living_in", Verdict.FAULT, NOW, "desk", f"  {'住' * 100}\n床位三张", 15)
    (hazard,) = finished(answered(visit(), LIST, all_of(living_in=fault)).thing, LIST, "desk", NOW).made

    assert f"{'住' * 79}…" == hazard.title
    assert hazard.note.endswith("床位三张")
