"""Electrical fire: leakage and heat at once. Each alone has a limit; together they are how cables begin to burn.

Arrival-ordered. The measure `electrical_fire` of a place is the smaller of two shares: its highest residual current
and its highest cable temperature, each by the high limit that the table has for it (300 mA and 70 degC as shipped;
GB 50116 9.2, R56; R84). It is 1 where both have reached their limits: the AND of a combined detector
(GB 14287). A silent sensor never makes it smaller: only values that are back do.
"""

import json

import numpy as np

from park.directory import Directory
from park.metrics import CODE
from park.operator import Emit, State
from park.readings import Bool, Quality, ReadingBatch
from park.records import Config, LimitRow
from stream.holding import Holding, of_place
from stream.scopes import chain, fitting

VERSION = 1
MEASURE = "electrical_fire"
_PARTS = ("residual_current", "cable_temperature")  # metrics, and names of the limits that they are a share of
_NEAR = 0.8  # share from which a point is looked at reading by reading; far below any dead-band of the rule
_FRESH = 15 * 60_000  # ms for which a part counts that has not spoken since: monitors report every minute to 10
_NO_LIMIT = np.inf


class ElectricalFire:
    """Hold places to the rules on leakage and heat together."""

    name = "electrical_fire"

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._rules: tuple[LimitRow, ...] = ()
        self._of: dict[int, tuple[LimitRow, ...]] = {}  # by place
        self._part = np.zeros(2, np.int8)  # by point: 1, 2 for the parts; the last row is 0, for all beyond
        self._limit = np.full(len(_PARTS) + 1, _NO_LIMIT)
        self._hot: dict[int, dict[int, tuple[int, float, int]]] = {}  # place -> point -> part, share, log time
        self._is_hot: Bool = np.zeros(2, np.bool_)
        self._holding = Holding(directory, of_place)

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Look at currents and temperatures that are high, or were; the readings go on as they came."""
        rows = np.flatnonzero(self._part.take(batch.point, mode="clip"))
        if not len(rows):
            return batch
        rows = rows[(batch.quality[rows] < Quality.LATE) & np.isfinite(batch.value[rows])]
        point = batch.point[rows]
        share = batch.value[rows] / self._limit[self._part[point]]
        near = share >= _NEAR
        # A point that gets near within this batch may leave within it as well.
        for i in np.flatnonzero(near | self._is_hot[point] | np.isin(point, point[near])).tolist():
            row = rows[i]
            self._take(int(point[i]), float(share[i]), int(batch.ts[row]), int(batch.received[row]), emit)
        return batch

    def _take(self, point: int, share: float, ts: int, at: int, emit: Emit) -> None:
        place = int(self._directory.place[point])
        hot = self._hot.setdefault(place, {})
        if share >= _NEAR:
            hot[point] = int(self._part[point]), share, at
        else:
            hot.pop(point, None)
        self._is_hot[point] = point in hot
        for rule in self._of.get(place, ()):
            stands = (place, rule.rule) in self._holding
            highest = [0.0, 0.0]
            for part, part_share, heard in hot.values():
                if stands or at - heard <= _FRESH:
                    highest[part - 1] = max(highest[part - 1], part_share)
            self._holding.step(rule, place, min(highest), ts, at, emit)
        if not hot:
            del self._hot[place]

    def on_tick(self, now: int, emit: Emit) -> None:
        """End the waits that are over."""
        self._holding.on_tick(now, emit)

    def on_config(self, config: Config, emit: Emit) -> None:
        """Take a new table, and see which places have both parts."""
        d = self._directory
        if config.limits is not None:
            self._rules = tuple(r for r in d.limits if r.metric == MEASURE and not r.finding)
            for part, name in enumerate(_PARTS, 1):
                highs = [r.high for r in d.limits if r.rule == name and r.high and not r.places and not r.parks]
                self._limit[part] = highs[0] if highs else _NO_LIMIT
        elif not config.points and not config.places and not config.devices:
            return
        self._part = np.zeros(d.size + 1, np.int8)
        self._is_hot = np.zeros(d.size + 1, np.bool_)
        metric = d.metric[: d.size]
        parks = [p for p, row in d.places.items() if row.kind == "park"]  # of unknown place: nothing is near anything
        placed = ~np.isin(d.place[: d.size], [0, *parks])
        for part, name in enumerate(_PARTS, 1):
            self._part[: d.size][(metric == CODE[name]) & placed] = part
        both = set(d.place[: d.size][self._part[: d.size] == 1].tolist())
        both &= set(d.place[: d.size][self._part[: d.size] == len(_PARTS)].tolist())
        self._of = {}
        for place in sorted(both):
            park = of_place(self._directory, place).park
            rules = fitting(self._rules, chain(d, place), park=park)
            if rules:
                self._of[place] = rules
        self._part[: d.size][~np.isin(d.place[: d.size], sorted(self._of))] = 0
        hot = {point: told for some in self._hot.values() for point, told in some.items() if self._part[point]}
        self._hot = {}
        for point, told in hot.items():
            self._hot.setdefault(int(d.place[point]), {})[point] = told
            self._is_hot[point] = True
        self._holding.fit(self._of, config.received, emit)

    def snapshot(self) -> State:
        """Return a copy of what is hot and what is held."""
        hot = [(point, *told) for some in self._hot.values() for point, told in some.items()]
        text = np.frombuffer(json.dumps(hot).encode(), np.uint8).copy()
        return {**self._holding.snapshot(), "version": np.array(VERSION), "hot": text}

    def restore(self, state: State) -> None:
        """Take the state of an earlier snapshot."""
        self._hot = {}
        self._is_hot[:] = False
        for point, part, share, at in json.loads(state["hot"].tobytes()):
            if point < len(self._part) - 1 and self._part[point]:
                self._hot.setdefault(int(self._directory.place[point]), {})[point] = part, share, at
                self._is_hot[point] = True
        self._holding.restore(state, self._of)
