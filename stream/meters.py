"""Turn registers into use: differences that survive rollover, reset, swap, glitch and gap.

Each register point (`energy`, `water`, ...) may have a derived point (`energy_use`, ...); what was used
between two readings of the register is appended for it, right after the reading that tells it. Use is
cut where quarter hours begin, so that every piece falls into its own window:

```
 register   14:55            15:20
               |---- 5 kWh ----|
 pieces        |..1..|         |        ts = end of the piece - 1 ms: 14:59:59.999
                     |....4....|                                      15:19:59.999
```
"""

from dataclasses import dataclass

import numpy as np

from park.directory import Directory, grown
from park.events import Finding, Reason, Severity
from park.metrics import METRICS, Kind
from park.operator import Emit, State
from park.readings import COLUMNS, Bool, Float64, Int8, Int32, Int64, Quality, ReadingBatch, Rows
from park.records import Config, PointRow
from stream.registers import Register, Verdict, judge
from stream.rounds import rounds

VERSION = 1
QUARTER = 900_000  # ms: what bills, demand and the spot market count in
_HOUR = 3_600_000
_LONG = 35 * 86_400_000  # ms: a longer gap is spread over hours, so that one reading gives at most 9,601 pieces
_LONGEST = 400 * 86_400_000  # ms: a still longer one is spread over the last 400 days
_COLUMNS = {
    "ts": np.int64,  # of the last reading that counted, epoch ms; 0: none
    "value": np.float64,
    "odd_ts": np.int64,  # of a reading that waits for the next; 0: none
    "odd": np.float64,
    "most": np.float64,  # use above which one step is odd, on the wire's side
    "ratio": np.float64,  # from `since` on; 0: not told yet
    "before": np.float64,  # ratio until then
    "since": np.int64,  # epoch ms
    "device": np.int32,
    "swapped": np.bool_,  # another device stands at the point: its first reading begins anew
}
_COUNTS = np.zeros(256, np.bool_)  # by quality: whether a register reading counts
_COUNTS[[q for q in Quality if q < Quality.SUSPECT and q != Quality.RETAINED]] = True
_COUNTS[Quality.WRONG_CLOCK] = True
_WRONG_CLOCK, _ESTIMATED = np.uint8(Quality.WRONG_CLOCK), np.uint8(Quality.ESTIMATED)
_SEVERITY = {Reason.METER_RESET: Severity.MEDIUM, Reason.METER_SWAP: Severity.MEDIUM}


@dataclass(frozen=True, slots=True)
class _Uses:
    """What registers say was used, one row each."""

    row: Rows  # of the batch
    point: Rows  # the register
    begin: Int64  # epoch ms
    end: Int64
    amount: Float64  # on the wire's side of the transformer


