"""Say how far each reading may be trusted, and drop what was delivered twice.

Arrival-ordered, and the first of all stages. A reading is never dropped for being strange: only for
being a duplicate, which is the same point, the same time and the same value. What is out of range,
out of order, from a device under test or replayed by a broker is marked, and later stages decide.

```
 ts > newest of the point?  yes, and once in the batch ──> fresh: one write a column (nearly always)
                            no ──> in the point's last 16? ──> dropped and counted
                                                       not ──> LATE; the same ts with another value too:
                                                               a correction of the past, not the present
```
"""

import numpy as np

from park.directory import Directory, grown
from park.events import Counted
from park.metrics import METRICS, NAMES
from park.operator import Emit, State
from park.readings import Bool, Float64, Int8, Int32, Int64, Quality, ReadingBatch, Rows
from park.records import Command, Config, Verb
from stream.clocks import ClockRule, Clocks
from stream.rounds import rounds

VERSION = 1
KEPT = 16  # readings remembered a point; a reconnect redelivers the few messages that were in flight
HOUR = 3_600_000
_ODD = np.int64(-7046029254386353131)  # 0x9E3779B97F4A7C15: spreads neighbouring times over all bits
_SPAN = 42  # bits of an epoch in ms until 2109

_LOW = np.array([METRICS[n].low for n in NAMES] + [-np.inf])  # by code of the metric; -1: no such point
_HIGH = np.minimum([METRICS[n].high for n in NAMES] + [np.inf], np.finfo(float).max)  # infinity is out of range
_ALARM = np.zeros((len(NAMES) + 1, 8), np.bool_)  # by code of the metric and code of the state
for _code, _name in enumerate(NAMES):
    _ALARM[_code, list(METRICS[_name].alarm)] = True

_ONE = np.int32(1)  # of the counts' own type: `ufunc.at` takes 2 ns a row then, 50 ns where it must cast
_LATE, _RETAINED = np.uint8(Quality.LATE), np.uint8(Quality.RETAINED)
_MODES = {"test": Quality.TEST, "maintenance": Quality.MAINTENANCE}


def _mark(ts: Int64, value: Float64) -> Int64:
    """Return one number for a time and a value; two pairs share one by chance of about 2^-60."""
    bits: Int64 = (value + 0.0).view(np.int64)  # -0.0 and 0.0 are the same value
    return (ts * _ODD) ^ bits


