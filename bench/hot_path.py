"""What a reading costs on its way from the socket's bytes to a batch, part by part: ns a reading.

Run `python -m bench.hot_path`. Nine values a message, 2,000 devices, 1,000 messages a batch; the best of several
rounds, because the machine is shared.
"""

import json
import time
from collections.abc import Callable

import msgspec
from paho.mqtt.enums import MQTTProtocolVersion

from ingest.batcher import Batcher, _decode
from ingest.fast_client import FastClient
from ingest.resolver import Binding, Resolver
from park.settings import IngestSettings

NAMES = (
    "energy", "power", "power_factor", "voltage.a", "voltage.b", "voltage.c", "current.a", "current.b", "current.c",
)  # fmt: skip
NOW = 1_790_000_000_000
ROUNDS = 25


def best(work: Callable[[], object], readings: int) -> float:
    """Return the least ns a reading of some rounds."""
    least = float("inf")
    for _ in range(ROUNDS):
        begin = time.perf_counter_ns()
        work()
        least = min(least, time.perf_counter_ns() - begin)
    return round(least / readings, 1)


def frames(devices: int, messages: int) -> bytes:
    """Return QoS 1 PUBLISH packets (MQTT 5), as a broker sends them."""
    out = bytearray()
    for i in range(messages):
        topic = f"parks/p{i % 20}/bulk/g{i % devices % 50}/meter{i % devices:06d}".encode()
        value = {n: round(1000 * (k + 1) + i * 0.37, 2) for k, n in enumerate(NAMES)}
        payload = json.dumps({"ts": NOW + i, "v": value}, separators=(",", ":")).encode()
        body = len(topic).to_bytes(2) + topic + (i % 65535 + 1).to_bytes(2) + b"\0" + payload
        out += bytes((0x32, len(body) & 127 | 128, len(body) >> 7)) + body
    return bytes(out)


def bindings(devices: int, scale: float = 1.0) -> list[Binding]:
    """Return the registry's side of it."""
    return [
        Binding(f"native:p{d % 20}/g{d % 50}/meter{d:06d}", n, 1 + d * len(NAMES) + k, scale, gateway=1 + d % 50)
        for d in range(devices)
        for k, n in enumerate(NAMES)
    ]


def measure(devices: int = 2_000, messages: int = 1_000) -> dict[str, float]:
    """Return ns a reading by part."""
    wire = frames(devices, messages)
    n = messages * len(NAMES)
    settings = IngestSettings()
    client = FastClient("bench", MQTTProtocolVersion.MQTTv5, settings.max_payload)
    client.feed(wire)
    _, some = client.take(messages)
    figures = {}

    def slice_all() -> None:
        client.feed(wire)
        client.take(messages)

    figures["slice"] = best(slice_all, n)
    figures["decode"] = best(lambda: [_decode(m[1]) for m in some], n)
    for label, scale in (("batch", 1.0), ("batch_scaled", 0.001)):
        resolver = Resolver(settings)
        resolver.bind(bindings(devices, scale))
        batcher = Batcher(settings, resolver)
        for i in range(0, devices, messages):  # learn all shapes
            client.feed(frames(devices, i + messages))
            batcher.batch(client.take(i + messages)[1], NOW)
        assert len(batcher.batch(some, NOW).readings) == n
        figures[label] = best(lambda b=batcher: b.batch(some, NOW), n)
    lists = [(m[0], b"[" + m[1] + b"]", m[2], m[3]) for m in some]
    figures["batch_by_decoder"] = best(lambda: batcher.batch(lists, NOW), n)
    client._packet_queue = lambda *_: None  # the kernel's part is measured by the whole lane  # type: ignore[method-assign,assignment,return-value]
    figures["acknowledge"] = best(lambda: client.acknowledge(some), n)
    figures["total"] = round(figures["slice"] + figures["batch"] + figures["acknowledge"], 1)
    return figures


if __name__ == "__main__":
    print(msgspec.json.format(json.dumps({"2000 devices": measure(), "20000 devices": measure(20_000)})))
