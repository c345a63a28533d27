"""A strict stand-in of InfluxDB 2's write API: it parses every line and answers as the real one does.

204 stored; 400 malformed; 401 wrong token; 404 unknown bucket; 422 a field of another type than before.
"""

import gzip
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

LINE = re.compile(
    r"(?P<measurement>[^,\s]+)(?P<tags>(?:,[^=,\s]+=[^=,\s]+)+) "
    r"(?P<fields>[^=,\s]+=[^=,\s]+(?:,[^=,\s]+=[^=,\s]+)*) (?P<time>-?\d+)"
)
INTEGER, FLOAT = re.compile(r"-?\d+i"), re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


class Influx:
    """What was written: {(series, time in ms): {field: value}}."""

    def __init__(self, token: str, bucket: str) -> None:
        self.token, self.bucket = token, bucket
        self.points: dict[tuple[str, int], dict[str, float]] = {}
        self.types: dict[tuple[str, str], str] = {}
        self.lock = threading.Lock()
        self.url = ""

    def write(self, lines: list[str]) -> int:
        """Store lines, all or none; return the status of the answer."""
        parsed = []
        types = dict(self.types)
        for line in lines:
            found = LINE.fullmatch(line)
            if found is None:
                return 400
            tags = ",".join(sorted(found["tags"][1:].split(",")))
            fields = {}
            for part in found["fields"].split(","):
                name, text = part.split("=")
                kind = "int" if INTEGER.fullmatch(text) else "float" if FLOAT.fullmatch(text) else ""
                if not kind:
                    return 400
                if types.setdefault((found["measurement"], name), kind) != kind:
                    return 422
                fields[name] = float(text.rstrip("i"))
            parsed.append(((f"{found['measurement']},{tags}", int(found["time"])), fields))
        with self.lock:
            self.types = types
            for key, fields in parsed:
                self.points.setdefault(key, {}).update(fields)
        return 204


@contextmanager
def influx(token: str, bucket: str) -> Iterator[Influx]:
    """Serve a stand-in on a free loopback port."""
    store = Influx(token, bucket)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            asked = parse_qs(urlsplit(self.path).query)
            if self.headers.get("Authorization") != f"Token {store.token}":
                status = 401
            elif asked.get("bucket") != [store.bucket]:
                status = 404
            elif asked.get("precision") != ["ms"]:
                status = 400
            else:
                status = store.write([x for x in body.decode().split("\n") if x])
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        store.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield store
        finally:
            server.shutdown()
            thread.join()
