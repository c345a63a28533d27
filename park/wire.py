"""Records and events to bytes and back: the one place that knows the formats.

A record starts with one byte for the version and one for its kind. A batch is columns:

```
 0  version u8 | kind u8 | flags u8 | - u8 | n u32     rows
 8  base of ts i64 | 16 base of received i64
24  k u32 rows of the edge table | 28 bytes of refused, u32
32  value f64[n] | ts i64[n] or, as offsets, i32[n] | point i32[n]
    received offsets i32[n], unless all the same | edge 3 x i32[k] | quality u8[n], unless all GOOD
    refused: msgpack
```
Everything else is small and rare, and is msgpack. Little-endian.
"""

import struct
from collections.abc import Mapping
from dataclasses import fields
from io import BytesIO
from typing import IO, Any

import msgspec
import numpy as np
import numpy.typing as npt

from park.errors import Corrupt
from park.events import ActivityDay, ConditionChange, DeviceStatus, Finding
from park.readings import ReadingBatch
from park.records import Batch, Command, Config, Edge, Record, Refused, Tick

VERSION = 1
_BATCH, _TICK, _CONFIG, _COMMAND = 1, 2, 3, 4
_TS32, _RECEIVED_ONE, _QUALITY_GOOD = 1, 2, 4
_HEAD = struct.Struct("<BBBxIqqII")
_I32 = np.iinfo(np.int32)

_pack = msgspec.msgpack.Encoder()
_refused = msgspec.msgpack.Decoder(tuple[Refused, ...])
_small: Mapping[int, msgspec.msgpack.Decoder[Any]] = {
    _TICK: msgspec.msgpack.Decoder(Tick),
    _CONFIG: msgspec.msgpack.Decoder(Config),
    _COMMAND: msgspec.msgpack.Decoder(Command),
}
_kinds: Mapping[type, int] = {Tick: _TICK, Config: _CONFIG, Command: _COMMAND}


def encode(record: Record) -> bytes:
    """Return a record as bytes."""
    if isinstance(record, Batch):
        return _encode_batch(record)
    return bytes((VERSION, _kinds[type(record)])) + _pack.encode(record)


def decode(frame: bytes | memoryview) -> Record:
    """Return the record of some bytes; arrays may be views of them. Raises Corrupt."""
    try:
        version, kind = frame[0], frame[1]
        if version != VERSION:
            raise Corrupt(f"record of version {version}; this program reads {VERSION}")
        if kind == _BATCH:
            return _decode_batch(frame)
        record: Record = _small[kind].decode(frame[2:])
        return record
    except (IndexError, KeyError, ValueError, struct.error, msgspec.DecodeError) as why:
        raise Corrupt(f"record cannot be read: {why}") from why


def _encode_batch(batch: Batch) -> bytes:
    r = batch.readings
    n = len(r)
    flags, base_ts, base_received = 0, 0, 0
    ts, received, quality = r.ts, r.received, r.quality
    if n:
        base_ts, base_received = int(ts[0]), int(received[0])
        off = ts - base_ts
        if off.min() >= _I32.min and off.max() <= _I32.max:
            flags |= _TS32
            ts = off.astype(np.int32)
        if (received == base_received).all():
            flags |= _RECEIVED_ONE
        if not quality.any():
            flags |= _QUALITY_GOOD
    refused = _pack.encode(batch.refused) if batch.refused else b""
    edge = batch.edge
    parts = [
        _HEAD.pack(VERSION, _BATCH, flags, n, base_ts, base_received, len(edge.gateway), len(refused)),
        r.value.tobytes(),
        ts.tobytes(),
        r.point.tobytes(),
    ]
    if n and not flags & _RECEIVED_ONE:
        # One batch spans less than 24 days of receipt, live as well as in a recording.
        parts.append((received - base_received).astype(np.int32).tobytes())
    parts += [edge.gateway.tobytes(), edge.messages.tobytes(), edge.readings.tobytes()]
    if n and not flags & _QUALITY_GOOD:
        parts.append(quality.tobytes())
    parts.append(refused)
    return b"".join(parts)


