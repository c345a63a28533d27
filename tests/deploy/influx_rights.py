"""InfluxDB 2's calls for buckets and tokens, with the real one's answers: a token is told once, when it is made."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

ADMIN, ORG = "admin-token", {"id": "00000000000000aa", "name": "park"}


class Rights:
    """What it holds: buckets, authorisations, and the texts of tokens."""

    def __init__(self) -> None:
        self.url = ""
        self.down = False
        self.buckets: dict[str, dict] = {}
        self.given: dict[str, dict] = {}  # by id
        self.tokens: dict[str, str] = {}  # text -> id of the authorisation
        self.count = 0

    def may(self, token, action):
        """Return whether a token may do a thing with buckets of the organisation."""
        if token == ADMIN:
            return True
        held = self.given.get(self.tokens.get(token, ""), {"permissions": []})["permissions"]
        wanted = {"action": action, "resource": {"type": "buckets", "orgID": ORG["id"]}}
        return wanted in [
            {k: {n: v for n, v in p[k].items() if v} if k == "resource" else p[k] for k in p} for p in held
        ]

    def answer(self, verb, path, asked, body, token):
        """Return (status, answer)."""
        if self.down:
            return 503, {"code": "unavailable", "message": "starting"}
        if token != ADMIN and token not in self.tokens:
            return 401, {"code": "unauthorized", "message": "unauthorized access"}
        if (verb, path) == ("GET", "/api/v2/buckets"):
            names = asked.get("name", list(self.buckets)) if self.may(token, "read") else []
            return 200, {"buckets": [self.buckets[n] for n in names if n in self.buckets]}
        if token != ADMIN:
            return 403, {"code": "forbidden", "message": "insufficient permissions"}
        if path == "/api/v2/orgs":
            return 200, {"orgs": [ORG] if asked.get("org", ["park"]) == ["park"] else []}
        if path == "/api/v2/buckets":
            self.buckets[body["name"]] = {**body, "id": f"{len(self.buckets):016x}", "orgID": ORG["id"]}
            return 201, self.buckets[body["name"]]
        if path == "/api/v2/authorizations" and verb == "GET":
            return 200, {"authorizations": list(self.given.values())}
        if path == "/api/v2/authorizations":
            return self._made(body)
        self.given.pop(path.rpartition("/")[2])
        return 204, None

    def _made(self, body):
        self.count += 1
        number, text = f"{self.count:016x}", f"token-{self.count}-{'x' * 70}=="
        self.given[number] = {**body, "id": number, "status": "active"}
        self.tokens[text] = number
        return 201, {**self.given[number], "token": text}

    def forget(self):
        """Lose everything, as a volume that was deleted."""
        self.buckets, self.given, self.tokens = {}, {}, {}


@contextmanager
def influx_rights() -> Iterator[Rights]:
    """Serve it on a free port."""
    held = Rights()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            token = self.headers.get("Authorization", "").removeprefix("Token ")
            status, answer = held.answer(self.command, parts.path, parse_qs(parts.query), body, token)
            text = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_GET  # noqa: N815  the standard library's names
        do_DELETE = do_GET  # noqa: N815

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    held.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield held
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
