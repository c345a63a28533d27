"""Zigbee2MQTT: `zigbee2mqtt/<friendly name>`, flat JSON; source keys are its own: "temperature", "smoke".

Names may hold slashes. `last_seen`, where it is switched on, is when the device spoke; without it the time
of receipt holds. States are usually retained: the broker marks them, and they are old state, not news.
(zigbee2mqtt.io: MQTT topics and messages.)
"""

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

_PREFIX = "zigbee2mqtt/"
_BRIDGE = "z2m:bridge"  # register it as a gateway with an `online` point: its last will tells of all behind it
_COMMANDS = frozenset({"set", "get"})  # ours or another program's, not the device's

meaning = pattern_meaning(
    (
        (r"temperature|device_temperature", "temperature", "", 1.0),
        (r"humidity", "humidity", "", 1.0),
        (r"illuminance|illuminance_lux", "light", "", 1.0),
        (r"co2", "co2", "", 1.0),
        (r"pm25", "pm25", "", 1.0),
        (r"pm10", "pm10", "", 1.0),
        (r"noise", "noise", "", 1.0),
        (r"occupancy|presence", "occupied", "", 1.0),
        (r"smoke", "smoke", "", 1.0),
        (r"gas", "gas", "", 1.0),
        (r"carbon_monoxide", "co_alarm", "", 1.0),
        (r"heat", "heat", "", 1.0),
        (r"co", "co", "", 1.0),
        (r"smoke_density_dbm", "smoke_obscuration", "", 1.0),
        (r"tamper", "tamper", "", 1.0),
        (r"battery", "battery", "", 1.0),
        (r"battery_low", "low_battery", "", 1.0),
        (r"power", "power", "", 1e-3),
        (r"energy", "energy", "", 1.0),
        (r"produced_energy", "energy_reverse", "", 1.0),
        (r"voltage", "voltage", "", 1.0),
        (r"current", "current", "", 1.0),
        (r"power_(?:phase_)?([abc])", "power", r"\1", 1e-3),
        (r"voltage_(?:phase_)?([abc])", "voltage", r"\1", 1.0),
        (r"current_(?:phase_)?([abc])", "current", r"\1", 1.0),
        (r"power_factor", "power_factor", "", 1.0),
        (r"ac_frequency", "frequency", "", 1.0),
        (r"availability", "online", "", 1.0),
    )
)


def device(topic: str) -> str | None:
    """Return `z2m:<friendly name>`; the bridge itself is `z2m:bridge`."""
    if not topic.startswith(_PREFIX):
        return None
    name = topic[len(_PREFIX) :]
    if name.startswith("bridge/"):
        return _BRIDGE
    if name.rpartition("/")[2] in _COMMANDS or name.endswith("/availability"):
        name = name.rpartition("/")[0]
    return f"z2m:{name}" if name else None


def decode(state: State, topic: str, payload: bytes, received: int) -> tuple[State, list[Part]]:
    """Read one message; commands and the bridge's lists hold no values."""
    del received
    name = topic[len(_PREFIX) :]
    last = name.rpartition("/")[2]
    if name.startswith("bridge/") and name != "bridge/state":
        return state, []
    if "/" in name and last in _COMMANDS:
        return state, []
    if name == "bridge/state" or name.endswith("/availability"):
        return state, [_availability(payload)]
    content = read_json(payload)
    if isinstance(content, Flaw):
        return state, [content]
    if not isinstance(content, dict):
        return state, [Flaw(Refusal.MALFORMED, "an object is expected")]
    ts = epoch_ms(content.pop("last_seen", None))
    return state, [x if isinstance(x, Flaw) else Sample(*x, ts) for x in leaves(content)]


def _availability(payload: bytes) -> Part:
    """Read `online`, as plain text or as an object, by the bridge's age."""
    if not payload.startswith(b"{"):
        word = payload.decode("utf-8", "replace")
        return Sample("availability", word) if word else Flaw(Refusal.EMPTY)
    content = read_json(payload)
    if isinstance(content, Flaw):
        return content
    word = content.get("state")
    return Sample("availability", word) if isinstance(word, str) else Flaw(Refusal.MALFORMED, '"state" is expected')


ZIGBEE2MQTT = Dialect("z2m", ("zigbee2mqtt/#",), device, decode, meaning, frozenset({_BRIDGE}))