class Meters:
    """Append to the readings what was used between readings of a register.

    Arrival-ordered by register. A reading older than one that counted already adds nothing: what was
    used meanwhile is known. Retained, suspect and set-apart readings do not count; the next good one
    covers them. The register of a device with a wrong clock counts by the time of receipt.
    """

    name = "meters"

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._ts: Int64
        self._value: Float64
        self._odd_ts: Int64
        self._odd: Float64
        self._most: Float64
        self._ratio: Float64
        self._before: Float64
        self._since: Int64
        self._device: Int32
        self._swapped: Bool
        self._step: Float64 = np.zeros(0)  # `most`, or -1 where the next reading is judged whatever it says
        for column, kind in _COLUMNS.items():
            setattr(self, f"_{column}", np.zeros(0, kind))
        self._grow()

    def _grow(self) -> None:
        size = len(self._directory.metric)
        for column in _COLUMNS:
            setattr(self, f"_{column}", grown(getattr(self, f"_{column}"), size))
        self._step = grown(self._step, size)

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Return the readings with those of derived points after their source."""
        rows = np.flatnonzero(self._directory.derived[batch.point])
        if not len(rows):
            return batch
        quality = batch.quality[rows]
        if quality.any():
            rows = rows[_COUNTS[quality]]
        point = batch.point[rows].astype(np.intp)
        uses: list[_Uses] = []
        findings: dict[int, Finding] = {}
        for part in rounds(point):
            use, odd = self._follow(batch, rows[part], point[part])
            uses.append(use)
            for row in odd.tolist():
                self._settle(batch, row, uses, findings)
        for row in sorted(findings):
            emit(findings[row])
        return self._with_uses(batch, uses)

    def _follow(self, batch: ReadingBatch, rows: Rows, p: Rows) -> tuple[_Uses, Rows]:
        """Take readings of different registers; return use where they follow, and the rows that do not."""
        ts, value = batch.ts[rows], batch.value[rows]
        begin, amount = self._ts[p], value - self._value[p]
        newer = ts > begin
        odd = (amount < 0) | (amount > self._step[p])
        known = begin != 0
        if newer.all() and known.all() and not odd.any():  # nearly always
            self._ts[p], self._value[p] = ts, value
            return _Uses(rows, p, begin, ts, amount), rows[:0]
        odd &= newer & known
        counts = newer & ~odd
        told = counts & (begin != 0)
        kept = p[counts]
        self._ts[kept], self._value[kept] = ts[counts], value[counts]
        return _Uses(rows[told], p[told], begin[told], ts[told], amount[told]), rows[odd]

    def _settle(self, batch: ReadingBatch, row: int, uses: list[_Uses], findings: dict[int, Finding]) -> None:
        """Judge one reading that does not follow from the one before."""
        p, ts, value = int(batch.point[row]), int(batch.ts[row]), float(batch.value[row])
        known = Register(int(self._ts[p]), float(self._value[p]), int(self._odd_ts[p]), float(self._odd[p]))
        if self._swapped[p]:
            self._swapped[p] = False
            verdict = Verdict(Register(ts, value), (), Reason.METER_SWAP)
        else:
            verdict = judge(known, ts, value, float(self._most[p]), float(self._directory.modulus[p]))
        after = verdict.register
        self._ts[p], self._value[p] = after.ts, after.value
        self._odd_ts[p], self._odd[p] = after.odd_ts, after.odd
        self._step[p] = -1.0 if after.odd_ts else self._most[p]
        for use in verdict.uses:
            one = np.array([row]), np.array([p]), np.array([use.begin]), np.array([use.end]), np.array([use.amount])
            uses.append(_Uses(*one))
        if verdict.reason is not None:
            findings[row] = self._finding(p, ts, int(batch.received[row]), known, value, verdict.reason)

    def _finding(self, p: int, ts: int, at: int, known: Register, value: float, reason: Reason) -> Finding:
        d = self._directory
        return Finding(
            "meter", p, ts, at, _SEVERITY.get(reason, Severity.LOW), reason,
            value=known.odd if known.odd_ts else value, expected=known.value,
            device=int(d.device[p]), place=int(d.place[p]), park=int(d.park[p]),
        )  # fmt: skip

    def _with_uses(self, batch: ReadingBatch, uses: list[_Uses]) -> ReadingBatch:
        """Return the batch with the pieces of uses, each after the row that told it."""
        use = _joined([u for u in uses if len(u.row)])
        if use is None:
            return batch
        row, p, begin, end, amount = use.row, use.point, use.begin, use.end, use.amount
        step: Int64 | int = QUARTER
        if (end - begin).max() > _LONG:
            begin = np.maximum(begin, end - _LONGEST)
            step = np.where(end - begin > _LONG, _HOUR, QUARTER)
        window = begin // step
        pieces = (end - 1) // step - window + 1
        quality = self._qualities(batch, row, p, pieces, end - begin)
        if (pieces > 1).any():
            of = np.repeat(np.arange(len(row)), pieces)
            nth = np.arange(len(of)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
            whole = (end - begin)[of]
            step = np.broadcast_to(step, len(row))[of]
            first = (window[of] + nth) * step
            begin, end = np.maximum(begin[of], first), np.minimum(end[of], first + step)
            row, p, quality = row[of], p[of], quality[of]
            amount = amount[of] * ((end - begin) / whole)
        ratio = self._ratio[p]
        if (begin < self._since[p]).any():  # one that changes within a piece weighs by time
            share = np.clip((end - self._since[p]) / (end - begin), 0.0, 1.0)
            ratio = self._before[p] + (ratio - self._before[p]) * share
        amount = amount * ratio
        return woven(
            batch, row, ReadingBatch(self._directory.derived[p], end - 1, amount, quality, batch.received[row])
        )

    def _qualities(self, batch: ReadingBatch, row: Rows, p: Rows, pieces: Int64, length: Int64) -> Int8:
        """Return the quality of uses: estimated where a gap was spread over several windows."""
        quality = batch.quality[row]
        if quality.any():
            quality[quality == _WRONG_CLOCK] = _ESTIMATED  # the amount is right, the time nearly
        if (pieces > 1).any():
            spread = (pieces > 1) & (length > np.minimum(2 * self._directory.interval[p], 2 * QUARTER))
            quality = np.maximum(quality, spread.astype(np.uint8) * _ESTIMATED)
        return quality

    def on_tick(self, now: int, emit: Emit) -> None:
        """Do nothing: use is told by readings."""

    def on_config(self, config: Config, emit: Emit) -> None:
        """Take ratios with the time from which they hold, and see where another device stands."""
        del emit
        self._grow()
        for row in config.points:
            if METRICS[row.metric].kind is Kind.REGISTER:
                self._take(row, config.received)

    def _take(self, row: PointRow, received: int) -> None:
        p = row.point
        if not self._ratio[p]:
            self._ratio[p] = self._before[p] = row.ratio
            self._since[p] = 0
        elif row.ratio != self._ratio[p]:
            self._before[p], self._ratio[p] = self._ratio[p], row.ratio
            self._since[p] = row.effective or received
        if self._ts[p] and self._device[p] != row.device:
            self._swapped[p] = True
        self._device[p] = row.device
        derived = METRICS[row.metric].derives
        self._most[p] = METRICS[derived].high / abs(row.ratio or 1.0) if derived else np.inf
        self._step[p] = -1.0 if self._odd_ts[p] or self._swapped[p] else self._most[p]

    def snapshot(self) -> State:
        """Return copies of all state, cut to the points that there are."""
        n = self._directory.size
        return {"version": np.array(VERSION)} | {c: getattr(self, f"_{c}")[:n].copy() for c in _COLUMNS}

    def restore(self, state: State) -> None:
        """Take the state of an earlier `snapshot`."""
        for column in _COLUMNS:
            setattr(self, f"_{column}", state[column].copy())
        self._step = np.where((self._odd_ts != 0) | self._swapped, -1.0, self._most)
        self._grow()


def _joined(uses: list[_Uses]) -> _Uses | None:
    """Return uses in the order of the rows that told them, or None."""
    if len(uses) < 2:
        return uses[0] if uses else None
    row = np.concatenate([u.row for u in uses])
    order = np.argsort(row, kind="stable")
    return _Uses(
        row[order],
        *(np.concatenate([getattr(u, name) for u in uses])[order] for name in ("point", "begin", "end", "amount")),
    )


def woven(batch: ReadingBatch, row: Rows, extra: ReadingBatch) -> ReadingBatch:
    """Return the batch with extra readings, each after its row; `row` rises."""
    size, more = len(batch), len(extra)
    at = row + np.arange(1, more + 1)
    order = np.zeros(size + more, np.intp)
    order[at] = 1
    np.subtract(np.arange(size + more), np.cumsum(order), out=order)
    order[at] = np.arange(size, size + more)
    columns = ((getattr(batch, name), getattr(extra, name)) for name in COLUMNS)
    return ReadingBatch(*(np.concatenate((old, new)).take(order) for old, new in columns))
