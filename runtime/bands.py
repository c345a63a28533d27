"""What was usual, from the lanes to the store: a bounded queue between two threads.

```
 LaneWorker(bulk) ─ put ─> BandQueue ─ write ─> Projector's thread ─> BandStore
```
A lane never waits for it. What the store does not take now is kept and given again; where too much waits the
oldest hours are let go and counted: a chart without a band is no reason to hold up anything.
"""

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from park.episodes import BandStore
from park.events import Bands

COLUMNS: Mapping[str, type] = MappingProxyType({
    "point": np.int32, "start": np.int64, "expected": np.float64, "low": np.float64, "high": np.float64,
    "score": np.float64, "learning": np.bool_,
})  # fmt: skip
MOST = 2_000_000  # rows that wait, 100 MB: ten hours of a city


def packed(bands: Bands) -> tuple[int, list[bytes]]:
    """Return bands for a line between processes of one machine: (width, bytes of the columns)."""
    return bands.width, [getattr(bands, name).astype(kind, copy=False).tobytes() for name, kind in COLUMNS.items()]


def unpacked(width: int, columns: Sequence[bytes]) -> Bands:
    """Return the bands of `packed`."""
    made: dict[str, Any] = {
        name: np.frombuffer(c, kind) for (name, kind), c in zip(COLUMNS.items(), columns, strict=True)
    }
    return Bands(width=width, **made)


class BandQueue:
    """Bands that wait for the store."""

    def __init__(self, store: BandStore, most: int = MOST) -> None:
        self._store, self._most = store, most
        self._lock = threading.Lock()  # held for microseconds, never while the store works
        self._waiting: deque[Bands] = deque()
        self._rows = 0
        self.dropped = 0  # rows let go

    @property
    def waiting(self) -> int:
        """Rows that wait."""
        return self._rows

    def put(self, bands: Bands) -> None:
        """Take bands; never waits, never refuses."""
        with self._lock:
            self._waiting.append(bands)
            self._rows += len(bands.point)
            while self._rows > self._most:
                gone = len(self._waiting.popleft().point)
                self._rows -= gone
                self.dropped += gone

    def write(self) -> None:
        """Give the store what waits; what it refuses stays. Raises Full, Unavailable. One thread calls it."""
        while self._waiting:
            with self._lock:
                bands = self._waiting.popleft()
                self._rows -= len(bands.point)
            try:
                self._store.write_bands(bands)
            except BaseException:
                with self._lock:
                    self._waiting.appendleft(bands)
                    self._rows += len(bands.point)
                raise
