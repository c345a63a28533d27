"""The words of figures: what is counted, beside what it is held to. Times are epoch ms."""

from dataclasses import dataclass, field
from enum import StrEnum


class Standing(StrEnum):
    """How a figure stands to its benchmark."""

    MET = "met"
    OVER_TARGET = "over_target"  # within the limit
    OVER_LIMIT = "over_limit"
    UNKNOWN = "unknown"  # too little is known
    NONE = "none"  # there is no benchmark


@dataclass(frozen=True, slots=True)
class Indicator:
    """A figure beside its benchmark."""

    key: str
    zh: str
    en: str
    value: float | None
    unit: str
    target: float | None = None  # at most (at least where `least`)
    limit: float | None = None
    least: bool = False
    source: str = ""
    of: int = 0  # how many things it is counted from
    note: str = ""

    @property
    def standing(self) -> Standing:
        """How it stands to its benchmark."""
        if self.target is None and self.limit is None:
            return Standing.NONE
        if self.value is None:
            return Standing.UNKNOWN
        sign = -1.0 if self.least else 1.0

        def over(bound: float | None) -> bool:
            return bound is not None and sign * (self.value or 0.0) > sign * bound

        if over(self.limit if self.limit is not None else self.target):
            return Standing.OVER_LIMIT
        return Standing.OVER_TARGET if over(self.target) else Standing.MET


@dataclass(frozen=True, slots=True)
class Flood:
    """A time in which more alarms came than anybody can read."""

    start: int
    end: int
    alarms: int
    peak: int  # most in one slot


@dataclass(frozen=True, slots=True)
class Source:
    """What alarms came from, and how many."""

    source: str
    alarms: int
    share: float


@dataclass(frozen=True, slots=True)
class RulePrecision:
    """What became of a rule's alarms, as people marked them."""

    rule: str
    alarms: int
    real: int
    false: int
    undecided: int

    @property
    def precision(self) -> float | None:
        """Share of the marked that were real; None: none is marked."""
        marked = self.real + self.false
        return self.real / marked if marked else None


@dataclass(frozen=True, slots=True)
class Kpi:
    """All figures of a period."""

    start: int
    end: int
    indicators: tuple[Indicator, ...]
    floods: tuple[Flood, ...]
    chattering: tuple[Source, ...]
    top: tuple[Source, ...]
    mix: dict[str, int]
    rules: tuple[RulePrecision, ...]
    repeated: dict[int, int] = field(default_factory=dict)  # detector -> false alarms, three or more a year
    alarms: int = 0
    held_back: int = 0
    positions: int = 1
    detectors: int = 0