def _decode_batch(frame: bytes | memoryview) -> Batch:
    _, _, flags, n, base_ts, base_received, k, refused_size = _HEAD.unpack_from(frame)
    at = _HEAD.size

    def column(kind: type, count: int) -> npt.NDArray[Any]:
        nonlocal at
        array: npt.NDArray[Any] = np.frombuffer(frame, kind, count, at)
        at += array.nbytes
        return array

    value = column(np.float64, n)
    ts = base_ts + column(np.int32, n).astype(np.int64) if flags & _TS32 else column(np.int64, n)
    point = column(np.int32, n)
    if n and not flags & _RECEIVED_ONE:
        received = base_received + column(np.int32, n).astype(np.int64)
    else:
        received = np.full(n, base_received, np.int64)
    edge = Edge(column(np.int32, k), column(np.int32, k), column(np.int32, k))
    quality = column(np.uint8, n) if n and not flags & _QUALITY_GOOD else np.zeros(n, np.uint8)
    refused: tuple[Refused, ...] = ()
    if refused_size:
        refused = _refused.decode(bytes(frame[at : at + refused_size]))
    if at + refused_size != len(frame):
        raise ValueError("length of a batch")
    return Batch(ReadingBatch(point, ts, value, quality, received), edge, refused)


# ── events: JSON, for tables of events, live streams and people ──────────────────────────────────

SmallEvent = ConditionChange | Finding | DeviceStatus | ActivityDay
_events: Mapping[str, type] = {
    "condition": ConditionChange, "finding": Finding, "device": DeviceStatus, "activity": ActivityDay,
}  # fmt: skip
_names = {kind: name for name, kind in _events.items()}
_fields = {kind: tuple(field.name for field in fields(kind)) for kind in _names}
_json = msgspec.json.Encoder()


def event_name(event: SmallEvent) -> str:
    """Return the word for an event's kind, as streams and tables use it."""
    return _names[type(event)]


def encode_event(event: SmallEvent) -> bytes:
    """Return an event as JSON with its `type` and its derived `id`."""
    kind = type(event)  # `asdict` copies everything below, too: 22,222 devices that speak up were a second of a lane
    own = {name: getattr(event, name) for name in _fields[kind]}
    return _json.encode({"type": _names[kind], "id": event.id, **own})


def decode_event(text: bytes) -> SmallEvent:
    """Return the event of `encode_event`. Raises Corrupt."""
    try:
        fields = msgspec.json.decode(text)
        kind = _events[fields.pop("type")]
        fields.pop("id")
        event: SmallEvent = msgspec.convert(fields, kind)
        return event
    except (KeyError, TypeError, AttributeError, msgspec.DecodeError) as why:
        raise Corrupt(f"event cannot be read: {why}") from why


# ── states: named arrays, for snapshots ──────────────────────────────────────────────────────────


def encode_states(states: Mapping[str, Mapping[str, npt.NDArray[Any]]]) -> bytes:
    """Return the states of several stages as one .npz, keys `stage/name`."""
    out = BytesIO()
    write_states(states, out)
    return out.getvalue()


def write_states(states: Mapping[str, Mapping[str, npt.NDArray[Any]]], out: IO[bytes]) -> None:
    """Write the bytes of `encode_states`; where it goes need not be one that can be gone back in."""
    np.savez(out, allow_pickle=False, **{f"{s}/{k}": v for s, state in states.items() for k, v in state.items()})


def decode_states(content: bytes) -> dict[str, dict[str, npt.NDArray[Any]]]:
    """Return the states of `encode_states`. Raises Corrupt."""
    states: dict[str, dict[str, npt.NDArray[Any]]] = {}
    try:
        with np.load(BytesIO(content), allow_pickle=False) as arrays:
            for key in arrays.files:
                stage, _, name = key.partition("/")
                states.setdefault(stage, {})[name] = arrays[key]
    except (ValueError, OSError, KeyError, EOFError) as why:
        raise Corrupt(f"snapshot cannot be read: {why}") from why
    return states


def encode_config(config: Config) -> bytes:
    """Return a configuration as bytes, for snapshots of a directory."""
    return _pack.encode(config)


def decode_config(content: bytes) -> Config:
    """Return the configuration of `encode_config`. Raises Corrupt."""
    try:
        config: Config = _small[_CONFIG].decode(content)
        return config
    except msgspec.DecodeError as why:
        raise Corrupt(f"configuration cannot be read: {why}") from why
