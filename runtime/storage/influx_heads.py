"""What the lines of points begin with, as Arrow's text: asked for once, and taken a chunk at a time."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from park.readings import Int32


class Heads:
    """The heads of lines ("measurement,tag=value,...") by point; a city's are 20 MB so, and 80 MB as objects."""

    def __init__(self, head_of: Callable[[int], str], learned: Callable[[], None] = lambda: None) -> None:
        """`head_of` is asked once of each point, and may raise MachineryError; `learned` is called behind several."""
        self._head_of, self._learned = head_of, learned
        self._points: Int32 = np.zeros(0, np.int32)  # rising
        self._places = np.zeros(0, np.intp)  # in `_texts`, by place in `_points`
        self._texts: Any = pa.array([], pa.string())  # in the order in which they were asked for

    def of(self, points: Int32) -> Any:
        """Return the heads of points, one a row, as an array of Arrow."""
        at = np.searchsorted(self._points, points)
        known = at < len(self._points)
        known[known] = self._points[at[known]] == points[known]
        if not known.all():
            self._learn(np.unique(points[~known]))
            at = np.searchsorted(self._points, points)
        return self._texts.take(pa.array(self._places[at]))

    def _learn(self, points: Int32) -> None:
        texts = pa.array([self._head_of(point) for point in points.tolist()], pa.string())
        places = np.append(self._places, np.arange(len(self._places), len(self._places) + len(points)))
        both = np.append(self._points, points)
        order = np.argsort(both)
        self._texts = pa.concat_arrays([self._texts, texts])
        self._points, self._places = both[order], places[order]
        self._learned()
