"""What every role shows of itself: its health and its figures, on a port of its own.

`GET /health` answers 200, or 503 while the role does not do its work; `GET /metrics` is for Prometheus. Nothing else
is served, nothing is taken in, and no key is needed: it listens on loopback unless it is told otherwise. Who opens
connections and says nothing keeps nobody out: the oldest of those who have not asked yet is cut off for the next.
"""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from api.exposition import MEDIA_TYPE, exposition
from api.services import Component, Figure
from park.errors import MachineryError, SettingsError
from runtime import clock

_PATIENCE = 5.0  # s that somebody may take to ask, and to take the answer
_TURN = 0.1  # s between looks at who takes too long
_MOST = 32  # connections at once: a thread each

Components = Callable[[], Sequence[Component]]
Figures = Callable[[], Sequence[Figure]]


class RoleDoor:
    """A small HTTP server in threads of its own."""

    def __init__(
        self, port: int, name: str, components: Components, figures: Figures, *, host: str = "127.0.0.1",
        patience: float = _PATIENCE,
    ) -> None:  # fmt: skip
        """Take the port; 0: any that is free. Raises SettingsError where it is taken."""
        try:
            self._server = _Server((host, port), _asked(name, components, figures, patience), patience)
        except OSError as why:
            raise SettingsError(f"{name}: cannot listen on {host}:{port} ({why.strerror})") from why
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_TURN,), name=f"{name}-door")

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer nobody any more; twice is as good as once."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 16

    def __init__(self, address: tuple[str, int], asked: type[BaseHTTPRequestHandler], patience: float) -> None:
        self._patience = patience
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._silent: dict[socket.socket, float] = {}  # not heard to the end yet; until when, s, elapsed
        super().__init__(address, asked)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Give a connection a thread, the place of the oldest silent one if need be, or close it."""
        with self._lock:
            if len(self._open) >= _MOST and self._silent:
                self._cut(next(iter(self._silent)))
            full = len(self._open) >= _MOST
            if not full:
                self._open.add(request)
                self._silent[request] = clock.elapsed() + self._patience
        if full:
            self.shutdown_request(request)
        else:
            super().process_request(request, client_address)

    def heard(self, request: socket.socket) -> None:
        """Take note that a request is whole."""
        with self._lock:
            self._silent.pop(request, None)

    def service_actions(self) -> None:
        """Cut off who takes too long, however he spreads what he says."""
        now = clock.elapsed()
        with self._lock:
            for request in [r for r, until in self._silent.items() if until < now]:
                self._cut(request)

    def _cut(self, request: socket.socket) -> None:
        """End a connection; its thread reads the end of it, and closes it."""
        self._silent.pop(request, None)
        self._open.discard(request)
        with contextlib.suppress(OSError):  # it has gone by itself
            request.shutdown(socket.SHUT_RDWR)

    def close_request(self, request: Any) -> None:
        """Close a connection and let go of its place."""
        with self._lock:
            self._silent.pop(request, None)
            self._open.discard(request)
        super().close_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: who asked has gone."""


def health(name: str, parts: Sequence[Component]) -> tuple[int, dict[str, object]]:
    """Return the status and body of an answer about a role's health."""
    serving = all(part.serving for part in parts)
    missing = [part.name for part in parts if not part.ready]
    status = "starting" if not serving else "degraded" if missing else "ok"
    told = [{"name": part.name, "ready": part.ready, "detail": part.detail} for part in parts]
    return (200 if serving else 503), {"role": name, "status": status, "missing": missing, "components": told}


def _asked(name: str, components: Components, figures: Figures, patience: float) -> type[BaseHTTPRequestHandler]:
    class Asked(BaseHTTPRequestHandler):
        timeout = patience
        server_version, sys_version = "park", ""

        def do_GET(self) -> None:
            """Answer what is known; anything else is not here."""
            assert isinstance(self.server, _Server)  # noqa: S101 - nobody else makes one
            self.server.heard(self.connection)
            path = self.path.partition("?")[0]
            try:
                if path == "/health":
                    status, body = health(name, components())
                    self._say(status, "application/json", json.dumps(body).encode())
                elif path == "/metrics":
                    self._say(200, MEDIA_TYPE, exposition(figures()).encode())
                else:
                    self._say(404, "text/plain", b"/health and /metrics are here\n")
            except MachineryError as why:  # a database that is away, asked for a figure
                self._say(503, "text/plain", f"{why}\n".encode())

        def _say(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: looks come every few seconds."""

    return Asked
