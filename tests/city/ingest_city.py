"""What tests of the ingester stand on: a broker for devices, parks in a registry, and what came into Kafka."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from park.metrics import Lane
from park.model import Device, Park, Point
from park.ports import Noun, RegistryStore
from park.records import Batch, Config, Record, Tick
from park.settings import CitySettings
from runtime.kafka_client import KafkaClient
from runtime.kafka_log import KafkaLog
from runtime.topics import topic_of
from tests.tools import until

METERS, METRICS = 4, ("power", "energy")


def fill(registry: RegistryStore, codes: Sequence[str]) -> None:
    """Register parks with a gateway, meters of two metrics behind it, and a smoke detector each."""

    def save(things: Sequence[Noun]) -> list[int]:
        return [t.id for t in registry.save(things, actor="t", reason="t", now=1)]

    for code, park in zip(codes, save([Park(0, code, code) for code in codes]), strict=True):
        (gateway,) = save([Device(0, park, f"native:{code}/-/g", "gateway", "g")])
        keys = [f"native:{code}/g/m{n}" for n in range(METERS)]
        meters = save([Device(0, park, key, "meter", key, gateway=gateway) for key in keys])
        save([Point(0, meter, metric, source_key=metric) for meter in meters for metric in METRICS])
        (smoke,) = save([Device(0, park, f"native:{code}/-/smoke", "smoke_detector", "s", lane=Lane.LIFE)])
        save([Point(0, smoke, "smoke", source_key="smoke")])


@dataclass
class Taken:
    """What stands in a lane's partitions."""

    records: dict[int, list[tuple[int, Record]]] = field(default_factory=dict)  # by partition

    def batches(self) -> Iterator[tuple[int, Batch]]:
        """Yield every batch with its partition."""
        for partition, records in self.records.items():
            yield from ((partition, r) for _, r in records if isinstance(r, Batch))

    def rows(self) -> list[tuple[int, int, float]]:
        """Return (point, ts, value) of every reading, duplicates included."""
        return [
            row
            for _, batch in self.batches()
            for row in zip(
                batch.readings.point.tolist(), batch.readings.ts.tolist(), batch.readings.value.tolist(), strict=True
            )
        ]

    def counted(self) -> tuple[int, int]:
        """Return (messages, readings) as the edge counted them."""
        edges = [batch.edge for _, batch in self.batches()]
        return sum(int(e.messages.sum()) for e in edges), sum(int(e.readings.sum()) for e in edges)

    def in_order(self) -> None:
        """Check what holds in every partition: time only rises, and is told before what it is the time of."""
        for records in self.records.values():
            tick = 0
            for _, record in records:
                if isinstance(record, Tick):
                    assert record.now > tick
                    tick = record.now
                elif tick and isinstance(record, Batch) and len(record.readings):
                    assert record.readings.received.max() < tick + 60_000

    def points(self) -> dict[int, str]:
        """Return the metrics of all points that the partitions were told of."""
        told = (r for records in self.records.values() for _, r in records if isinstance(r, Config))
        return {p.point: p.metric for config in told for p in config.points}


class Reading:
    """The partitions of both lanes, from where they are now on, or from where they begin."""

    def __init__(self, settings: CitySettings, *, begin: bool = False) -> None:
        self._client = KafkaClient(settings, "reading")
        self._logs = {
            lane: [KafkaLog(self._client, topic_of(lane), n) for n in range(settings.partitions)] for lane in Lane
        }
        self._found = {lane: Taken({n: [] for n in range(settings.partitions)}) for lane in Lane}
        self._at = {
            (lane, n): log.begin if begin else log.end
            for lane, logs in self._logs.items()
            for n, log in enumerate(logs)
        }

    def taken(self, lane: Lane) -> Taken:
        """Return what has come since we began."""
        for n, log in enumerate(self._logs[lane]):
            for position, record in log.read(self._at[lane, n]):
                self._found[lane].records[n].append((position, record))
                self._at[lane, n] = position
        return self._found[lane]

    def close(self) -> None:
        """Stop reading."""
        self._client.close()


class Devices:
    """Devices that speak to the broker, QoS 1."""

    def __init__(self, port: int, name: str = "devices") -> None:
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=name)
        self._client.max_inflight_messages_set(500)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._said: list[mqtt.MQTTMessageInfo] = []

    def say(self, topic: str, values: Mapping[str, object], ts: int | None = None) -> None:
        """Say something in the native dialect."""
        body = {"v": values} if ts is None else {"ts": ts, "v": values}
        self.send(topic, json.dumps(body).encode())

    def send(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Send bytes."""
        self._said.append(self._client.publish(topic, payload, 1, retain))

    def settle(self) -> None:
        """Wait until the broker has all of it."""
        until(lambda: all(m.is_published() for m in self._said[-2_000:]), 60)
        until(lambda: all(m.is_published() for m in self._said), 60)

    def close(self) -> None:
        """Go."""
        self._client.disconnect()
        self._client.loop_stop()
