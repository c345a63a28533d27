"""What the values of one batch tell, while it is gone through row by row.

Values are judged for a whole batch at once, and what they amount to is decided row by row. Where that lets a point
begin anew (another row resets it, or its sign is of before a reset), its later rows of the batch are judged again, each
when it is its turn. So a batch tells what its rows would tell one by one: what is of before a reset hides nothing that
comes behind it.
"""

import numpy as np

from park.readings import Bool, Int32, ReadingBatch
from stream.detectors.signs import Kept, Sign, Signs

Told = tuple[Sign, float, float]  # a sign, its limit, the limit of its weak sign


class Looked:
    """Signs by row of a batch."""

    def __init__(self, signs: Signs, live: ReadingBatch, analogue: Bool, *, resets: bool) -> None:
        """Judge the `analogue` rows of a batch; whether other rows of it may be `resets`."""
        self._signs, self._live, self._analogue = signs, live, analogue
        self._points: Int32 = np.unique(live.point[analogue])
        single = not resets and len(self._points) == np.count_nonzero(analogue)  # nothing can begin anew, nearly always
        self._kept: Kept = {} if single else signs.kept(self._points)  # before the batch
        self._walked: set[int] = set()  # points that began anew: their rows are judged one by one from there on
        self._unseen: set[int] = set()  # rows of theirs
        self._told = _told(signs, live, analogue)

    @property
    def rows(self) -> list[int]:
        """The rows that tell something."""
        return list(self._told)

    def at(self, row: int) -> Told | None:
        """Return what a row tells."""
        if row not in self._unseen:
            return self._told.get(row)
        return _told(self._signs, self._live.rows(np.array([row])), np.ones(1, np.bool_)).get(0)

    def anew(self, points: set[int], row: int) -> list[int]:
        """Let points begin anew behind a row at which they were forgotten; return their rows that are to be judged."""
        behind = self._analogue & np.isin(self._live.point, list(points - self._walked))
        behind[: row + 1] = False
        later: list[int] = np.flatnonzero(behind).tolist()
        if not later:
            return []
        again = np.flatnonzero(np.isin(self._points, self._live.point[behind]))
        some = self._points[again]
        self._signs.put(some, {name: column[again] for name, column in self._kept.items()})
        before = self._analogue & np.isin(self._live.point, some)
        before[row + 1 :] = False
        self._signs.look(self._live, before)  # for what these rows teach: what they tell was told
        self._signs.forget(some.tolist())
        self._walked.update(some.tolist())
        self._unseen.update(later)
        return later


def _told(signs: Signs, live: ReadingBatch, analogue: Bool) -> dict[int, Told]:
    """Return what rows of a batch tell, by row."""
    found = signs.look(live, analogue)
    columns = (found.rows.tolist(), found.sign.tolist(), found.limit.tolist(), found.weak_limit.tolist())
    return {row: (Sign(sign), limit, weak) for row, sign, limit, weak in zip(*columns, strict=True)}
