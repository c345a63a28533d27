"""The park's present as messages: which device speaks now, what it says, and what goes wrong on the way.

Values are those of `Signals`, so they go on where the history ends, and a restart changes nothing.
No socket and no clock here: `due(now)` returns what was to be sent up to now; `publish` sends it.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from park.errors import NotFound
from park.model import Device
from simulators import dialects
from simulators.chance import mixed
from simulators.dialects import Message, Said
from simulators.equipment import ALARMED, LIVE, Plan
from simulators.fires import FIRES
from simulators.history import clock_error
from simulators.injections import BLOCK, Injection, fire, injections
from simulators.scenario import DAY, HOUR, MINUTE
from simulators.signals import Signals

BEHIND = 10 * MINUTE  # further back than this, devices speak at the history's rhythm
FULL_STATUS = MINUTE  # a Shelly tells everything so often
KEPT = 100_000  # messages a cut-off gateway can keep
A_MESSAGE = 50  # kept readings of one device in one message afterwards
SPAN = 2 * MINUTE  # looked at in one step
STRANGER = 5 * MINUTE  # a device that nobody registered speaks so often
FIRE_LASTS = 60 * MINUTE  # until somebody resets the detectors
_LIT = "fire-live-"  # ids of fires that somebody asked for

Kept = tuple[Device, int, Said]


class Live:
    """Everything a park's devices send from a moment on."""

    def __init__(self, plan: Plan, begin: int, *, counted: int | None = None, stranger: bool = True) -> None:
        """Begin at `begin`; amounts since `counted` (epoch ms) were told by nobody, or those of the present only."""
        self.plan = plan
        self.now = begin
        self._horizon = begin
        self._events: tuple[Injection, ...] = ()
        self._lit: list[Injection] = []
        self.signals = Signals(plan, ())
        self._stranger = stranger
        sending = [d for d in plan.devices if not d.key.startswith("virtual:")]
        self._devices = sending
        self._points = {d.id: np.array([p.id for p in plan.points if p.device == d.id], np.int64) for d in sending}
        self._numbers = np.array([d.id for d in sending], np.int64)
        self._every = np.array([LIVE[d.kind] for d in sending], np.int64)
        self._slow = np.array([d.interval for d in sending], np.int64)
        self._phase = mixed(plan.scenario.seed, 2_000_004, self._numbers).astype(np.int64) % 60_000 % self._every
        spoke = (begin - self._phase) // self._every * self._every + self._phase
        if counted is not None:
            spoke = np.minimum(spoke, counted)
        self._before = dict(zip(self._numbers.tolist(), spoke.tolist(), strict=True))  # when each device last spoke
        self._shelly: dict[int, dict[str, float]] = {}
        self._held: dict[int, deque[Kept]] = {}
        self._learn(begin)

    def greetings(self) -> list[Message]:
        """Return what is said at connect: retained last wills, and the bridge."""
        wills = [dialects.tasmota_will(d) for d in self._devices if d.key.startswith("tasmota:")]
        return [*wills, Message("zigbee2mqtt/bridge/state", b'{"state":"online"}', retain=True)]

    def ignite(self, unit: str, now: int, curve: int = 1) -> Injection:
        """Set a unit on fire now; raises NotFound. Returns its label."""
        codes = [u.code for u in self.plan.site.units]
        if unit not in codes:
            raise NotFound(f"no unit {unit!r} in the simulated park; the first is {codes[0]!r}")
        made = fire(self.plan, codes.index(unit), now, now + FIRE_LASTS, curve % len(FIRES), f"{_LIT}{now}")
        self._lit.append(made)
        self._tell()
        return made

    def relight(self, labels: Iterable[Mapping[str, Any]]) -> None:
        """Let fires that were asked for before a restart burn on, as their labels tell of them."""
        curves = [f.name for f in FIRES]
        for x in labels:
            if x["id"].startswith(_LIT) and x["to"] > self.now:
                self.ignite(x["unit"], x["from"], curves.index(x["curve"]))

    @property
    def injected(self) -> tuple[Injection, ...]:
        """Everything injected so far or soon, for the labels."""
        return self.signals.events

    def due(self, now: int) -> Iterator[Message]:
        """Yield what devices send after the last call and up to now, rising by time."""
        while self.now < now:
            slow = now - self.now > BEHIND
            end = min(now, self.now + (HOUR if slow else SPAN))
            if slow:
                end = min(end, now - BEHIND)
            self._learn(end)
            yield from self._span(self.now, end, slow=slow)
            self.now = end

    # ── one span of time ─────────────────────────────────────────────────────────────────────────

    def _span(self, start: int, end: int, *, slow: bool) -> Iterator[Message]:
        """Yield the messages of start < t <= end."""
        active = [x for x in self.signals.events if x.over(start, end + 1)]
        calls = sorted(set(self._calls(start, end, active, slow=slow)))
        points = [self._points[d] for _, d in calls]
        counts = [len(p) for p in points]
        if calls:
            ts = np.repeat(np.array([t for t, _ in calls], np.int64), counts)
            since = np.repeat(self._since(calls), counts)
            values = self.signals.at(np.concatenate(points), ts, since)
            pieces = np.split(values, np.cumsum(counts)[:-1])
        else:
            pieces = []
        ended = sorted((x for x in active if x.kind == "dead_gateway" and start < x.end <= end), key=lambda x: x.end)
        for (t, number), piece in zip(calls, pieces, strict=True):
            while ended and ended[0].end <= t:
                yield from self._release(ended.pop(0).device)
            said = [(self.plan.points[p - 1], float(v)) for p, v in zip(self._points[number], piece, strict=True)]
            yield from self._spoken(self.plan.devices[number - 1], t, said, active)
        for x in ended:
            yield from self._release(x.device)
        if self._stranger:
            for t in range(start // STRANGER * STRANGER + STRANGER, end + 1, STRANGER):
                yield self._unknown(t)

    def _calls(self, start: int, end: int, active: Sequence[Injection], *, slow: bool) -> Iterator[tuple[int, int]]:
        every = self._slow if slow else self._every
        first = (start - self._phase) // every + 1
        last = (end - self._phase) // every
        for i in np.flatnonzero(last >= first):
            for k in range(int(first[i]), int(last[i]) + 1):
                yield int(k * every[i] + self._phase[i]), int(self._numbers[i])
        for x in active:
            if x.states or x.curves:
                seen = {self.plan.points[p - 1].device for p, *_ in (*x.states, *x.curves)}
                begin, stop = max(start + 1, x.start), min(end, x.end + ALARMED)
                for t in range(-(-begin // ALARMED) * ALARMED, stop + 1, ALARMED):
                    yield from ((t, d) for d in seen)

    def _since(self, calls: Sequence[tuple[int, int]]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        since = np.empty(len(calls), np.int64)
        for i, (t, device) in enumerate(calls):
            since[i] = self._before[device]
            self._before[device] = t
        return since

    def _spoken(self, device: Device, t: int, said: Said, active: Sequence[Injection]) -> Iterator[Message]:
        ts, twice, cut = t, False, False
        for x in active:
            if not x.start <= t < x.end:
                continue
            mine = x.device == device.id
            if x.kind == "dead_gateway" and (mine or device.gateway == x.device):
                if not mine and x.size >= 0.5:
                    self._held.setdefault(x.device, deque(maxlen=KEPT)).append((device, t, said))
                return
            if not mine:
                continue
            if x.kind == "dropout":
                return
            if x.kind in {"clock_offset", "clock_drift"}:
                ts = t + int(clock_error(x, np.array([t], np.int64))[0])
            twice |= x.kind == "duplicates"
            cut |= x.kind == "malformed"
        message = self._message(device, ts, said)
        if message is None:
            return
        yield dialects.broken(message) if cut else message
        if twice:
            yield message

    def _message(self, device: Device, ts: int, said: Said) -> Message | None:
        dialect = device.key.partition(":")[0]
        if dialect == "native":
            return dialects.native(device, ts, said)
        if dialect == "tasmota":
            return dialects.tasmota(device, ts, said)
        if dialect == "z2m":
            return dialects.zigbee2mqtt(device, ts, said)
        last = self._shelly.get(device.id)
        if last is None or ts // FULL_STATUS != int(last["ts"]) // FULL_STATUS:
            last = None
        message = dialects.shelly(device, ts, said, last)
        if last is None:
            now = {p.source_key: float(dialects.wire_value(p, v)) for p, v in said}
            self._shelly[device.id] = {**now, "ts": float(ts)}
        return message

    def _release(self, gateway: int) -> Iterator[Message]:
        """Yield what a gateway kept, device by device, oldest first."""
        by_device: dict[int, list[tuple[int, Said]]] = {}
        for device, t, said in self._held.pop(gateway, ()):
            by_device.setdefault(device.id, []).append((t, said))
        for number, kept in by_device.items():
            for i in range(0, len(kept), A_MESSAGE):
                yield dialects.native_kept(self.plan.devices[number - 1], kept[i : i + A_MESSAGE])

    def _unknown(self, t: int) -> Message:
        """Return what a device says that somebody plugged in and nobody registered."""
        degrees = 20.0 + int(mixed(self.plan.scenario.seed, 2_000_005, t // STRANGER)) % 50 / 10.0
        payload = f'{{"ts":{t},"v":{{"temperature":{degrees:.1f},"humidity":55.0}}}}'
        return Message(f"parks/{self.plan.scenario.park}/bulk/-/new-sensor", payload.encode())

    def _learn(self, now: int) -> None:
        """Draw what is injected, always some days ahead of the world."""
        if now + 3 * DAY > self._horizon:
            self._horizon = now + 3 * DAY + BLOCK
            self._events = injections(self.plan, self._horizon)
            self._tell()

    def _tell(self) -> None:
        self.signals.learn((*self._events, *self._lit))
