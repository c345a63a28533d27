"""Health of devices: silent, stuck, flapping, low battery, and the gateway above them.

```
 readings --(two scatters)--> newest value and receipt by point --(each tick)--> by device --> status, told on change
```
A device is silent when it has said nothing for 2.5 times the silence it promises (at least 2 minutes; life
safety at most 24 h: GB/T 45839-2025, 5.5.2), or when its last will says so. When every device behind a
gateway is silent the gateway is told, once, and they are not. What is stuck `stream.standing` says.
A time in which nobody listened is nobody's silence (`Verb.LISTEN`, told by a lane that goes on after a stop).
Retained messages are no sign of life. All times are log time; but for last wills, changes are told at ticks.
"""

import json
from typing import Any

import numpy as np
import numpy.typing as npt

from park.directory import Directory, grown
from park.events import DeviceStatus, Reason, Status
from park.metrics import CODE, Lane
from park.operator import Emit, State
from park.readings import Bool, Quality, ReadingBatch
from park.records import Command, Config, Verb
from stream.standing import Standing

VERSION = 2
PATIENCE = 2.5  # promised silences
LEAST = 2 * 60_000  # ms
MOST_LIFE = 24 * 3_600_000  # ms: loss of a wireless life-safety device is shown within 24 h
SAMPLE = 10 * 60_000  # ms between two looks at whether points move
FLAPS, FLAP_SPAN = 4, 10 * 60_000  # changes of presence within ms
_NEVER = 2**62
BATTERY_LOW, BATTERY_OK = 15.0, 20.0  # %

_STATUS = tuple(Status)
_NUMBER = {status: n for n, status in enumerate(_STATUS)}
_UNTOLD = _NUMBER[Status.NEVER_SEEN]
_REASON = {
    Status.GATEWAY_DOWN: Reason.GATEWAY_DOWN,
    Status.SILENT: Reason.SILENT,
    Status.STUCK: Reason.STUCK,
    Status.FLAPPING: Reason.FLAPPING,
    Status.LOW_BATTERY: Reason.LOW_BATTERY,
}
_RELIEF = {  # by the status that is over
    Status.STUCK: Reason.MOVES_AGAIN,
    Status.FLAPPING: Reason.STEADY,
    Status.LOW_BATTERY: Reason.BATTERY_OK,
}
_POINT = {
    "value": np.float64,  # newest that is good now
    "at": np.int64,  # receipt of the newest; 0: never
    "bad": np.int64,  # receipt of the newest that is not good now: out of range, late, of a wrong clock; 0: never
}
_DEVICE = {
    "seen": np.int64,  # newest receipt; 0: never
    "base": np.int64,  # silence counts from here at the earliest: its gateway came back
    "offline": np.int64,  # when its last will came; 0: it is not said to be offline
    "absent": np.bool_,
    "down": np.bool_,  # gateways
    "stuck": np.bool_,
    "flapping": np.bool_,
    "low": np.bool_,
    "told": np.uint8,  # status as last told
}


