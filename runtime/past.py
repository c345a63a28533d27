"""A simulated park's history as log records, with their own times of receipt.

The records go into the logs before the lanes start; the lanes then meet them as they meet any log
after a restart: through the real stages, with nobody notified.
"""

from collections.abc import Callable, Container, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from park.directory import Directory
from park.metrics import LIFE_ALARMS, METRICS, Kind, Lane
from park.model import LIFE_KINDS
from park.ports import Log, RegistryStore
from park.readings import ReadingBatch
from park.records import Batch, Config, Edge, LimitRow, Record, Tick
from simulators.history import history
from simulators.registry import Numbers
from simulators.scenario import HOUR, MINUTE, Scenario

_AT_ONCE = 24  # steps appended together
_AMOUNTS = frozenset({Kind.INTERVAL, Kind.COUNT})  # of the time since the value before


def config_for(config: Config, lane: Lane, known: Container[int] = ()) -> Config:
    """Return the part of a configuration that a lane needs.

    Life safety knows its own devices, gateways, and whoever else could tell of a fire; of devices that
    are not told here it takes every point, for it may have been told of them before; and what becomes of
    those that it was told of (`known`). The bulk lane knows all: a life-safety device that speaks on a
    bulk topic is heard there.
    """
    if lane is Lane.BULK:
        return config
    own = {d.device for d in config.devices if d.lane is Lane.LIFE or d.kind in LIFE_KINDS or d.device in known}
    own |= {p.device for p in config.points if p.metric in LIFE_ALARMS}
    others = {d.device for d in config.devices} - own
    devices = tuple(d for d in config.devices if d.device in own or d.kind == "gateway")
    points = tuple(p for p in config.points if p.device not in others)
    return Config(config.version, config.received, points, devices, config.places, config.limits)


def write_history(
    scenario: Scenario,
    numbers: Numbers,
    until: int,
    registry: RegistryStore,
    limits: tuple[LimitRow, ...],
    logs: Mapping[Lane, Log],
    told: Callable[[float], None],
) -> int:
    """Append a scenario's history up to a time to empty logs, under some rules; return the number of readings.

    Without the rules what has stood for days would be raised when the first live value comes, as if it began then.
    An amount that is told within the hour that is open is of the hour before; live, devices tell theirs as it comes.
    The open hour would have both, and be called unusual, so it begins with what comes live.
    """
    opened = counted(until)
    config = replace(registry.config_since(0, scenario.origin), limits=limits)
    directory = Directory()
    directory.apply(config)
    amounts = [row.point for row in config.points if METRICS[row.metric].kind in _AMOUNTS]
    waiting: dict[Lane, list[Record]] = {lane: [config_for(config, lane)] for lane in logs}
    total = 0
    for i, planned in enumerate(history(scenario, scenario.origin, until, HOUR)):
        batch = numbers.batch(planned)
        if scenario.origin + (i + 1) * HOUR > opened:
            batch = batch.rows((batch.ts < opened) | ~np.isin(batch.point, amounts))
        total += len(batch)
        life = directory.life[batch.point]
        for lane, rows in ((Lane.LIFE, life), (Lane.BULK, ~life)):
            part = batch.rows(rows)
            if len(part):
                waiting[lane] += [Tick(int(part.received[0]) // MINUTE * MINUTE), Batch(part, edge_of(part, directory))]
        if i % _AT_ONCE == _AT_ONCE - 1:
            _append(logs, waiting)
            told(min(1.0, i * HOUR / (until - scenario.origin)))
    _append(logs, waiting)
    told(1.0)
    return total


def counted(until: int) -> int:
    """Return up to when a history that ends at a time tells amounts: the hour that is open begins with what is live."""
    return until // HOUR * HOUR


def edge_of(batch: ReadingBatch, directory: Directory) -> Edge:
    """Return what an edge would have counted: one message for the values of a device at one time."""
    gateway = directory.gateway[batch.point]
    order = np.lexsort((batch.ts, directory.device[batch.point]))
    device, ts = directory.device[batch.point][order], batch.ts[order]
    first = np.ones(len(batch), np.bool_)
    first[1:] = (np.diff(device) != 0) | (np.diff(ts) != 0)
    numbers, inverse = np.unique(gateway, return_inverse=True)
    readings: NDArray[np.intp] = np.bincount(inverse, minlength=len(numbers))
    messages: NDArray[np.intp] = np.bincount(inverse[order][first], minlength=len(numbers))
    return Edge(numbers.astype(np.int32), messages.astype(np.int32), readings.astype(np.int32))


def _append(logs: Mapping[Lane, Log], waiting: dict[Lane, list[Record]]) -> None:
    for lane, records in waiting.items():
        if records:
            logs[lane].append(records)
        waiting[lane] = []
