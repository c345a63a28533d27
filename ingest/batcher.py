"""Messages to a batch: the hot path.

A native message costs one typed decode and two look-ups. The names of its values and its topic are a *shape*, by
number; what a shape means stands in flat arrays, and the rows of all messages are gathered at once:

```
 message            shape        flat arrays           gathered
 m0 {power,energy} ── 1: 1..3 ──>  point 7 8 | 9 10 11    7 8          ts: repeated by message
 m1 {power,a,b}    ── 2: 3..6 ──>  scale 1 1 | 1  1  1    9 10 11      value: as decoded, x scale + offset
```
Names come first, for all devices of a kind say the same ones: what differs among a city's devices is one look-up, and
a number. Each object more is a line of the processor's cache that nobody has touched since the device spoke last.
Whatever is not of this form (other dialects, words, lists, back-fill, retained, odd times, faults) is read by the
decoders one by one, and its rows are put where they belong: the order of arrival holds. A joined decode of all
payloads would be no faster, and one tenant's broken payload would shift another's values.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt

from ingest.decoders import native
from ingest.loose import LooseReader
from ingest.message import RETAIN, Message
from ingest.resolver import Resolver, Row
from park.directory import grown
from park.readings import Int32, Int64, ReadingBatch
from park.records import Batch, Edge, Refused
from park.settings import IngestSettings

_GREAT = 1e300  # beyond it a scale could make infinity; such a value is looked at with care
_SHAPES = 64  # of one topic; a device that names its values anew each time is read the slow way


class _Native(msgspec.Struct, gc=False):
    """The common form of a native message; anything else is an error here, and read by the decoder."""

    v: dict[str, Annotated[float, msgspec.Meta(ge=-_GREAT, le=_GREAT)]]
    ts: Annotated[int, msgspec.Meta(ge=0, le=1 << 53)] = -1  # epoch ms; -1: not said
    backfill: bool = False


_decode = msgspec.json.Decoder(_Native).decode


@dataclass(slots=True)
class _Parts:
    """What has been read of a batch so far, by message and by value."""

    values: list[float] = field(default_factory=list)
    stamps: list[int] = field(default_factory=list)  # by message
    shapes: list[int] = field(default_factory=list)  # by message; 0: loose
    loose: list[tuple[int, int, list[Row]]] = field(default_factory=list)  # (message, place of its first value, rows)
    refused: list[Refused] = field(default_factory=list)
    counted: dict[int, tuple[int, int]] = field(default_factory=dict)  # gateway -> (messages, readings)


class Batcher:
    """Turn the messages of one lane into batches. It belongs to the lane's thread."""

    def __init__(
        self, settings: IngestSettings, resolver: Resolver, covered: Callable[[str], bool] | None = None
    ) -> None:
        """Take `covered`: whether another lane's client receives a topic, so that this lane leaves it alone."""
        self._max_payload = settings.max_payload
        self._resolver = resolver
        self._loose = LooseReader(settings, resolver)
        if covered is not None:
            self._loose.covered = covered
        self._version = -1
        self._forget()

    def cover(self, covered: Callable[[str], bool]) -> None:
        """Take another answer to which topics are another lane's."""
        self._loose.covered = covered
        self._forget()

    def batch(self, messages: Sequence[Message], received: int) -> Batch:
        """Return what the messages say, in order of arrival."""
        if self._version != self._resolver.version:
            self._forget()
        parts = _Parts()
        shapes, largest, low, high = self._shapes, self._max_payload, received - self._past, received + self._future
        values, stamps, seen = parts.values, parts.stamps, parts.shapes
        for message in messages:
            topic, payload, _, flags = message
            if flags & RETAIN or len(payload) > largest:
                self._read_loose(message, received, parts)
                continue
            try:
                decoded = _decode(payload)
            except (ValueError, RecursionError):  # not of the common form; msgspec's errors are ValueErrors
                self._read_loose(message, received, parts)
                continue
            v, ts = decoded.v, decoded.ts
            names = tuple(v)
            try:
                shape = shapes[names][topic]
            except KeyError:
                shape = self._learn(topic, names)
                if not shape:
                    self._read_loose(message, received, parts)
                    continue
            if ts < 0:
                ts = received
            if decoded.backfill or not low <= ts <= high:
                self._read_loose(message, received, parts)
                continue
            values += v.values()
            stamps.append(ts)
            seen.append(shape)
        return self._gathered(parts, received)

    def _read_loose(self, message: Message, received: int, parts: _Parts) -> None:
        """Read a message by its decoder, and keep a place for its rows."""
        read = self._loose.read(message, received)
        if read is None:
            return
        said, counted = parts.counted.get(read.gateway, (0, 0))
        parts.counted[read.gateway] = said + 1, counted + read.readings
        parts.refused += read.refused
        if read.rows:
            parts.loose.append((len(parts.shapes), len(parts.values), read.rows))
            parts.values += [row[2] for row in read.rows]
            parts.stamps.append(received)
            parts.shapes.append(0)

    # ── shapes ───────────────────────────────────────────────────────────────────────────────────

    def _forget(self) -> None:
        """Drop all shapes: the registry has changed."""
        self._version = self._resolver.version
        self._past, self._future = self._resolver.far_past, self._resolver.far_future
        self._loose.tidy()
        self._shapes: dict[tuple[str, ...], dict[bytes, int]] = {}  # names -> topic -> shape
        self._named: Counter[bytes] = Counter()  # shapes of a topic
        self._known = 1  # shapes; 0 is of loose messages, which are counted apart
        self._start: Int64 = np.zeros(1, np.int64)  # by shape: its rows of the flat arrays
        self._size: Int64 = np.zeros(1, np.int64)
        self._slot: Int64 = np.zeros(1, np.int64)  # of the gateway
        self._used = 1  # rows of the flat arrays; row 0 is of loose values
        self._point: Int32 = np.zeros(1, np.int32)
        self._scale: npt.NDArray[np.float64] = np.ones(1)
        self._offset: npt.NDArray[np.float64] = np.zeros(1)
        self._plain = True  # no scale, no offset anywhere
        self._slots = {-1: 0}  # gateway -> slot; slot 0 is counted apart
        self._gateways: Int32 = np.zeros(1, np.int32)  # by slot

    def _learn(self, wire_topic: bytes, names: tuple[str, ...]) -> int:
        """Return the number of a new shape; 0 if it must be read loosely."""
        try:
            topic = wire_topic.decode()
        except UnicodeDecodeError:
            return 0
        key = native.device(topic)
        known = self._resolver.known(key) if key is not None else None
        if known is None or not names or self._loose.covered(topic):
            return 0
        bindings = [known.points.get(name) for name in names]
        if None in bindings or self._named[wire_topic] >= _SHAPES:
            return 0
        start, size = self._used, len(names)
        self._used += size
        self._point = grown(self._point, self._used)
        self._scale = grown(self._scale, self._used, 1.0)
        self._offset = grown(self._offset, self._used)
        for row, b in enumerate(bindings, start):
            if b is not None:
                self._point[row], self._scale[row], self._offset[row] = b.point, b.scale, b.offset
                self._plain = self._plain and b.scale == 1.0 and b.offset == 0.0
        slot = self._slots.setdefault(known.gateway, len(self._slots))
        self._gateways = grown(self._gateways, slot + 1)
        self._gateways[slot] = known.gateway
        shape, self._known = self._known, self._known + 1
        self._start, self._size = grown(self._start, self._known), grown(self._size, self._known)
        self._slot = grown(self._slot, self._known)
        self._start[shape], self._size[shape], self._slot[shape] = start, size, slot
        self._named[wire_topic] += 1
        self._shapes.setdefault(names, {})[wire_topic] = shape
        return shape

    # ── gathering ────────────────────────────────────────────────────────────────────────────────

    def _gathered(self, parts: _Parts, received: int) -> Batch:
        n = len(parts.values)
        shape = np.array(parts.shapes, np.int64)
        size = self._size[shape]
        for message, _, some in parts.loose:
            size[message] = len(some)
        rows = np.repeat(self._start[shape] - (np.cumsum(size) - size), size)
        rows += np.arange(n)
        for _, at, some in parts.loose:
            rows[at : at + len(some)] = 0
        value = np.fromiter(parts.values, np.float64, n)
        if not self._plain:
            value *= self._scale[rows]
            value += self._offset[rows]
        point = self._point[rows]
        ts = np.repeat(np.array(parts.stamps, np.int64), size)
        quality = np.zeros(n, np.uint8)
        for _, at, some in parts.loose:
            part = slice(at, at + len(some))
            point[part], ts[part], value[part], quality[part] = zip(*some, strict=True)
        readings = ReadingBatch(point, ts, value, quality, np.full(n, received, np.int64))
        return Batch(readings, self._edge(parts, self._slot[shape], size), tuple(parts.refused))

    def _edge(self, parts: _Parts, slot: Int64, size: Int64) -> Edge:
        """Count messages and values by gateway, as they came."""
        messages = np.bincount(slot, minlength=1)
        values = np.bincount(slot, size, minlength=1)
        seen = np.flatnonzero(messages[1:]) + 1
        gateway, messages, values = self._gateways[seen], messages[seen], values[seen]
        if parts.counted:
            total = dict(zip(gateway.tolist(), zip(messages.tolist(), values.tolist(), strict=True), strict=True))
            for g, (said, counted) in parts.counted.items():
                m, r = total.get(g, (0, 0))
                total[g] = m + said, r + counted
            columns = [(g, *total[g]) for g in sorted(total)]
            return Edge(*(np.array(c, np.int32) for c in zip(*columns, strict=True)))
        return Edge(gateway, messages.astype(np.int32), values.astype(np.int32))
