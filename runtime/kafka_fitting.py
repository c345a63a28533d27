"""Records cut to what a topic takes: in as many messages as that needs, none of it lost.

The topics that the platform makes take all that it writes. One that was made by hand, or changed, may take less, and
says so by refusing (Kafka's own default for `max.message.bytes` is 1 MiB). What cannot be cut is never said to be
written: whoever appends waits, tells fires another way, and says which setting is wrong.
"""

from collections.abc import Iterator
from dataclasses import replace

from park.readings import batch_of
from park.records import Batch, Config, Record
from park.wire import decode, encode
from runtime.kafka_routes import NO_EDGE

_ROWS = ("places", "enterprises", "devices", "points")  # of a configuration; what hangs on others comes behind them
_NOTHING = batch_of([])


def fitted(value: bytes, most: int) -> list[bytes]:
    """Return the messages, of at most so many bytes where that can be, that say what one says."""
    if len(value) <= most:
        return [value]
    halves = [encode(half) for half in _halves(decode(value))]
    return [piece for half in halves for piece in fitted(half, most)] if halves else [value]


def _halves(record: Record) -> Iterator[Record]:
    """Yield a record in two, in order; nothing for one that cannot be cut."""
    match record:
        case Batch():
            yield from _of_batch(record)
        case Config():
            yield from _of_config(record)


def _of_batch(batch: Batch) -> Iterator[Batch]:
    rows, refused = len(batch.readings), batch.refused
    if rows and refused:
        yield replace(batch, refused=())
        yield Batch(_NOTHING, NO_EDGE, refused)
    elif rows > 1:
        yield replace(batch, readings=batch.readings.rows(slice(0, rows // 2)))
        yield Batch(batch.readings.rows(slice(rows // 2, rows)), NO_EDGE)
    elif len(refused) > 1:
        yield replace(batch, refused=refused[: len(refused) // 2])
        yield Batch(_NOTHING, NO_EDGE, refused[len(refused) // 2 :])
    elif refused and len(refused[0].payload) > 1:  # kept in part, as every one that is greater than a topic's message
        (one,) = refused
        yield replace(batch, refused=(replace(one, payload=one.payload[: len(one.payload) // 2]),))


def _of_config(config: Config) -> Iterator[Config]:
    things: int = sum(len(getattr(config, name)) for name in _ROWS)
    bare = Config(config.version, config.received)
    tables = replace(bare, limits=config.limits, papers=config.papers)
    if things and tables != bare:
        yield replace(config, limits=None, papers=None)
        yield tables
    elif config.limits is not None and config.papers is not None:
        yield replace(bare, limits=config.limits)
        yield replace(bare, papers=config.papers)
    elif things > 1:
        half, first, second = things // 2, {}, {}
        for name in _ROWS:
            rows = getattr(config, name)
            first[name], second[name] = rows[:half], rows[half:]
            half = max(0, half - len(rows))
        yield replace(bare, **first)
        yield replace(bare, **second)
