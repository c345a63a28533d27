r"""The platform's own dialect: topic `parks/{park}/{lane}/{gateway}/{device}`, several values a message.

Payload: `{"ts": 1790000000000, "v": {"power": 12.3, "voltage.a": 230.1, "smoke": true}, "backfill": true}` or a
list of such objects (store and forward). `ts` is epoch ms and may be left out, gateway `-` says "none",
a value is named `metric` or `metric.channel`. `batcher.py` reads the common form faster; what it cannot read
comes here, and the two are held to the same results.
"""

from ingest.decoders.samples import Dialect, Flaw, Meaning, Part, Sample, State, epoch_ms, read_json
from park.metrics import METRICS
from park.records import Refusal


def device(topic: str) -> str | None:
    """Return `native:{park}/{gateway}/{device}`."""
    parts = topic.split("/")
    if len(parts) != 5 or parts[0] != "parks" or parts[2] not in {"life", "bulk"} or "" in parts:
        return None
    return f"native:{parts[1]}/{parts[3]}/{parts[4]}"


def decode(state: State, topic: str, payload: bytes, received: int) -> tuple[State, list[Part]]:
    """Read one message."""
    del topic, received
    content = read_json(payload)
    if isinstance(content, Flaw):
        return state, [content]
    items = content if isinstance(content, list) else [content]
    if not items:
        return state, [Flaw(Refusal.EMPTY)]
    return state, [part for item in items for part in _item(item)]


def _item(item: object) -> list[Part]:
    if not isinstance(item, dict):
        return [Flaw(Refusal.MALFORMED, "an object is expected")]
    values = item.get("v")
    if not isinstance(values, dict):
        return [Flaw(Refusal.MALFORMED, '"v": an object is expected')]
    late = item.get("backfill", False)
    if late is None:
        late = False
    flaws: list[Part] = []
    if not isinstance(late, bool):
        # Told, and taken for old: an alarm is not lost for what stands beside it.
        late, flaws = True, [Flaw(Refusal.MALFORMED, '"backfill": true or false is expected')]
    ts = epoch_ms(item.get("ts"))
    found: list[Part] = [Sample(key, value, ts, late) for key, value in values.items() if value is not None]
    return [*flaws, *found] or [Flaw(Refusal.EMPTY)]


def meaning(source: str) -> Meaning | None:
    """Return the metric and channel that the name says; any name is worth counting, none is chatter."""
    metric, _, channel = source.partition(".")
    return Meaning(metric if metric in METRICS else "", channel)


NATIVE = Dialect("native", ("parks/+/bulk/#",), device, decode, meaning)
