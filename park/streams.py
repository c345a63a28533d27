"""Names of logs: the lane alone on one machine, lane and partition in a city ("bulk-3").

Positions belong to one log, so whatever is written down beside a position is kept by its stream's name.
"""

from park.metrics import Lane


def stream_of(lane: Lane, partition: int) -> str:
    """Return the name of one partition's log."""
    return f"{lane}-{partition}"


def lane_of(stream: str) -> Lane:
    """Return the lane that a log belongs to. Raises ValueError for a name that is none."""
    return Lane(stream.partition("-")[0])


def is_log(name: str) -> bool:
    """Tell whether a word names the log of a partition, and is no topic of a device."""
    lane, dash, number = name.partition("-")
    return bool(dash) and lane in set(Lane) and number.isascii() and number.isdecimal()


def partition_of(stream: str) -> int:
    """Return the partition that a log is; 0 where there are none. Raises ValueError for a name that is none."""
    _, dash, number = stream.partition("-")
    if not dash:
        return 0
    if not (number.isascii() and number.isdecimal()):
        raise ValueError(f"{stream!r} names no partition")
    return int(number)
