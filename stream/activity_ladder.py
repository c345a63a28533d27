"""The ladder of activity, in columns: a row an enterprise, a step a closed day.

```
 day / what that weekday used to be = ratio
 ratio > 0.30 works ── <= 0.30 does not (the grid companies' own rule) ── run of days that do not
 active > reduced > half_stopped > stopped         follow the meters within days
                                 stopped > dormant > zombie_suspect      on long legal clocks, papers absent
```
The baseline is the median, by weekday, of the last 53 weeks in which the enterprise worked: a slot of the
ring is replaced only by a day that worked, so that one that has stopped is measured by its working past
however long ago that is, and a busy season does not make an idle one of the rest of the year. Missing days,
stuck registers, papers on file and the weeks around Spring Festival are no evidence: the state before
stands. Another holiday is as a Sunday: an idle one is a day of the run, never one of its workdays.
Numbers marked I are ours; the rest carry their source (domain rule book 2.3).
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from park.readings import Bool, Float64, Int64, Rows
from stream.activity_columns import Columns, Fields

WORKS = 0.30  # O R1: a day works when its kWh is above 30 % of the baseline
REDUCED, REDUCED_OVER = 0.70, 0.80  # I: at or below over five workdays; above which it is over
HALF, HALF_OVER = 0.50, 0.60  # I: over three workdays; rule book: 30-day mean at or below 0.30
STOPPED_DAYS = 5  # I, days in a row that do not work ...
STOPPED_WORKDAYS = 3  # I, ... of which so many used to be workdays; and of five that work end a stop
DEEP = 0.20  # I: so few days are enough where so little is left; the rule book calls 10 to 30 % half stopped
LONG_DAYS, LONG_WORKDAYS = 15, 9  # V R4: 15 days, where more is left, or only a standing load
STANDING_SHARE, STANDING_USUAL = 0.85, 0.70  # I: a night is so much of the day's mean; usually at most
DORMANT_DAYS = 90  # I: one missed quarterly cycle
ZOMBIE_DAYS = 180  # A R5: closed by itself for six months in a row
LEARN_DAYS, LEARN_KNOWN = 28, 21  # I: before, "learning"
LOST_DAYS = 14  # I: unknown for longer, an unfinished run begins anew
SWINGS, FLOORS = 14, 3  # I: days of differing readings that make one value all day odd; days with the same least one
QUIET = 0.15  # I: of its own past; a feed is silent, when electricity is
BUSY, BUSY_LEAST = 0.50, 4.0  # I: of its own past; people or pieces that say that work goes on; a day, at least
FEEDS = ("energy_use", "water_use", "output_count", "people_in", "vehicles_in", "parcels")
_SPEAKS_FOR_WORK = np.array([name in {"output_count", "people_in"} for name in FEEDS])
_WEEKS = 53
SLOTS = 7 * _WEEKS
_SHORT = 5  # workdays looked at


class State(IntEnum):
    """Observed state and suspicion as numbers, in the order of park.activity.ActivityState."""

    UNKNOWN = 0
    ACTIVE = 1
    REDUCED = 2
    HALF_STOPPED = 3
    STOPPED = 4
    DORMANT = 5
    ZOMBIE_SUSPECT = 6


class Why(IntEnum):
    """Why a day is not judged; the first that holds."""

    JUDGED = 0
    UNHEARD = 1
    STUCK = 2
    REPEATED = 3
    LEARNING = 4
    PAPER = 5
    HOLIDAY = 6


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one closed day, a row an enterprise."""

    amount: Float64  # of the measure; nan: nothing
    heard: Bool  # often enough
    still: Bool  # its register did not move, and nothing says why
    repeated: Bool  # one value all day, not zero
    low: Float64  # least reading of the day
    estimated: Float64  # share that was spread over a gap
    night: Float64  # 02-05 h against the day's mean; nan: cannot be said
    others: Float64  # (row, feed): amounts of the day; nan: nothing
    paper: Bool  # one that explains silence
    record: Bool  # one that speaks for a suspicion
    rest: Bool  # holiday or festival: anything is usual
    festival: Bool
    like: Int64  # weekday whose habits it is held against


