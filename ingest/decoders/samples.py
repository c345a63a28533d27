"""What a decoder says of a message, and what all dialects read alike: JSON, numbers, times."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from math import isfinite
from typing import Any, NamedTuple

import msgspec

from park.records import Refusal

DEPTH = 12  # levels of nesting that make sense in a device's message
_LENIENT = 64 * 1024  # bytes of a payload with NaN that is read with the slow parser
UNREADABLE = -1  # a time was given and makes no sense
LOCAL = timezone(timedelta(hours=8))  # of times without a zone: the parks' (domain, "Time")
_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?\s*", re.ASCII)
_LATEST = 1 << 53  # ms; larger is no time


class Sample(NamedTuple):
    """One value of a message, as the device named it."""

    source: str  # "power", "ENERGY.Power", "em:0/a_voltage"
    value: object  # number, boolean, word, or something that is none of these
    ts: int | None = None  # epoch ms by the device; None: it said nothing; UNREADABLE
    late: bool = False  # the device says it is back-fill
    carried: bool = False  # not in this message: what was known of a partial update


class Flaw(NamedTuple):
    """A message, or a part of it, that could not be read at all."""

    reason: Refusal
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a value on the wire is, by the dialect's own documents; a binding may say otherwise."""

    metric: str
    channel: str = ""
    scale: float = 1.0


State = Any  # of one device; None at first; most dialects have none
Part = Sample | Flaw
Decode = Callable[[State, str, bytes, int], tuple[State, list[Part]]]


@dataclass(frozen=True, slots=True)
class Dialect:
    """A way of speaking MQTT."""

    name: str
    filters: tuple[str, ...]  # what the bulk lane subscribes to
    device: Callable[[str], str | None]  # topic -> device key; None: not this dialect
    decode: Decode  # (state, topic, payload, received) -> (state, parts)
    meaning: Callable[[str], Meaning | None]  # source key -> what it is; None: mere chatter
    own: frozenset[str] = frozenset()  # keys of the software that speaks for devices: it waits for nobody to claim it


def read_json(payload: bytes) -> Any | Flaw:
    """Return what a payload says; NaN and infinity are read, so that what stands beside them is not lost."""
    if not payload:
        return Flaw(Refusal.EMPTY)
    try:
        return msgspec.json.decode(payload)
    except RecursionError:
        return Flaw(Refusal.TOO_DEEP)
    except UnicodeDecodeError as why:
        return Flaw(Refusal.MALFORMED, f"not UTF-8: {why.reason}")
    except msgspec.DecodeError as why:
        strange = b"NaN" in payload or b"Infinity" in payload or "out of range" in str(why)
        if not strange or len(payload) > _LENIENT:
            return Flaw(Refusal.MALFORMED, str(why)[:200])
    try:
        return json.loads(payload)
    except RecursionError:
        return Flaw(Refusal.TOO_DEEP)
    except ValueError as why:  # not JSON, not UTF-8, or an integer of thousands of digits
        return Flaw(Refusal.MALFORMED, str(why)[:200])


def number(value: object) -> float | Refusal:
    """Return a value as a number; texts that are one count, booleans do not."""
    if isinstance(value, str) and len(value) < 64 and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return Refusal.WRONG_TYPE
    try:
        value = float(value)
    except OverflowError:
        return Refusal.NOT_FINITE
    return value if isfinite(value) else Refusal.NOT_FINITE


def epoch_ms(value: object, unit: int = 1) -> int | None:
    """Return a time given as a number (of `unit` ms) or as ISO text; None if none is given."""
    if value is None:
        return None
    if isinstance(value, str) and not _NUMBER.fullmatch(value):
        return local_ms(value)
    read = number(value)
    if isinstance(read, Refusal):
        return UNREADABLE
    ms = read * unit
    return round(ms) if 0 <= ms <= _LATEST else UNREADABLE


def local_ms(text: str) -> int:
    """Return an ISO time as epoch ms; park time if it names no zone. Tasmota once wrote dots for dashes."""
    text = text.strip()
    if len(text) >= 10 and text[4:5] == "." and text[7:8] == ".":
        text = text[:10].replace(".", "-") + text[10:]
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=LOCAL)
        ms = round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return UNREADABLE
    return ms if 0 <= ms <= _LATEST else UNREADABLE


def leaves(tree: Mapping[str, object], prefix: str = "", depth: int = 1) -> Iterator[tuple[str, object] | Flaw]:
    """Yield (path, value) of all values, names joined by dots, parts of lists numbered from 1; null is no value."""
    for key, value in tree.items():
        path = prefix + key
        if isinstance(value, list):
            value = {str(i): part for i, part in enumerate(value, 1)}  # noqa: PLW2901
        if isinstance(value, dict):
            if depth >= DEPTH:
                yield Flaw(Refusal.TOO_DEEP, path[:200])
            else:
                yield from leaves(value, path + ".", depth + 1)
        elif value is not None:
            yield path, value


def pattern_meaning(table: tuple[tuple[str, str, str, float], ...]) -> Callable[[str], Meaning | None]:
    """Return a look-up of source keys in rows of (pattern, metric, channel, scale); a channel may name a group."""
    rows = [(re.compile(pattern), metric, channel, scale) for pattern, metric, channel, scale in table]
    known: dict[str, Meaning | None] = {}

    def meaning(source: str) -> Meaning | None:
        if source not in known:
            if len(known) > 4096:  # wire names are not ours: keep the memory bounded
                known.clear()
            found = None
            for pattern, metric, channel, scale in rows:
                match = pattern.fullmatch(source)
                if match:
                    found = Meaning(metric, match.expand(channel), scale)
                    break
            known[source] = found
        return known[source]

    return meaning
