"""The table of dialects, by topic, and what each lane subscribes to."""

from collections.abc import Iterable

from ingest.decoders.native import NATIVE
from ingest.decoders.samples import Dialect, Meaning
from ingest.decoders.shelly import SHELLY
from ingest.decoders.tasmota import TASMOTA
from ingest.decoders.zigbee2mqtt import ZIGBEE2MQTT
from park.metrics import Lane

DIALECTS = (NATIVE, TASMOTA, ZIGBEE2MQTT, SHELLY)
_LONGEST = 65_535  # bytes of a topic (MQTT 5, 1.5.4)
_UNSAYABLE = set("+#\0")
_BY_NAME = {d.name: d for d in DIALECTS}


def dialect_of(topic: str) -> tuple[Dialect, str] | None:
    """Return the dialect of a topic and the key of the device that speaks, or None."""
    for dialect in DIALECTS:
        key = dialect.device(topic)
        if key is not None:
            return dialect, key
    return None


def meaning_of(device_key: str, source_key: str) -> Meaning | None:
    """Return what a value of a device is by its dialect's documents: the proposal when it is claimed."""
    dialect = _BY_NAME.get(device_key.partition(":")[0])
    return dialect.meaning(source_key) if dialect else None


def subscriptions(lane: Lane, life_topics: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the topic filters of a lane; `life_topics` are those of registered life-safety devices."""
    if lane is Lane.BULK:
        return tuple(f for d in DIALECTS for f in d.filters)
    concrete = (t for t in dict.fromkeys(life_topics) if not t.startswith("parks/") and sayable(t))
    return ("parks/+/life/#", *concrete)


def topics_of(device_key: str) -> tuple[str, ...]:
    """Return the topics on which a device of a foreign dialect speaks of alarms."""
    dialect, _, name = device_key.partition(":")
    topics = (t.replace("{}", name) for t in _ALARM_TOPICS.get(dialect, ()))
    return tuple(t for t in topics if name and sayable(t))


def sayable(topic: str) -> bool:
    """Tell whether anybody could publish on a topic; a broker closes the connection of who asks for another."""
    return 0 < len(topic.encode("utf-8", "replace")) <= _LONGEST and not _UNSAYABLE & set(topic)


_ALARM_TOPICS = {
    "tasmota": ("tele/{}/SENSOR",),
    "z2m": ("zigbee2mqtt/{}",),
    "shelly": ("{}/events/rpc",),
}
