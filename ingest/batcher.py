"""Messages to a batch: the hot path.

A native message costs one typed decode and two look-ups. Its topic and the names of its values are a *shape*;
what a shape means stands in flat arrays, and the rows of all messages are gathered at once:

```
 message            shape        flat arrays           gathered
 m0 {power,energy} ── 0..2 ──>  point 7 8 | 9 10 11    7 8          ts: repeated by message
 m1 {power,a,b}    ── 2..5 ──>  scale 1 1 | 1  1  1    9 10 11      value: as decoded, x scale + offset
```
Whatever is not of this form (other dialects, words, lists, back-fill, retained, odd times, faults) is read by the
decoders one by one, and its rows are put where they belong: the order of arrival holds. A joined decode of all
payloads would be no faster, and one tenant's broken payload would shift another's values.
"""

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
    starts: list[int] = field(default_factory=list)  # rows of the flat arrays; 0: loose
    sizes: list[int] = field(default_factory=list)
    slots: list[int] = field(default_factory=list)  # of the gateway; 0: counted apart
    loose: list[tuple[int, list[Row]]] = field(default_factory=list)  # (place of the first value, rows)
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
        values, stamps, starts, sizes, slots = parts.values, parts.stamps, parts.starts, parts.sizes, parts.slots
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
                start, size, slot = shapes[topic][names]
            except KeyError:
                shape = self._learn(topic, names)
                if shape is None:
                    self._read_loose(message, received, parts)
                    continue
                start, size, slot = shape
            if ts < 0:
                ts = received
            if decoded.backfill or not low <= ts <= high:
                self._read_loose(message, received, parts)
                continue
            values += v.values()
            stamps.append(ts)
            starts.append(start)
            sizes.append(size)
            slots.append(slot)
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
            parts.loose.append((len(parts.values), read.rows))
            parts.values += [row[2] for row in read.rows]
            parts.stamps.append(received)
            parts.starts.append(0)
            parts.sizes.append(len(read.rows))
            parts.slots.append(0)

    # ── shapes ───────────────────────────────────────────────────────────────────────────────────

    def _forget(self) -> None:
        """Drop all shapes: the registry has changed."""
        self._version = self._resolver.version
        self._past, self._future = self._resolver.far_past, self._resolver.far_future
        self._loose.tidy()
        self._shapes: dict[bytes, dict[tuple[str, ...], tuple[int, int, int]]] = {}
        self._used = 1  # rows of the flat arrays; row 0 is of loose values
        self._point: Int32 = np.zeros(1, np.int32)
        self._scale: npt.NDArray[np.float64] = np.ones(1)
        self._offset: npt.NDArray[np.float64] = np.zeros(1)
        self._plain = True  # no scale, no offset anywhere
        self._slots = {-1: 0}  # gateway -> slot; slot 0 is counted apart
        self._gateways: Int32 = np.zeros(1, np.int32)  # by slot

    def _learn(self, wire_topic: bytes, names: tuple[str, ...]) -> tuple[int, int, int] | None:
        """Return (start, size, slot of the gateway) of a new shape; None if it must be read loosely."""
        try:
            topic = wire_topic.decode()
        except UnicodeDecodeError:
            return None
        key = native.device(topic)
        known = self._resolver.known(key) if key is not None else None
        if known is None or not names or self._loose.covered(topic):
            return None
        bindings = [known.points.get(name) for name in names]
        of_topic = self._shapes.setdefault(wire_topic, {})
        if None in bindings or len(of_topic) >= _SHAPES:
            return None
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
        shape = of_topic[names] = start, size, slot
        return shape

    # ── gathering ────────────────────────────────────────────────────────────────────────────────

    def _gathered(self, parts: _Parts, received: int) -> Batch:
        n = len(parts.values)
        size = np.array(parts.sizes, np.int64)
        rows = np.repeat(np.array(parts.starts, np.int64) - (np.cumsum(size) - size), size)
        rows += np.arange(n)
        for at, some in parts.loose:
            rows[at : at + len(some)] = 0
        value = np.fromiter(parts.values, np.float64, n)
        if not self._plain:
            value *= self._scale[rows]
            value += self._offset[rows]
        point = self._point[rows]
        ts = np.repeat(np.array(parts.stamps, np.int64), size)
        quality = np.zeros(n, np.uint8)
        for at, some in parts.loose:
            part = slice(at, at + len(some))
            point[part], ts[part], value[part], quality[part] = zip(*some, strict=True)
        readings = ReadingBatch(point, ts, value, quality, np.full(n, received, np.int64))
        return Batch(readings, self._edge(parts, size), tuple(parts.refused))

    def _edge(self, parts: _Parts, size: Int64) -> Edge:
        """Count messages and values by gateway, as they came."""
        slot = np.array(parts.slots, np.int64)
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
