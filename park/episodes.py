"""Episodes of unusual values, what people say of them, and what was usual: the words and ports of findings."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from park.events import Bands, Finding
from park.metrics import METRICS, Kind

MINUTE, HOUR = 60_000, 3_600_000
# How rare a value must be to be told of: a quantity that rules may hold values to, in days of the point's values.
RARITY = "rarity"
BAR = "unusual"  # the rule that says how rare


def pace(metric: str, interval: int) -> int:
    """Return the ms between two values of a point that are judged; amounts are judged by the hour."""
    return HOUR if METRICS[metric].kind in {Kind.INTERVAL, Kind.COUNT} else max(interval, MINUTE)


class Verdict(StrEnum):
    """What a person says of an episode."""

    TRUE = "true"  # it was worth telling
    FALSE = "false"  # it was not


@dataclass(frozen=True, slots=True)
class Mark:
    """What a person said of an episode; a later one stands in the place of those before, which stay in the books."""

    id: int
    episode: str
    point: int
    park: int
    verdict: Verdict
    note: str
    at: int  # epoch ms
    actor: str


@dataclass(frozen=True, slots=True)
class Episode:
    """Findings of one cause: the one that told of it, the one that says it is over, and the mark that holds."""

    began: Finding
    over: Finding | None = None
    mark: Mark | None = None

    @property
    def id(self) -> str:
        """The same in every finding of it."""
        return self.began.episode

    @property
    def newest(self) -> Finding:
        """What is known of it by now: its worst value is in the finding that ends it."""
        return self.over or self.began

    @property
    def until(self) -> int:
        """Its last unusual value, epoch ms; 0: it is under way."""
        return self.newest.until


class EpisodeStore(Protocol):
    """Episodes and marks; nothing is deleted but with the findings themselves."""

    def episodes(
        self, *, park: int = 0, point: int = 0, start: int = 0, end: int = 1 << 62, anomaly: str = "",
        standing: bool | None = None, marked: bool | None = None, before: str = "", limit: int = 100,
    ) -> list[Episode]:  # fmt: skip
        """Return episodes told in start <= ts < end, newest first, keyset by the id of the finding that told of each.

        Raises UserError for a `before` that is no id.
        """

    def episode(self, key: str) -> Episode:
        """Return one. Raises NotFound."""

    def among(self, keys: Sequence[str]) -> list[Episode]:
        """Return those of some ids that are known, in the order of the ids."""

    def mark(self, episode: Episode, verdict: Verdict, *, note: str, actor: str, now: int) -> Mark:
        """Keep what a person says of an episode; return it with its number."""

    def marks(self, key: str) -> list[Mark]:
        """Return all that was said of an episode, newest first."""


class BandStore(Protocol):
    """What was usual of points, by windows. Writing again what is there changes nothing."""

    def write_bands(self, bands: Bands) -> None:
        """Take windows: they can be asked for from now on, and last after the next flush. Raises Full, Unavailable."""

    def bands(self, point: int, start: int, end: int) -> Bands:
        """Return the windows of a point with start <= their start < end, rising."""
