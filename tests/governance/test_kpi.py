"""Figures of alarms: parts sum to the whole, and each benchmark is held to cases made by hand."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.activations import Activation, Period, activations_of
from governance.kpi import DAY, HOUR, MINUTE, SLOT, YEAR, chattering, floods, kpi, precision, slots, sources, standing
from governance.report import POLICY, STYLE, as_csv, as_page
from park.alarms import Case, CaseState, CaseVerb, Holder, Signal, Transition, TransitionReason, Verdict
from park.events import Reason, Severity
from park.kpi import Indicator, Standing

T = 1_795_219_200_000


def case(key=1, **more):
    blank = Case("limit.x", f"point:{key}", "", "limit.x", Severity.HIGH, T, T, T, T, Reason.ABOVE_LIMIT, id=key)
    return replace(blank, **more)


def came(at, source="a", severity=Severity.LOW, *, held=False):
    return Activation(T + at, 1, "limit.x", source, severity, held)


def period(*cases, span=30 * DAY, activations=(), **more):
    return replace(Period(T, T + span, cases, tuple(activations), {}), **more)


def figure(of, key):
    return next(i for i in of.indicators if i.key == key)


TIMES = st.lists(st.integers(0, DAY - 1), max_size=80).map(sorted)


@given(TIMES, st.integers(1, 4))
def test_slots_sum_to_the_whole(times, positions):
    """Every alarm lies in one slot, and the mean of the slots is the rate."""
    some = [came(t) for t in times]
    found = slots(some, T, T + DAY)
    whole = kpi(period(activations=some, span=DAY, positions=positions))

    assert (len(times), 144) == (sum(found), len(found))
    assert figure(whole, "per_10_minutes").value == pytest.approx(len(times) / 144 / positions)
    assert sum(whole.mix.values()) == whole.alarms == len(times)


@given(st.lists(st.tuples(st.integers(0, DAY - 1), st.sampled_from("abcdefghijklmno")), max_size=60))
def test_sources_sum_to_at_most_the_whole(some):
    """Ten sources have at most all alarms, the busiest first, and with ten or fewer sources exactly all."""
    found = sources([came(t, s) for t, s in some])

    assert [s.alarms for s in found] == sorted((s.alarms for s in found), reverse=True)
    assert sum(s.alarms for s in found) <= len(some)
    if 0 < len({s for _, s in some}) <= 10:
        assert sum(s.share for s in found) == pytest.approx(1)


@given(st.lists(st.integers(0, 30), max_size=40))
def test_floods_lie_apart(counts):
    """Floods do not overlap, begin with more than ten, and every slot with more than ten lies in one."""
    found = floods(counts, T)
    inside = {i for f in found for i in range((f.start - T) // SLOT, (f.end - T) // SLOT)}

    assert all(a.end <= b.start for a, b in pairwise(found))
    assert {i for i, n in enumerate(counts) if n > 10} <= inside
    assert sum(f.alarms for f in found) == sum(counts[i] for i in inside)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([10, 10], []), ([11, 4], [(0, 1, 11)]), ([11, 5, 4], [(0, 2, 16)]), ([0, 12, 7, 13, 0], [(1, 4, 32)]),
     ([11], [(0, 1, 11)])],
)  # fmt: skip
def test_floods(counts, expected):
    """More than 10 in ten minutes begin a flood, fewer than 5 end it."""
    assert expected == [((f.start - T) // SLOT, (f.end - T) // SLOT, f.alarms) for f in floods(counts, T)]


@pytest.mark.parametrize(
    ("times", "found"), [([0, 30, 60], ["a"]), ([0, 31, 61], []), ([0, 1], []), ([0, 900, 901, 902], ["a"])]
)
def test_chattering(times, found):
    """A source that alarms three times within a minute chatters."""
    assert found == [s.source for s in chattering([came(t * 1_000) for t in times])]


@pytest.mark.parametrize(
    ("more", "count"),
    [({"raised": T - DAY}, 1), ({"raised": T + DAY - 1}, 1), ({"raised": T + DAY}, 0), ({"raised": T + 2 * DAY - 1}, 0),
     ({"raised": T - DAY, "closed": T + HOUR}, 0), ({"raised": T, "closed": T + DAY + HOUR}, 0),
     ({"raised": T - 2 * DAY, "holders": (), "changed": T + HOUR}, 0)],
)  # fmt: skip
def test_standing(more, count):
    """Alarms that had stood for over a day at the end of some day are counted, those that were over are not."""
    held = (Holder("bulk", "x", Signal.ACTIVE, Severity.HIGH, T),)

    assert count == standing([case(**{"holders": held, **more})], T, T + 2 * DAY)


VERDICTS = st.sampled_from([None, *Verdict])


@given(st.lists(st.tuples(st.sampled_from(["x", "y", "z"]), VERDICTS), max_size=40))
def test_precision_sums_to_the_whole(some):
    """Of each rule the real, the false and the undecided are all; precision lies between none and all."""
    found = precision([case(n, rule=rule, verdict=verdict) for n, (rule, verdict) in enumerate(some)])

    assert len(some) == sum(r.alarms for r in found)
    assert all(r.real + r.false + r.undecided == r.alarms for r in found)
    assert all(r.precision is None or 0 <= r.precision <= 1 for r in found)


@pytest.mark.parametrize(
    ("detectors", "false", "rate", "stands"),
    [(100, 2, 2.0, Standing.MET), (100, 3, 3.0, Standing.OVER_TARGET), (100, 6, 6.0, Standing.OVER_LIMIT),
     (20, 3, 15.0, Standing.MET), (20, 4, 20.0, Standing.OVER_LIMIT), (0, 4, None, Standing.UNKNOWN)],
)  # fmt: skip
def test_false_alarms(detectors, false, rate, stands):
    """False alarms are held to BS 5839-1: a year, per hundred detectors; fewer than forty have three a year."""
    fires = [case(n, family="fire", device=n, verdict=Verdict.UNWANTED) for n in range(1, false + 1)]
    others = [case(50, verdict=Verdict.UNWANTED), case(51, family="fire", verdict=Verdict.REAL)]
    found = figure(kpi(period(*fires, *others, span=int(YEAR), detectors=detectors)), "false_alarms_per_100_detectors")

    assert stands is found.standing
    assert found.value == (None if rate is None else pytest.approx(rate))


def test_a_detector_that_is_often_wrong():
    """A detector with three false alarms in a year is named."""
    fires = [case(n, family="fire", device=7, verdict=Verdict.EQUIPMENT) for n in (1, 2, 3)]

    assert {7: 3} == kpi(period(*fires, detectors=100)).repeated


def test_times_of_people():
    """The time to acknowledge is that of the first acknowledgement, whatever was taken away later."""
    cases = (case(1, closed=T + 90_000), case(2, family="fire", acknowledged=False))
    found = kpi(period(*cases, first_acknowledged={1: T + 30_000, 2: T + 10_000}))

    assert (20.0, 10.0, 90.0) == tuple(figure(found, key).value for key in ("mtta", "mtta_life", "mttr"))


def test_drills_do_not_count():
    """A case that was marked as a test counts in no figure."""
    line = Transition(1, CaseVerb.TRIGGER, T, "", TransitionReason.CONDITION, None, CaseState.UNACKNOWLEDGED, 1)
    tested = case(1, verdict=Verdict.TEST)

    assert () == activations_of([tested], [line])
    assert 1 == len(activations_of([case(1)], [line]))
    assert () == kpi(period(tested)).rules


def test_what_is_held_back_is_counted_apart():
    """An alarm that was suppressed as it came is no load of an officer, and is not forgotten."""
    found = kpi(period(activations=[came(0), came(MINUTE, held=True)]))

    assert (1, 1) == (found.alarms, found.held_back)


def test_an_empty_month():
    """Nothing happened: figures that need something are unknown, the others are met."""
    found = kpi(period())

    assert Standing.UNKNOWN is figure(found, "priority_high").standing
    assert Standing.MET is figure(found, "per_10_minutes").standing


@pytest.mark.parametrize(
    ("value", "least", "stands"),
    [(1.0, False, Standing.MET), (1.5, False, Standing.OVER_TARGET), (2.1, False, Standing.OVER_LIMIT),
     (None, False, Standing.UNKNOWN)],
)  # fmt: skip
def test_standings(value, least, stands):
    """A figure stands as its target and its limit say."""
    assert stands is Indicator("k", "k", "k", value, "1", 1.0, 2.0, least=least).standing
    assert Standing.OVER_LIMIT is Indicator("k", "k", "k", 0.5, "1", 0.9, least=True).standing


@pytest.mark.parametrize("language", ["zh", "en"])
def test_page_escapes(language):
    """Nothing that a rule or a title is called runs in the page, and its style is the one that its policy names."""
    found = kpi(period(case(rule="<script>alert(1)</script>"), activations=[came(0, "<img src=x onerror=y>")]))
    page = as_page(found, "<b>园区", language)

    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;b&gt;园区" in page
    assert f"<style>{STYLE}</style>" in page
    assert "sha256-" in POLICY


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [(1_756.0, "s", "29 min"), (42.0, "s", "42 s"), (12_345.0, "1", "12,345"), (0.25, "1", "0.25"),
     (0.5, "share", "50.0%")],
)  # fmt: skip
def test_figures_as_people_read_them(value, unit, said):
    """A long time is in minutes, a large number has no exponent."""
    found = replace(kpi(period()), indicators=(Indicator("k", "指标", "k", value, unit),))

    assert f"<td>{said}</td>" in as_page(found, "x", "zh")


def test_csv_runs_nothing():
    """A source that is called like a formula is led by an apostrophe."""
    text = as_csv(kpi(period(case(rule="=cmd()"), activations=[came(0, "=1+1")])))

    assert ",'=cmd()," in text
    assert ",=" not in text
