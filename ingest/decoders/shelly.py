"""Shelly Gen2 and later: `<id>/events/rpc`; source keys are "em:0/a_voltage", "switch:0/aenergy.total".

`NotifyFullStatus` tells all, `NotifyStatus` only what changed (power: by 5 % or 10 W). What a component said
before is carried along with what it says now, as an estimate, while it is fresh: so a steady value is not
silence. Registers are not carried (the resolver sees to it): standing still would be a claim.
`ts` is unix seconds, UTC. W and Wh. (shelly-api-docs: Gen2 Notifications, EM, EMData, Switch, Smoke.)
"""

from typing import Any

from ingest.decoders.samples import (
    Dialect,
    Flaw,
    Part,
    Sample,
    State,
    epoch_ms,
    leaves,
    pattern_meaning,
    read_json,
)
from park.records import Refusal

_STATUS = frozenset({"NotifyStatus", "NotifyFullStatus"})
_FRESH = 10 * 60_000  # ms that a value is carried; devices tell all at least that often (at reconnect, by polling)
_KEPT = 256  # values remembered of a device
_PHASES = "([abc])_"

meaning = pattern_meaning(
    (
        (rf"em:\d/{_PHASES}act_power", "power", r"\1", 1e-3),
        (rf"em:\d/{_PHASES}aprt_power", "apparent_power", r"\1", 1e-3),
        (rf"em:\d/{_PHASES}voltage", "voltage", r"\1", 1.0),
        (rf"em:\d/{_PHASES}current", "current", r"\1", 1.0),
        (rf"em:\d/{_PHASES}pf", "power_factor", r"\1", 1.0),
        (r"em:\d/total_act_power", "power", "", 1e-3),
        (r"em:\d/total_aprt_power", "apparent_power", "", 1e-3),
        (r"emdata:\d/total_act", "energy", "", 1e-3),
        (r"emdata:\d/total_act_ret", "energy_reverse", "", 1e-3),
        (rf"emdata:\d/{_PHASES}total_act_energy", "energy", r"\1", 1e-3),
        (rf"emdata:\d/{_PHASES}total_act_ret_energy", "energy_reverse", r"\1", 1e-3),
        (r"(?:em1|pm1|switch|cover):(\d)/(?:act_power|apower)", "power", r"\1", 1e-3),
        (r"(?:em1|pm1|switch|cover):(\d)/voltage", "voltage", r"\1", 1.0),
        (r"(?:em1|pm1|switch|cover):(\d)/current", "current", r"\1", 1.0),
        (r"(?:em1|pm1|switch|cover):(\d)/pf", "power_factor", r"\1", 1.0),
        (r"(?:pm1|switch|cover):(\d)/aenergy\.total", "energy", r"\1", 1e-3),
        (r"em1data:(\d)/total_act_energy", "energy", r"\1", 1e-3),
        (r"switch:(\d)/output", "switch", r"\1", 1.0),
        (r"temperature:(\d+)/tC", "temperature", r"\1", 1.0),
        (r"humidity:(\d+)/rh", "humidity", r"\1", 1.0),
        (r"illuminance:(\d+)/lux", "light", r"\1", 1.0),
        (r"smoke:\d/alarm", "smoke", "", 1.0),
        (r"devicepower:\d/battery\.percent", "battery", "", 1.0),
        (r"wifi/rssi", "signal", "", 1.0),
        (r"online", "online", "", 1.0),
    )
)


def device(topic: str) -> str | None:
    """Return `shelly:<id>`, the id being the topic prefix of the device."""
    parts = topic.split("/")
    if len(parts) == 3 and parts[0] and parts[1:] == ["events", "rpc"]:
        return f"shelly:{parts[0]}"
    if len(parts) == 2 and parts[0] and parts[1] == "online":
        return f"shelly:{parts[0]}"
    return None


def decode(state: State, topic: str, payload: bytes, received: int) -> tuple[State, list[Part]]:
    """Read one message. State: component -> {source key: (value, epoch ms)}; replaced, never changed."""
    if topic.endswith("/online"):
        word = payload.decode("utf-8", "replace")
        return state, [Sample("online", word) if word else Flaw(Refusal.EMPTY)]
    content = read_json(payload)
    if isinstance(content, Flaw):
        return state, [content]
    if not isinstance(content, dict) or not isinstance(content.get("method"), str):
        return state, [Flaw(Refusal.MALFORMED, 'an object with "method" is expected')]
    if content["method"] not in _STATUS:
        return state, []  # button presses, replies to others
    params = content.get("params")
    if not isinstance(params, dict):
        return state, [Flaw(Refusal.MALFORMED, '"params": an object is expected')]
    return _status(state or {}, params, received)


def _status(
    state: dict[str, dict[str, tuple[Any, int]]], params: dict[str, Any], received: int
) -> tuple[State, list[Part]]:
    ts = epoch_ms(params.get("ts"), 1000)
    now = received if ts is None or ts < 0 else ts
    parts: list[Part] = []
    known = dict(state)
    for component, status in params.items():
        if not isinstance(status, dict):
            continue
        said: dict[str, tuple[Any, int]] = {}
        for leaf in leaves(status):
            if isinstance(leaf, Flaw):
                parts.append(leaf)
            elif leaf[0] != "id":
                key = f"{component}/{leaf[0]}"
                parts.append(Sample(key, leaf[1], ts))
                said[key] = leaf[1], now
        before = known.get(component, {})
        for key, (value, at) in before.items():
            # A null says that the value is gone; a value from the future of this message is no past of it.
            if key not in said and 0 <= now - at <= _FRESH and not _gone(status, key, component):
                parts.append(Sample(key, value, ts, carried=True))
                said[key] = value, at
        room = _KEPT - sum(len(values) for name, values in known.items() if name != component)
        known[component] = dict(list(said.items())[: max(0, room)])
    return {name: values for name, values in known.items() if values}, parts


def _gone(status: dict[str, Any], key: str, component: str) -> bool:
    """Tell whether the message says null where a value was."""
    node: Any = status
    for name in key[len(component) + 1 :].split("."):
        if not isinstance(node, dict) or name not in node:
            return False
        node = node[name]
    return node is None


SHELLY = Dialect("shelly", ("+/events/rpc", "+/online"), device, decode, meaning)
