"""Records in Kafka's messages: what they must be before anybody's stages see them.

Everything that is not so is bad data, never an exception of ours further on: it goes to the dead letters with the
sentence that is raised here.
"""

from dataclasses import replace

import numpy as np

from park.errors import Corrupt
from park.metrics import METRICS, Lane
from park.readings import Quality
from park.records import Batch, Command, Config, Record, Refused, Tick
from park.streams import is_log, lane_of
from park.wire import decode
from runtime.topics import partition_of

# Columns of points and devices are arrays by number: one wrong great number would ask for gigabytes.
_NUMBERS = 1 << 26
_AHEAD = 86_400_000  # ms before the broker's clock from which on a time is wrong (as runtime.log_time JUMP)
WRITTEN = 1_767_225_600_000  # 2026-01-01
_LATEST = 1 << 53  # epoch ms, beyond which no clock is
_QUALITIES = np.zeros(256, np.bool_)
_QUALITIES[[int(q) for q in Quality]] = True


def open_record(
    value: bytes | memoryview | None,
    *,
    key: bytes | None = b"",
    partition: int = 0,
    partitions: int = 1,
    appended: int = 0,
    life: bool = False,
    most: int = 64 << 20,
) -> Record:
    """Return the record of a message, looked at with care. Raises Corrupt, with a reason for people.

    The verdict depends on the message alone: whoever reads the log, and whenever, gets the same records.

    `appended` is the message's time by the broker's clock, epoch ms (0: not known): what claims to come from a day
    after it was written by a clock that is wrong. Readings of life safety (`life`) pass all the same, and a clock
    that stands before this program was written is no witness: which of the two is wrong nobody knows, and a fire
    does not wait for that. `most` bounds the bytes that are looked at.
    """
    if value is None:
        raise Corrupt("a message without a value")
    if len(value) > most:
        raise Corrupt(f"a record of {len(value)} bytes; {most} are the most")
    if key:
        _check_key(key, partition, partitions)
    record = decode(value)
    witness = appended > WRITTEN and not (life and isinstance(record, Batch))
    latest = appended + _AHEAD if witness else _LATEST
    match record:
        case Batch():
            _batch(record, latest)
        case Tick():
            _times(record.now, record.now, latest)
        case Config():
            _config(record, latest)
        case Command():
            _command(record, latest)
            if witness:  # an API's clock that is ahead would have a reset end what comes after it
                return replace(record, received=min(record.received, appended))
    return record


def record_again(refused: Refused) -> Batch | Command | None:
    """Return the record that a message is by now, though it was none when a worker came to it; None: it still is none.

    A program of a newer version reads what an older one could not; and what stood in another park's partition is
    brought to its own. Time and configuration of then are not said again.
    """
    if len(refused.payload) != refused.size or not is_log(refused.topic):
        return None
    try:
        life = lane_of(refused.topic) is Lane.LIFE
        record = open_record(refused.payload, appended=refused.received, life=life)
    except Corrupt:
        return None
    return record if isinstance(record, Batch | Command) else None


def _check_key(key: bytes, partition: int, partitions: int) -> None:
    try:
        code = key.decode()
    except UnicodeDecodeError as why:
        raise Corrupt("the key is no park's code") from why
    if partition_of(code, partitions) != partition:
        raise Corrupt(f"a record of the park {code[:64]!r} does not belong into partition {partition} of {partitions}")


def _batch(record: Batch, latest: int) -> None:
    r, edge = record.readings, record.edge
    if len(r):
        if int(r.point.min()) < 0 or int(r.point.max()) >= _NUMBERS:
            raise Corrupt("a batch with a point that cannot be")
        if not _QUALITIES[r.quality].all():
            raise Corrupt("a batch with a quality that there is not")
        if not np.isfinite(r.value).all():
            raise Corrupt("a batch with a value that is no number")
        _times(int(r.received.min()), int(r.received.max()), latest)
        if int(r.ts.min()) < -_LATEST or int(r.ts.max()) > _LATEST:
            raise Corrupt("a batch with a time that cannot be")
    if len(edge.gateway) and min(int(edge.gateway.min()), int(edge.messages.min()), int(edge.readings.min())) < 0:
        raise Corrupt("a batch whose edge counted less than nothing")
    for refused in record.refused:
        _times(refused.received, refused.received, latest)
        if refused.readings < 0 or refused.size < 0:
            raise Corrupt("a refused message of less than nothing")


def _config(record: Config, latest: int) -> None:
    _times(record.received, record.received, latest)
    for point in record.points:
        if point.metric not in METRICS:
            raise Corrupt(f"a configuration with a metric that there is not: {point.metric[:64]!r}")
    numbers = [n for p in record.points for n in (p.point, p.device, p.place, p.park, p.enterprise, p.source)]
    numbers += [n for d in record.devices for n in (d.device, d.park, d.place, d.gateway)]
    numbers += [n for p in record.places for n in (p.place, p.park, p.parent)]
    numbers += [n for e in record.enterprises for n in (e.enterprise, e.park)]
    if numbers and not 0 <= min(numbers) <= max(numbers) < _NUMBERS:
        raise Corrupt("a configuration with a number that cannot be")


def _command(record: Command, latest: int) -> None:
    _times(record.received, record.received, latest)
    if not (0 <= record.device < _NUMBERS and 0 <= record.place < _NUMBERS):
        raise Corrupt("a command for a number that cannot be")


def _times(first: int, last: int, latest: int) -> None:
    """Raise Corrupt for a time of receipt before 1970 or after what the broker's clock allows."""
    if first < 0 or last > latest:
        raise Corrupt("a record that was received at a time that cannot be: a clock is wrong")
