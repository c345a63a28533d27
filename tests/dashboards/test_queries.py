"""Every query of every dashboard, on a real InfluxQL engine and a real PostgreSQL."""

import httpx
import pytest
from sqlalchemy import create_engine, text

from dashboards import rows
from dashboards.boards import boards
from dashboards.queries import filled, filled_sql
from park.metrics import METRICS
from park.series import BUCKETS, TAGS, measurement_text, tag_text
from runtime.storage.sql.database import Database
from tests.servers import influxdb, postgresql

pytestmark = pytest.mark.server

START, HOUR = 1_760_000_400_000, 3_600_000
VALUES = {"park": "liu xi", "level": "hours", "points": "(7|8)", "enterprise": "3"}
BOARDS = boards("http://console")
INFLUX = [
    (uid, panel["title"], target["query"])
    for uid, board in BOARDS.items()
    for panel in board["panels"]
    for target in panel.get("targets", ())
    if "query" in target
]


def lines(bucket):
    """Two hours of two points of every metric, as the schema says."""
    names = (
        METRICS
        if bucket.name != "platform"
        else [q.split('.."')[1].split('"')[0] for _, _, q in INFLUX if "platform" in q]
    )
    values = {"float": "1.5", "integer": "2i"}
    fields = ",".join(f"{name}={values[kind]}" for name, kind in bucket.fields.items())
    for name in dict.fromkeys(names):
        for point in (7, 8):
            given = (VALUES["park"], 4, f"native:a/{point}", "a", point)
            tags = ",".join(f"{tag}={tag_text(str(value))}" for tag, value in zip(TAGS, given, strict=True))
            for hour in range(2):
                yield f"{measurement_text(name)},{tags} {fields} {START + hour * HOUR}"


@pytest.fixture(scope="module")
def influx(tmp_path_factory):
    with influxdb(tmp_path_factory.mktemp("influx")) as url:
        for bucket in BUCKETS.values():
            httpx.post(f"{url}/query", params={"q": f'CREATE DATABASE "{bucket.name}"'}).raise_for_status()
            body = "\n".join(lines(bucket))
            httpx.post(f"{url}/write", params={"db": bucket.name, "precision": "ms"}, content=body).raise_for_status()
        yield url


def answers(url, asked):
    """Return the result of each query, asked in one message."""
    body = {"q": ";\n".join(asked), "db": "hours"}
    results = httpx.post(f"{url}/query", data=body, timeout=60).raise_for_status().json()["results"]
    assert len(asked) == len(results)
    return results


class TestInflux:
    def test_queries(self, influx):
        """Every query is understood, and finds what is there."""
        asked = [filled(query, VALUES, start=START, end=START + 2 * HOUR) for _, _, query in INFLUX]
        results = answers(influx, asked)

        assert [] == [(q, r["error"]) for q, r in zip(asked, results, strict=True) if "error" in r]
        assert [] == [q for q, r in zip(asked, results, strict=True) if not r.get("series")]

    def test_other_park(self, influx):
        """A page of one park shows nothing of another."""
        other = {**VALUES, "park": "other"}
        asked = [filled(q, other, start=START, end=START + 2 * HOUR) for _, _, q in INFLUX if "$park" in q]

        assert [] == [q for q, r in zip(asked, answers(influx, asked), strict=True) if "series" in r]


@pytest.fixture(scope="module")
def postgres():
    with postgresql() as url:
        Database.open(url).close()
        engine = create_engine(url)
        with engine.begin() as connection:
            for statement in (
                "INSERT INTO parks (id, code, name) VALUES (1, 'liu xi', '柳溪')",
                "INSERT INTO places (id, park, name) VALUES (4, 1, '101')",
                "INSERT INTO enterprises (id, park, name, trade, headcount) VALUES (3, 1, '恒宏', 'C33', 9)",
                "INSERT INTO leases (id, place, enterprise, valid_from) VALUES (1, 4, 3, 0)",
                "INSERT INTO devices (id, park, key, name, place, lane) VALUES (5, 1, 'a', '烟感', 4, 'life')",
                "INSERT INTO points (id, device, metric) VALUES (7, 5, 'smoke')",
                """INSERT INTO device_status (device, park, at, body) VALUES (5, 1, 1, '{"status": "silent"}')""",
                """INSERT INTO activity_days (enterprise, day, body)
                   VALUES (3, '2026-11-01', '{"state": "active", "ratio": 0.9}')""",
                """INSERT INTO cases (open, life, held_back, inhibits, park, place, family, raised, body)
                   VALUES (true, true, false, false, 1, 4, 'fire', 1760000500000, '{"severity": "critical"}')""",
                "INSERT INTO ledger VALUES ('bulk', 1, 1760000400000, 5, 5, 1, 1, 1)",
                """INSERT INTO quarantine (state, reason, lane, payload, whole, received)
                   VALUES ('waiting', 'unknown_device', 'bulk', '', true, 1760000400000)""",
            ):
                connection.execute(text(statement))
        yield engine
        engine.dispose()


class TestPostgres:
    @pytest.mark.parametrize("name", rows.names())
    def test_query(self, postgres, name):
        """A query is understood, and finds what is there."""
        asked = filled_sql(rows.query(name), VALUES, start=START, end=START + 2 * HOUR)
        with postgres.connect() as connection:
            found = connection.exec_driver_sql(asked.replace("%", "%%")).all()

        assert found
        assert all(value != 0 for value in found[0])
