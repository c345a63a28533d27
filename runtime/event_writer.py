"""Events into SQL, behind the lanes: a disk that syncs slowly holds no lane up.

A store that is away is asked again for ever. One that takes other events and refuses one is asked for it some
times; then the event is mended, or set aside for a person: behind it a fire may wait for its turn.
"""

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from math import isfinite
from types import MappingProxyType
from typing import Protocol

from alerts.gate import BLIND, exempt
from park.errors import Full, MachineryError
from park.events import AlarmState, ConditionChange
from park.metrics import Lane
from park.ports import EventStore
from park.streams import lane_of
from park.wire import SmallEvent
from runtime.dead_letters import DeadLetters
from runtime.troubles import Troubles

_WAITING = 200_000  # events that may wait; then the lanes are told to wait
# Events of one transaction: a fire that comes meanwhile waits for its end, and so does the message that it makes,
# twice. An event that makes an alarm costs 0.4 ms.
_AT_ONCE = 100
_TRIES = 3  # before events that the store refuses are looked at one by one
_EARLY = 10_000  # events that wait to be called out; beyond them people have enough to do
_I64 = 1 << 63
_AWAY = (MachineryError, OSError)  # what may pass
_IDLE = 5.0  # s after which a position without events is written down, too


class Watch(Protocol):
    """Whoever must know what waits to be written, and what no longer does; never blocks, never fails."""

    def heard(self, stream: str, event: SmallEvent, *, live: bool = True) -> None:
        """Take note of an event that waits; not `live`: a log that is read again told of it."""

    def through(self, event: SmallEvent) -> None:
        """Take note that an event is written."""


class Aloud(Protocol):
    """Whoever tells people of an event that is not written in its order."""

    def __call__(self, stream: str, event: SmallEvent, *, live: bool) -> None:
        """Tell them; `live`: it happens now. Raises MachineryError, OSError: not now."""


class _Nobody:
    """Watches nothing."""

    def heard(self, stream: str, event: SmallEvent, *, live: bool = True) -> None:
        """Pass it over."""

    def through(self, event: SmallEvent) -> None:
        """Pass it over."""


