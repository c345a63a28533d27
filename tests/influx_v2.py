"""The stand-in of InfluxDB 2 that a demonstration uses, as strict as the real one, and with faults that tests order.

What it adds: a body is stored as a whole or not at all, 422 for a field of another type than before, and answers that
a test has told it to give.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from runtime.influx_stand_in import StandIn
from tests.servers import influxdb

NAME, VALUE = r"(?:[^,\s=\\]|\\.)+", r"(?:[^,\s=\\]|\\.)+"
PAIRS = rf"{NAME}={VALUE}(?:,{NAME}={VALUE})*"
LINE = re.compile(rf"(?P<measurement>{NAME}),(?P<tags>{PAIRS}) (?P<fields>{PAIRS}) (?P<time>-?\d+)")
INTEGER, FLOAT = re.compile(r"-?\d+i"), re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")


class InfluxV2(StandIn):
    """What the tests see of it: its address, and faults to come."""

    def __init__(self, behind: str, token: str) -> None:
        super().__init__(behind, token)
        self.answers: list[int] = []  # statuses that the next writes are answered with, instead of being stored
        self.down = False
        self._types: dict[tuple[str, str, str], str] = {}
        self._lock = threading.Lock()

    def make(self, bucket: str) -> None:
        """Make a bucket."""
        status, _ = super().answer("POST", "/api/v2/buckets", json.dumps({"name": bucket}).encode())
        assert 201 == status

    def series(self, bucket: str) -> int:
        """Count the series of a bucket."""
        answer = self.http.post("/query", data={"q": "SHOW SERIES", "db": bucket}).json()
        return sum(len(s["values"]) for s in answer["results"][0].get("series", ()))

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        """Answer as a test has told us to, else as the stand-in does."""
        if self.down:
            return 503, {"code": "unavailable", "message": "starting"}
        parts = urlsplit(target)
        if parts.path != "/api/v2/write":
            return super().answer(method, target, body)
        with self._lock:
            status = self.answers.pop(0) if self.answers else self._checked(parse_qs(parts.query), body)
            if status == 204:
                return super().answer(method, target, body)
        return status, {"code": "refused", "message": "refused"}

    def _checked(self, asked: dict[str, list[str]], body: bytes) -> int:
        (bucket,), types = asked["bucket"], dict(self._types)
        for line in filter(None, body.decode().split("\n")):
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
        self._types = types
        return 204


@contextmanager
def influx_v2(folder: Path, token: str = "secret") -> Iterator[InfluxV2]:
    """Serve one on a free loopback port."""
    with influxdb(folder) as behind:
        held = InfluxV2(behind, token)
        held.start()
        try:
            yield held
        finally:
            held.stop()