class QualityGate:
    """Mark readings by range, order, mode and clock; drop duplicates; count both.

    `_MODES` and `DeviceRow.mode` set readings of a device apart; a Command MODE with the argument
    `mode` (test | maintenance | normal) does the same until a configuration names the device again.
    """

    name = "quality"

    def __init__(self, directory: Directory, clock: ClockRule | None = None) -> None:
        self._directory = directory
        self._clocks = Clocks(directory, clock or ClockRule())
        # by point
        self._seen: Int64 = np.zeros(0, np.int64)  # ts of the newest present reading; 0: none
        self._top: Int64 = np.zeros(0, np.int64)  # greatest ts of any reading: what lies above it is no duplicate
        self._value: Float64 = np.zeros(0)  # of the last reading kept, in order of arrival
        # Marks of the last KEPT readings, a row for each place of the rings: what a device says stands together.
        self._ring: Int64 = np.zeros(0, np.int64)
        self._next: Int8 = np.zeros(0, np.uint8)  # where the ring is written next, mod KEPT
        self._stamp: Int32 = np.zeros(0, np.int32)  # scratch: last row of the point in this batch
        # by device
        self._mode: Int8 = np.zeros(0, np.uint8)  # Quality of a device that is set apart, else 0
        self._apart = False
        # by gateway
        self._hour = 0  # hour of receipt that the counts are of, epoch ms // HOUR
        self._readings: Int32 = np.zeros(0, np.int32)
        self._duplicates: Int32 = np.zeros(0, np.int32)
        self._grow()

    def _grow(self) -> None:
        size = len(self._directory.metric)
        self._seen, self._top = grown(self._seen, size), grown(self._top, size)
        self._value = grown(self._value, size)
        self._next = grown(self._next, size)
        self._stamp = grown(self._stamp, size)
        if len(self._ring) < len(self._seen) * KEPT:
            wider = np.zeros((KEPT, len(self._seen)), np.int64)
            wider[:, : len(self._ring) // KEPT] = self._ring.reshape(KEPT, -1)
            self._ring = wider.reshape(-1)
        devices = self._directory.device_size
        self._mode = grown(self._mode, devices)
        self._readings = grown(self._readings, devices)
        self._duplicates = grown(self._duplicates, devices)
        self._clocks.grow(devices)

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Return the readings that are no duplicates, with the worst that is known of each."""
        if not len(batch):
            return batch
        point: Rows = batch.point.astype(np.intp)
        ts, value, quality = batch.ts, batch.value, batch.quality
        gateway = self._directory.gateway[point]
        self._count(batch.received, gateway, emit)

        fresh = ts > self._top[point]
        fresh &= quality < _LATE
        if fresh.all() and self._once(point):
            self._seen[point] = self._top[point] = ts
            self._value[point] = value
            at = self._next[point]
            self._ring[self._slot(point, at)] = _mark(ts, value)
            self._next[point] = at + 1
            self._clocks.look(batch, point, None, emit)
            return self._judged(batch, point)

        quality = quality.copy()
        dropped = self._sort_out(batch, point, quality)
        present = ((quality < _LATE) | (quality == Quality.WRONG_CLOCK)) & ~dropped
        self._clocks.look(batch, point, present, emit)
        batch = batch.with_quality(quality)
        if dropped.any():
            np.add.at(self._duplicates, gateway[dropped], _ONE)
            batch, point = batch.rows(~dropped), point[~dropped]
        return self._judged(batch, point)

    def _once(self, point: Rows) -> bool:
        """Return whether no point occurs twice: the last row that stamped a point is the only one."""
        rows = np.arange(len(point), dtype=np.int32)
        self._stamp[point] = rows
        return bool((self._stamp[point] == rows).all())

    def _slot(self, point: Rows, at: Int8 | Int64) -> Rows:
        """Return where the marks of some points stand at some places of their rings."""
        slot: Rows = (at & (KEPT - 1)) * np.intp(len(self._seen)) + point
        return slot

    def _count(self, received: Int64, gateway: Int32, emit: Emit) -> None:
        """Count readings by gateway and hour of receipt."""
        hours = received // HOUR if received[0] // HOUR != received[-1] // HOUR else received[:1] // HOUR
        for hour in np.unique(hours).tolist():
            if hour != self._hour:
                self.tell_counts(emit)
                self._hour = hour
            np.add.at(self._readings, gateway if len(hours) == 1 else gateway[hours == hour], _ONE)

    def tell_counts(self, emit: Emit) -> None:
        """Emit what was counted since the last time; counts of one gateway and hour add up."""
        gateway = np.flatnonzero(self._readings).astype(np.int32)
        if len(gateway):
            hour = np.full(len(gateway), self._hour * HOUR, np.int64)
            emit(Counted(gateway, hour, self._duplicates[gateway], self._readings[gateway]))
            self._readings[gateway] = 0
            self._duplicates[gateway] = 0

    def _sort_out(self, batch: ReadingBatch, point: Rows, quality: Int8) -> Bool:
        """Mark late readings in `quality` and return which rows are duplicates.

        Points whose readings rise in time are written at once; the others row by row, in rounds.
        """
        ts, value = batch.ts, batch.value
        size = len(point)
        order = np.argsort(point, kind="stable")
        p, live = point[order], (quality < _LATE)[order]
        first = np.ones(size, np.bool_)
        np.not_equal(p[1:], p[:-1], out=first[1:])
        start = np.flatnonzero(first)
        segment = np.cumsum(first) - 1
        # The greatest time before each row, of the same point: a running maximum that restarts by segment.
        time = np.where(live, np.clip(ts[order], 0, (1 << _SPAN) - 1), 0)
        running = np.maximum.accumulate(time + (segment << _SPAN)) - (segment << _SPAN)
        before = np.empty(size, np.int64)
        before[0] = 0
        before[1:] = running[:-1]
        before[first] = 0
        fresh = live & (ts[order] > np.maximum(before, self._top[p]))

        dropped = np.zeros(size, np.bool_)
        clean = np.logical_and.reduceat(fresh, start)[segment]
        rows = order[clean]
        if len(rows):
            nth = (np.arange(size) - start[segment])[clean]
            q = point[rows]
            self._ring[self._slot(q, self._next[q] + nth)] = _mark(ts[rows], value[rows])
            np.add.at(self._next, q, np.uint8(1))
            np.maximum.at(self._top, q, ts[rows])
            self._seen[q] = self._top[q]
            self._value[q] = value[rows]
        rest = ~clean
        if rest.any():
            many = (np.diff(np.append(start, size)) > KEPT)[segment]  # a back-fill: rounds would be as many
            for of_point in np.split(order[rest & many], np.flatnonzero(first[rest & many])[1:]):
                if len(of_point):
                    self._one_point(batch, int(point[of_point[0]]), quality, dropped, of_point)
            rows = np.sort(order[rest & ~many])
            for part in rounds(point[rows]):
                self._one_each(batch, point, quality, dropped, rows[part])
        return dropped

    def _one_point(self, batch: ReadingBatch, p: int, quality: Int8, dropped: Bool, rows: Rows) -> None:
        """Do as `_one_each` does, for many rows of one point, one after the other."""
        ring, at = self._ring[p :: len(self._seen)].tolist(), int(self._next[p])
        last, seen = float(self._value[p]), int(self._seen[p])
        life, metric = bool(self._directory.life[p]), int(self._directory.metric[p])
        ts, value, q = batch.ts[rows].tolist(), batch.value[rows].tolist(), quality[rows].tolist()
        marks, received = _mark(batch.ts[rows], batch.value[rows]).tolist(), batch.received[rows].tolist()
        for n, row in enumerate(rows.tolist()):
            copy = q[n] == _RETAINED and ts[n] == received[n] and value[n] == last and any(ring) and not life
            again = marks[n] in ring
            twice = copy or again
            if twice and life and value[n] != last and 0 <= value[n] < _ALARM.shape[1]:
                twice = not _ALARM[metric, int(value[n])]
            dropped[row] = twice
            if not twice or not again:  # a copy is known when it is delivered once more
                ring[at % KEPT] = marks[n]
                at, last = at + 1, value[n]
            if q[n] < _LATE:
                if ts[n] > seen:
                    seen = ts[n]
                else:
                    quality[row] = _LATE
        self._ring[p :: len(self._seen)] = ring
        self._next[p], self._value[p], self._seen[p] = at % 256, last, seen
        self._top[p] = max(int(self._top[p]), *ts)

    def _one_each(self, batch: ReadingBatch, point: Rows, quality: Int8, dropped: Bool, rows: Rows) -> None:
        """Take rows of different points: tell duplicates, mark what is late, remember the rest."""
        p, ts, value, q = point[rows], batch.ts[rows], batch.value[rows], quality[rows]
        d = self._directory
        mark = _mark(ts, value)
        ring = self._ring.reshape(KEPT, -1)[:, p]
        changed = value != self._value[p]
        again = (ring == mark).any(axis=0)
        # A retained message without a time of its own: the broker's copy of what we have already.
        spoken = (ring != 0).any(axis=0)
        twice = again | ((q == _RETAINED) & (ts == batch.received[rows]) & ~changed & spoken & ~d.life[p])
        # Life safety passes every gate: an alarm that is not the last thing we know goes on.
        state = np.where((value >= 0) & (value < _ALARM.shape[1]), value, 0).astype(np.intp)
        twice &= ~(d.life[p] & changed & _ALARM[d.metric[p], state])

        live = q < Quality.LATE
        fresh = live & (ts > self._seen[p])
        quality[rows[live & ~fresh]] = _LATE
        dropped[rows[twice]] = True
        kept = ~(twice & again)  # a copy is known when it is delivered once more
        k = p[kept]
        self._ring[self._slot(k, self._next[k])] = mark[kept]
        self._next[k] += 1
        self._value[k] = value[kept]
        self._seen[p[fresh]] = ts[fresh]
        self._top[p] = np.maximum(self._top[p], ts)

    def _judged(self, batch: ReadingBatch, point: Rows) -> ReadingBatch:
        """Return the readings marked for range and for devices that are set apart."""
        d = self._directory
        metric = d.metric[point]
        inside = batch.value >= _LOW[metric]
        inside &= batch.value <= _HIGH[metric]  # NaN is neither
        quality = batch.quality
        if not inside.all():
            quality = np.maximum(quality, np.where(inside, 0, Quality.OUT_OF_RANGE).astype(np.uint8))
        if self._apart:
            quality = np.maximum(quality, self._mode[d.device[point]])
        return batch if quality is batch.quality else batch.with_quality(quality)

    def on_tick(self, now: int, emit: Emit) -> None:
        """Tell what was counted, and whose clock is slow."""
        self.tell_counts(emit)
        self._clocks.on_tick(now, emit)

    def on_config(self, config: Config, emit: Emit) -> None:
        """Make room for new points and take the modes of devices."""
        del emit
        self._grow()
        for row in config.devices:
            self._mode[row.device] = _MODES.get(row.mode, 0)
        self._apart = bool(self._mode.any())

    def on_command(self, command: Command, emit: Emit) -> None:
        """Set a device apart, or take it back."""
        del emit
        if command.verb is Verb.MODE and 0 < command.device < len(self._mode):
            self._mode[command.device] = _MODES.get(command.arguments.get("mode", ""), 0)
            self._apart = bool(self._mode.any())

    def snapshot(self) -> State:
        """Return copies of all state, cut to the points that there are."""
        n, m = self._directory.size, self._directory.device_size
        return {
            "version": np.array(VERSION),
            "seen": self._seen[:n].copy(), "top": self._top[:n].copy(),
            "value": self._value[:n].copy(), "next": self._next[:n].copy(),
            "ring": self._ring.reshape(KEPT, -1)[:, :n].T.flatten(),
            "mode": self._mode[:m].copy(), "hour": np.array(self._hour),
            "readings": self._readings[:m].copy(), "duplicates": self._duplicates[:m].copy(),
            **self._clocks.snapshot(),
        }  # fmt: skip

    def restore(self, state: State) -> None:
        """Take the state of an earlier `snapshot`."""
        self._seen, self._top = state["seen"].copy(), state["top"].copy()
        self._value, self._next = state["value"].copy(), state["next"].copy()
        self._ring, self._mode = state["ring"].reshape(-1, KEPT).T.flatten(), state["mode"].copy()
        self._readings, self._duplicates = state["readings"].copy(), state["duplicates"].copy()
        self._hour = int(state["hour"])
        self._apart = bool(self._mode.any())
        self._clocks.restore(state)
        self._grow()
