"""A week of the simulated park, as its officers would live it: what calls them, and how often.

Both lanes run over four weeks of learning and the week that counts, and what they find goes through the machine
of alarms (cases, suppression, chains) at log time. In the quiet week nothing breaks and nothing burns, though
firms live as they do (they stop, sublet, rest); in the labelled one every fault and every fire must be there, once.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from bench.scoreboard.simulator import FAMILIES, START, Judge, Seen, founded, told
from bench.scoreboard.words import Figure
from park.alarm_ports import CaseFilter
from park.alarms import Case, MessageKind
from park.events import ConditionChange, DeviceStatus, Event, Finding
from park.metrics import Lane
from runtime.storage.sql.alarm_intake import Intake
from runtime.storage.sql.alarm_outbox import SqlOutbox
from runtime.storage.sql.alarms import SqlAlarms
from runtime.storage.sql.database import Database
from runtime.storage.sql.events import SqlEvents
from runtime.storage.sql.registry import SqlRegistry
from simulators.equipment import Plan
from simulators.injections import Injection, injections
from simulators.registry import load, park_plan
from simulators.scenario import DAY, HOUR, MINUTE, Scenario

LEARN, COUNTED = int(os.environ.get("PARK_WEEK_LEARN", "28")), 7
SEED = int(os.environ.get("PARK_WEEK_SEED", "11"))
FAULTS = float(os.environ.get("PARK_WEEK_FAULTS", "8"))  # times the usual: a usual week has next to none
_TURN = 10 * MINUTE  # between two looks at timers
# Faults that people are to be called to, and the families of cases that tell them of each.
TOLD: dict[str, tuple[str, ...]] = {
    "fire": ("fire", "gas"), "false_alarm": ("fire",), "call_point_press": ("fire",), "dropout": ("device",),
    "dead_gateway": ("device",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Week:
    """What a week was: its cases, and the numbers of simulator and registry beside each other."""

    plan: Plan
    labels: tuple[Injection, ...]
    cases: tuple[Case, ...]
    device: dict[int, int]  # registry's number -> simulator's
    start: int
    end: int
    calls: dict[int, tuple[int, ...]]  # when people were called to a case anew: raised, or raised again

    @property
    def called(self) -> tuple[Case, ...]:
        """Cases to which people were called, once for each call: who was not answered last month is called again."""
        return tuple(c for c in self.cases for at in self.calls.get(c.id, ()) if self.start <= at < self.end)


def lived(scenario: Scenario) -> Week:
    """Return the last week of some weeks of a park."""
    plan = park_plan(scenario)
    end = scenario.origin + (LEARN + COUNTED) * DAY
    labels = injections(plan, end)
    config, numbers = founded(plan, labels)
    database = Database.open("sqlite://")
    load(plan, SqlRegistry(database), now=scenario.origin)
    now = [scenario.origin]
    alarms = SqlAlarms(database)
    events = SqlEvents(database, Intake(alarms, lambda: now[0]))
    life = {d.device for d in config.devices if d.lane is Lane.LIFE}
    found = _in_time(told(plan, config, numbers, scenario.origin, end))
    for position, event in enumerate(found, 1):
        while now[0] + _TURN <= event.at:
            now[0] += _TURN
            alarms.turn(now[0])
        now[0] = max(now[0], event.at)
        events.apply(Lane.LIFE if event.device in life else Lane.BULK, position, [event])
    alarms.turn(end)
    start = end - COUNTED * DAY
    # Also those of the weeks before: nobody acknowledges here, so what returned is still open, and begins again.
    cases = alarms.cases(CaseFilter(open=None), limit=10_000)
    calls = _calls(SqlOutbox(database))
    database.close()
    return Week(
        plan, labels, tuple(cases), {n: k for k, n in numbers.devices.items()}, start, end,
        {case: tuple(sorted(times)) for case, times in calls.items()},
    )  # fmt: skip


def _calls(outbox: SqlOutbox) -> dict[int, set[int]]:
    """Return when people were called anew, by case. A fire that nobody answers fills pages: all of them are read."""
    calls: dict[int, set[int]] = {}
    before = ""
    while page := outbox.deliveries(before=before, limit=10_000):
        before = page[-1].notification.id
        for d in page:
            if d.notification.kind in {MessageKind.RAISED, MessageKind.AGAIN}:
                calls.setdefault(d.notification.case, set()).add(d.notification.created)
    return calls


def _in_time(events: Iterator[Event]) -> Iterator[ConditionChange | DeviceStatus | Finding]:
    for event in events:
        if isinstance(event, ConditionChange | DeviceStatus | Finding):
            yield event


def answered(week: Week) -> dict[str, list[int]]:
    """Return, for each fault of the week that calls people, how often people were called to it."""
    judge = Judge(week.plan, week.labels, week.end)
    found: dict[str, list[int]] = {}
    for x in week.labels:
        if x.kind not in TOLD or not week.start <= x.start < week.end - HOUR:
            continue
        grace = FAMILIES["silent"].grace
        count = 0
        for c in week.cases:
            if c.family.partition(".")[0] not in TOLD[x.kind]:
                continue
            for at in week.calls.get(c.id, ()):
                seen = Seen("", at, week.device.get(c.device, 0), c.place)
                mine = x.start <= at <= x.end + grace and judge.touches(x, seen)
                count += mine and (c.family != "device" or seen.device == x.device)
        found.setdefault(x.kind, []).append(count)
    return found


def figures() -> list[Figure]:
    """Return the rows of the scoreboard."""
    quiet = lived(Scenario(START, SEED, faults=0.0, fires=False))
    firms = len(quiet.plan.site.enterprises)
    rate = len(quiet.called) / COUNTED / (firms / 10)
    worst = ", ".join(f"{rule} {n}" for rule, n in Counter(c.rule for c in quiet.called).most_common(5))
    within = sum(quiet.start <= c.raised < quiet.end for c in quiet.cases)
    rows = [
        Figure("week.quiet.calls_per_day_per_10_enterprises", rate, 0.2, "", "<= 1", up=False,
               note=f"{len(quiet.called)} calls; {within} new cases in all, in {COUNTED} days of "
                    f"{firms} firms; worst: {worst or 'none'}"),
    ]  # fmt: skip
    full = lived(Scenario(START, SEED, faults=FAULTS))
    for kind, counts in sorted(answered(full).items()):
        rows.append(Figure(f"week.labelled.told.{kind}", sum(n > 0 for n in counts) / len(counts), 0.05, "", "= 1",
                           note=f"{sum(n > 0 for n in counts)} of {len(counts)}; exactly once: "
                                f"{sum(n == 1 for n in counts)}"))  # fmt: skip
    rate = len(full.called) / COUNTED / (firms / 10)
    worst = ", ".join(f"{rule} {n}" for rule, n in Counter(c.rule for c in full.called).most_common(5))
    rows.append(Figure("week.labelled.calls_per_day_per_10_enterprises", rate, 0.2, "", "", up=False,
                       note=f"with {FAULTS:g} times the usual faults, and fires; worst: {worst}"))  # fmt: skip
    return rows


if __name__ == "__main__":
    for figure in figures():
        print(f"{figure.key:50} {figure.value:8.4f}  aim {figure.aim:8} {figure.note}")
