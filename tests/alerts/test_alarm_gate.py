"""Nothing holds an alarm of life safety back: every path of suppression, found by looking, tried on every family."""

import inspect
from dataclasses import replace

import pytest
from alarm_words import HOUR, NOW, burns, does, passes

from alerts import lifecycle, suppression
from alerts.diagram import exemplar
from alerts.escalation import GROUP_WAIT, Duty, call
from alerts.gate import exempt
from alerts.lifecycle import HOLDING, act
from alerts.suppression import BY_ACT, DEAD_VOLTAGE, PATHS, Around, Source, suppressions
from park.alarms import LIFE_FAMILIES, Case, CaseState, CaseVerb, MessageKind, Suppression, SuppressionReason
from park.duty import MaintenanceWindow, Matcher, MatchOperator, Silence
from park.errors import Forbidden
from park.events import Severity

FAMILIES = sorted(LIFE_FAMILIES) + [f"{f}.of_some_kind" for f in sorted(LIFE_FAMILIES)]
EVERYTHING = Matcher("family", MatchOperator.MATCHES, ".*")


def case_of(family, **more):
    """Return an open case of a family, of a device behind a gateway."""
    case = exemplar(CaseState.UNACKNOWLEDGED, life=True)
    return replace(case, id=5, family=family, park=1, place=12, device=7, gateway=3, **more)


def source(rule, **more):
    """Return an open case that inhibits others."""
    return Source(replace(case_of("device"), id=9, rule=rule, **more), (1, 2))


# By reason: what an ordinary case must look like to be held back for it, and what must be around it.
HELD = {
    SuppressionReason.GATEWAY_DOWN: (
        {"rule": "device.silent"},
        {"sources": (source("device.gateway_down", device=3),)},
    ),
    SuppressionReason.SUPPLY_OFF: (
        {"rule": "limit.under_voltage"},
        {"sources": (source("limit.under_voltage", device=1, place=2, value=DEAD_VOLTAGE - 1),)},
    ),
    SuppressionReason.MAINTENANCE: ({}, {"windows": (MaintenanceWindow(NOW, NOW + 1, "li", "x", place=2),)}),
    SuppressionReason.SILENCE: ({}, {"silences": (Silence((EVERYTHING,), NOW, NOW + 1, "li", "x"),)}),
    SuppressionReason.FLOOD: ({}, {"flood": 4}),
}
AROUND = {"path": (1, 2, 12)}


def paths_of(module):
    """Return every function of a module that could be a path: it gives a suppression for a case."""
    found = {}
    for name, function in inspect.getmembers(module, inspect.isfunction):
        if function.__module__ == module.__name__ and not name.startswith("_"):
            said = inspect.signature(function).return_annotation
            if said == Suppression | None:
                found[name] = function
    return found


def test_every_path_is_in_the_table():
    """A function that can hold a case back stands behind the gate, in the table of paths."""
    assert set(paths_of(suppression).values()) == set(PATHS.values())


def test_every_reason_has_its_path():
    """Every reason for holding back is a path of the table, or a person's act; and each is tried below."""
    assert set(SuppressionReason) == set(PATHS) | BY_ACT
    assert set(PATHS) == set(HELD)


@pytest.mark.parametrize("reason", sorted(PATHS))
def test_ordinary_is_held_back(reason):
    """Each path holds an ordinary case back, so that the tests below try something."""
    looks, around = HELD[reason]

    assert [reason] == [s.reason for s in suppressions(case_of("limit.x", **looks), Around(NOW, **AROUND, **around))]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("reason", sorted(PATHS))
def test_life_safety_passes(reason, family):
    """The same circumstances hold no alarm of life safety back."""
    looks, around = HELD[reason]

    assert () == suppressions(case_of(family, **looks), Around(NOW, **AROUND, **around))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("verb", sorted(HOLDING))
def test_no_row_holds_life_safety_back(verb, family):
    """The table has no row by which an act or the platform could hold a life-safety case back."""
    assert exempt(case_of(family))
    assert [] == [s for s in CaseState if lifecycle.row_of(verb, s, life=True)]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("verb", sorted(HOLDING & lifecycle.PERSONS))
def test_no_person_holds_life_safety_back(verb, family):
    """Whoever asks, whatever he says."""
    with pytest.raises(Forbidden):
        act(case_of(family), does(verb, note="please", until=NOW + HOUR), NOW)


@pytest.mark.parametrize("severity", sorted(Severity))
@pytest.mark.parametrize("family", FAMILIES)
def test_no_waiting_for_company(family, severity):
    """A message of life safety waits for nobody and is grouped with nothing; an ordinary one is."""
    told = call(case_of(family, severity=severity), MessageKind.RAISED, Duty(), NOW, "park:1").notifications
    ordinary = call(case_of("limit.x", severity=Severity.HIGH), MessageKind.RAISED, Duty(), NOW, "park:1").notifications

    assert {(NOW, "", True)} == {(n.not_before, n.group, n.life) for n in told}
    assert {(NOW + GROUP_WAIT, "park:1", False)} == {(n.not_before, n.group, n.life) for n in ordinary}


def test_who_is_exempt():
    """Fire, gas and CO are; what only sounds like it is not."""
    assert all(exempt(burns(family=f)) for f in ("fire", "gas"))
    assert not exempt(passes())
    assert not exempt(case_of("firewall"))
    assert isinstance(case_of("fire"), Case)
    assert CaseVerb.SUPPRESS in HOLDING
