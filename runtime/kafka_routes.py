"""Records of a lane, cut into what each partition's log gets.

| record | goes to |
| --- | --- |
| Batch | rows to the partition of their point's park; refused messages to that of their device, else of the park that
          their topic names, else the first; what the edge counted with what it counted |
| Tick | every partition of this ingester |
| Config | every one: with its own parks' part of it, and all rules |
| Command | the partition of the device or place that it names, else every one |

A message holds the rows of several parks: one a park would be 150 of a few readings each ten times a second, and a
message costs its reader 200 us whatever is in it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from park.directory import grown
from park.readings import ReadingBatch, batch_of
from park.records import Batch, Command, Config, DeviceRow, Edge, Record, Refused, Tick
from runtime.city_homes import CityHomes

ROWS = 32_000  # readings of one message: some 700 kB
REFUSED_BYTES = 1 << 20  # of refused messages in one message, beside one that is greater by itself
_THINGS = 4_000  # rows of configuration in one message: some 800 kB
_NUMBERS = 200  # bytes of a refused message beside its texts
_NONE = -1
_NOBODY = np.zeros(0, np.int32)
NO_EDGE = Edge(_NOBODY, _NOBODY, _NOBODY)


class Routes:
    """The ways of one lane's records. Belongs to the lane's thread."""

    def __init__(self, homes: CityHomes, mine: Sequence[int]) -> None:
        """Take the partitions that this ingester writes to; what belongs nowhere goes to the first."""
        self.mine = tuple(sorted(mine))
        self._homes = homes
        self._told: NDArray[np.int16] = np.full(1, _NONE, np.int16)  # by device: the partition that was told of it

    def remember(self, homes: Mapping[int, int]) -> None:
        """Learn which partitions were told of devices (by their numbers) before this process began."""
        if homes:
            self._told = grown(self._told, max(homes) + 1, _NONE)
        for device, partition in homes.items():
            self._told[device] = partition

    def ways(self, record: Record) -> Iterator[tuple[int, Record]]:
        """Yield (partition, record) in an order that holds within each partition."""
        match record:
            case Batch():
                yield from self._batch(record)
            case Tick():
                yield from ((p, record) for p in self.mine)
            case Config():
                yield from self._config(record)
            case Command():
                yield from ((p, record) for p in self._of_command(record))

    def key_of(self, record: Record) -> bytes:
        """Return the code of the only park that a batch is of; empty for several, or none."""
        if not isinstance(record, Batch) or record.refused or not len(record.readings):
            return b""
        point, parks = record.readings.point, self._homes.park
        low, high = int(point.min()), int(point.max())
        if high >= len(parks):
            return b""
        if low != high:
            of = parks[point]
            if of[0] != of[-1] or (of != of[0]).any():
                return b""
        park = int(parks[low])
        # A point without a home went to the first partition, whatever its park's is.
        return self._homes.codes.get(park, "").encode() if self._homes.point[low] != _NONE else b""

    # ── batches ──────────────────────────────────────────────────────────────────────────────────

    def _batch(self, batch: Batch) -> Iterator[tuple[int, Record]]:
        readings, first = batch.readings, self.mine[0]
        homes = self._homes.point
        point = readings.point
        if len(point) and int(point.max()) < len(homes):
            home = homes[point]
        else:
            home = np.where(point < len(homes), homes[np.minimum(point, len(homes) - 1)], _NONE)
        if len(home) and home.min() < 0:
            home = np.where(home < 0, first, home)
        refused: dict[int, list[Refused]] = {}
        for r in batch.refused:
            refused.setdefault(self._of_refused(r), []).append(r)
        parts = dict(_by_home(readings, home))
        edges = self._edges(batch.edge, parts, refused)
        for partition in sorted(parts.keys() | refused.keys() | edges.keys()):
            rows = parts.get(partition, _EMPTY)
            yield from (
                (partition, piece) for piece in _pieces(rows, edges.get(partition, NO_EDGE), refused.get(partition, []))
            )

    def _of_refused(self, refused: Refused) -> int:
        known = self._homes.home_of_device(refused.device)
        home = known if known != _NONE else self._homes.home_of_topic(refused.topic)
        return home if home != _NONE else self.mine[0]

    def _edges(
        self, edge: Edge, parts: Mapping[int, ReadingBatch], refused: Mapping[int, Sequence[Refused]]
    ) -> dict[int, Edge]:
        """Share out what the edge counted: of a gateway to its park; without one, with what was counted."""
        if not len(edge.gateway):
            return {}
        wanted = sorted(parts.keys() | refused.keys()) or [self.mine[0]]  # of chatter there is nothing but the count
        if len(wanted) == 1:
            return {wanted[0]: edge}
        homes = self._homes.device
        gateway = edge.gateway
        home = np.where((gateway > 0) & (gateway < len(homes)), homes[np.minimum(gateway, len(homes) - 1)], _NONE)
        shares: dict[int, list[NDArray[np.int32]]] = {}
        table = np.stack([gateway, edge.messages, edge.readings])
        for partition in np.unique(home[home >= 0]).tolist():
            shares[partition] = [table[:, home == partition]]
        for row in np.flatnonzero(home < 0).tolist():
            number, messages, values = table[:, row].tolist()
            for partition, m, v in self._apart(number, messages, values, parts, refused):
                shares.setdefault(partition, []).append(np.array([[number], [m], [v]], np.int32))
        return {p: Edge(*np.concatenate(columns, axis=1)) for p, columns in shares.items()}

    def _apart(
        self,
        gateway: int,
        messages: int,
        values: int,
        parts: Mapping[int, ReadingBatch],
        refused: Mapping[int, Sequence[Refused]],
    ) -> Iterator[tuple[int, int, int]]:
        """Share out one gateway's counts over partitions; the sums are kept, whatever cannot be told apart."""
        homes, wanted = self._homes, sorted(parts.keys() | refused.keys())
        for n, partition in enumerate(wanted):
            m = v = 0
            rows = parts.get(partition, _EMPTY)
            if len(rows):
                point = np.minimum(rows.point, len(homes.device_of) - 1)
                device = homes.device_of[point]
                of = homes.gateway[np.minimum(device, len(homes.gateway) - 1)] == gateway
                v = int(of.sum())
                m = _messages(device[of], rows.ts[of])
            v += sum(r.readings for r in refused.get(partition, ()) if r.gateway == gateway)
            m += sum(r.whole for r in refused.get(partition, ()) if r.gateway == gateway)
            if n == len(wanted) - 1:
                m, v = messages, values
            m, v = min(m, messages), min(v, values)
            messages, values = messages - m, values - v
            if m or v:
                yield partition, m, v

    # ── configuration and commands ───────────────────────────────────────────────────────────────

    def _config(self, config: Config) -> Iterator[tuple[int, Record]]:
        """Give each partition its parks' part, in pieces; the tables come last, when all they are about is known."""
        homes = self._homes
        if config.devices:
            self._told = grown(self._told, max(d.device for d in config.devices) + 1, _NONE)
        for partition in self.mine:
            mine = [d for d in config.devices if homes.home_of_device(d.device) == partition]
            gone = self._gone(config.devices, partition)
            points: dict[int, list[int]] = {}
            for n, p in enumerate(config.points):
                if _at(homes.point, p.point) == partition:
                    points.setdefault(p.device, []).append(n)
            yield (
                partition,
                Config(
                    config.version,
                    config.received,
                    places=tuple(p for p in config.places if homes.place.get(p.place, _NONE) == partition),
                    enterprises=tuple(e for e in config.enterprises if homes.enterprise.get(e.enterprise) == partition),
                ),
            )
            # Gateways before what hangs on them, devices with their points.
            told = {d.device for d in mine}
            groups = [*sorted(mine, key=lambda d: d.kind != "gateway"), *gone]
            for some in _groups(groups, points):
                rows = [config.points[n] for d in some for n in points.get(d.device, ())]
                yield partition, Config(config.version, config.received, tuple(rows), tuple(some))
            others = [n for device, at in points.items() if device not in told for n in at]
            for start in range(0, len(others), _THINGS):
                rows = [config.points[n] for n in others[start : start + _THINGS]]
                yield partition, Config(config.version, config.received, tuple(rows))
            papers = config.papers
            if papers is not None:
                papers = tuple(p for p in papers if homes.enterprise.get(p.enterprise) == partition)
            if config.limits is not None or papers is not None:
                yield partition, Config(config.version, config.received, limits=config.limits, papers=papers)
        for d in config.devices:
            self._told[d.device] = homes.home_of_device(d.device)

    def _gone(self, devices: Sequence[DeviceRow], partition: int) -> list[DeviceRow]:
        """Return devices that moved to another partition's park: to this one nothing more comes of them."""
        return [
            replace(d, retired=True, mode="maintenance")
            for d in devices
            if self._told[d.device] == partition and self._homes.home_of_device(d.device) != partition
        ]

    def _of_command(self, command: Command) -> Sequence[int]:
        homes = self._homes
        home = homes.home_of_device(command.device) if command.device else homes.place.get(command.place, _NONE)
        return (home,) if home != _NONE else self.mine


