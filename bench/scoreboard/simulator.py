"""The labelled simulator end to end: what the stages of both lanes find of everything that was done to a park.

A fault is found when an event that speaks of it, on the device, unit or enterprise that it hit, lies within its
time (and some grace). An event of a family is right when a label of that family, or one that is known to look
alike, covers it. Labels that no stage is meant to find (duplicates, malformed messages, which the ledger counts)
are left out. Rules that a reader would want to know:

* An episode is one event, told when it is first heard of; that it is over is no second one.
* A fault that no reading carries (half an hour between two hourly values) is not asked for.
* A register that runs over its last digit is a truth of the park, though nobody injected it: it is a label.
* A change for good explains unusual values for 30 days, not for ever; what a tenant changes is seen by the meter of
  its building, too: there it explains, and never counts as found.
* What a holiday or chance does to values is no fault: what is said of it is false.
* A fault that the recording ends in the first half of is not asked for: of a drift over ten days its first hours.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from alerts.triggers import triggers_of
from bench.scoreboard.simulator_truth import Shown, rollovers
from bench.scoreboard.words import Figure
from park.activity import iso, numbered
from park.alarms import Signal
from park.directory import Directory
from park.events import ActivityDay, AlarmState, Bands, ConditionChange, Counted, DeviceStatus, Event, Finding, Reason
from park.metrics import Lane
from park.records import Batch, Config, Paper, PaperKind, Record, Tick
from runtime.past import config_for, edge_of
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry
from simulators.equipment import Plan
from simulators.history import history
from simulators.injections import EVER, Injection, injections
from simulators.registry import Numbers, load, park_plan
from simulators.scenario import DAY, HOUR, MINUTE, PARK_OFFSET, Scenario
from stream.pipeline import Pipeline
from stream.rules import parse, shipped
from stream.stages import bulk_stages, life_stages


def begin(day: str) -> int:
    """Return the park's midnight at which a date begins, epoch ms."""
    return numbered(day) * DAY - PARK_OFFSET


START = begin("2025-10-01")
DAYS = 120
SEED, ENTERPRISES = 11, 45
LEARNING = 30  # days after which finds count: before, baselines learn
_FAMILY = {Reason.BELOW_PEERS: "low", Reason.OUT_OF_RANGE: "anomaly"}  # of findings; else their kind
_STOPPED = {"stopped", "dormant", "zombie_suspect"}


@dataclass(frozen=True, slots=True)
class Family:
    """Faults that one kind of event speaks of."""

    faults: tuple[str, ...]
    grace: int  # ms after a fault's end in which it may still be told
    like: tuple[str, ...] = ()  # faults that rightly give such an event, too, and need not
    after: int = 0  # days of learning before faults count
    lasting: int = EVER  # ms for which a change for good explains events


