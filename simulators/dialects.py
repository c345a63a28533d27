"""Values to messages: the payload builders of four dialects, the mirror of what the decoders read.

Sources: Tasmota MQTT.md and JSON-Status-Responses.md; zigbee2mqtt.io "MQTT topics and messages";
shelly-api-docs Gen2 Notifications, EM and EMData; the native dialect is ours.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from park.metrics import METRICS, Kind, Lane
from park.model import Device, Point
from simulators.scenario import PARK_OFFSET

_PARK = timezone(timedelta(milliseconds=PARK_OFFSET))
_BOOLEAN = frozenset({("normal", "alarm"), ("offline", "online"), ("ok", "low"), ("normal", "fault")})


@dataclass(frozen=True, slots=True)
class Message:
    """What goes to the broker."""

    topic: str
    payload: bytes
    retain: bool = False
    qos: int = 1


Said = Sequence[tuple[Point, float]]  # values in the metric's unit


def wire_value(point: Point, value: float) -> float | bool | str:
    """Return a value as the device writes it: its own unit, true or false, or a word."""
    metric = METRICS[point.metric]
    if metric.kind is Kind.STATE:
        code = int(value)
        return bool(code) if metric.codes in _BOOLEAN else metric.codes[code]
    wire = round((value - point.offset) / point.scale, 6)
    return int(wire) if metric.kind is Kind.COUNT else wire


def topic_of(device: Device) -> str:
    """Return the topic on which a device speaks."""
    dialect, _, name = device.key.partition(":")
    if dialect == "native":
        park, gateway, own = name.split("/")
        return f"parks/{park}/{Lane(device.lane).value}/{gateway}/{own}"
    return {"tasmota": f"tele/{name}/SENSOR", "z2m": f"zigbee2mqtt/{name}", "shelly": f"{name}/events/rpc"}[dialect]


def native_item(ts: int | None, said: Said, *, backfill: bool = False) -> dict[str, object]:
    """Return one object of the native dialect."""
    item: dict[str, object] = {} if ts is None else {"ts": ts}
    item["v"] = {point.source_key: wire_value(point, value) for point, value in said}
    if backfill:
        item["backfill"] = True
    return item


def native(device: Device, ts: int, said: Said) -> Message:
    """Return one message of the native dialect."""
    return Message(topic_of(device), _json(native_item(ts, said)))


def native_kept(device: Device, kept: Sequence[tuple[int, Said]]) -> Message:
    """Return what a gateway kept while it was cut off, as one message."""
    return Message(topic_of(device), _json([native_item(ts, said, backfill=True) for ts, said in kept]))


def tasmota(device: Device, ts: int, said: Said) -> Message:
    """Return a SENSOR message: park time without a zone, values nested by the source keys' dots."""
    content: dict[str, object] = {"Time": datetime.fromtimestamp(ts / 1000, _PARK).strftime("%Y-%m-%dT%H:%M:%S")}
    for point, value in said:
        first, dot, rest = point.source_key.partition(".")
        if dot:
            content.setdefault(first, {})[rest] = wire_value(point, value)  # type: ignore[index]
    return Message(topic_of(device), _json(content))


def tasmota_will(device: Device, *, online: bool = True) -> Message:
    """Return the retained last will: `Online` or `Offline`."""
    return Message(topic_of(device).replace("/SENSOR", "/LWT"), b"Online" if online else b"Offline", retain=True)


def zigbee2mqtt(device: Device, ts: int, said: Said) -> Message:
    """Return a flat message with `last_seen` as ISO 8601; detectors' states are retained, as installers set it."""
    content: dict[str, object] = {point.source_key: wire_value(point, value) for point, value in said}
    content["linkquality"] = 60 + ts // 60_000 % 90
    content["last_seen"] = datetime.fromtimestamp(ts / 1000, UTC).isoformat(timespec="milliseconds")
    return Message(topic_of(device), _json(content), retain=Lane(device.lane) is Lane.LIFE)


def shelly(device: Device, ts: int, said: Said, last: Mapping[str, float] | None = None) -> Message | None:
    """Return a status message: all of it without `last`, else only what changed (power: by 5 % or 10 W).

    Returns None when nothing changed enough.
    """
    name = device.key.partition(":")[2]
    params: dict[str, object] = {"ts": round(ts / 1000, 2)}
    for point, value in said:
        wire = wire_value(point, value)
        before = None if last is None else last.get(point.source_key)
        if before is not None and not _moved(point.metric, before, float(wire)):
            continue
        component, _, key = point.source_key.partition("/")
        params.setdefault(component, {"id": 0})[key] = wire  # type: ignore[index]
    if len(params) == 1:
        return None
    method = "NotifyFullStatus" if last is None else "NotifyStatus"
    content = {"src": name, "dst": f"{name}/events", "method": method, "params": params}
    return Message(topic_of(device), _json(content))


def _moved(metric: str, before: float, now: float) -> bool:
    if metric in {"power", "current"}:
        return abs(now - before) >= max(0.05 * abs(before), 10.0 if metric == "power" else 0.1)
    return abs(now - before) >= (0.5 if metric == "voltage" else 1e-9)


def broken(message: Message) -> Message:
    """Return a message cut in the middle, as a weak link leaves it."""
    return Message(message.topic, message.payload[: max(1, len(message.payload) // 2)], False, message.qos)


def _json(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