_EMPTY = batch_of([])


def _by_home(readings: ReadingBatch, home: NDArray[np.int16]) -> Iterator[tuple[int, ReadingBatch]]:
    """Yield each partition's rows, in the order in which they came."""
    if not len(home):
        return
    if (home == home[0]).all():
        yield int(home[0]), readings
        return
    order = np.argsort(home, kind="stable")
    sorted_home = home[order]
    cuts = np.flatnonzero(np.diff(sorted_home)) + 1
    for rows in np.split(order, cuts):
        yield int(home[rows[0]]), readings.rows(rows)


def _pieces(readings: ReadingBatch, edge: Edge, refused: Sequence[Refused]) -> Iterator[Batch]:
    """Yield a batch in messages of a bounded size; what the edge counted comes with the first."""
    held: list[Refused] = []
    size = 0
    for r in refused:
        own = _size(r)
        if held and size + own > REFUSED_BYTES:
            yield Batch(_EMPTY, edge, tuple(held))
            edge, held, size = NO_EDGE, [], 0
        held.append(r)
        size += own
    for start in range(0, max(1, len(readings)), ROWS):
        rows = readings if len(readings) <= ROWS else readings.rows(slice(start, start + ROWS))
        yield Batch(rows, edge, tuple(held))
        edge, held = NO_EDGE, []


def _size(refused: Refused) -> int:
    """Return about how many bytes a refused message takes: its letters cost up to four, its numbers some."""
    return len(refused.payload) + 4 * (len(refused.topic) + len(refused.device_key) + len(refused.detail)) + _NUMBERS


def _messages(device: NDArray[np.int32], ts: NDArray[np.int64]) -> int:
    """Count messages: the values of a device at one time came in one."""
    if not len(device):
        return 0
    return int(np.count_nonzero((np.diff(device) != 0) | (np.diff(ts) != 0))) + 1


def _groups(devices: Sequence[DeviceRow], points: Mapping[int, Sequence[int]]) -> Iterator[list[DeviceRow]]:
    """Yield devices in groups of a bounded number of rows."""
    rest = iter(devices)
    while group := list(islice(rest, 1)):
        rows = 1 + len(points.get(group[0].device, ()))
        for d in rest:
            group.append(d)
            rows += 1 + len(points.get(d.device, ()))
            if rows >= _THINGS:
                break
        yield group


def _at(homes: NDArray[np.int16], number: int) -> int:
    return int(homes[number]) if 0 <= number < len(homes) else _NONE
