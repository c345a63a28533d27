"""Positions of a store, written down in memory."""

from park.metrics import Lane


class Noted:
    """What `InfluxStore` asks of positions."""

    def __init__(self) -> None:
        self._of: dict[Lane, int] = {}

    def read(self, lane: Lane) -> int:
        """Return the position, 0 before the first."""
        return self._of.get(lane, 0)

    def write(self, lane: Lane, position: int) -> None:
        """Keep it."""
        self._of[lane] = position
