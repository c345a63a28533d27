"""Which ingester of several hears what, so that everything is heard, and once.

| what | who takes it |
| --- | --- |
| a native topic, life safety | all subscribe to all of them; who has the park's partition takes it, registered or not |
| a native topic, bulk | who has the park's partition subscribes to it |
| a topic of a foreign dialect | all subscribe; a registered device is taken by who has its park, any other by its key |

The share of a park follows from its code alone, so that no two ingesters need to agree on anything. Only a device of
a foreign dialect changes hands, when it is registered: who had it goes on taking it for a while, and who has not
heard of the registry for a while takes whatever it does not know. Heard twice is one alarm, heard never is none.
"""

from collections.abc import Callable, Iterable
from math import inf
from zlib import crc32

from ingest.dialects import dialect_of, subscriptions
from ingest.resolver import Resolver
from park.metrics import Lane
from runtime.city_homes import CityHomes

_HANDING_OVER = 60.0  # s that a device is heard twice when it changes hands: many looks of each at the registry
_NATIVE = "native"
_ALL_OF_BULK = "parks/+/bulk/#"


def partitions_of(which: int, many: int, partitions: int) -> tuple[int, ...]:
    """Return the partitions of one ingester of several."""
    return tuple(p for p in range(partitions) if p % many == which)


def filters_of(lane: Lane, many: int, codes: Iterable[str], life_topics: Iterable[str]) -> tuple[str, ...]:
    """Return what an ingester of several subscribes to; `codes` are those of its parks."""
    filters = subscriptions(lane, life_topics)
    if lane is Lane.LIFE or many == 1:
        return filters
    return (*(f for f in filters if f != _ALL_OF_BULK), *map(park_filter, sorted(codes)))


def park_filter(code: str) -> str:
    """Return the topic filter of a park's bulk messages."""
    return f"parks/{code}/bulk/#"


class Sharing:
    """What one lane of one ingester leaves to the others. It belongs to the lane's thread."""

    def __init__(
        self,
        which: int,
        many: int,
        homes: CityHomes,
        resolver: Resolver,
        elapsed: Callable[[], float],
        fresh: Callable[[], bool],
        *,
        careful: bool,
    ) -> None:
        """Take a clock that nobody sets, and whether the registry was read lately.

        A `careful` one (life safety) takes what may just have changed hands also at its own start.
        """
        self._which = which
        self._many = many
        self._homes = homes
        self._resolver = resolver
        self._elapsed = elapsed
        self._fresh = fresh
        self._careful = careful
        self._began = elapsed()
        self._theirs: dict[str, float] = {}  # devices that were ours by their key, until when we take them yet

    def leaves(self, topic: str) -> bool:
        """Tell whether another ingester takes what is said on a topic, for certain."""
        if self._many == 1:
            return False
        found = dialect_of(topic)
        if found is not None and found[0].name == _NATIVE and not self._careful:
            return False  # it comes of a subscription of ours, or of one that we had: nobody else may have it
        if found is None or found[0].name == _NATIVE:
            home = self._homes.home_of_topic(topic)
            return home >= 0 and home % self._many != self._which
        return self._leaves_device(found[1])

    def _leaves_device(self, key: str) -> bool:
        known = self._resolver.known(key)
        home = self._homes.home_of_device(known.device) if known is not None else -1
        if home < 0:
            return self._fresh() and crc32(key.encode()) % self._many != self._which
        if home % self._many == self._which:
            self._theirs.pop(key, None)
            return False
        if crc32(key.encode()) % self._many != self._which:
            return True  # never ours
        now = self._elapsed()
        handed = self._careful or now - self._began > _HANDING_OVER
        return now > self._theirs.setdefault(key, now + _HANDING_OVER if handed else -inf)