class EventWriter:
    """Writes what lanes find, the life-safety lane's first, in a thread of its own."""

    def __init__(
        self,
        store: EventStore,
        aside: DeadLetters,
        aloud: Aloud = lambda _stream, _event, *, live: None,  # noqa: ARG005
        streams: Sequence[str] = tuple(Lane),
        watch: Watch | None = None,
        ends: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        """Begin where the store stands; `aloud` tells people of what is set aside, where lives hang on it.

        `streams` names the logs that events come from, `ends` where they ended when this process began: what
        lies before is read again, what comes behind happens now. The two share no transaction.
        """
        self.troubles = Troubles("event writer")
        self.aside = aside
        self._store = store
        self._aloud = aloud
        self._watch: Watch = watch or _Nobody()
        self._ends = dict(ends)
        self._early: deque[tuple[str, SmallEvent, bool]] = deque(maxlen=_EARLY)
        self._refusals = 0  # in a row
        self._faults = 0  # of calling the same event out
        self._untold: set[str] = set()  # of a transaction: set aside, and nobody could be called
        self._change = threading.Condition()
        self._life = tuple(s for s in streams if lane_of(s) is Lane.LIFE)
        self._bulk = tuple(s for s in streams if s not in self._life)
        self._waiting: dict[str, deque[tuple[int, list[SmallEvent]]]] = {s: deque() for s in streams}
        self._count = 0
        self._stopping = False
        self._applied = {stream: store.applied(stream) for stream in streams}
        self._thread = threading.Thread(target=self._run, name="event-writer")

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def put(self, stream: str, position: int, events: list[SmallEvent]) -> None:
        """Take events of log records up to a position. Raises Full when too many wait."""
        with self._change:
            known = position <= self._applied[stream]
            for event in () if known else events:  # before it can be written: what was written is heard no more
                self._watch.heard(stream, event, live=position > self._ends.get(stream, 0))
            if self._count > _WAITING and lane_of(stream) is Lane.BULK:
                raise Full("too many events wait to be written")
            if self._count > _AT_ONCE and not known:
                # A fire behind so many is called out first, whichever lane heard it.
                live = self._is_live(stream, position)
                self._early += ((stream, event, live) for event in events if urgent(event))
            if known:  # told again, or a log that gives positions out again: none lasts before it is written
                self._applied[stream] = position - 1
            self._waiting[stream].append((position, events))
            self._count += len(events)
            if events:
                self._change.notify()

    def early(self, stream: str, events: list[SmallEvent], *, live: bool = True) -> None:
        """Call out what no log has taken yet; it is put in its order when one does. Never blocks, never fails.

        Where it is not known to be `live` its time says whether people are called.
        """
        if events:
            with self._change:
                self._early += ((stream, event, live) for event in events if urgent(event))
                for event in events:
                    self._watch.heard(stream, event, live=live)
                self._change.notify()

    def _is_live(self, stream: str, position: int) -> bool:
        """Tell whether a position is known to lie beyond where its log ended when this process began."""
        return stream in self._ends and position > self._ends[stream]

    def applied(self, stream: str) -> int:
        """Return the position through which a log's events last."""
        return self._applied[stream]

    @property
    def waiting(self) -> int:
        """Events that wait."""
        return self._count

    def stop(self, timeout: float = 30.0) -> None:
        """Write what waits, then end."""
        with self._change:
            self._stopping = True
            self._change.notify()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._change:
                if not self._count and not self._early and not self._stopping:
                    self._change.wait(_IDLE)
                stopping = self._stopping  # what was put before it is written
            wrote = False
            for stream in self._bulk or ("",):
                self._call_out()
                # Life safety first, again and again: one transaction of each of its logs in turn.
                while (took := self._write_each(self._life)) is not None and took:
                    wrote = True
                    self._call_out()
                if took is None or (done := self._write_each((stream,) if stream else ())) is None:
                    return
                wrote |= done
            if stopping and not wrote:
                return

    def _write_each(self, streams: Sequence[str]) -> bool | None:
        """Write one transaction of each log that has something; tell whether any had. None: it fails, and we end."""
        wrote = False
        for stream in streams:
            taken = self._take(stream)
            if taken is not None:
                wrote = True
                if not self._write(stream, *taken) and self._stopping:
                    return None
        return wrote

    def _call_out(self) -> None:
        while self._early:
            stream, event, live = self._early[0]
            if not self._called(stream, event, live=live):
                with self._change:
                    if not self._stopping:
                        self._change.wait(0.5)
                return
            with self._change:
                if self._early and self._early[0][1] is event:  # of too many the oldest were let go meanwhile
                    self._early.popleft()

    def _called(self, stream: str, event: SmallEvent, *, live: bool) -> bool:
        """Call an event out; tell whether it is done with. A fault of ours must not hold up the call behind it."""
        try:
            with self.troubles.passing("people could not be told of what is not logged yet", but=_AWAY):
                self._aloud(stream, _mended(event), live=live)
                self._watch.through(event)
                self._faults = 0
                return True
        except _AWAY as why:
            self.troubles.tell("people cannot be told now of what is not logged yet", why)
            return False
        self._faults += 1
        if self._faults < _TRIES:
            return False
        self._faults = 0
        return True

    def _take(self, stream: str) -> tuple[int, list[SmallEvent]] | None:
        """Return the next transaction's worth, left in the queue until it is written."""
        found: list[SmallEvent] = []
        position, end = -1, self._ends.get(stream, 0)
        with self._change:
            for reached, events in self._waiting[stream]:
                if 0 <= position <= end < reached:
                    break  # what is read again, and what happens now
                position = reached
                found += events
                if len(found) >= _AT_ONCE:
                    break
        return (position, found) if position >= 0 else None

    def _write(self, stream: str, position: int, events: list[SmallEvent]) -> bool:
        """Write what belongs to a position, a part at a time; what is written is known when it is tried again."""
        done = 0
        while len(events) - done > _AT_ONCE:
            part = events[done : done + _AT_ONCE]
            if not self._write_part(stream, position, part, last=False):
                return False
            done += _AT_ONCE
            self._call_out()
            if lane_of(stream) is Lane.BULK:
                for first in self._life:
                    while (taken := self._take(first)) and self._write(first, *taken):
                        pass
        if not self._write_part(stream, position, events[done:], last=True):
            return False
        self._applied[stream] = position
        with self._change:
            queue = self._waiting[stream]
            while queue and queue[0][0] <= position:
                self._count -= len(queue.popleft()[1])
        return True

    def _write_part(self, stream: str, position: int, events: list[SmallEvent], *, last: bool) -> bool:
        written = self._apply(stream, position, events, last=last)
        if not written and self._refusals >= _TRIES:
            with self.troubles.passing("refused events could not be set aside"):
                written = self._apply(stream, position, self._sifted(stream, position, events), last=last)
        if not written:
            with self._change:
                if not self._stopping:
                    self._change.wait(0.5)
            return False
        self._refusals = 0
        self.troubles.over()
        for event in events:
            if event.id not in self._untold:
                self._watch.through(event)
        self._untold.clear()
        return True

    def _apply(self, stream: str, position: int, events: list[SmallEvent], *, last: bool) -> bool:
        """Write; return whether that went, and count what was refused in a row."""
        try:
            with self.troubles.passing("events could not be written", but=_AWAY):
                if last:
                    self._store.apply(stream, position, events)
                else:
                    self._store.apply(stream, position, events, last=False)
                return True
        except _AWAY as why:
            self.troubles.tell("events cannot be written now", why)
            self._refusals = 0
        else:
            self._refusals += 1
        return False

    def _sifted(self, stream: str, position: int, events: list[SmallEvent]) -> list[SmallEvent]:
        """Return the events that the store takes, mended where that helps; the others are set aside.

        A store that takes nothing at all is asked again: it is not the events. Raises Full, Unavailable.
        """
        if not self._store.takes(stream, []):
            return events
        why = self.troubles.newest
        taken: list[SmallEvent] = []
        for event in events:
            mended = _mended(event)
            if self._store.takes(stream, [event]):
                taken.append(event)
            elif mended != event and self._store.takes(stream, [mended]):
                taken.append(mended)
            else:
                # First: a file that is full must not keep a fire from people. Whom a fault of ours keeps from them is
                # left to the watch, and keeps nothing behind it from being written.
                self._untold.add(event.id)
                with self.troubles.passing("people could not be called to an event that is set aside", but=_AWAY):
                    self._aloud(stream, mended, live=self._is_live(stream, position))
                    self._untold.discard(event.id)
                self.aside.put(stream, position, event, why)
        return taken


def urgent(event: SmallEvent) -> bool:
    """Tell whether people are called to an event at once, whatever else there is."""
    if not isinstance(event, ConditionChange) or event.state is not AlarmState.ACTIVE:
        return False
    return event.family == BLIND or exempt(event)


def _mended(event: SmallEvent) -> SmallEvent:
    """Return an event with values that every database takes; the same where it has no others."""
    changes: dict[str, object] = {}
    for field in fields(event):
        value = getattr(event, field.name)
        if type(value) is str:
            fit: object = value.replace("\0", "\N{REPLACEMENT CHARACTER}").encode(errors="replace").decode()
        elif type(value) is int:
            fit = max(-_I64, min(value, _I64 - 1))
        elif isinstance(value, float):
            fit = value if isfinite(value) else 0.0
        else:
            continue
        if fit != value:
            changes[field.name] = fit
    return replace(event, **changes) if changes else event  # type: ignore[arg-type]