@dataclass(frozen=True, slots=True)
class Judged:
    """What a day says, a row an enterprise."""

    state: npt.NDArray[np.uint8]
    why: npt.NDArray[np.uint8]
    ratio: Float64  # 0 where it is not known
    expected: Float64  # nan: not learned
    share: Float64  # of the last workdays together; nan: none
    workdays: Int64  # how many of them
    contradicted: npt.NDArray[np.int8]  # feed that says that work goes on; -1: none
    standing: Bool  # stopped by its standing load alone
    quiet: Bool  # another feed is silent too
    workday: Bool  # such a day used to be one


_COLUMNS: Fields = {
    "ring": (np.float32, (SLOTS,), np.nan),  # amounts of days that worked, by day number modulo 371
    "usual": (np.float32, (7,), np.nan),  # baseline, by weekday from Thursday (day number modulo 7)
    "first": (np.int32, (), -1),  # day number
    "known": (np.int32, (), 0),  # days learned from
    "last": (np.int32, (), -1),  # day judged last
    "run": (np.int32, (), 0),  # days in a row that do not work
    "run_work": (np.int32, (), 0),  # of which used to be workdays
    "run_sum": (np.float32, (), 0),  # their ratios
    "began": (np.int32, (), -1),
    "visits": (np.int32, (), 0),
    "bits": (np.uint8, (), 31),  # the last five workdays: 1 worked
    "recent": (np.float32, (_SHORT,), np.nan),  # their ratios, newest first
    "month": (np.float32, (), 1.0),  # mean over some 30 workdays
    "state": (np.uint8, (), 1),  # observed, ACTIVE to STOPPED
    "since": (np.int32, (), -1),
    "flat": (np.int32, (), 0),  # days in a row of nothing but standing load
    "flat_work": (np.int32, (), 0),
    "flat_began": (np.int32, (), -1),
    "night": (np.float32, (), np.nan),  # usual night share of workdays
    "stood": (np.int32, (), 0),  # how often its register stood still for a day or more, and moved again
    "standing_still": (np.bool_, (), 0),
    "swings": (np.int32, (), 0),  # days on which its readings differed
    "floor": (np.float64, (), np.nan),  # least reading of the last of them, and how often in a row it was the same
    "floors": (np.int32, (), 0),
    "level": (np.float32, (len(FEEDS),), np.nan),  # of feeds, on days that worked
    "level_days": (np.int32, (len(FEEDS),), 0),
    "lately": (np.float32, (len(FEEDS),), np.nan),
}


