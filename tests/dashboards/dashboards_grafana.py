"""A strict stand-in of the parts of Grafana's HTTP API that we use, with the answers of the real one."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

TOKEN = "glsa_test"


class Grafana:
    """What it holds: folders, dashboards, data sources, annotations."""

    def __init__(self):
        self.folders, self.dashboards, self.annotations, self.sources = {}, {}, {}, []
        self.down = False
        self.url = ""

    def answer(self, verb, path, asked, body, token):
        """Return (status, answer)."""
        if self.down:
            return 503, {"message": "starting"}
        if path == "/api/health":
            return 200, {"database": "ok", "version": "13.2.3"}
        if token != f"Bearer {TOKEN}":
            return 401, {"message": "Invalid API key"}
        if path == "/api/datasources":
            return 200, self.sources
        if found := re.fullmatch(r"/api/folders/([\w-]+)", path):
            folder = self.folders.get(found[1])
            return (200, folder) if folder else (404, {"message": "folder not found"})
        if path == "/api/folders" and verb == "POST":
            self.folders[body["uid"]] = body
            return 200, body
        if found := re.fullmatch(r"/api/dashboards/uid/([\w-]+)", path):
            board = self.dashboards.get(found[1])
            return (200, {"dashboard": board, "meta": {}}) if board else (404, {"message": "Dashboard not found"})
        if path == "/api/dashboards/db" and verb == "POST":
            return self._board(body)
        return self._annotation(verb, path, asked, body)

    def _board(self, body):
        board = body["dashboard"]
        if body["folderUid"] not in self.folders:
            return 404, {"message": "folder not found"}
        # Grafana refuses a dashboard with its folder's title, and a uid that is too long.
        if board["title"] == self.folders[body["folderUid"]]["title"] or len(board["uid"]) > 40:
            return 400, {"message": "refused"}
        before = self.dashboards.get(board["uid"], {"version": 0})
        if before["version"] and not body["overwrite"]:
            return 412, {"message": "version mismatch"}
        self.dashboards[board["uid"]] = {**board, "id": len(self.dashboards) + 1, "version": before["version"] + 1}
        return 200, {"status": "success"}

    def _annotation(self, verb, path, asked, body):
        if path == "/api/annotations" and verb == "GET":
            wanted = set(asked.get("tags", []))
            return 200, [a for a in self.annotations.values() if wanted <= set(a["tags"])]
        if path == "/api/annotations" and verb == "POST":
            key = len(self.annotations) + 1
            self.annotations[key] = {**body, "id": key}
            return 200, {"id": key}
        if (found := re.fullmatch(r"/api/annotations/(\d+)", path)) and verb == "PUT":
            if int(found[1]) not in self.annotations:
                return 404, {"message": "not found"}
            self.annotations[int(found[1])].update(body)
            return 200, {"message": "Annotation updated"}
        return 404, {"message": "Not found"}


@contextmanager
def grafana() -> Iterator[Grafana]:
    """Serve one on a free loopback port."""
    held = Grafana()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self):
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            token = self.headers.get("Authorization")
            status, answer = held.answer(self.command, parts.path, parse_qs(parts.query), body, token)
            said = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = do_PUT = handle_any  # noqa: N815 - the names that http.server calls

        def log_message(self, *_):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    held.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield held
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
