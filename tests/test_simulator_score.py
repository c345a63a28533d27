"""How the row of the labelled simulator scores: what is asked for, and what explains an event."""

from dataclasses import replace

import pytest

from bench.scoreboard.simulator import Judge, Measured, Score, Seen, figures_of, opened, seen_of
from bench.scoreboard.simulator_truth import Shown, rollovers
from park.events import DeviceStatus, Finding, Reason, Severity, Status
from simulators.injections import EVER, Injection
from simulators.registry import Numbers, park_plan
from simulators.scenario import DAY, HOUR, MINUTE, Scenario

PLAN = park_plan(Scenario(0, seed=3, enterprises=12))
ORIGIN = PLAN.scenario.origin
END = ORIGIN + 100 * DAY
NOISE = next(p for p in PLAN.points if p.metric == "temperature" and p.interval == HOUR)


def fault(start, lasts, kind="spike", **more):
    """Return a fault of an hourly sensor."""
    x = Injection("x", kind, ORIGIN + start, ORIGIN + start + lasts, 5.0, NOISE.device, (NOISE.id,),
                  PLAN.unit_of[NOISE.device - 1])  # fmt: skip
    return replace(x, **more)


def numbers():
    """Return numbers that are the plan's own."""
    return Numbers({}, {}, {d.id: d.id for d in PLAN.devices}, None)


def finding(ts, **more):
    """Return an unusual value at the sensor."""
    return Finding("anomaly", NOISE.id, ts, ts, Severity.LOW, Reason.UNUSUAL, device=NOISE.device, **more)


def test_between_two_readings():
    """A fault that begins after an hourly reading and ends before the next is carried by none."""
    spoken = next(m for m in range(60) if Shown(PLAN, ())(fault(30 * DAY + m * MINUTE, MINUTE), END))

    assert not Shown(PLAN, ())(fault(30 * DAY + (spoken + 1) * MINUTE, 58 * MINUTE), END)
    assert Shown(PLAN, ())(fault(30 * DAY + (spoken + 1) * MINUTE, HOUR), END)


def test_while_nothing_is_delivered():
    """A fault of a device that was silent all the while is carried by no reading."""
    x = fault(30 * DAY, 5 * HOUR)

    assert Shown(PLAN, (x,))(x, END)
    assert not Shown(PLAN, (x, fault(30 * DAY - HOUR, 7 * HOUR, "dropout")))(x, END)


def test_episode_is_one_event():
    """An episode that begins and ends is one event; one that is first told when it is over is one, too."""
    begun = finding(5 * DAY, episode="a", since=4 * DAY)
    ended = replace(begun, ts=6 * DAY, at=6 * DAY, until=6 * DAY, reason=Reason.USUAL_AGAIN)
    late = replace(ended, episode="b")

    assert [5 * DAY, 6 * DAY] == [s.at for s in seen_of(iter([begun, ended, late]), numbers())]


@pytest.mark.parametrize(("days", "right"), [(10, 1), (45, 0)])
def test_change_for_good_explains_a_month(days, right):
    """Unusual values of a stopped firm are explained by its stop for thirty days."""
    firm = next(iter(PLAN.site.tenancy))
    meter = next(d.id for d in PLAN.devices if d.kind == "meter" and PLAN.unit_of[d.id - 1] == PLAN.site.tenancy[firm])
    stop = Injection("s", "stop", ORIGIN + 40 * DAY, EVER, enterprise=firm)
    families, _ = Judge(PLAN, (stop,), END).score([Seen("anomaly", ORIGIN + (40 + days) * DAY, meter)])

    assert (right, 1) == (families["anomaly"].right, families["anomaly"].said)


def test_building_meter_explains_and_finds_nothing():
    """What a tenant's stop does to its building's meter is explained by it, and does not count as found."""
    firm = next(iter(PLAN.site.tenancy))
    building = PLAN.site.buildings[PLAN.site.units[PLAN.site.tenancy[firm]].building]
    meter = next(d.id for d in PLAN.devices if d.kind == "meter" and d.place == building)
    stop = Injection("s", "stop", ORIGIN + 40 * DAY, EVER, enterprise=firm)
    judge = Judge(PLAN, (stop,), END)
    seen = Seen("anomaly", ORIGIN + 41 * DAY, meter)

    assert (True, False) == (judge.explains(stop, seen), judge.touches(stop, seen))
    assert 1 == judge.score([seen])[0]["anomaly"].right


def test_registers_that_turn():
    """Registers near their end turn, each once, and never go back."""
    done = tuple(rollovers(PLAN, (), ORIGIN + 40 * DAY))

    assert done
    assert len({x.device for x in done}) == len(done)


def test_cases():
    """A silent device opens one case until it is back; low findings open none."""
    silent = DeviceStatus(1, Status.SILENT, 5, 1, Reason.SILENT)
    stuck, back = replace(silent, status=Status.STUCK), replace(silent, status=Status.ONLINE, reason=Reason.BACK)

    assert 2 == opened([silent, stuck, back, silent, finding(DAY, episode="a")], frozenset())


@pytest.mark.parametrize(("observed", "asked"), [(4, 0), (5, 1), (12, 1)])
def test_cut_by_the_end(observed, asked):
    """A fault is asked for where at least half of it lies before the recording's end."""
    drift = fault(40 * DAY, 10 * DAY, "drift")
    _, faults = Judge(PLAN, (drift,), ORIGIN + (40 + observed) * DAY).score([])

    assert asked == faults["drift"].faults


def test_parks_together():
    """Figures are of all parks together, and name the worst of them."""
    parks = [Measured({"anomaly": Score()}, {"drift": Score(found=n, faults=4)}, 0, 0, 10, 30) for n in (4, 1)]
    drift = next(figure for figure in figures_of("parks", parks) if figure.key == "parks.recall.drift")

    assert (5 / 8, "5 of 8; worst park 1 of 4") == (drift.value, drift.note)
