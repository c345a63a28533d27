"""A webhook receiver on loopback that keeps what it is told, and answers as it is asked to."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    """Answers each request by `answer(body) -> (status, headers, content)`; a context."""

    def __init__(self, answer=None):
        self.answer = answer or (lambda _: (200, {}, b"{}"))
        self.got = []  # (path, headers, body)
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                content = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver._lock:
                    receiver.got.append((self.path, dict(self.headers), content))
                status, headers, answer = receiver.answer(content)
                try:
                    self.send_response(status)
                    for name, value in headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)
                except OSError:
                    self.close_connection = True  # who asked has gone

            def log_message(self, *_):
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                """Let those who break off go."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self):
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook"

    def bodies(self):
        """Return what was told, in order."""
        with self._lock:
            return [json.loads(content) for _, _, content in self.got]

    def told(self):
        """Return the ids of notifications, in order."""
        return [alarm["id"] for body in self.bodies() for alarm in body.get("alarms", [])]

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
