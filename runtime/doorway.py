"""How many connections stand in the doorway: a bound for all, one for each address, and no patience with silence.

Behind it every call is looked at by keys and limits of its own; here it is only about room, so that nobody who
opens sockets and says nothing keeps a live page out. The machine's own address counts for all, not for itself:
there a proxy may speak for everyone.
"""

import asyncio
import ipaddress
from collections import Counter

from uvicorn.protocols.http.h11_impl import H11Protocol

from park.settings import ApiSettings


class Doorway(H11Protocol):
    """uvicorn's connection, with a place in the doorway."""

    most = 1_000  # connections at once
    each = 200  # of one address
    patience = 15.0  # s until the first request must be whole
    own = tuple(ipaddress.ip_network(n) for n in ("127.0.0.0/8", "::1/128"))  # addresses that have no bound

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a place, of an idle connection of the greediest address if need be, or close."""
        super().connection_made(transport)
        here = Counter(_address(c) for c in self.connections)
        mine = _address(self)
        if here[mine] > self.each and not self._is_own(mine):
            transport.abort()
            return
        if len(self.connections) > self.most:
            greediest = here.most_common(1)[0][0]
            idle = [c for c in self.connections if c is not self and _address(c) == greediest and not _busy(c)]
            (idle[0].transport if idle else transport).abort()
            if not idle:
                return
        self.loop.call_later(self.patience, self._lose_patience)

    def _is_own(self, address: str) -> bool:
        try:
            return any(ipaddress.ip_address(address) in network for network in self.own)
        except ValueError:  # a socket without an address
            return True

    def _lose_patience(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.abort()


def doorway(settings: ApiSettings) -> type[Doorway]:
    """Return the connection class that holds some settings."""

    class Bounded(Doorway):
        most = settings.connections
        each = settings.connections_each

    return Bounded


def _address(connection: object) -> str:
    client = getattr(connection, "client", None)
    return client[0] if client else ""


def _busy(connection: object) -> bool:
    """Tell whether a connection has a request under way."""
    cycle = getattr(connection, "cycle", None)
    return cycle is not None and not cycle.response_complete
