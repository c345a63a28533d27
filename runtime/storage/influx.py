"""InfluxDB 2 over HTTP: a write counts once it answered 204; reads are InfluxQL with bound parameters.

influxdb-client's batching writer loses a whole batch on one bad line and everything after a few retries, so
its synchronous writer is used, and batches are ours. What the server refuses for good is halved until the bad
line stands alone: that one is set aside, with its reason, and all others are stored.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx
from influxdb_client.client.exceptions import InfluxDBError
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.domain.bucket_retention_rules import BucketRetentionRules
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from park.errors import MachineryError, Unavailable, UserError
from park.series import Bucket

_TIMEOUT = 30.0  # s
_REFUSED = frozenset({400, 413, 422})  # of the body; everything else is of the server, and may be mended there
_DETAIL = 300  # characters of an answer that are kept

SetAside = Callable[[str, bytes, str], None]  # bucket, line, why
Row = tuple[dict[str, str], list[list[Any]]]  # tags of a series; its rows, time first


class Influx:
    """One organisation of an InfluxDB. Thread-safe."""

    def __init__(
        self, url: str, token: str, org: str, set_aside: SetAside, *, prefix: str = "", compress: bool = False
    ) -> None:
        """Open a client; nothing is asked yet.

        `prefix` stands before the names of buckets, where several platforms share an InfluxDB; `compress` pays
        off where the network is slower than a core.
        """
        self._client = InfluxDBClient(
            url=url, token=token, org=org, timeout=int(_TIMEOUT * 1_000), enable_gzip=compress
        )
        self._write = self._client.write_api(write_options=SYNCHRONOUS)
        self._reader = httpx.Client(base_url=url, headers={"Authorization": f"Token {token}"}, timeout=_TIMEOUT)
        self._org = org
        self._set_aside = set_aside
        self._prefix = prefix

    def write(self, bucket: str, body: bytes, precision: str) -> None:
        """Store lines that end in a line feed; those that are refused for good are set aside. Raises Unavailable."""
        try:
            self._write.write(self._prefix + bucket, record=body, write_precision=precision)  # type: ignore[arg-type]
        except (ApiException, InfluxDBError) as why:
            status = int(getattr(why, "status", 0) or getattr(getattr(why, "response", None), "status", 0) or 0)
            if status not in _REFUSED:
                raise Unavailable(f"InfluxDB answered {status} to a write into {bucket}") from why
            self._halved(bucket, body, precision, f"{status}: {_said(why)}")
        except (HTTPError, OSError) as why:
            raise Unavailable(f"InfluxDB does not answer a write into {bucket}") from why

    def query(self, bucket: str, query: str, parameters: Mapping[str, str | int] | None = None) -> list[list[Row]]:
        """Return the series that each statement of an InfluxQL text found, times in epoch ms.

        Raises Unavailable, and MachineryError for a query that the server does not understand.
        """
        form = {"db": self._prefix + bucket, "q": query, "epoch": "ms", "params": json.dumps(parameters or {})}
        try:
            answer = self._reader.post("/query", data=form)
            results = answer.json().get("results", []) if answer.status_code == 200 else []
        except (httpx.HTTPError, json.JSONDecodeError) as why:
            raise Unavailable("InfluxDB does not answer a query") from why
        if answer.status_code == 400:
            raise MachineryError(f"InfluxDB does not understand: {answer.text[:_DETAIL]}")
        if answer.status_code != 200:
            raise Unavailable(f"InfluxDB answered {answer.status_code} to a query")
        found = []
        for result in results:
            if "error" in result:
                raise MachineryError(f"InfluxDB does not understand: {result['error'][:_DETAIL]}")
            found.append([(s.get("tags", {}), s["values"]) for s in result.get("series", ())])
        return found

    def provision(self, buckets: Sequence[Bucket], *, keep: bool = True) -> list[str]:
        """Make the buckets that are not there; return their names. `keep=False`: for ever. Raises MachineryError."""
        made = []
        try:
            api = self._client.buckets_api()
            for bucket in buckets:
                if api.find_bucket_by_name(self._prefix + bucket.name) is None:  # type: ignore[no-untyped-call]
                    rules = [_kept(bucket.keep)] if keep and bucket.keep else []
                    api.create_bucket(bucket_name=self._prefix + bucket.name, retention_rules=rules, org=self._org)
                    made.append(bucket.name)
        except ApiException as why:
            raise MachineryError(f"InfluxDB refused to make buckets: {why.status}: {_said(why)}") from why
        except (HTTPError, OSError) as why:
            raise Unavailable("InfluxDB does not answer") from why
        return made

    def forget(self, bucket: str, point: int) -> None:
        """Delete everything of one point. Raises MachineryError."""
        try:
            self._client.delete_api().delete(
                "1970-01-01T00:00:00Z",
                "2200-01-01T00:00:00Z",
                f'point="{int(point)}"',
                bucket=self._prefix + bucket,
                org=self._org,
            )
        except ApiException as why:
            raise MachineryError(f"InfluxDB refused to delete: {why.status}: {_said(why)}") from why
        except (HTTPError, OSError) as why:
            raise Unavailable("InfluxDB does not answer") from why

    def close(self) -> None:
        """Release the connections; everything written was answered already."""
        self._write.close()  # type: ignore[no-untyped-call]
        self._client.close()  # type: ignore[no-untyped-call]
        self._reader.close()

    def _halved(self, bucket: str, body: bytes, precision: str, why: str) -> None:
        lines = body.splitlines(keepends=True)
        if len(lines) <= 1:
            self._set_aside(bucket, body, why)
            return
        middle = len(lines) // 2
        for half in (lines[:middle], lines[middle:]):
            self.write(bucket, b"".join(half), precision)


def points_text(points: Sequence[int]) -> str:
    """Return a condition on the tag `point`; numbers only. Raises UserError for none."""
    if not len(points):
        raise UserError("no points are asked for")
    return f'"point" =~ /^({"|".join(str(int(p)) for p in points)})$/'


def _kept(seconds: int) -> BucketRetentionRules:
    return BucketRetentionRules(type="expire", every_seconds=seconds)  # type: ignore[no-untyped-call]


def _said(why: Exception) -> str:
    body = getattr(why, "body", None) or getattr(why, "message", None) or why
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body)
    return " ".join(text.split())[:_DETAIL]
