"""What a main meter says against the sum of the meters below it, by the park day.

A meter is below the nearest place around it that has meters too; a device of kind `sub_meter` is below the
meters of its own place. What does not add up is loss, theft, or wiring and ratios that are wrong; what is
simply not metered shows as an imbalance that stays, so its change is told apart from its size.

Event-time. A day is judged at 06:00 of the next, and only where every meter of the sum stood for three
quarters of it: a meter that is missing is no theft.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

import numpy as np

from park.directory import Directory
from park.metrics import CODE
from park.operator import Emit, State
from park.readings import ReadingBatch
from park.records import Config, LimitRow
from stream.gathering import Gathering
from stream.holding import Holding, of_device
from stream.scopes import DAY, chain, fitting
from stream.sums import Closed

VERSION = 1
LATENESS = 6 * 3_600_000  # ms: day D is judged at D+1 06:00 park time
VALID = 0.75  # share of a day that each meter must stand for
PAST = 14  # days whose median is the usual imbalance
_LEAST = 5  # of them, before anything is usual
_FLOWS = {"energy_use": "energy_imbalance", "water_use": "water_imbalance"}
_MEASURES = frozenset(m + end for m in _FLOWS.values() for end in ("", "_change"))
_SUB = "sub_meter"


@dataclass(frozen=True, slots=True)
class Node:
    """The meters of a place, and those below them."""

    metric: str
    device: int  # that conditions are about: the first of the main meters
    mains: tuple[int, ...]  # points
    subs: tuple[int, ...]


class Balance:
    """Hold the imbalance of main meters to their rules."""

    name = "balance"

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._rules: tuple[LimitRow, ...] = ()
        self._of: dict[int, tuple[LimitRow, ...]] = {}  # by device
        self._nodes: dict[tuple[int, str], Node] = {}  # (place, metric)
        self._past: dict[tuple[int, str], list[tuple[float, float]]] = {}  # (place, metric) -> (imbalance %, main)
        self._holding = Holding(directory, of_device)
        self._gathering = Gathering(directory, self._holding, self._judge, width=DAY, lateness=LATENESS)

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Add uses to their days; they go on as they came."""
        return self._gathering.on_batch(batch, emit)

    def on_tick(self, now: int, emit: Emit) -> None:
        """Judge the days that are over."""
        self._gathering.on_tick(now, emit)

    def _judge(self, part: Closed, end: int, emit: Emit) -> None:
        totals = zip(self._gathering.points(part), part.total.tolist(), (part.share >= VALID).tolist(), strict=True)
        used = {point: total for point, total, valid in totals if valid}
        for key, node in self._nodes.items():
            if all(point in used for point in (*node.mains, *node.subs)):
                self._weigh(key, node, used, end, emit)

    def _weigh(self, key: tuple[int, str], node: Node, used: Mapping[int, float], end: int, emit: Emit) -> None:
        main = sum(used[point] for point in node.mains)
        if main <= 0:
            return
        share = 100.0 * (main - sum(used[point] for point in node.subs)) / main
        measure = _FLOWS[node.metric]
        values = {measure: share}
        past = self._past.setdefault(key, [])
        if len(past) >= _LEAST:
            # Of a usual day's energy: a Sunday's lamps are much of a Sunday, and no theft.
            size = max(main, median(m for _, m in past))
            values[f"{measure}_change"] = (share - median(s for s, _ in past)) * main / size
        past.append((share, main))
        del past[:-PAST]
        for rule in self._of.get(node.device, ()):
            if rule.metric in values and main >= rule.floor:
                self._holding.step(rule, node.device, values[rule.metric], end - 1, end + LATENESS, emit)

    # ── registry and snapshots ───────────────────────────────────────────────────────────────────

    def on_config(self, config: Config, emit: Emit) -> None:
        """Take a new table, and see which meters are below which."""
        d = self._directory
        if config.limits is not None:
            self._rules = tuple(r for r in d.limits if r.metric in _MEASURES and not r.finding)
        flows = {metric for metric in _FLOWS if any(r.metric.startswith(_FLOWS[metric]) for r in self._rules)}
        known = any(row.metric in flows for row in config.points)
        if config.limits is None and not known and not config.places and not config.devices:
            return
        self._nodes = {}
        for metric in sorted(flows):
            self._nodes |= self._tree(metric)
        devices = {node.device for node in self._nodes.values()}
        self._of = {}
        for device in sorted(devices):
            row = d.devices[device]
            rules = fitting(self._rules, chain(d, row.place), park=row.park, kind=row.kind)
            if rules:
                self._of[device] = rules
        self._nodes = {key: node for key, node in self._nodes.items() if node.device in self._of}
        self._holding.fit(self._of, config.received, emit)
        self._gathering.watch(point for node in self._nodes.values() for point in (*node.mains, *node.subs))

    def _tree(self, metric: str) -> dict[tuple[int, str], Node]:
        """Return the places that have meters of a flow with others below them."""
        d = self._directory
        mains: dict[int, list[int]] = {}
        own: dict[int, list[int]] = {}  # sub-meters, by place
        for point in np.flatnonzero(d.metric == CODE[metric]).tolist():
            device = d.devices.get(int(d.device[point]))
            if device is None or device.retired:
                continue
            (own if device.kind == _SUB else mains).setdefault(int(d.place[point]), []).append(point)
        subs: dict[int, list[int]] = {}
        for place, points in (*mains.items(), *own.items()):
            around = chain(d, place)
            inner = around if points is own.get(place) else around[1:]
            above = next((p for p in inner if p in mains), 0)
            if above:
                subs.setdefault(above, []).extend(points)
        return {
            (place, metric): Node(metric, int(d.device[mains[place][0]]), tuple(mains[place]), tuple(sorted(below)))
            for place, below in sorted(subs.items())
        }

    def snapshot(self) -> State:
        """Return copies of open days, of days before, and of what is held."""
        past = json.dumps([(*key, values) for key, values in self._past.items()]).encode()
        return {
            **self._gathering.snapshot(), "version": np.array(VERSION), "past": np.frombuffer(past, np.uint8).copy(),
        }  # fmt: skip

    def restore(self, state: State) -> None:
        """Take the state of an earlier `snapshot`."""
        self._past = {
            (place, metric): [(share, main) for share, main in values]
            for place, metric, values in json.loads(state["past"].tobytes())
        }
        self._gathering.restore(state, self._of)
