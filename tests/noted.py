"""Positions of a store, written down in memory."""


class Noted:
    """What `InfluxStore` asks of positions."""

    def __init__(self) -> None:
        self._of: dict[str, int] = {}

    def read(self, stream: str) -> int:
        """Return the position, 0 before the first."""
        return self._of.get(stream, 0)

    def write(self, stream: str, position: int) -> None:
        """Keep it."""
        self._of[stream] = position
