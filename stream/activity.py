"""How active an enterprise is: the ladder as a live, event-time stage.

```
 readings of its points ──> days (16 of them) ──06:00 park time──> facts ──> ladder ──> ActivityDay
                               │ amended later                                 ^
                               └──────> days judged again, from the ladder of 13 days ago: a revision, no twin
```
Day D is judged at D+1 06:00 park time, once for all; what comes later amends it for twelve days more, and a
paper that is filed late does. Everything else of the past is in the ladder, which is columns, too.
"""

import json
from typing import Any

import numpy as np
import numpy.typing as npt

from park.activity import numbered
from park.directory import Directory, grown
from park.events import Finding, Reason, Severity
from park.operator import Emit, State
from park.readings import Float64, Int64, ReadingBatch, Rows
from park.records import EXPLAINS, Config, Paper, PaperKind, PointRow
from stream.activity_cells import AHEAD, DAY, DAYS, HOUR, DayCells, hours_of
from stream.activity_ladder import Facts, Judged, Ladder, Why
from stream.activity_measures import Measures, Role, Taken, role_of
from stream.activity_peers import Peers
from stream.activity_says import Morning
from stream.activity_use import Uses, kinds_of
from stream.detectors.calendar import Calendar, DayType

VERSION = 1
JUDGED_AT = 6 * HOUR  # of the park day after: meters that gather have spoken, and the office opens at 08:00
_KEPT = DAYS - AHEAD  # closed days that may still be amended, and the one that the anchor has not taken yet
_EARLY, _LATE = 3, 2  # I: days that workers leave before, and come back after, the calendar's festival
_NEVER = -(2**31)


