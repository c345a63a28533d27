"""State of enterprises in columns, a row each: made, grown, forgotten, and kept in snapshots."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from park.directory import grown
from park.operator import State
from park.readings import Rows

Fields = Mapping[str, tuple[Any, tuple[int, ...], float]]  # name -> (type, shape of a row, what it begins with)


class Columns:
    """Some columns of one length; who owns them changes `c` in place."""

    def __init__(self, name: str, fields: Fields) -> None:
        """`name` is theirs in snapshots."""
        self._name = name
        self._fields = fields
        self.c: dict[str, npt.NDArray[Any]] = {
            name: np.full((0, *shape), fill, kind) for name, (kind, shape, fill) in fields.items()
        }

    def grow(self, size: int) -> None:
        """Make room for enterprises."""
        for name, (_, _, fill) in self._fields.items():
            self.c[name] = grown(self.c[name], size, fill)

    def forget(self, rows: Rows | int) -> None:
        """Begin anew: other meters make it."""
        for name, (_, _, fill) in self._fields.items():
            self.c[name][rows] = fill

    def take(self, other: "Columns", rows: Rows) -> None:
        """Take rows as others have them."""
        for name, column in self.c.items():
            column[rows] = other.c[name][rows]

    def snapshot(self, size: int) -> State:
        """Return copies of the first rows."""
        return {f"{self._name}_{name}": column[:size].copy() for name, column in self.c.items()}

    def restore(self, state: State) -> None:
        """Take the rows of an earlier `snapshot`; what an earlier program kept otherwise is learned anew."""
        kept = {name: state.get(f"{self._name}_{name}") for name in self.c}
        for name, column in kept.items():
            if column is not None and all(other is not None for other in kept.values()):
                self.grow(len(column))
                self.c[name][: len(column)] = column
