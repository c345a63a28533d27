"""Tasmota: `tele/<topic>/SENSOR`, `.../STATE`, `.../LWT`; source keys are paths: "ENERGY.Power", "LWT".

`Time` names no zone and is park time. Values may be lists, one a phase: "ENERGY.Power.1".
Tasmota gives W, VA and var, and kWh. (Tasmota docs: MQTT.md, JSON-Status-Responses.md.)
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

_READ = frozenset({"SENSOR", "STATE"})
_PHASE = r"(?:\.([123]))?"

meaning = pattern_meaning(
    (
        (r"ENERGY\.Total", "energy", "", 1.0),
        (r"ENERGY\.ExportTotal", "energy_reverse", "", 1.0),
        (rf"ENERGY\.Power{_PHASE}", "power", r"\1", 1e-3),
        (rf"ENERGY\.ApparentPower{_PHASE}", "apparent_power", r"\1", 1e-3),
        (rf"ENERGY\.ReactivePower{_PHASE}", "reactive_power", r"\1", 1e-3),
        (rf"ENERGY\.Factor{_PHASE}", "power_factor", r"\1", 1.0),
        (rf"ENERGY\.Voltage{_PHASE}", "voltage", r"\1", 1.0),
        (rf"ENERGY\.Current{_PHASE}", "current", r"\1", 1.0),
        (r"ENERGY\.Frequency", "frequency", "", 1.0),
        (r"(?:AM2301|DHT11|SHT3X|SI7021|BME280|BME680|DS18B20)(?:-\w+)?\.Temperature", "temperature", "", 1.0),
        (r"(?:AM2301|DHT11|SHT3X|SI7021|BME280|BME680)(?:-\w+)?\.Humidity", "humidity", "", 1.0),
        (r"(?:MHZ19B|SCD30|SCD40)\.CarbonDioxide", "co2", "", 1.0),
        (r"(?:PMS5003|SDS0X1)\.PM2\.5", "pm25", "", 1.0),
        (r"BH1750\.Illuminance", "light", "", 1.0),
        (r"POWER(\d?)", "switch", r"\1", 1.0),
        (r"Wifi\.Signal", "signal", "", 1.0),
        (r"LWT", "online", "", 1.0),
    )
)


def device(topic: str) -> str | None:
    """Return `tasmota:<topic>`, which may hold slashes."""
    parts = topic.split("/")
    if len(parts) < 3 or parts[0] != "tele" or "" in parts:
        return None
    return "tasmota:" + "/".join(parts[1:-1])


def decode(state: State, topic: str, payload: bytes, received: int) -> tuple[State, list[Part]]:
    """Read one message; boot notices and the like hold no values."""
    del received
    kind = topic.rpartition("/")[2]
    if kind == "LWT":
        word = payload.decode("utf-8", "replace")
        return state, [Sample("LWT", word) if word else Flaw(Refusal.EMPTY)]
    if kind not in _READ:
        return state, []
    content = read_json(payload)
    if isinstance(content, Flaw):
        return state, [content]
    if not isinstance(content, dict):
        return state, [Flaw(Refusal.MALFORMED, "an object is expected")]
    ts = epoch_ms(content.pop("Time", None))
    return state, [x if isinstance(x, Flaw) else Sample(*x, ts) for x in leaves(content)]


TASMOTA = Dialect("tasmota", ("tele/#",), device, decode, meaning)