class Activity:
    """Judge every enterprise every morning."""

    name = "activity"

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._cells = DayCells()
        self._measures = Measures(directory, self._cells)
        self._ladder, self._anchor = Ladder("ladder"), Ladder("anchor")
        self._uses, self._peers = Uses(), Peers()
        self._columns = tuple(part.columns for part in (self._ladder, self._anchor, self._uses, self._peers))
        self._calendars = {name: Calendar(name) for name in ("CN", "none")}
        self._days: dict[tuple[str, int], tuple[bool, bool, int]] = {}  # what a day is, remembered
        self._now = 0
        self._firms: list[int] = []  # by slot
        self._slots: dict[int, int] = {}
        self._owner: npt.NDArray[np.int32] = np.zeros(0, np.int32)  # by point; 0: nobody
        self._papers: dict[int, tuple[Paper, ...]] = {}
        # by slot
        self._park: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self._offset: Int64 = np.zeros(0, np.int64)  # ms from UTC to park time
        self._alike: int | None = None  # where all have the same
        self._first: npt.NDArray[np.int32] = np.zeros(0, np.int32)  # day on which it was heard first; -1: not yet
        self._dirty: npt.NDArray[np.int32] = np.zeros(0, np.int32)  # first amended day; -1: none
        self._told: npt.NDArray[np.float64] = np.zeros((0, DAYS, 2))  # state and ratio as told, by day modulo 16
        self._last: dict[int, int] = {}  # day closed last, by offset in ms

    # ── readings ─────────────────────────────────────────────────────────────────────────────────

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Add the readings of enterprises to their days; they go on as they came."""
        del emit
        cell = self._measures.cell.take(batch.point, mode="clip")
        rows = np.flatnonzero(cell >= 0)
        if not len(rows):
            return batch
        at = cell[rows].astype(np.intp)
        used = (self._measures.slot[at] >= 0) & self._cells.usable(at, batch.quality[rows])
        rows, at = rows[used], at[used]
        if not len(rows):
            return batch
        if not self._now:
            self._now = int(batch.received[0]) // 60_000 * 60_000
        offset = self._alike if self._alike is not None else self._measures.offset[at]
        local = batch.ts[rows] + offset
        day, hour, last = hours_of(local, offset, self._now - JUDGED_AT)
        inside = (day > last - _KEPT + 1) & (day <= last + AHEAD)
        if not inside.all():
            rows, at, day, hour, last = rows[inside], at[inside], day[inside], hour[inside], last[inside]
        slot = self._measures.slot[at]
        amended = day <= last
        if amended.any():
            self._amend(slot[amended], day[amended])
        first = self._first[slot]
        fresh = ~amended & ((first < 0) | (day < first))
        if fresh.any():
            self._begin(slot[fresh], day[fresh])
        self._cells.add(at, day, hour, batch.value[rows], batch.quality[rows])
        return batch

    def _closed(self, offset: Int64) -> Int64:
        """Return the day that is closed by now, by offset."""
        closed: Int64 = (self._now + offset - JUDGED_AT) // DAY - 1
        return closed

    def _amend(self, slot: npt.NDArray[np.int32], day: Int64) -> None:
        first = self._first[slot]
        known = (first >= 0) & (day >= first)
        dirty = self._dirty
        open_ = np.where(dirty[slot[known]] < 0, 2**31 - 1, dirty[slot[known]])
        dirty[slot[known]] = open_
        np.minimum.at(dirty, slot[known], day[known].astype(np.int32))

    def _begin(self, slot: npt.NDArray[np.int32], day: Int64) -> None:
        new = self._first[slot] < 0
        self._first[slot[new]] = 2**31 - 1
        np.minimum.at(self._first, slot, day.astype(np.int32))

    # ── mornings ─────────────────────────────────────────────────────────────────────────────────

    def on_tick(self, now: int, emit: Emit) -> None:
        """Judge the days that are closed by now."""
        if now <= self._now:
            return
        before, self._now = self._now, now
        for offset in np.unique(self._offset[: len(self._firms)]).tolist():
            last = self._last.get(offset)
            if last is None:
                last = (before + offset - JUDGED_AT) // DAY - 1 if before else None
            closed = (now + offset - JUDGED_AT) // DAY - 1
            if last is None:
                last = closed
            for day in range(last + 1, closed + 1):
                self._morning(day, offset, emit)
            self._last[offset] = closed

    def _morning(self, day: int, offset: int, emit: Emit) -> None:
        """Judge a closed day of the parks of an offset, after what was amended of the days before it."""
        n = len(self._firms)
        now = (day + 1) * DAY + JUDGED_AT - offset  # the hour that is due, whenever a tick brings it
        here = (self._offset[:n] == offset) & (self._first[:n] >= 0)
        live = np.isin(self._firms, self._owner)
        slots = np.flatnonzero(here & live)
        revised = slots[self._dirty[slots] >= 0]
        if len(revised):
            self._again(revised, day, now, emit)
        slots = slots[self._first[slots] <= day]
        if len(slots):
            self._tell(slots, day, now, emit)
        leaving = day - _KEPT + 1
        old = slots[self._first[slots] <= leaving]
        if len(old):
            self._anchor.step(old, leaving, self._facts(old, leaving, self._measures.day(leaving, n)))
        mine = self._measures.offset[: len(self._measures.points)] == offset
        self._cells.clear(np.flatnonzero(mine), day + AHEAD)

    def _again(self, slots: Rows, day: int, now: int, emit: Emit) -> None:
        """Judge days again from the oldest that is kept; tell those that come out otherwise."""
        self._ladder.columns.take(self._anchor.columns, slots)
        begin = np.maximum(self._first[slots], day - _KEPT + 1)
        told = self._told[slots].copy()
        for again in range(int(begin.min()), day):
            rows = slots[begin <= again]
            judged, taken = self._judge(rows, again)
            was = told[begin <= again, again % DAYS]
            other = (judged.state != was[:, 0]) | (judged.ratio != was[:, 1])
            self._say(rows, again, now, judged, taken, other, emit)
        self._dirty[slots] = -1

    def _tell(self, slots: Rows, day: int, now: int, emit: Emit) -> None:
        judged, taken = self._judge(slots, day)
        self._say(slots, day, now, judged, taken, np.ones(len(slots), np.bool_), emit)
        days = [self._kinds(self._calendar(s), day) for s in slots.tolist()]
        known = np.isin(judged.why, (Why.JUDGED, Why.LEARNING)) & np.array([not rest for rest, _, _ in days], np.bool_)
        kind = kinds_of(np.array([like for _, _, like in days], np.int64))
        d = self._directory
        for found in self._uses.step(
            slots, kind, taken.dark[slots], taken.night[slots], taken.amount[slots], known
        ):  # fmt: skip
            s = int(slots[found.row])
            point = self._measures.meters[s][0]
            emit(Finding(
                "use", point, day * DAY - int(self._offset[s]), now, Severity.MEDIUM, found.reason, found.share,
                found.usual, 0.0, found.bound, min(1.0, found.share), int(d.device[point]), int(d.place[point]),
                int(self._park[s]),
            ))  # fmt: skip
        self._compare(slots, day, now, judged, taken, emit)

    def _compare(self, slots: Rows, day: int, now: int, judged: Judged, taken: Taken, emit: Emit) -> None:
        """Hold those that never worked since they are measured against others."""
        d = self._directory
        sizes = np.array([self._size(s) for s in slots.tolist()]).reshape(-1, 2)
        groups = [(int(self._park[s]), _trade(d, self._firms[s])) for s in slots.tolist()]
        open_ = np.array([not self._rest(s, day) for s in slots.tolist()], np.bool_)
        open_ &= (day + 3) % 7 < 5  # from Monday to Friday: what it does on other days is its own affair
        works = open_ & np.isin(judged.why, (Why.JUDGED, Why.LEARNING))
        amounts = np.column_stack([taken.amount[slots], taken.others[slots]])
        for lead in self._peers.step(slots, amounts, works, judged.state, sizes, groups):
            s = int(slots[lead.row])
            point = self._measures.meters[s][0]
            emit(Finding(
                "use", point, day * DAY - int(self._offset[s]), now, Severity.LOW, Reason.BELOW_PEERS, lead.use,
                lead.peers, score=max(0.0, 1 - lead.use / lead.peers), device=int(d.device[point]),
                place=int(d.place[point]), park=int(self._park[s]),
            ))  # fmt: skip

    def _size(self, slot: int) -> tuple[float, float]:
        """Return m2 that an enterprise's meters stand for, and its heads; 0: not known."""
        d = self._directory
        rows = [d.places.get(place) for place in {int(d.place[p]) for p in self._measures.meters[slot]}]
        firm = d.enterprises.get(self._firms[slot])
        return sum(row.area for row in rows if row is not None), float(firm.headcount if firm else 0)

    def _judge(self, slots: Rows, day: int) -> tuple[Judged, Taken]:
        taken = self._measures.day(day, len(self._firms))
        judged = self._ladder.step(slots, day, self._facts(slots, day, taken))
        self._told[slots, day % DAYS] = np.stack([judged.state, judged.ratio], axis=1)
        return judged, taken

    def _say(
        self, slots: Rows, day: int, now: int, judged: Judged, taken: Taken, which: npt.NDArray[np.bool_], emit: Emit
    ) -> None:
        d = self._directory
        trades = [(int(self._park[s]), _trade(d, self._firms[s])) for s in slots.tolist()]
        morning = Morning(day, now, slots, judged, taken, self._ladder, trades)
        order = sorted(np.flatnonzero(which).tolist(), key=lambda i: self._firms[slots[i]])
        for i in order:
            s = int(slots[i])
            firm = self._firms[s]
            emit(morning.event(i, firm, self._measures.measure[s], self._on_file(firm, day), self._rest(s, day)))

    def _facts(self, slots: Rows, day: int, taken: Taken) -> Facts:
        """Return what is known of a day of some slots."""
        calendars = [self._calendar(s) for s in slots.tolist()]
        kinds = {c.name: self._kinds(c, day) for c in set(calendars)}
        rest, festival, like = (np.array([kinds[c.name][k] for c in calendars]) for k in range(3))
        papers = [self._on_file(self._firms[s], day) for s in slots.tolist()]
        return Facts(
            taken.amount[slots], taken.heard[slots], taken.still[slots], taken.repeated[slots], taken.low[slots],
            taken.estimated[slots], taken.night[slots], taken.others[slots],
            np.array([any(p.kind in EXPLAINS for p in some) for some in papers], np.bool_),
            np.array([any(p.kind not in EXPLAINS for p in some) for some in papers], np.bool_),
            rest.astype(np.bool_), festival.astype(np.bool_), like.astype(np.int64),
        )  # fmt: skip

    def _calendar(self, slot: int) -> Calendar:
        park = self._directory.places.get(int(self._park[slot]))
        return self._calendars.get(park.calendar if park else "CN", self._calendars["CN"])

    def _rest(self, slot: int, day: int) -> str:
        """Return the word for a day that is not judged; "" for others."""
        rest, festival, _ = self._kinds(self._calendar(slot), day)
        return "spring_festival" if festival else "public_holiday" if rest else ""

    def _kinds(self, calendar: Calendar, day: int) -> tuple[bool, bool, int]:
        """Return whether a day is one of rest, one of the festival's weeks, and the weekday it is held against."""
        key = calendar.name, day
        if key not in self._days:
            if len(self._days) > 4 * DAYS:
                self._days.clear()
            self._days[key] = _kinds(calendar, day)
        return self._days[key]

    def _on_file(self, firm: int, day: int) -> tuple[Paper, ...]:
        some = self._papers.get(firm, ())
        return tuple(p for p in some if numbered(p.begin) <= day <= numbered(p.end)) if some else ()

    # ── configuration ────────────────────────────────────────────────────────────────────────────

    def on_config(self, config: Config, emit: Emit) -> None:
        """Learn whose points there are, and what papers are on file."""
        del emit
        touched: set[int] = set()
        self._owner = grown(self._owner, self._directory.size)
        for row in config.points:
            if role_of(row.metric) is Role.NONE:
                continue
            before = self._owner.item(row.point)
            if before != row.enterprise and before:
                self._measures.release([row.point])
                touched.add(before)
            self._owner[row.point] = row.enterprise
            if row.enterprise:
                touched.add(row.enterprise)
        if config.places:
            touched |= self._standing_in([p.place for p in config.places])
        self._watch(touched)
        if config.papers is not None:
            self._file(config.papers)

    def _standing_in(self, places: list[int]) -> set[int]:
        """Return the enterprises with points in some places or parks."""
        d, owned = self._directory, np.flatnonzero(self._owner)
        there = np.isin(d.place[owned], places) | np.isin(d.park[owned], places)
        return set(self._owner[owned[there]].tolist())

    def _watch(self, firms: set[int]) -> None:
        """Take the points of enterprises as they are now."""
        some = sorted(firms)
        points = np.flatnonzero(np.isin(self._owner, some))
        points = points[np.argsort(self._owner[points], kind="stable")]
        ends = np.searchsorted(self._owner[points], some, "right").tolist()
        for firm, begin, end in zip(some, [0, *ends[:-1]], ends, strict=False):
            self._take(firm, self._directory.points.rows(points[begin:end]))
        offsets = set(self._offset[: len(self._firms)].tolist())
        self._alike = offsets.pop() if len(offsets) == 1 else None

    def _take(self, firm: int, rows: list[PointRow]) -> None:
        """Take an enterprise's points, rising; begin anew with it where others make its measure."""
        if not rows and firm not in self._slots:
            return
        slot = self._slots.setdefault(firm, len(self._firms))
        if slot == len(self._firms):
            self._firms.append(firm)
            self._room(len(self._firms))
        if not rows:
            return
        park = self._directory.places.get(rows[0].park)
        offset = (park.utc_offset if park else 480) * 60_000
        self._park[slot], self._offset[slot] = rows[0].park, offset
        if self._measures.assign(slot, rows, offset):
            for columns in self._columns:
                columns.forget(slot)
            self._first[slot] = self._dirty[slot] = -1
            self._cells.clear(np.flatnonzero(self._measures.slot[: len(self._measures.points)] == slot))

    def _room(self, size: int) -> None:
        for columns in self._columns:
            columns.grow(size)
        self._park, self._offset = grown(self._park, size), grown(self._offset, size)
        self._first, self._dirty = grown(self._first, size, -1), grown(self._dirty, size, -1)
        if size > len(self._told):
            wider: Float64 = np.zeros((len(self._first), DAYS, 2))
            wider[: len(self._told)] = self._told
            self._told = wider

    def _file(self, papers: tuple[Paper, ...]) -> None:
        """Take the table of papers; days that one of them changes are judged again."""
        new: dict[int, tuple[Paper, ...]] = {}
        for paper in papers:
            new[paper.enterprise] = (*new.get(paper.enterprise, ()), paper)
        for firm in {*new, *self._papers}:
            other = set(new.get(firm, ())) ^ set(self._papers.get(firm, ()))
            slot = self._slots.get(firm)
            if other and slot is not None and self._now and self._first[slot] >= 0:
                last = int(self._closed(self._offset[slot : slot + 1])[0])
                begin = max(min(numbered(p.begin) for p in other), last - _KEPT + 2, int(self._first[slot]))
                if begin <= last:
                    self._amend(np.array([slot], np.int32), np.array([begin]))
        self._papers = new

    # ── the rest of the contract ─────────────────────────────────────────────────────────────────

    def snapshot(self) -> State:
        """Return copies of the state."""
        n, points = len(self._firms), len(self._measures.points)
        papers = [(p.enterprise, p.kind, p.begin, p.end, p.id) for some in self._papers.values() for p in some]
        known = {
            "firms": self._firms, "points": self._measures.points, "papers": papers, "last": list(self._last.items()),
        }  # fmt: skip
        return {
            "version": np.array(VERSION), "now": np.array(self._now),
            "known": np.frombuffer(json.dumps(known).encode(), np.uint8).copy(),
            "first": self._first[:n].copy(), "dirty": self._dirty[:n].copy(), "told": self._told[:n].copy(),
            **self._cells.snapshot(points),
            **{name: column for columns in self._columns for name, column in columns.snapshot(n).items()},
        }  # fmt: skip

    def restore(self, state: State) -> None:
        """Take the state of an earlier snapshot; the directory is that of the same moment."""
        known: dict[str, list[Any]] = json.loads(state["known"].tobytes())
        owner = self._owner
        self.__dict__.update(Activity(self._directory).__dict__)
        self._firms = known["firms"]
        self._slots = {firm: slot for slot, firm in enumerate(self._firms)}
        n = len(self._firms)
        self._room(n)
        for point in known["points"]:
            self._measures.watch(point)
        self._owner = owner
        self._watch(set(owner[owner > 0].tolist()))
        self._cells.restore(state)
        for columns in self._columns:
            columns.restore(state)
        self._first[:n], self._dirty[:n], self._told[:n] = state["first"], state["dirty"], state["told"]
        self._now = int(state["now"])
        self._last = dict(known["last"])
        for firm, kind, begin, end, key in known["papers"]:
            self._papers[firm] = (*self._papers.get(firm, ()), Paper(firm, PaperKind(kind), begin, end, key))


def _kinds(calendar: Calendar, day: int) -> tuple[bool, bool, int]:
    days = np.array([day - _LATE, day, day + _EARLY])
    types = calendar.types(days)
    festival = bool((types == DayType.FESTIVAL).any())
    return bool(calendar.uncertain(days[1:2])[0]) or festival, festival, int(calendar.like(days[1:2])[0])


def _trade(directory: Directory, firm: int) -> str:
    row = directory.enterprises.get(firm)
    return row.trade if row else ""
