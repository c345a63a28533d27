"""What the values of one batch tell, while it is gone through row by row.

Values are judged for a whole batch at once, and what they amount to is decided row by row; where that lets a point
begin anew (another row resets it, or its sign is of before a reset), its later rows of the batch are judged again. So
a batch tells what its rows would tell one by one: what is of before a reset hides nothing that comes behind it.
"""

import numpy as np

from park.readings import Bool, Int32, ReadingBatch
from stream.detectors.signs import Found, Kept, Sign, Signs


class Looked:
    """Signs by row of a batch."""

    def __init__(self, signs: Signs, live: ReadingBatch, analogue: Bool, *, resets: bool) -> None:
        """Judge the `analogue` rows of a batch; whether other rows of it may be `resets`."""
        self._signs, self._live, self._analogue = signs, live, analogue
        self._points: Int32 = np.unique(live.point[analogue])
        self._nth = np.searchsorted(self._points, live.point).clip(max=max(len(self._points) - 1, 0))
        # By point: the row from which its later rows are judged anew, and what was known of it before that row.
        self._from = np.zeros(len(self._points), np.intp)
        single = not resets and len(self._points) == np.count_nonzero(analogue)  # nothing can begin anew, nearly always
        self._kept: Kept = {} if single else signs.kept(self._points)
        self._told: dict[int, tuple[Sign, float, float]] = {}
        self._tell(signs.look(live, analogue))

    @property
    def rows(self) -> list[int]:
        """The rows that tell something."""
        return list(self._told)

    def at(self, row: int) -> tuple[Sign, float, float] | None:
        """Return what a row tells: a sign, its limit, the limit of its weak sign."""
        return self._told.get(row)

    def anew(self, points: set[int], row: int) -> list[int]:
        """Judge points that were forgotten at a row anew behind it; return the rows that tell something then."""
        later = self._analogue & np.isin(self._live.point, list(points))
        later[: row + 1] = False
        again = np.flatnonzero(np.isin(self._points, self._live.point[later]))
        if not len(again):
            return []
        for n in np.flatnonzero(later).tolist():
            self._told.pop(n, None)
        some = self._points[again]
        self._signs.put(some, {name: column[again] for name, column in self._kept.items()})
        # What lies between was told: it is gone through only for what it teaches.
        between = self._analogue & np.isin(self._live.point, some)
        between &= np.arange(len(between)) >= self._from[self._nth]
        between[row + 1 :] = False
        self._signs.look(self._live, between)
        self._signs.forget(some.tolist())
        for name, column in self._signs.kept(some).items():
            self._kept[name][again] = column
        self._from[again] = row + 1
        return self._tell(self._signs.look(self._live, later))

    def _tell(self, found: Found) -> list[int]:
        rows: list[int] = found.rows.tolist()
        told = zip(found.sign.tolist(), found.limit.tolist(), found.weak_limit.tolist(), strict=True)
        self._told |= {row: (Sign(sign), limit, weak) for row, (sign, limit, weak) in zip(rows, told, strict=True)}
        return rows