class Health:
    """Tell when a device's health changes."""

    name = "health"

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._point: dict[str, npt.NDArray[Any]] = {n: np.zeros(2, kind) for n, kind in _POINT.items()}
        self._device: dict[str, npt.NDArray[Any]] = {n: np.zeros(1, kind) for n, kind in _DEVICE.items()}
        self._device["told"][:] = _UNTOLD
        self._interval = np.zeros(1, np.int64)  # of devices, ms
        self._patience = np.zeros(1, np.int64)  # of devices, ms of silence
        self._gateway = np.zeros(1, np.int64)  # of devices
        self._excused = np.ones(1, np.bool_)  # devices of which nothing is expected: retired, maintenance
        self._online = np.zeros(2, np.bool_)  # points that carry last wills; the last row is for all beyond
        self._standing = Standing(directory)
        self._batteries = np.zeros(0, np.intp)
        self._empties = np.zeros(0, np.intp)
        self._looked = 0  # log time of the last look at gauges
        self._changes: dict[int, list[int]] = {}  # device -> times at which it came or went
        self._fades = 0  # log time before which none of them is too old

    # ── readings ─────────────────────────────────────────────────────────────────────────────────

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Remember who spoke and what; the readings go on as they came."""
        wills = self._online.take(batch.point, mode="clip")
        if wills.any():
            rows = np.flatnonzero(wills)
            device = self._directory.device[batch.point[rows]]
            news = (self._device["offline"][device] > 0) != (batch.value[rows] == 0)  # nearly always none
            for i in rows[np.isin(device, device[news])].tolist():
                self._will(batch, i, emit)
        kept = batch
        if batch.quality.any():
            kept = batch.rows(batch.quality != Quality.RETAINED)
        c = self._point
        if len(kept) and int(kept.point.max()) >= len(c["at"]):
            kept = kept.rows(kept.point < len(c["at"]))
        c["at"][kept.point] = kept.received
        if kept is not batch:
            good = kept.quality < Quality.LATE
            if not good.all():
                c["bad"][kept.point[~good]] = kept.received[~good]
                kept = kept.rows(good)
        c["value"][kept.point] = kept.value
        return batch

    def _will(self, batch: ReadingBatch, i: int, emit: Emit) -> None:
        """Take a last will, or its opposite. A retained one is as true as a live one."""
        if batch.quality[i] == Quality.LATE:
            return
        device, at = int(self._directory.device[batch.point[i]]), int(batch.received[i])
        c = self._device
        if bool(c["offline"][device]) == (batch.value[i] == 0):
            return
        c["offline"][device] = at if batch.value[i] == 0 else 0
        if batch.value[i] != 0:
            c["absent"][device] = False
            c["base"][device] = at
        self._changed(device, at)
        own = np.flatnonzero(self._directory.device[: self._directory.size] == device)
        before = np.isin(batch.point[: i + 1], own) & (batch.quality[: i + 1] != Quality.RETAINED)
        seen = [int(self._point["at"][own].max(initial=0)), int(c["seen"][device])]
        c["seen"][device] = max(*seen, int(batch.received[: i + 1][before].max(initial=0)))
        self._tell(np.array([device]), at, emit)

    def _changed(self, device: int, at: int) -> None:
        """Remember that a device came or went; too often is flapping."""
        times = [t for t in self._changes.get(device, []) if t > at - FLAP_SPAN][-2 * FLAPS :]
        self._changes[device] = [*times, at]
        self._fades = min(self._fades, at + FLAP_SPAN)
        if len(times) + 1 >= FLAPS:
            self._device["flapping"][device] = True

    # ── time ─────────────────────────────────────────────────────────────────────────────────────

    def on_tick(self, now: int, emit: Emit) -> None:
        """Look at all devices, and now and then at all gauges."""
        d, c = self._directory, self._device
        at = self._point["at"][: d.size]
        np.maximum.at(c["seen"], d.device[: d.size], at)
        back = (c["offline"] > 0) & (c["seen"] > c["offline"])  # it speaks: it is not offline
        c["offline"][back] = 0
        if now // SAMPLE > self._looked // SAMPLE:
            self._look(now)
        self._feel_batteries()
        changed = self._presence(now)
        for device in np.flatnonzero(changed | back).tolist():
            self._changed(device, now)
        self._settle(now)
        self._tell(np.arange(1, len(c["seen"])), now, emit)

    def _presence(self, now: int) -> Bool:
        """Find who is silent, behind which gateway; return which devices came or went."""
        c, gateway = self._device, self._gateway
        heard = np.maximum(c["seen"], c["base"])
        expected = (c["seen"] > 0) & ~self._excused
        children = expected & (gateway > 0)
        size = len(heard)
        count = np.bincount(gateway[children], minlength=size)
        alive = c["seen"].copy()  # of gateways: when they or anyone behind them spoke last
        np.maximum.at(alive, gateway[children], c["seen"][children])
        patience = self._patience.copy()  # a gateway that says little itself speaks through those behind it
        np.maximum.at(patience, gateway[children], patience[children])
        quiet = now - np.where(count > 0, np.maximum(alive, heard), heard)
        overdue = expected & ((quiet > patience) | (c["offline"] > 0))
        lost = np.bincount(gateway[children & overdue], minlength=size)
        mute = (c["seen"] == 0) | overdue
        down = (count >= 2) & (lost == count) & mute
        down |= (count >= 1) & (c["offline"] > 0)
        returned = c["down"] & ~down
        freed = children & returned[gateway]
        c["base"][freed] = now  # time for everyone behind it to speak first
        overdue[freed & (c["offline"] == 0)] = False
        c["down"][:] = down
        # Its own silence, or its gateway's? Known once somebody behind the same gateway spoke well after it
        # should have; and after twice the patience it is told anyway.
        waited = now - heard
        own = ~children | (count[gateway] < 2) | (c["offline"] > 0) | (waited > 2 * patience)
        own |= alive[gateway] > heard + 3 * self._interval // 2
        absent = overdue & (own | c["absent"])
        changed: Bool = (absent != c["absent"]) & (c["offline"] == 0) & ~(children & down[gateway])
        c["absent"][:] = absent
        return changed

    def _settle(self, now: int) -> None:
        """End flapping that is over. Ten minutes after a start every device of a city has come just now."""
        if now < self._fades:
            return
        for device, times in list(self._changes.items()):
            recent = [t for t in times if t > now - FLAP_SPAN]
            if len(recent) < 2:
                self._device["flapping"][device] = False
            if recent:
                self._changes[device] = recent
            else:
                del self._changes[device]
        self._fades = min((times[0] + FLAP_SPAN for times in self._changes.values()), default=_NEVER)

    def _feel_batteries(self) -> None:
        c, p, device = self._device, self._point, self._directory.device
        known = self._batteries[p["at"][self._batteries] > 0]
        level, owner = p["value"][known], device[known]
        c["low"][owner[level < BATTERY_LOW]] = True
        c["low"][owner[level >= BATTERY_OK]] = False
        known = self._empties[p["at"][self._empties] > 0]
        c["low"][device[known]] = p["value"][known] != 0

    def _look(self, now: int) -> None:
        """Find the devices with a point that stands still though it should move."""
        p, device = self._point, self._directory.device
        fresh = np.where(p["at"] > p["bad"], p["at"], 0)
        held = self._standing.look(now, self._looked, p["value"], fresh)
        self._device["stuck"][:] = False
        self._device["stuck"][device[held]] = True
        self._looked = now

    # ── telling ──────────────────────────────────────────────────────────────────────────────────

    def _tell(self, devices: npt.NDArray[Any], at: int, emit: Emit) -> None:
        """Emit what has changed for these devices, by number."""
        c = self._device
        known = (c["seen"][devices] > 0) | (c["offline"][devices] > 0) | c["down"][devices]
        known |= c["told"][devices] != _UNTOLD
        inhibited = c["down"][self._gateway[devices]] & (self._gateway[devices] > 0)
        devices = devices[known & ~inhibited & ~self._excused[devices]]
        code = np.full(len(devices), _NUMBER[Status.ONLINE], np.uint8)
        code[c["low"][devices]] = _NUMBER[Status.LOW_BATTERY]
        code[c["stuck"][devices]] = _NUMBER[Status.STUCK]
        code[c["absent"][devices] | (c["offline"][devices] > 0)] = _NUMBER[Status.SILENT]
        code[c["flapping"][devices]] = _NUMBER[Status.FLAPPING]  # else every come and go were told
        code[c["down"][devices]] = _NUMBER[Status.GATEWAY_DOWN]
        for n in np.flatnonzero(code != c["told"][devices]).tolist():
            device, status = int(devices[n]), _STATUS[code[n]]
            before = _STATUS[c["told"][device]]
            c["told"][device] = code[n]
            reason = _REASON.get(status) or _RELIEF.get(before, Reason.BACK)
            row = self._directory.devices.get(device)
            emit(DeviceStatus(device, status, at, int(c["seen"][device]), reason, row.park if row else 0))

    def on_command(self, command: Command, emit: Emit) -> None:
        """Let the silence of every device stand still for the time in which nobody listened."""
        del emit
        since = command.arguments.get("since", "")
        if command.verb is not Verb.LISTEN or not since.isdecimal():
            return
        d, c, gateway = self._directory, self._device, self._gateway
        away = max(0, command.received - int(since))
        np.maximum.at(c["seen"], d.device[: d.size], self._point["at"][: d.size])
        alive = np.maximum(c["seen"], c["base"])
        children = (alive > 0) & (gateway > 0)
        np.maximum.at(alive, gateway[children], alive[children])  # who is behind a gateway speaks for it
        known = alive > 0
        c["base"][known] = np.maximum(c["base"][known], np.minimum(alive[known] + away, command.received))

    # ── the rest of the contract ─────────────────────────────────────────────────────────────────

    def on_config(self, config: Config, emit: Emit) -> None:  # noqa: ARG002 (nothing is told here)
        """Learn of devices and points."""
        d = self._directory
        for name, column in self._point.items():
            self._point[name] = grown(column, d.size)
        size = d.device_size
        for name, column in self._device.items():
            self._device[name] = grown(column, size, _UNTOLD if name == "told" else 0)
        size = len(self._device["seen"])
        self._interval, self._patience = grown(self._interval, size), grown(self._patience, size)
        self._gateway, self._excused = grown(self._gateway, size), grown(self._excused, size, fill=True)
        for row in config.devices:
            promised = PATIENCE * row.interval
            patience = max(LEAST, promised if row.lane is not Lane.LIFE else min(promised, MOST_LIFE))
            if patience < self._patience[row.device]:  # a shorter promise counts from when it is made
                base = self._device["base"]
                base[row.device] = max(int(base[row.device]), config.received)
            self._interval[row.device], self._patience[row.device] = row.interval, patience
            self._gateway[row.device] = row.gateway
            # The counter of a zone is no thing of its own.
            self._excused[row.device] = row.retired or row.mode == "maintenance" or row.kind == "zone_counter"
        if config.points:
            metric = d.metric[: d.size]
            self._online = np.zeros(d.size + 1, np.bool_)
            self._online[: d.size] = metric == CODE["online"]
            self._standing.on_points()
            self._batteries = np.flatnonzero(metric == CODE["battery"])
            self._empties = np.flatnonzero(metric == CODE["low_battery"])

    def snapshot(self) -> State:
        """Return copies of the state."""
        changes = np.frombuffer(json.dumps(list(self._changes.items())).encode(), np.uint8).copy()
        return {
            "version": np.array(VERSION), "looked": np.array(self._looked), "changes": changes,
            **{f"point_{n}": column.copy() for n, column in self._point.items()},
            **{f"device_{n}": column.copy() for n, column in self._device.items()}, **self._standing.snapshot(),
        }  # fmt: skip

    def restore(self, state: State) -> None:
        """Take the state of an earlier snapshot."""
        self._looked = int(state["looked"])
        self._changes, self._fades = dict(json.loads(state["changes"].tobytes())), 0
        for n, column in self._point.items():
            if f"point_{n}" in state:  # a snapshot of version 1 knows of no bad ones
                self._point[n] = grown(state[f"point_{n}"].copy(), len(column))
        self._standing.restore(state)
        for n, column in self._device.items():
            fill = _UNTOLD if n == "told" else 0
            self._device[n] = grown(state[f"device_{n}"].copy(), len(column), fill)
        # All of one length: what was saved may have grown in other steps than what the directory has given us.
        size = len(self._device["seen"])
        self._interval, self._patience = _long(self._interval, size), _long(self._patience, size)
        self._gateway, self._excused = _long(self._gateway, size), _long(self._excused, size, fill=True)


def _long(column: npt.NDArray[Any], size: int, *, fill: bool = False) -> npt.NDArray[Any]:
    """Return the column with exactly so many rows, no fewer than it has."""
    longer = np.full(size, fill, column.dtype)
    longer[: len(column)] = column
    return longer
