"""What a worker tells of one log: the events found up to a position, under its epoch; and its bytes.

JSON, so that a person can read the topic with any tool: `{"version":1,"stream":"bulk-3","epoch":4,"position":812,
"last":true,"events":[...]}`, each event as `park.wire.encode_event` has it. A step with many events is cut into
parts; only the last says that all is told through the position.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Annotated

import msgspec

from park.errors import Corrupt
from park.wire import SmallEvent, decode_event, encode_event

VERSION = 1
EVENTS_AT_ONCE = 200  # of one message: what one transaction takes (runtime.event_writer)
_BIGGEST = 16 << 20  # bytes of one message that are looked at: the greatest that the topics take

_Stream = Annotated[str, msgspec.Meta(pattern=r"^(life|bulk)(-[0-9]{1,6})?$")]
_Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]


class Told(msgspec.Struct, frozen=True):
    """Events of one log, in order, as whoever holds its epoch found them."""

    stream: str  # "bulk-3"
    epoch: int  # of the assignment; a lower one than the newest seen is refused
    position: int  # of the log, through which all is told once this is the last part
    events: tuple[SmallEvent, ...]
    last: bool = True


class _Wire(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Annotated[int, msgspec.Meta(ge=VERSION, le=VERSION)]
    stream: _Stream
    epoch: _Count
    position: _Count
    last: bool
    events: Annotated[list[msgspec.Raw], msgspec.Meta(max_length=EVENTS_AT_ONCE)]


class _Heard(msgspec.Struct, frozen=True):
    stream: _Stream
    events: Annotated[list[msgspec.Raw], msgspec.Meta(max_length=EVENTS_AT_ONCE)]


_out = msgspec.json.Encoder()
_in = msgspec.json.Decoder(_Wire)
_heard = msgspec.json.Decoder(_Heard)


def tell(stream: str, epoch: int, position: int, events: Sequence[SmallEvent]) -> Iterator[Told]:
    """Yield what says that events were found up to a position, in parts that one message holds; at least one."""
    for at in range(0, max(len(events), 1), EVENTS_AT_ONCE):
        part = tuple(events[at : at + EVENTS_AT_ONCE])
        yield Told(stream, epoch, position, part, last=at + EVENTS_AT_ONCE >= len(events))


def halved(told: Told) -> tuple[Told, ...]:
    """Return what one message tells in two, or it alone where it cannot be cut: for a topic that takes no more."""
    half = len(told.events) // 2
    if not half:
        return (told,)
    first, second = told.events[:half], told.events[half:]
    return Told(told.stream, told.epoch, told.position, first, last=False), msgspec.structs.replace(told, events=second)


def encode_told(told: Told) -> bytes:
    """Return what was told as bytes."""
    events = [msgspec.Raw(encode_event(event)) for event in told.events]
    return _out.encode(_Wire(VERSION, told.stream, told.epoch, told.position, told.last, events))


def decode_told(content: bytes) -> Told:
    """Return what some bytes tell. Raises Corrupt: another version, half a message, a field too many or too few."""
    if len(content) > _BIGGEST:
        raise Corrupt(f"what was told has {len(content)} bytes; {_BIGGEST} are the most")
    try:
        wire = _in.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as why:
        raise Corrupt(f"what was told cannot be read: {why}") from why
    events = tuple(decode_event(bytes(event)) for event in wire.events)
    return Told(wire.stream, wire.epoch, wire.position, events, wire.last)


def heard(content: bytes) -> tuple[str, list[SmallEvent]]:
    """Return of which log some bytes tell, and what can be read of it, though as a whole they are not believed.

    A fire in a message of another version, or beside an event that nobody can read, is a fire. Never raises.
    """
    if len(content) > _BIGGEST:
        return "", []
    try:
        wire = _heard.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "", []
    found: list[SmallEvent] = []
    for event in wire.events:
        with suppress(Corrupt):
            found.append(decode_event(bytes(event)))
    return wire.stream, found
