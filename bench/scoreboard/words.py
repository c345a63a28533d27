"""One figure of the scoreboard, and where the data lie."""

import os
from dataclasses import dataclass
from pathlib import Path

DATA = Path(os.environ.get("PARK_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured number beside what it is held against."""

    key: str  # "nab.nested_standard": the set, then what is measured
    value: float
    noise: float  # a fall of more than this against the committed figure is a fault
    floor: str = ""  # what a naive method reaches, in words
    aim: str = ""  # "> 65"
    up: bool = True  # whether more is better
    note: str = ""  # origin of the threshold; what was picked with labels

    def worse_than(self, committed: float) -> bool:
        """Return whether this figure fell from the committed one by more than noise."""
        return (committed - self.value if self.up else self.value - committed) > self.noise
