"""The live feed: one bounded memory of events, and any number of readers of it.

```
 publish (any thread) ──> ring of the last `live_memory` events <── each subscription: a place in the ring
                              └── one wake-up of the event loop, however many events and clients
```
A client costs a number, not a queue: the slowest can neither block a publisher nor hold memory. One
that has fallen more than `live_buffer` events behind is told of the gap and goes on with the newest.
"""

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Sequence
from itertools import islice

from park.ports import LiveEvent
from park.settings import ApiSettings
from park.wire import SmallEvent, encode_event, event_name


class LiveBuffer:
    """Fan-out to live pages in this process; see park.ports.LiveSource."""

    def __init__(self, settings: ApiSettings, started: int) -> None:
        """Begin empty. `started` (epoch ms) keeps ids rising across restarts: 1,000 a ms are ours."""
        self.buffer = max(1, min(settings.live_buffer, settings.live_memory))
        self._ring: deque[LiveEvent] = deque(maxlen=max(1, settings.live_memory))
        self._place = 0  # of the next event: how many there were before
        self._next = started * 1_000  # its id
        self.over = False
        self._lock = threading.Lock()
        self._waiting: dict[asyncio.AbstractEventLoop, set[Subscription]] = {}
        self._woken: set[asyncio.AbstractEventLoop] = set()  # loops with a wake-up under way

    def tell(self, event: SmallEvent) -> None:
        """Publish what a stage has found."""
        self.publish(event_name(event), getattr(event, "park", 0), encode_event(event))

    def publish(self, event: str, park: int, body: bytes) -> None:
        """Tell everyone who listens; never blocks; may be called from any thread."""
        self._put(event, park, body, 0)

    def relay(self, event: str, park: int, body: bytes, at: int) -> None:
        """Tell everyone of what another process told at a time (epoch ms): its id is alike in all that relay it.

        Alike, not the same: where two came at once each process may number them another way (`since`).
        """
        self._put(event, park, body, at * 1_000)

    def _put(self, event: str, park: int, body: bytes, least: int) -> None:
        with self._lock:
            key = max(self._next, least)
            self._ring.append(LiveEvent(key, event, park, body))
            self._next, self._place = key + 1, self._place + 1
            loops = [loop for loop in self._waiting if loop not in self._woken]
            self._woken.update(loops)
        for loop in loops:
            try:
                loop.call_soon_threadsafe(self._wake, loop)
            except RuntimeError:  # the loop is closed, and its clients with it
                with self._lock:
                    self._waiting.pop(loop, None)
                    self._woken.discard(loop)

    def since(self, last: int) -> tuple[Sequence[LiveEvent], bool]:
        """Return what came after an id, and whether that is all of it (False: some is forgotten)."""
        with self._lock:
            if not self._ring:
                return [], last == self._next - 1
            if not self._ring[0].id - 1 <= last < self._next:
                return list(self._ring), False
            return [event for event in self._ring if event.id > last], True

    def subscribe(self, parks: frozenset[int] | None = None) -> "Subscription":
        """Begin to listen to some parks and to what concerns all (None: everything).

        Called within the event loop. What is published after the return reaches the subscription.
        """
        loop = asyncio.get_running_loop()
        with self._lock:
            subscription = Subscription(self, loop, parks, self._place)
            self._waiting.setdefault(loop, set()).add(subscription)
        return subscription

    @property
    def clients(self) -> int:
        """Subscriptions that are open now."""
        with self._lock:
            return sum(map(len, self._waiting.values()))

    def hears(self, park: int) -> bool:
        """Tell whether anybody listens to a park now."""
        with self._lock:
            return any(listening.wants(park) for here in self._waiting.values() for listening in here)

    def close(self) -> None:
        """End every subscription, and those that come later at once; from any thread."""
        with self._lock:
            self.over = True
            everyone = [(loop, tuple(here)) for loop, here in self._waiting.items()]
        for loop, here in everyone:
            with contextlib.suppress(RuntimeError):  # a loop that has ended needs no word
                for subscription in here:
                    loop.call_soon_threadsafe(subscription.close)

    # ── for subscriptions ────────────────────────────────────────────────────────────────────────

    def take(self, place: int) -> tuple[int, int, list[LiveEvent], int]:
        """Return (place after them, id of the newest, events from a place on, how many were lost before them)."""
        with self._lock:
            lag = self._place - place
            lost = 0 if lag <= self.buffer else lag
            some = lag > 0 and not lost
            events = list(islice(self._ring, len(self._ring) - lag, None)) if some else []
            return self._place, self._next - 1, events, lost

    @property
    def newest(self) -> int:
        """The id of the newest event that was given out."""
        return self._next - 1

    def drop(self, loop: asyncio.AbstractEventLoop, subscription: "Subscription") -> None:
        """Forget a subscription."""
        with self._lock:
            here = self._waiting.get(loop, set())
            here.discard(subscription)
            if not here:
                self._waiting.pop(loop, None)
                self._woken.discard(loop)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._lock:
            self._woken.discard(loop)
            here = list(self._waiting.get(loop, ()))
        for subscription in here:
            subscription.wake()


class Subscription:
    """One live client's place in the feed; see park.ports.Subscription."""

    def __init__(
        self, feed: LiveBuffer, loop: asyncio.AbstractEventLoop, parks: frozenset[int] | None, place: int
    ) -> None:
        self._feed = feed
        self._loop = loop
        self._parks = parks
        self._place = place
        self._awake = asyncio.Event()
        self._closed = feed.over

    @property
    def over(self) -> bool:
        """Whether nothing will come any more."""
        return self._closed

    async def next(self, timeout: float) -> Sequence[LiveEvent]:  # noqa: ASYNC109
        """Wait for events and return all there are; nothing after `timeout` seconds, or once closed."""
        deadline = self._loop.time() + timeout
        while not self._closed:
            self._awake.clear()
            self._place, newest, events, lost = self._feed.take(self._place)
            if lost:
                return [LiveEvent(newest, "gap", 0, b'{"type":"gap","lost":%d}' % lost)]
            seen = [e for e in events if self.wants(e.park)]
            if seen:
                return seen
            try:
                async with asyncio.timeout_at(deadline):
                    await self._awake.wait()
            except TimeoutError:
                break
        return []

    def wants(self, park: int) -> bool:
        """Tell whether what happens in a park is for this client; 0: in all."""
        return self._parks is None or not park or park in self._parks

    def wake(self) -> None:
        """Look again; called in the event loop."""
        self._awake.set()

    def close(self) -> None:
        """Stop listening; may be called twice."""
        self._closed = True
        self._feed.drop(self._loop, self)
        with contextlib.suppress(RuntimeError):
            self._awake.set()
