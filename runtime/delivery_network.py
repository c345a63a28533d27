"""HTTP to receivers that people name: bounded in time and size, and never to where it must not lead.

What an API key may name must not reach what only this machine reaches (OWASP: server-side request forgery).
The check is of the very address that is connected to, so that a name which changes its mind gains nothing.
"""

import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterable

import httpcore
import httpx

from park.delivery import Post, Reply
from park.errors import UserError
from park.settings import DeliverySettings

TIMEOUT = 10.0  # s for the whole of an attempt: GB/T 45839-2025, 5.10.4 leaves 15 s
_REPLY_MOST = 64 << 10  # bytes of a reply that are read
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Barred(UserError):
    """An address that this platform does not speak to."""


def allowed(address: str, settings: DeliverySettings, *, trusted: bool) -> bool:
    """Tell whether an IP address may be spoken to: public ones, others only where settings say so."""
    ip: _Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is not None:
            ip = inner
        elif ip in _NAT64:  # an IPv4 address behind a translator
            ip = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    if ip.is_multicast or ip.is_unspecified:
        return False
    if trusted:
        return True
    if ip.is_loopback:
        return settings.loopback
    if ip.is_link_local:
        return False  # where clouds keep their metadata
    return ip.is_global or (settings.private_networks and ip.is_private and not ip.is_reserved)


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class _Guarded(httpcore.NetworkBackend):
    """Connects to addresses that may be spoken to, and to no other."""

    def __init__(self, allow: Callable[[str], bool]) -> None:
        self._allow = allow
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of a host that takes us."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as why:
            raise httpcore.ConnectError("the host's name is not known") from why
        addresses = dict.fromkeys(str(entry[4][0]) for entry in found)
        if not all(self._allow(address) for address in addresses):
            raise Barred("the target's address is one that this platform does not speak to")
        failed: Exception | None = None
        for address in addresses:
            try:
                return self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError as why:
                failed = why
        raise failed or httpcore.ConnectError("the host has no address")

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> httpcore.NetworkStream:
        """Connect to none."""
        del path, timeout, socket_options
        raise Barred("no target is a local socket")

    def sleep(self, seconds: float) -> None:
        """Wait; the pool asks for it between attempts of its own, of which there are none."""
        self._inner.sleep(seconds)


class Network:
    """Sends HTTP requests. Thread-safe; connections are kept, so that a fire need not shake hands first."""

    def __init__(self, settings: DeliverySettings, elapsed: Callable[[], float]) -> None:
        self._elapsed = elapsed
        self._clients = {trusted: _client(settings, trusted=trusted) for trusted in (False, True)}

    def send(self, post: Post, *, trusted: bool, timeout: float = TIMEOUT) -> Reply:
        """Send a request; return the reply. Raises Barred, OSError whose words hold no secret."""
        until = self._elapsed() + timeout
        client = self._clients[trusted]
        each = httpx.Timeout(timeout, connect=min(timeout, 5.0))
        try:
            with client.stream(
                post.method, post.url, headers=dict(post.headers), content=post.body, timeout=each
            ) as answer:
                body = b""
                for part in answer.iter_raw():
                    body += part
                    if len(body) >= _REPLY_MOST:
                        break
                    if self._elapsed() > until:
                        raise TimeoutError("the receiver takes too long to answer")
                return Reply(answer.status_code, body[:_REPLY_MOST], answer.headers.get("retry-after", ""))
        except httpx.TimeoutException as why:
            raise TimeoutError("the receiver takes too long to answer") from why
        except httpx.ConnectError as why:
            raise ConnectionError(f"no connection to the receiver ({_short(why)})") from None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as why:
            # httpx puts addresses, and so keys, into its words: the kind of the fault must do.
            raise ConnectionError(f"the receiver breaks off ({type(why).__name__})") from None

    def close(self) -> None:
        """Let go of all connections."""
        for client in self._clients.values():
            client.close()


def _client(settings: DeliverySettings, *, trusted: bool) -> httpx.Client:
    transport = httpx.HTTPTransport(trust_env=False)
    # httpx has no way to give its pool a backend; its own pool takes one.
    transport._pool.close()
    transport._pool = httpcore.ConnectionPool(
        ssl_context=ssl.create_default_context(),
        max_connections=200,
        max_keepalive_connections=50,
        keepalive_expiry=30.0,
        network_backend=_Guarded(lambda address: allowed(address, settings, trusted=trusted)),
    )
    headers = {"User-Agent": "park-platform", "Accept": "application/json, */*;q=0.1", "Accept-Encoding": "identity"}
    return httpx.Client(transport=transport, trust_env=False, follow_redirects=False, headers=headers)


def _short(why: Exception) -> str:
    """Return a system's words for a fault, without addresses."""
    text = str(why)
    return next((said for said in ("refused", "unreachable", "not known", "certificate", "reset") if said in text), "")
