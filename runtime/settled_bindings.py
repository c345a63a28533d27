"""What the registry says, for those who put messages into a city's logs beside the ingesters: once the logs know it.

A stage learns of a new point from its log, where an ingester writes it within some seconds of the change. Readings
of it that came before would be nobody's; so whoever decodes beside the ingesters learns of it a little later.
"""

from collections import deque
from collections.abc import Callable

from ingest.resolver import Resolver
from runtime.roster import bind
from runtime.storage.sql.configuration import Bound
from runtime.storage.sql.registry import SqlRegistry

SETTLE = 12.0  # s: two looks of an ingester at the registry (runtime.city_ingest), and a while for Kafka


class SettledBindings:
    """Teaches a resolver. It belongs to one thread."""

    def __init__(
        self, registry: SqlRegistry, resolver: Resolver, elapsed: Callable[[], float], settle: float = SETTLE
    ) -> None:
        """Teach it at once what is registered by now. Raises MachineryError."""
        self._registry = registry
        self._resolver = resolver
        self._elapsed = elapsed
        self._settle = settle
        self._seen = registry.version
        self._waiting: deque[tuple[float, list[Bound]]] = deque()
        bind(resolver, registry.bindings_since(0))

    def look(self) -> None:
        """See what has changed, and teach what has been known for long enough. Raises MachineryError."""
        version = self._registry.version
        if version != self._seen:
            self._waiting.append((self._elapsed(), self._registry.bindings_since(self._seen)))
            self._seen = version
        while self._waiting and self._elapsed() - self._waiting[0][0] >= self._settle:
            bind(self._resolver, self._waiting.popleft()[1])
