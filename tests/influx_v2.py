"""InfluxDB 2's write API, strictly, over a real InfluxDB 1.x: lines are stored and every InfluxQL query runs for real.

204 stored; 400 malformed; 401 wrong token; 404 unknown bucket; 413 too large; 422 a field of another type than
before. InfluxQL at /query is the real engine's; a bucket is a database of its name, as in InfluxDB 2.
"""

import gzip
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.servers import influxdb

NAME, VALUE = r"(?:[^,\s=\\]|\\.)+", r"(?:[^,\s=\\]|\\.)+"
PAIRS = rf"{NAME}={VALUE}(?:,{NAME}={VALUE})*"
LINE = re.compile(rf"(?P<measurement>{NAME}),(?P<tags>{PAIRS}) (?P<fields>{PAIRS}) (?P<time>-?\d+)")
INTEGER, FLOAT = re.compile(r"-?\d+i"), re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
MOST = 50 << 20  # bytes of a write: the real one's default


class InfluxV2:
    """What the tests see of it: its address, and faults to come."""

    def __init__(self, behind: str, token: str, *, strict: bool) -> None:
        self.behind, self.token, self.strict = behind, token, strict
        self.url = ""
        self.answers: list[int] = []  # statuses that the next writes are answered with, instead of being stored
        self.down = False
        self.buckets: set[str] = set()
        self.types: dict[tuple[str, str, str], str] = {}
        self.writes = 0
        self.http = httpx.Client(base_url=behind, timeout=60)
        self.lock = threading.Lock()

    def make(self, bucket: str) -> None:
        """Make a bucket."""
        self.http.post("/query", params={"q": f'CREATE DATABASE "{bucket}"'}).raise_for_status()
        self.buckets.add(bucket)

    def series(self, bucket: str) -> int:
        """Count the series of a bucket."""
        answer = self.http.post("/query", data={"q": "SHOW SERIES", "db": bucket}).json()
        return sum(len(s["values"]) for s in answer["results"][0].get("series", ()))

    def write(self, asked: dict[str, list[str]], body: bytes) -> int:
        """Store lines, all or none; return the status of the answer."""
        with self.lock:
            self.writes += 1
            if self.answers:
                return self.answers.pop(0)
            (bucket,), (precision,) = asked.get("bucket", [""]), asked.get("precision", ["ns"])
            if bucket not in self.buckets:
                return 404
            if len(body) > MOST:
                return 413
            status = self._checked(bucket, body.decode().split("\n")) if self.strict else 204
            if status != 204:
                return status
            stored = self.http.post("/write", params={"db": bucket, "precision": precision}, content=body)
            assert stored.status_code == 204, stored.text
            return 204

    def _checked(self, bucket: str, lines: list[str]) -> int:
        types = dict(self.types)
        for line in filter(None, lines):
            found = LINE.fullmatch(line)
            if found is None:
                return 400
            for part in re.split(r"(?<!\\),", found["fields"]):
                name, text = re.split(r"(?<!\\)=", part)
                kind = "int" if INTEGER.fullmatch(text) else "float" if FLOAT.fullmatch(text) else ""
                if not kind:
                    return 400
                if types.setdefault((bucket, found["measurement"], name), kind) != kind:
                    return 422
        self.types = types
        return 204

    def forget(self, asked: dict[str, list[str]], body: bytes) -> int:
        """Delete a point's series, as /api/v2/delete does; return the status."""
        predicate = re.fullmatch(r'point="(\d+)"', json.loads(body)["predicate"])
        if predicate is None or asked["bucket"][0] not in self.buckets:
            return 400
        query = f"DROP SERIES WHERE point = '{predicate[1]}'"
        self.http.post("/query", data={"q": query, "db": asked["bucket"][0]}).raise_for_status()
        return 204


@contextmanager
def influx_v2(folder: Path, token: str = "secret", *, strict: bool = True) -> Iterator[InfluxV2]:
    """Serve one on a free loopback port."""
    with influxdb(folder) as behind:
        held = InfluxV2(behind, token, strict=strict)
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(held))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        held.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield held
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
            held.http.close()


def _handler(held: InfluxV2) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body are two writes: the second would wait 40 ms

        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            parts = urlsplit(self.path)
            asked = parse_qs(parts.query)
            if held.down:
                return self.say(503, {"code": "unavailable", "message": "starting"})
            if self.headers.get("Authorization") != f"Token {held.token}":
                return self.say(401, {"code": "unauthorized", "message": "unauthorized access"})
            if parts.path == "/api/v2/write":
                return self.say(held.write(asked, body))
            if parts.path == "/query":
                form = {k: v[0] for k, v in parse_qs(body.decode()).items()}
                real = held.http.post("/query", data=form)
                return self.say(real.status_code, real.json())
            if parts.path == "/api/v2/delete":
                return self.say(held.forget(asked, body))
            if parts.path == "/api/v2/orgs":
                return self.say(200, {"orgs": [{"id": "0123456789abcdef", "name": asked["org"][0]}]})
            if parts.path == "/api/v2/buckets" and self.command == "GET":
                names = [n for n in asked["name"] if n in held.buckets]
                return self.say(200, {"buckets": [{"name": n, "retentionRules": []} for n in names]})
            if parts.path == "/api/v2/buckets":
                made = json.loads(body)
                held.make(made["name"])
                return self.say(201, made)
            return self.say(404, {"code": "not found", "message": "path not found"})

        do_GET = do_POST = answer  # noqa: N815 - the names that http.server calls

        def say(self, status, answer=None):
            said = b"" if status == 204 else json.dumps(answer or {"code": "refused", "message": "refused"}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_):
            """Say nothing."""

    return Handler