FAMILIES: Mapping[str, Family] = {
    "fire": Family(("fire",), HOUR, ("false_alarm", "call_point_press", "test_alarm")),
    "silent": Family(("dropout",), 2 * HOUR, ("dead_gateway",)),
    "gateway_down": Family(("dead_gateway",), 2 * HOUR),
    "stuck": Family(("stuck",), 2 * HOUR, ("dead_gateway", "dropout")),
    "wrong_clock": Family(("clock_offset", "clock_drift"), HOUR),
    "low_battery": Family(("low_battery",), 12 * HOUR),
    "meter": Family(
        ("meter_reset", "zero_glitch", "rollover"), 2 * HOUR,
        ("stuck", "dropout", "dead_gateway", "clock_offset", "clock_drift"),
    ),
    "anomaly": Family(
        ("spike", "level_shift", "drift", "unit_x1000", "swapped_phase", "leak"), 6 * HOUR,
        ("stuck", "meter_reset", "zero_glitch", "stop", "stop_to_zero", "decline", "sublet", "zombie", "paused",
         "fire", "dropout", "dead_gateway", "clock_offset", "clock_drift", "low_battery", "rollover",
         "overshoot"),
        LEARNING, 30 * DAY,
    ),
    "stopped": Family(("stop", "stop_to_zero", "decline"), 30 * DAY, ("zombie",), LEARNING),
    "use": Family(("sublet",), 30 * DAY, (), LEARNING),
    "low": Family(("zombie",), 0, ("stop", "stop_to_zero", "decline")),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that was said, as it is scored."""

    family: str
    at: int  # epoch ms
    device: int = 0
    place: int = 0
    enterprise: int = 0


def founded(plan: Plan, events: tuple[Injection, ...]) -> tuple[Config, Numbers]:
    """Return what a registry says of a plan, with papers for pauses, and its numbers."""
    database = Database.open("sqlite://")
    registry = SqlRegistry(database)
    numbers = load(plan, registry, now=plan.scenario.origin)
    config = registry.config_since(0, plan.scenario.origin)
    database.close()
    firms = plan.site.enterprises
    papers = tuple(
        Paper(numbers.enterprises[firms[x.enterprise].id], PaperKind.SUPPLY_PAUSE, _date(x.start), _date(x.end))
        for x in events
        if x.kind == "paused"
    )
    return replace(config, limits=parse(shipped()), papers=papers), numbers


def _date(ts: int) -> str:
    return iso((ts + PARK_OFFSET) // DAY)


def told(plan: Plan, config: Config, numbers: Numbers, start: int, end: int) -> Iterator[Event]:
    """Yield what both lanes say of a plan's history."""
    found: list[Event] = []
    directory = Directory()
    directory.apply(config)
    lanes = {Lane.LIFE: Pipeline(life_stages), Lane.BULK: Pipeline(bulk_stages)}
    for lane, pipeline in lanes.items():
        pipeline.run(config_for(config, lane), found.append)
    for planned in history(plan.scenario, start, end, HOUR):
        batch = numbers.batch(planned)
        life = directory.life[batch.point]
        for lane, rows in ((Lane.LIFE, life), (Lane.BULK, ~life)):
            part = batch.rows(rows)
            minutes = part.received // MINUTE
            for minute in np.unique(minutes).tolist():
                some = part.rows(minutes == minute)
                records: list[Record] = [Tick(minute * MINUTE), Batch(some, edge_of(some, directory))]
                for record in records:
                    lanes[lane].run(record, found.append)
        yield from found
        found.clear()


def seen_of(events: Iterator[Event], numbers: Numbers) -> Iterator[Seen]:
    """Yield what is scored of the events; of a stop its first day only."""
    stopped: set[int] = set()
    episodes: set[str] = set()
    device, firm = ({n: k for k, n in some.items()} for some in (numbers.devices, numbers.enterprises))
    for e in events:
        if isinstance(e, ConditionChange):
            if e.family in {"fire", "gas"} and e.state is not AlarmState.CLEARED and not e.labels:
                yield Seen("fire", e.at, device.get(e.device, 0), e.place)
        elif isinstance(e, DeviceStatus):
            if e.status in FAMILIES:
                yield Seen(str(e.status), e.at, device.get(e.device, 0))
        elif isinstance(e, ActivityDay):
            if e.state in _STOPPED and e.enterprise not in stopped:
                stopped.add(e.enterprise)
                yield Seen("stopped", e.at, enterprise=firm[e.enterprise])
            elif e.state not in _STOPPED and e.state != "unknown":
                stopped.discard(e.enterprise)
        elif (
            isinstance(e, Finding)
            and _FAMILY.get(e.reason, e.kind) in FAMILIES
            and not (e.episode and e.episode in episodes)
        ):
            episodes.add(e.episode)
            family = _FAMILY.get(e.reason, e.kind)
            yield Seen(family, e.at, device.get(e.device, 0), e.place)


def opened(events: Iterable[Event], life: frozenset[int]) -> int:
    """Return how many cases events open, before any is suppressed or grouped."""
    standing: set[tuple[str, str, str]] = set()
    count = 0
    for e in events:
        if not isinstance(e, ConditionChange | Finding | DeviceStatus):
            continue
        for t in triggers_of(Lane.LIFE if e.device in life else Lane.BULK, e):
            key = t.family, t.subject, t.cause
            if t.signal is Signal.OVER:
                standing.discard(key)
            elif key not in standing:
                count += 1
                if t.signal is not Signal.MOMENT:
                    standing.add(key)
    return count


@dataclass(slots=True)
class Score:
    """Counts of one family or fault."""

    found: int = 0
    faults: int = 0
    right: int = 0
    said: int = 0


class Judge:
    """Labels of a park, and whether they cover an event."""

    def __init__(self, plan: Plan, labels: tuple[Injection, ...], end: int) -> None:
        self.plan, self.labels, self.end = plan, labels, end
        self._gateway = {d.id: d.gateway for d in plan.devices}
        self._enterprise = {u: unit.enterprise for u, unit in enumerate(plan.site.units)}
        self._shown = Shown(plan, labels)

    def touches(self, x: Injection, s: Seen) -> bool:
        """Return whether a label is about the device, unit or enterprise that an event names."""
        plan = self.plan
        unit = plan.unit_of[s.device - 1] if s.device else -1
        if x.kind == "dead_gateway":
            return s.device == x.device or self._gateway.get(s.device) == x.device
        if x.kind == "fire":
            near = {plan.unit_of[plan.points[p - 1].device - 1] for p in x.points}
            return unit in near
        firm = x.enterprise
        if x.device == 0 or x.kind == "leak":
            of = self._enterprise.get(unit, -1)
            mine = plan.site.enterprises[firm].id if firm >= 0 else -2
            return of == firm or s.enterprise == mine or s.device == x.device
        same = plan.unit_of[x.device - 1]
        return s.device == x.device or (same >= 0 and same == unit)

    def explains(self, x: Injection, s: Seen) -> bool:
        """Return whether a label is why an event was told, though it is not about it: its building's meter sees it."""
        if x.device or x.enterprise < 0 or not s.device:
            return False
        device = self.plan.devices[s.device - 1]
        unit = self.plan.site.units[self.plan.site.tenancy[x.enterprise]]
        return device.kind == "meter" and device.place == self.plan.site.buildings[unit.building]

    def score(self, seen: list[Seen]) -> tuple[dict[str, Score], dict[str, Score]]:
        """Return scores by family and by fault."""
        families: dict[str, Score] = defaultdict(Score)
        faults: dict[str, Score] = defaultdict(Score)
        by_family: dict[str, list[Seen]] = defaultdict(list)
        for s in seen:
            by_family[s.family].append(s)
        for name, family in FAMILIES.items():
            some = sorted(by_family[name], key=lambda s: s.at)
            times = [s.at for s in some]
            first = self.plan.scenario.origin + family.after * DAY
            right: set[int] = set()
            for x in self.labels:
                if x.kind not in family.faults and x.kind not in family.like:
                    continue
                last = x.end if x.end < EVER else x.start + family.lasting
                span = range(bisect_left(times, x.start), bisect_right(times, min(last, self.end) + family.grace))
                near = [i for i in span if self.touches(x, some[i])]
                right.update(near, (i for i in span if self.explains(x, some[i])))
                counts = x.kind in family.faults and x.start >= first and _half(x, self.end)
                if counts and x.start + _needed(x) < self.end and self._shown(x, self.end):
                    faults[x.kind].faults += 1
                    faults[x.kind].found += bool(near)
            late = [i for i, s in enumerate(some) if s.at >= first]
            families[name].said = len(late)
            families[name].right = sum(i in right for i in late)
        return families, faults


def _half(x: Injection, end: int) -> bool:
    """Return whether half of a fault lies before the recording's end; of one for good, whether it begins before."""
    lasts = x.end - x.start if x.end < EVER else 0
    return x.start < end and 2 * (min(x.end, end) - x.start) >= lasts


def _needed(x: Injection) -> int:
    """Return how long after its beginning a fault can be asked for, ms: a stop takes days."""
    return {
        "stop": 12 * DAY,
        "stop_to_zero": 12 * DAY,
        "decline": 60 * DAY,
        "sublet": 35 * DAY,
        "zombie": 60 * DAY,
    }.get(x.kind, HOUR)


@dataclass(frozen=True, slots=True)
class Measured:
    """What was scored of one park."""

    families: Mapping[str, Score]
    faults: Mapping[str, Score]
    events: int
    cases: int
    firms: int
    points: int


def measured(start: int, seed: int, enterprises: int) -> Measured:
    """Let the stages of both lanes hear a park from a moment on, and score what they say."""
    plan = park_plan(Scenario(start, seed, enterprises))
    origin = plan.scenario.origin
    end = origin + DAYS * DAY
    drawn = injections(plan, end)
    labels = (*drawn, *rollovers(plan, drawn, end))
    config, numbers = founded(plan, drawn)
    heard = [e for e in told(plan, config, numbers, origin, end) if not isinstance(e, Bands | Counted)]
    seen = list(seen_of(iter(heard), numbers))
    families, faults = Judge(plan, labels, end).score(seen)
    life = frozenset(d.device for d in config.devices if d.lane is Lane.LIFE)
    firms = len(plan.site.enterprises)
    return Measured(families, faults, len(seen), opened(heard, life), firms, len(config.points))


def figures() -> list[Figure]:
    """Return the rows of the scoreboard."""
    return list(figures_of("simulator", [measured(START, SEED, ENTERPRISES)]))


def figures_of(name_of_set: str, parks: Sequence[Measured]) -> Iterator[Figure]:
    """Yield the figures of some parks together, with the worst of them."""
    for name in FAMILIES:
        some = [(m.families[name].right, m.families[name].said) for m in parks if name in m.families]
        if any(of for _, of in some):
            yield Figure(f"{name_of_set}.precision.{name}", _share(some), 0.05, "", "> 0.9",
                         note=f"{_counts(some)} events lie within a fault that gives them{_worst(some)}")  # fmt: skip
    for name in dict.fromkeys(kind for family in FAMILIES.values() for kind in family.faults):
        some = [(m.faults[name].found, m.faults[name].faults) for m in parks if name in m.faults]
        if any(of for _, of in some):
            yield Figure(f"{name_of_set}.recall.{name}", _share(some), 0.05, "", "> 0.95",
                         note=f"{_counts(some)}{_worst(some)}")  # fmt: skip
    wrong = sum(m.families["anomaly"].said - m.families["anomaly"].right for m in parks)
    months = sum(m.points for m in parks) * (DAYS - LEARNING) / 30
    days = DAYS * sum(m.firms for m in parks) / 10
    yield Figure(f"{name_of_set}.false_episodes_per_point_month", wrong / months, 0.01, "", "< 0.2", up=False,
                 note="unusual values, of which a park has ten faults a month on a thousand points")  # fmt: skip
    yield Figure(f"{name_of_set}.events_per_day_per_10_enterprises", sum(m.events for m in parks) / days, 0.2, up=False,
                 note="everything told that is scored, right or not; not all of it calls anybody")  # fmt: skip
    yield Figure(f"{name_of_set}.cases_per_day_per_10_enterprises", sum(m.cases for m in parks) / days, 0.1, "", "<= 1",
                 up=False, note="what opens a case (alerts/triggers.py), before it is suppressed or grouped; "
                 "faults included")  # fmt: skip


def _share(some: Sequence[tuple[int, int]]) -> float:
    return sum(n for n, _ in some) / sum(of for _, of in some)


def _counts(some: Sequence[tuple[int, int]]) -> str:
    return f"{sum(n for n, _ in some)} of {sum(of for _, of in some)}"


def _worst(some: Sequence[tuple[int, int]]) -> str:
    """Return the park with the least share, in words; nothing where all have all, or there is one."""
    n, of = min((one for one in some if one[1]), key=lambda one: one[0] / one[1])
    return f"; worst park {n} of {of}" if n < of and len(some) > 1 else ""


if __name__ == "__main__":
    for figure in figures():
        print(f"{figure.key:50} {figure.value:8.4f}  aim {figure.aim:8} {figure.note}")
