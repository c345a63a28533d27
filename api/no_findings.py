"""What stands for the stores of bands and episodes where an instance has none."""

from collections.abc import Sequence

import numpy as np

from park.episodes import Episode, Mark, Verdict
from park.errors import NotFound, Unavailable
from park.events import Bands

_HOUR = 3_600_000  # ms


class NoBands:
    """park.episodes.BandStore of an instance that learns nothing."""

    def write_bands(self, bands: Bands) -> None:
        """Refuse. Raises Unavailable."""
        raise Unavailable(f"no bands are kept here: {len(bands.point)} rows")

    def bands(self, point: int, start: int, end: int) -> Bands:  # noqa: ARG002
        """Return none."""
        whole, real = np.zeros(0, np.int64), np.zeros(0)
        return Bands(whole.astype(np.int32), whole, _HOUR, real, real, real, real, whole.astype(np.bool_))


class NoEpisodes:
    """park.episodes.EpisodeStore without an episode."""

    def episodes(self, **_: object) -> list[Episode]:
        """Return none."""
        return []

    def episode(self, key: str) -> Episode:
        """Refuse. Raises NotFound."""
        raise NotFound(f"there is no episode {key[:80]!r}")

    def among(self, keys: Sequence[str]) -> list[Episode]:  # noqa: ARG002
        """Return none."""
        return []

    def mark(self, episode: Episode, verdict: Verdict, *, note: str, actor: str, now: int) -> Mark:
        """Refuse. Raises Unavailable."""
        raise Unavailable(f"no marks are kept here: {verdict} of {episode.id} by {actor} at {now} {note}".strip())

    def marks(self, key: str) -> list[Mark]:  # noqa: ARG002
        """Return none."""
        return []
