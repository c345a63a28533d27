"""The topics of a city: one table, from which they are made and against which they are checked.

| topic | key | value | partition |
| --- | --- | --- | --- |
| `park.life`, `park.bulk` | code of its park; empty: several, or all | `park.wire.encode(record)` | of the park |
| `park.events` | name of the stream | `park.told.encode_told(told)` | one a stream: `events_partition` |
| `park.live` | none | changes of cases, `runtime.city_live` | one |
| `park.dead` | topic and partition it came from | what came, as it came; why is in the headers | of the key |

Partition n of a lane's topic is the log of the stream `life-n` or `bulk-n`.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2

from park.errors import SettingsError, Unavailable
from park.metrics import Lane
from park.settings import CitySettings
from park.streams import lane_of, stream_of
from park.streams import partition_of as log_partition
from runtime.city_settings import kafka_access

EVENTS, DEAD, LIVE = "park.events", "park.dead", "park.live"
_HOUR = 3_600_000  # ms
_EXISTS = 36  # TOPIC_ALREADY_EXISTS
# What no waiting mends: a wrong name, number or setting, no right, a policy. Fewer brokers than copies may pass.
_WRONG = frozenset({17, 29, 37, 40, 42, 44})
_log = logging.getLogger(__name__)
_WAIT = 10.0  # s that a new topic may need until everybody knows it


class Of(StrEnum):
    """What a topic's partitions follow."""

    SETTING = "setting"
    STREAMS = "streams"  # one for each log: no fire waits behind the events of another
    ONE = "one"


@dataclass(frozen=True, slots=True)
class Topic:
    """One row of the table."""

    name: str
    partitions: Of
    what: str


TOPICS = (
    Topic("park.life", Of.SETTING, "records of life-safety devices"),
    Topic("park.bulk", Of.SETTING, "records of all other devices"),
    Topic(EVENTS, Of.STREAMS, "what the workers found"),
    Topic(LIVE, Of.ONE, "changes of cases, for live pages"),
    Topic(DEAD, Of.ONE, "what could not be read, as it came"),
)


def topic_of(lane: Lane) -> str:
    """Return the topic of a lane's records."""
    return f"park.{lane.value}"


def streams_of(settings: CitySettings) -> list[str]:
    """Return the names of all logs of a city, life safety first."""
    return [stream_of(lane, n) for lane in (Lane.LIFE, Lane.BULK) for n in range(settings.partitions)]


def partition_of(key: str, partitions: int) -> int:
    """Return the partition of a park's code or of a stream's name.

    The same as Kafka's own clients find for this key (murmur2, sign bit off), so that other programs agree.
    """
    hashed: int = murmur2(key.encode())
    return (hashed & 0x7FFFFFFF) % partitions


def events_partition(stream: str) -> int:
    """Return the partition of `park.events` that tells of a log; raises ValueError for a name that is none.

    Even for life safety, odd for the rest; it stays where it is when there are more partitions one day.
    """
    return 2 * log_partition(stream) + (lane_of(stream) is Lane.BULK)


def count_of(topic: Topic, settings: CitySettings) -> int:
    """Return how many partitions a topic has."""
    each = {Of.ONE: 1, Of.SETTING: settings.partitions, Of.STREAMS: 2 * settings.partitions}
    return each[topic.partitions]


def configuration(settings: CitySettings) -> dict[str, str]:
    """Return what Kafka is told of each topic."""
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(settings.retention_hours * _HOUR),
        "retention.bytes": str(settings.retention_bytes),
        "max.message.bytes": str(settings.message_bytes),
        # Two must have a record before it is acknowledged, wherever there are two: one machine may be lost. Of three
        # copies one may be away meanwhile; of two none may.
        "min.insync.replicas": str(max(min(2, settings.replication), settings.replication - 1)),
        # By the broker's clock: a witness of what an ingester says of the time.
        "message.timestamp.type": "LogAppendTime",
    }


async def prepare_topics(settings: CitySettings, differs: Callable[[str], None] = lambda _said: None) -> list[str]:
    """Make the topics that are missing; return the names of those. Twice is as good as once.

    A topic that keeps records otherwise than the settings say is told in the program's log and to `differs`, in a
    sentence, and left alone: who set it so by hand knows why.

    Raises Unavailable when Kafka is away or not whole yet, and SettingsError when a topic is there with another
    number of partitions: a park would then have two logs.
    """
    admin = AIOKafkaAdminClient(**kafka_access(settings))
    try:
        await admin.start()
        made = await _make(admin, settings)
        await _check(admin, settings)
        with contextlib.suppress(KafkaError, OSError, TimeoutError):  # not every Kafka tells how it keeps topics
            for difference in await _differences(admin, settings):
                _log.warning("%s", difference)
                differs(difference)
    except (KafkaError, OSError, TimeoutError) as why:
        raise Unavailable(f"Kafka at {settings.kafka}: {why}") from why
    finally:
        await admin.close()
    return made


async def _make(admin: AIOKafkaAdminClient, settings: CitySettings) -> list[str]:
    there = set(await admin.list_topics())
    missing = [topic for topic in TOPICS if topic.name not in there]
    if not missing:
        return []
    config = configuration(settings)
    wanted = [NewTopic(t.name, count_of(t, settings), settings.replication, topic_configs=config) for t in missing]
    answer = await admin.create_topics(wanted)
    for name, code, *message in answer.topic_errors:
        if code not in (0, _EXISTS):
            why = f"Kafka does not make the topic {name}: error {code} {' '.join(map(str, message))}"
            raise Unavailable(why) if code not in _WRONG else SettingsError(why)
    return [topic.name for topic in missing]


async def _check(admin: AIOKafkaAdminClient, settings: CitySettings) -> None:
    found: dict[str, int] = {}
    deadline = asyncio.get_running_loop().time() + _WAIT
    while True:
        found = _counts(await admin.describe_topics([t.name for t in TOPICS]))
        if len(found) == len(TOPICS) or asyncio.get_running_loop().time() > deadline:
            break
        await asyncio.sleep(0.1)
    for topic in TOPICS:
        wanted, there = count_of(topic, settings), found.get(topic.name, 0)
        if not there:
            raise Unavailable(f"Kafka has not made the topic {topic.name} yet")
        if there != wanted:
            raise SettingsError(
                f"the topic {topic.name} has {there} partitions, and the settings say {wanted}: "
                "the number is chosen once, for a park's records stay where they are"
            )


async def _differences(admin: AIOKafkaAdminClient, settings: CitySettings) -> list[str]:
    """Return how topics are kept otherwise than the settings say, in sentences."""
    wanted = configuration(settings)
    asked = [ConfigResource(ConfigResourceType.TOPIC, topic.name, dict.fromkeys(wanted)) for topic in TOPICS]
    found: list[str] = []
    for answer in await admin.describe_configs(asked):
        for code, _, _, name, entries in answer.resources:
            there = {entry[0]: entry[1] for entry in entries} if not code else {}
            found += [
                f"the topic {name} has {key}={there[key]}, and the settings say {value}"
                for key, value in wanted.items()
                if there.get(key, value) != value
            ]
    return found


def _counts(described: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Return the number of partitions by topic, of topics that are ready."""
    return {d["topic"]: len(d["partitions"]) for d in described if not d["error_code"] and d["partitions"]}