class Ladder:
    """The state of every enterprise, by row."""

    def __init__(self, name: str) -> None:
        """`name` is its own in snapshots."""
        self.columns = Columns(name, _COLUMNS)
        self.c = self.columns.c

    def step(self, rows: Rows, day: int, f: Facts) -> Judged:
        """Judge a day, and remember it; days of a row come in order."""
        c = self.c
        first = c["first"][rows]
        c["first"][rows] = np.where(first < 0, day, first)
        usual = _filled(c["usual"][rows])
        top = usual.max(axis=1, initial=0.0)
        expected = usual[np.arange(len(rows)), (f.like + 4) % 7]  # Monday is 0; day number 4 was one
        why = self._why(rows, day, f, top)
        seen = ~np.isnan(f.amount)
        ratio = np.where(seen & (expected > 0), f.amount / np.where(expected > 0, expected, 1.0), 0.0)
        judged = why == Why.JUDGED
        counted = judged | ((why == Why.HOLIDAY) & ~f.festival)
        workday = judged & (expected > WORKS * top)
        busy = self._busy(rows, f)
        idle = counted & ~(f.amount > WORKS * np.where(workday, expected, top)) & (busy < 0)
        self._reset(rows, day, f, why)
        self._count(rows, day, (judged, counted), idle, workday, ratio)
        self._standing(rows, day, f, judged, workday, ratio)
        standing = self._climb(rows, day, judged, counted)
        self._learn(rows, day, f, why, idle, workday, ratio)
        self._follow_feeds(rows, f, judged & ~idle & workday)
        quiet = self._quiet(rows)
        state = self._told(rows, day, why, quiet | f.record)
        recent = c["recent"][rows]
        workdays = (~np.isnan(recent)).sum(axis=1)
        share = np.where(workdays > 0, np.nansum(recent, axis=1) / np.maximum(workdays, 1), np.nan)
        expected = np.where((why == Why.LEARNING) | (top <= 0), np.nan, expected)
        return Judged(state, why, ratio, expected, share, workdays, np.where(idle, -1, busy).astype(np.int8), standing,
                      quiet, workday)  # fmt: skip

    def _why(self, rows: Rows, day: int, f: Facts, top: Float64) -> npt.NDArray[np.uint8]:
        """Return why days are not judged; remember registers that stand still as a habit."""
        c = self.c
        still = f.still & (c["stood"][rows] < 2)  # I: a shop without standing load stands still every Sunday
        moved = c["standing_still"][rows] & ~f.still & f.heard
        c["stood"][rows] += moved
        c["standing_still"][rows] = f.still | (c["standing_still"][rows] & ~moved)
        repeated = f.repeated & self._unlike(rows, f)
        learning = (c["known"][rows] < LEARN_KNOWN) | (day - c["first"][rows] < LEARN_DAYS) | (top <= 0)
        unheard = ~f.heard | np.isnan(f.amount)
        cases = [f.paper, unheard, still, repeated, learning, f.rest]  # a paper explains an unheard meter, too
        whys = [Why.PAPER, Why.UNHEARD, Why.STUCK, Why.REPEATED, Why.LEARNING, Why.HOLIDAY]
        return np.select(cases, whys, Why.JUDGED).astype(np.uint8)

    def _unlike(self, rows: Rows, f: Facts) -> Bool:
        """Return for which one value all day would be new: not a constant load, not the floor it has every night."""
        c = self.c
        swings = f.heard & ~f.repeated & np.isfinite(f.low)
        same = swings & (f.low == c["floor"][rows])
        unlike: Bool = (c["swings"][rows] >= SWINGS) & ~((c["floors"][rows] >= FLOORS) & (f.low == c["floor"][rows]))
        c["swings"][rows] += swings
        c["floors"][rows] = np.where(swings, np.where(same, c["floors"][rows] + 1, 0), c["floors"][rows])
        c["floor"][rows] = np.where(swings, f.low, c["floor"][rows])
        return unlike

    def _busy(self, rows: Rows, f: Facts) -> npt.NDArray[np.int64]:
        """Return the feed that says that work goes on; -1: none does."""
        level, days = self.c["level"][rows], self.c["level_days"][rows]
        known = (days >= STOPPED_DAYS * 2) & (level >= BUSY_LEAST) & _SPEAKS_FOR_WORK & ~np.isnan(f.others)
        says = known & (f.others >= BUSY * level)
        return np.where(says.any(axis=1), says.argmax(axis=1), -1)

    def _reset(self, rows: Rows, day: int, f: Facts, why: npt.NDArray[np.uint8]) -> None:
        """End runs that a paper explains, and unfinished ones that the festival or a long outage cuts."""
        c = self.c
        stopped = c["state"][rows] >= State.STOPPED
        lost = (c["last"][rows] >= 0) & (day - c["last"][rows] > LOST_DAYS)
        cut = (why == Why.PAPER) | (~stopped & (f.festival | lost))
        hit = rows[cut]
        for name in ("run", "run_work", "run_sum", "visits", "flat", "flat_work"):
            c[name][hit] = 0
        papers = rows[why == Why.PAPER]
        c["bits"][papers], c["recent"][papers], c["month"][papers] = 31, np.nan, 1.0
        back = papers[c["state"][papers] != State.ACTIVE]
        c["state"][back], c["since"][back] = State.ACTIVE, day

    def _count(self, rows: Rows, day: int, known: tuple[Bool, Bool], idle: Bool, workday: Bool, ratio: Float64) -> None:
        """Lengthen or end runs; keep the last workdays. `known`: days that are judged; these and holidays."""
        c = self.c
        judged, counted = known
        c["last"][rows[counted]] = day
        telling = counted & (workday | (~idle & (ratio > 0)))  # a Sunday's rest says nothing, a worked Sunday does
        tell = rows[telling]
        c["bits"][tell] = (c["bits"][tell] << 1 | ~idle[telling]) & 31
        looked = rows[workday]
        some = np.minimum(ratio[workday], 2.0)
        c["recent"][looked, 1:] = c["recent"][looked, :-1]
        c["recent"][looked, 0] = some
        c["month"][looked] += (some - c["month"][looked]) / 30
        stopped = c["state"][rows] >= State.STOPPED
        over = counted & ~idle & (~stopped | (np.bitwise_count(c["bits"][rows]) >= STOPPED_WORKDAYS))
        for name in ("run", "run_work", "run_sum", "visits"):
            c[name][rows[over]] = 0
        c["began"][rows[(c["run"][rows] == 0) & (c["flat"][rows] == 0)]] = -1
        starts = rows[judged & idle & (c["began"][rows] < 0) & (workday | (ratio <= WORKS))]
        c["began"][starts] = day  # the usual Sunday before counts among the idle days, and is no beginning
        goes_on = counted & (idle | (c["run"][rows] > 0))
        c["run"][rows[goes_on]] += 1
        c["run_work"][rows[goes_on & workday & idle]] += 1
        c["run_sum"][rows[goes_on & workday & idle]] += ratio[goes_on & workday & idle]
        c["visits"][rows[goes_on & ~idle]] += 1

    def _standing(self, rows: Rows, day: int, f: Facts, judged: Bool, workday: Bool, ratio: Float64) -> None:
        """Count days on which only the standing load of a load that usually swings is left."""
        c = self.c
        usual = c["night"][rows]
        flat = judged & (usual <= STANDING_USUAL) & (f.night >= STANDING_SHARE)
        less = flat & workday & (ratio <= 1.25 * np.maximum(usual, 0))  # no more than the nights before
        ended = rows[judged & (~flat | (workday & ~less & (ratio > 1.25)))]
        c["flat"][ended] = c["flat_work"][ended] = 0
        c["flat_began"][rows[less & (c["flat"][rows] == 0)]] = day
        c["flat"][rows[less | (flat & (c["flat"][rows] > 0))]] += 1  # a usual Sunday within
        c["flat_work"][rows[less]] += 1

    def _climb(self, rows: Rows, day: int, judged: Bool, counted: Bool) -> Bool:
        """Move the observed state, with hysteresis; return which are stopped by their standing load alone.

        A holiday may complete a stop's days, and says nothing else.
        """
        c = self.c
        r, was = c["recent"][rows], c["state"][rows]
        two, three, five = (_mean(r, n) for n in (2, 3, 5))
        half = (three <= np.where(was == State.HALF_STOPPED, HALF_OVER, HALF)) | (
            (c["month"][rows] <= WORKS) & (five <= REDUCED)
        )
        low = (two <= HALF) | (five <= REDUCED) | (r[:, 0] <= WORKS)
        low |= (was >= State.REDUCED) & ~((two >= REDUCED_OVER) | (five >= REDUCED_OVER))
        days, workdays = c["run"][rows], c["run_work"][rows]
        run = (days >= STOPPED_DAYS) & (workdays >= STOPPED_WORKDAYS) & (c["run_sum"][rows] <= DEEP * workdays)
        run |= (days >= LONG_DAYS) & (workdays >= LONG_WORKDAYS)
        run |= (was >= State.STOPPED) & (c["run"][rows] > 0)
        standing = (c["flat"][rows] >= LONG_DAYS) & (c["flat_work"][rows] >= LONG_WORKDAYS) & ~run
        new = np.select([run | standing, half, low], [State.STOPPED, State.HALF_STOPPED, State.REDUCED], State.ACTIVE)
        new = np.where(judged | (counted & run), new, was)
        moved = new != was
        c["state"][rows] = new
        at = np.where(standing, c["flat_began"][rows], np.where(run, c["began"][rows], day))
        c["since"][rows[moved]] = at[moved]
        c["since"][rows[c["since"][rows] < 0]] = day
        # A standing load's run is the legal clock's run.
        begins = rows[standing & (c["run"][rows] == 0)]
        c["began"][begins] = c["flat_began"][begins]
        held: Bool = standing
        return held

    def _learn(
        self, rows: Rows, day: int, f: Facts, why: npt.NDArray[np.uint8], idle: Bool, workday: Bool, ratio: Float64
    ) -> None:
        """Put a day that worked into the ring; the weekday's baseline is the median of its weeks."""
        c = self.c
        usable = (why == Why.LEARNING) & ~f.rest & ~f.paper
        works = (why == Why.JUDGED) & ~idle & (c["state"][rows] < State.STOPPED)
        works |= (why == Why.JUDGED) & ~workday & (c["run_work"][rows] == 0)  # a day of rest, as usual
        chosen = (usable | works) & (f.estimated <= 0.5) & (f.like == (day + 3) % 7)
        hit = rows[chosen]
        if not len(hit):
            return
        c["ring"][hit, day % SLOTS] = f.amount[chosen]
        c["known"][hit] += 1
        column = day % 7
        weeks = np.sort(c["ring"][hit, column::7], axis=1)  # nan last
        count = (~np.isnan(weeks)).sum(axis=1)
        c["usual"][hit, column] = weeks[np.arange(len(hit)), (count - 1) // 2]
        full = (
            chosen
            & (usable | (workday & (ratio > REDUCED) & (c["flat"][rows] == 0)))
            & ~np.isnan(f.night)
            & (f.amount > 0)
        )
        shaped, night = rows[full], f.night[full]
        before = c["night"][shaped]
        c["night"][shaped] = np.where(np.isnan(before), night, before + (np.minimum(night, 2.0) - before) / 20)

    def _follow_feeds(self, rows: Rows, f: Facts, works: Bool) -> None:
        """Learn what other feeds show while it works, and what they show lately."""
        c = self.c
        said = ~np.isnan(f.others)
        amount = np.where(said, f.others, 0.0)
        days, level, lately = c["level_days"][rows], c["level"][rows], c["lately"][rows]
        learn = said & works[:, None]
        days = days + learn
        old = np.where(np.isnan(level), amount, level)
        c["level"][rows] = np.where(learn, old + (amount - old) / np.clip(days, 1, 60), level)
        c["level_days"][rows] = days
        old = np.where(np.isnan(lately), amount, lately)
        c["lately"][rows] = np.where(said, old + (amount - old) / 7, lately)

    def feed_shares(self, rows: Rows) -> Float64:
        """Return (row, feed): the last days against days that worked; nan where that is not known."""
        c = self.c
        level = c["level"][rows]
        known = (c["level_days"][rows] >= STOPPED_DAYS * 2) & (level > 0)
        shares: Float64 = np.where(known, c["lately"][rows] / np.where(known, level, 1.0), np.nan)
        return shares

    def _quiet(self, rows: Rows) -> Bool:
        shares = self.feed_shares(rows)
        known = ~np.isnan(shares)
        silent = np.all(~known | (shares <= QUIET), axis=1)
        quiet: Bool = np.logical_and(silent, known.any(axis=1))
        return quiet

    def _told(self, rows: Rows, day: int, why: npt.NDArray[np.uint8], signal: Bool) -> npt.NDArray[np.uint8]:
        """Return the state that is told: the observed one, or the suspicion on top of a stop."""
        c = self.c
        state = c["state"][rows].astype(np.int64)
        span = day - c["began"][rows] + 1
        stopped = (state == State.STOPPED) & (c["began"][rows] >= 0)
        state = np.where(stopped & (span >= DORMANT_DAYS), State.DORMANT, state)
        state = np.where(stopped & (span >= ZOMBIE_DAYS) & signal, State.ZOMBIE_SUSPECT, state)
        told: npt.NDArray[np.uint8] = np.where((why == Why.JUDGED) | (why == Why.HOLIDAY), state, State.UNKNOWN).astype(
            np.uint8
        )
        return told


def _filled(usual: npt.NDArray[Any]) -> Float64:
    """Return baselines with the median of the others where a weekday has none; 0 where none is known."""
    ordered = np.sort(usual, axis=1)
    count = (~np.isnan(ordered)).sum(axis=1)
    middle = ordered[np.arange(len(usual)), np.maximum(count - 1, 0) // 2]
    filled: Float64 = np.where(np.isnan(usual), np.where(count > 0, middle, 0.0)[:, None], usual).astype(np.float64)
    return filled


def _mean(recent: npt.NDArray[Any], n: int) -> Float64:
    """Return the mean of the newest n, infinity where there are not as many."""
    mean: Float64 = recent[:, :n].mean(axis=1)
    return np.where(np.isnan(mean), np.inf, mean)
