"""What a simulated park is made from: a seed, a beginning and a size; the same give the same bytes."""

from dataclasses import dataclass

MINUTE = 60_000
QUARTER = 15 * MINUTE
HOUR = 60 * MINUTE
DAY = 24 * HOUR
PARK_OFFSET = 8 * HOUR  # China keeps one time and no summer time since 1991


def midnight(ts: int) -> int:
    """Return the beginning (epoch ms) of the park day that holds a moment."""
    return (ts + PARK_OFFSET) // DAY * DAY - PARK_OFFSET


@dataclass(frozen=True, slots=True)
class Scenario:
    """The whole cause of a simulated park. Keep `start` across restarts: registers count from it."""

    start: int  # epoch ms; taken back to the park's midnight
    seed: int = 1
    enterprises: int = 45  # Shaoxing: 2,708 enterprises in 60 built parks (S3)
    park: str = "liuxi"  # code, in topics and keys
    name: str = "柳溪小微企业园"
    faults: float = 1.0  # faults a month, times the table's; 0: a park in which nothing ever breaks
    fires: bool = True

    @property
    def origin(self) -> int:
        """The park midnight at or before `start`."""
        return midnight(self.start)


def scenario_before(now: int, days: int, *, seed: int = 1, enterprises: int = 45, park: str = "liuxi") -> Scenario:
    """Return a scenario whose history of some days ends now."""
    return Scenario(midnight(now - days * DAY), seed, enterprises, park)
