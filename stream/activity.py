"""How active an enterprise is: its closed days against its own past.

```
 day / what that weekday used to be = ratio
 ratio > 0.30 works ── <= 0.30 does not (the grid companies' own rule) ── run of days that do not
 active > reduced > half_stopped > stopped         follow the meters within days
                                 stopped > dormant > zombie_suspect      on long legal clocks, papers absent
```
The baseline is the best of the past year's four-week levels, so that it does not forget: an enterprise
that stopped in spring is still measured by its winter. Missing days, stuck registers, papers on file and the
weeks around Spring Festival are no evidence. Numbers marked I are ours; the rest carry their source.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from statistics import fmean, median

from park.events import ActivityDay

WORKS = 0.30  # O R1: a day works when its kWh is above 30 % of the baseline
REDUCED = 0.70  # I
HALF = 0.50  # I
STOPPED_DAYS = 5  # I, days in a row that do not work ...
STOPPED_WORKDAYS = 3  # I, ... of which so many used to be workdays
DORMANT_DAYS = 90  # I: one missed quarterly cycle
ZOMBIE_DAYS = 180  # A R5: closed by itself for six months in a row
LEARN_DAYS = 28  # I: before, "learning"
LEVEL_DAYS = 28
MEMORY_DAYS = 400
COVERED = 0.5  # I: share of its usual readings below which a day is unknown


@dataclass(frozen=True, slots=True)
class Day:
    """What is known of an enterprise's closed day."""

    day: date
    amount: float | None  # energy, or what stands for it; None: nothing came
    readings: int = 0
    flat: bool = False  # its register did not move at all, though readings came
    quiet: bool | None = None  # other feeds (people, vehicles) silent too; None: there are none
    paper: str = ""  # type of a paper on file that explains silence


@dataclass
class Ladder:
    """The days of one enterprise, judged one after the other."""

    enterprise: int
    holidays: Collection[date] = ()
    past: list[Day] = field(default_factory=list)
    run: int = 0  # days in a row that do not work
    run_workdays: int = 0
    run_began: date | None = None
    baseline: list[float] = field(default_factory=list)  # by weekday
    flat_times: int = 0  # how often its register stood still for days and moved again
    best: list[tuple[date, float, list[float]]] = field(default_factory=list)

    def judge(self, day: Day) -> ActivityDay:
        """Return what a day says, and remember it; days come in order."""
        state, ratio, reasons = self._state(day)
        if not day.flat and self.past and self.past[-1].flat:
            self.flat_times += 1
        self.past = [*self.past, day][-MEMORY_DAYS:]
        self._level(day.day)
        score = 0.0 if ratio is None else max(0.0, min(1.0, 1 - ratio))
        return ActivityDay(self.enterprise, day.day.isoformat(), state, ratio or 0.0, score, tuple(reasons))

    def _state(self, day: Day) -> tuple[str, float | None, list[str]]:
        usual = [d.readings for d in self.past[-LEVEL_DAYS:] if d.readings]
        if day.amount is None or (usual and day.readings < COVERED * median(usual)):
            return "unknown", None, [f"{day.readings} readings: too few to judge"]
        if not self.baseline:
            return "unknown", None, [f"learning: {len(self.past)} of {LEARN_DAYS} days"]
        if day.flat and not self.flat_times:
            return "unknown", None, ["the register does not move at all: a fault of the meter, not idleness"]
        expected, top = self.baseline[day.day.weekday()], max(self.baseline)
        ratio = day.amount / expected if expected > 0 else 1.0
        if day.paper:
            self._break()
            return "unknown", ratio, [f"paper on file: {day.paper}"]
        if day.day in self.holidays:
            return "unknown", ratio, ["holiday: not judged"]
        workday = expected > WORKS * top
        if day.amount > WORKS * (expected if workday else top):
            self._break()
        else:
            self.run_began = self.run_began or day.day
            self.run += 1
            self.run_workdays += workday
        return self._rung(day, ratio, self._recent(day))

    def _break(self) -> None:
        self.run, self.run_workdays, self.run_began = 0, 0, None

    def _recent(self, day: Day) -> list[float]:
        """Return the ratios of the last judged workdays, oldest first, at most five."""
        ratios = []
        for d in [day, *reversed(self.past[-14:])]:
            expected = self.baseline[d.day.weekday()]
            silent = d.amount is None or d.paper or d.day in self.holidays
            if not silent and d.amount is not None and expected > WORKS * max(self.baseline):
                ratios.append(d.amount / expected)
            if len(ratios) == 5:
                break
        return ratios[::-1]

    def _rung(self, day: Day, ratio: float, recent: Sequence[float]) -> tuple[str, float | None, list[str]]:
        share = fmean(recent) if recent else ratio
        said = [f"{share:.0%} of its usual over {len(recent)} workdays"]
        if self.run_began is not None and self.run > 2:
            said.append(f"{self.run} days in a row at or below {WORKS:.0%}, since {self.run_began.isoformat()}")
        stopped = self.run >= STOPPED_DAYS and self.run_workdays >= STOPPED_WORKDAYS
        if stopped and self.run_began is not None:
            span = (day.day - self.run_began).days + 1
            if span >= ZOMBIE_DAYS and day.quiet:
                return "zombie_suspect", ratio, [*said, "people and vehicles are missing too: a visit is due"]
            return ("dormant" if span >= DORMANT_DAYS else "stopped"), ratio, said
        if len(recent) >= 3 and fmean(recent[-3:]) <= HALF:
            return "half_stopped", ratio, said
        if len(recent) >= 2 and (fmean(recent[-2:]) <= HALF or (len(recent) == 5 and share <= REDUCED)):
            return "reduced", ratio, said
        return "active", ratio, said

    def _level(self, day: date) -> None:
        """Learn the level of the last four weeks; the best of a year is the baseline."""
        window = [
            d for d in self.past[-LEVEL_DAYS:]
            if d.amount is not None and not d.flat and not d.paper and d.day not in self.holidays
        ]  # fmt: skip
        if len(self.past) < LEARN_DAYS or len(window) < LEVEL_DAYS * 3 // 4:
            return
        by_weekday = []
        for n in range(7):
            amounts = [d.amount for d in window if d.day.weekday() == n and d.amount is not None]
            by_weekday.append(median(amounts) if amounts else median(d.amount or 0.0 for d in window))
        total = sum(by_weekday)
        if total <= 0 and not self.best:
            return
        year = day - timedelta(days=365)
        # Of the levels only those count that no later one has beaten.
        self.best = [b for b in self.best if b[0] > year and b[1] > total] + [(day, total, by_weekday)]
        self.baseline = self.best[0][2]
