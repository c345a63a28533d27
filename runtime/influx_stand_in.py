"""InfluxDB 2's write API over a real InfluxDB 1.x, for the demonstration of a city and for tests: not for production.

Lines are stored and every InfluxQL query runs for real. What is asked for is answered as InfluxDB 2 answers it: 204
stored; 400 malformed; 401 wrong token; 404 unknown bucket; 413 too large. A bucket is a database of its name.
"""

import contextlib
import gzip
import json
import re
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

_MOST = 50 << 20  # bytes of a write: the real one's default
_NAME = re.compile(r"[a-z0-9_.-]{1,64}")  # of our buckets
_ORGANISATION = "0123456789abcdef"


class StandIn:
    """A server in threads of its own."""

    def __init__(self, behind: str, token: str, port: int = 0) -> None:
        """Listen on loopback, before an InfluxDB 1.x at an address."""
        self.token = token
        self.http = httpx.Client(base_url=behind, timeout=60)
        self._known: set[str] = set()  # buckets that were there when we looked: nobody takes one away
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _asked(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="influx-stand-in")

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.http.close()

    def buckets(self) -> set[str]:
        """Return the buckets that are there."""
        answer = self.http.post("/query", params={"q": "SHOW DATABASES"}).json()
        self._known = {row[0] for part in answer["results"][0].get("series", ()) for row in part.get("values", ())}
        return self._known

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        """Return (status, JSON or None) for a request that was let in."""
        parts = urlsplit(target)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        way = self._ways.get((method, parts.path))
        return way(self, asked, body) if way is not None else (404, {"code": "not found", "message": "path not found"})

    def _has(self, bucket: str) -> bool:
        return bucket in self._known or bucket in self.buckets()

    def _write(self, asked: dict[str, str], body: bytes) -> tuple[int, Any]:
        if len(body) > _MOST:
            return 413, {"code": "request too large", "message": "the body is too large"}
        if not self._has(asked.get("bucket", "")):
            return 404, {"code": "not found", "message": "bucket not found"}
        where = {"db": asked["bucket"], "precision": asked.get("precision", "ns")}
        stored = self.http.post("/write", params=where, content=body)
        return (204, None) if stored.status_code == 204 else (stored.status_code, stored.json())

    def _query(self, _asked: dict[str, str], body: bytes) -> tuple[int, Any]:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        real = self.http.post("/query", data=form)
        return real.status_code, real.json()

    def _forget(self, asked: dict[str, str], body: bytes) -> tuple[int, Any]:
        point = re.fullmatch(r'point="(\d+)"', json.loads(body).get("predicate", ""))
        if point is None or not self._has(asked.get("bucket", "")):
            return 400, {"code": "invalid", "message": "predicate or bucket"}
        query = {"q": f"DROP SERIES WHERE point = '{point[1]}'", "db": asked["bucket"]}
        self.http.post("/query", data=query).raise_for_status()
        return 204, None

    def _organisations(self, asked: dict[str, str], _body: bytes) -> tuple[int, Any]:
        return 200, {"orgs": [{"id": _ORGANISATION, "name": asked.get("org", "")}]}

    def _listed(self, asked: dict[str, str], _body: bytes) -> tuple[int, Any]:
        named = [name for name in self.buckets() if name == asked.get("name", name)]
        return 200, {"buckets": [{"name": name, "retentionRules": []} for name in named]}

    def _make(self, _asked: dict[str, str], body: bytes) -> tuple[int, Any]:
        made = json.loads(body)
        if not _NAME.fullmatch(str(made.get("name"))):
            return 400, {"code": "invalid", "message": "name"}
        self.http.post("/query", params={"q": f'CREATE DATABASE "{made["name"]}"'}).raise_for_status()
        return 201, made

    def _health(self, _asked: dict[str, str], _body: bytes) -> tuple[int, Any]:
        return 200, {"name": "influxdb", "status": "pass"}

    _ways = {  # noqa: RUF012 - a table of methods, never changed
        ("POST", "/api/v2/write"): _write,
        ("POST", "/query"): _query,
        ("POST", "/api/v2/delete"): _forget,
        ("GET", "/api/v2/orgs"): _organisations,
        ("GET", "/api/v2/buckets"): _listed,
        ("POST", "/api/v2/buckets"): _make,
        ("GET", "/health"): _health,
    }


def _asked(held: StandIn) -> type[BaseHTTPRequestHandler]:
    class Asked(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are two writes: the second would wait 40 ms

        def _answer(self) -> None:
            body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), _MOST + 1))
            if self.headers.get("Authorization") != f"Token {held.token}":
                self._say(401, {"code": "unauthorized", "message": "unauthorized access"})
                return
            try:
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                status, said = held.answer(self.command, self.path, body)
            except httpx.HTTPError as why:
                status, said = 503, {"code": "unavailable", "message": str(why)}
            except (ValueError, KeyError, OSError, zlib.error) as why:
                status, said = 400, {"code": "invalid", "message": str(why)}
            self._say(status, said)

        do_GET = do_POST = _answer  # noqa: N815 - the names that http.server calls

        def _say(self, status: int, answer: Any) -> None:
            said = b"" if status == 204 else json.dumps(answer).encode()
            with contextlib.suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Asked
