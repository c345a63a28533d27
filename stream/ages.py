"""How old a device's readings are when they come, against what is usual of it: clocks that are a little slow.

```
 each hour: least and greatest age ──> the same to a minute, and two minutes above its usual? ──> two such hours: slow
                                                      └─ half of its gateway's others, too? ──> another way, no clock
```
A gateway that gathers makes readings as old as a slow clock does; but it does so to all behind it, and from the first
day on, or it makes some older than others. The usual age is the one that most of the last week's hours had (Boyer and
Moore's majority vote): one hour decides nothing, and a way that changes for good is usual after as long.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from park.directory import Directory, grown
from park.operator import State
from park.readings import Bool, Int64, Rows

HOUR = 3_600_000
_MOST = 168  # hours whose votes count: a week
_NONE = np.iinfo(np.int64).max
_COLUMNS = {
    "least": np.int64,  # age in the hour at hand, ms; _NONE: not heard
    "greatest": np.int64,  # less than `least`: not heard
    "usual": np.int64,  # age, ms
    "votes": np.int16,  # hours that speak for it
    "hours": np.int8,  # in a row that it was slow
    "slow": np.bool_,
}


@dataclass(frozen=True, slots=True)
class AgeRule:
    """When an age is another than usual. Own figures, as those of `stream.clocks`: no standard names any."""

    steady: int = 60_000  # ms between the least and the greatest age of an hour that has one age
    slow: int = 120_000  # ms above the usual: both may be off by `steady`
    known: int = 24  # hours that must speak for what is usual
    hold: int = 2  # hours in a row before a device is slow


class Ages:
    """Ages of devices' readings, rows by device."""

    def __init__(self, directory: Directory, rule: AgeRule) -> None:
        self._directory, self._rule = directory, rule
        self._c: dict[str, npt.NDArray[Any]] = {name: np.zeros(0, kind) for name, kind in _COLUMNS.items()}
        self._hour = 0  # of log time, epoch ms // HOUR; 0: no tick yet

    @property
    def slow(self) -> Bool:
        """Return which devices are slow."""
        return self._c["slow"]

    def grow(self, devices: int) -> None:
        """Make room for devices."""
        for name, column in self._c.items():
            self._c[name] = grown(column, devices, {"least": _NONE, "greatest": -_NONE}.get(name, 0))

    def take(self, device: Rows, age: Int64) -> None:
        """Take ages (ms) of readings that came just now."""
        np.minimum.at(self._c["least"], device, age)
        np.maximum.at(self._c["greatest"], device, age)

    def over(self, now: int, wrong: Bool) -> tuple[list[int], list[int]]:
        """Return the devices that have become slow, and those that are right again, when an hour is over.

        Of devices whose clock is known to be `wrong` nothing is learned.
        """
        hour, before = now // HOUR, self._hour
        if hour == before:
            return [], []
        self._hour = hour
        c, rule = self._c, self._rule
        heard = np.flatnonzero(c["greatest"] >= c["least"])
        least = c["least"][heard]
        steady = c["greatest"][heard] - least <= rule.steady
        c["least"][heard], c["greatest"][heard] = _NONE, -_NONE
        above = least - c["usual"][heard]
        was_slow = c["slow"][heard]
        known = c["votes"][heard] >= rule.known
        older = known & (above > rule.slow)
        shared = self._shared(heard, known, older & ~was_slow)
        odd = older & steady & ~shared
        c["hours"][heard] = np.where(odd, np.minimum(c["hours"][heard] + 1, rule.hold), 0)
        c["usual"][heard[shared]] = least[shared]
        self._vote(heard, least, steady & ~odd & ~shared & ~was_slow & ~wrong[heard])
        begins = odd & ~was_slow & (c["hours"][heard] >= rule.hold)
        ends = was_slow & (above <= rule.steady)
        c["slow"][heard[begins]], c["slow"][heard[ends]] = True, False
        return heard[begins].tolist(), heard[ends].tolist()

    def _shared(self, heard: Rows, known: Bool, older: Bool) -> Bool:
        """Return which older ages at least half of the others behind the same gateway share."""
        if not older.any():
            return older
        gateway = np.array(list(self._gateways(heard.tolist())), np.int64)
        _, group = np.unique(gateway, return_inverse=True)
        others = np.bincount(group, weights=known)[group] - known
        alike = np.bincount(group, weights=older)[group] - older
        shared: Bool = older & (others > 0) & (2 * alike >= others)
        return shared

    def _gateways(self, devices: list[int]) -> Iterable[int]:
        for device in devices:
            row = self._directory.devices.get(device)
            yield row.gateway if row else 0

    def _vote(self, heard: Rows, least: Int64, votes: Bool) -> None:
        """Let the hour's age count for what is usual, or against it."""
        c = self._c
        device, age = heard[votes], least[votes]
        near = (np.abs(age - c["usual"][device]) <= self._rule.steady) & (c["votes"][device] > 0)
        left = np.where(near, np.minimum(c["votes"][device] + 1, _MOST), c["votes"][device] - 1)
        new = left <= 0
        c["usual"][device] = np.where(new, age, c["usual"][device])
        c["votes"][device] = np.where(new, 1, left)

    def snapshot(self) -> State:
        """Return copies of all state."""
        n = self._directory.device_size
        columns = {f"age_{name}": column[:n].copy() for name, column in self._c.items()}
        return {**columns, "age_hour": np.array(self._hour)}

    def restore(self, state: State) -> None:
        """Take the state of an earlier `snapshot`; of a program without ages nothing, and learn anew."""
        if "age_hour" not in state:
            return
        self._hour = int(state["age_hour"])
        for name in self._c:
            self._c[name] = state[f"age_{name}"].copy()
