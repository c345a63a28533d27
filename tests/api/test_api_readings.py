"""Readings through the API: raw, in windows, and in three formats."""

import io

import pyarrow as pa
import pytest
from api_house import DAY, NOW, Client
from hypothesis import given
from hypothesis import strategies as st

from api.series import STEPS, Format, align, chosen, step_for

HOUR = 3_600_000


class TestRaw:
    def test_pages(self, viewer, house):
        """Following `next` gives every reading once."""
        path, start, seen = f"/points/{house.ids.power}/readings", NOW - DAY, []
        while start is not None:
            page = viewer.get(path, start=start, end=NOW, limit=7)
            seen += page["ts"]
            start = page["next"]

        assert [NOW - 60_000 * (60 - i) for i in range(60)] == seen

    def test_words(self, viewer, house):
        """A reading tells its quality in words, and the answer its unit."""
        answer = viewer.get(f"/points/{house.ids.far_power}/readings", start=NOW - 2 * DAY)

        assert (answer["quality"], answer["unit"], answer["value"]) == (["estimated"], "kW", [1.0])

    def test_csv(self, viewer, house):
        """CSV has times with the park's own offset."""
        answer = viewer("GET", f"/points/{house.ids.alarm}/readings", headers={"Accept": "text/csv"})

        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.text.split("\r\n")[:2] == [
            "ts,value,quality,received",
            "2026-11-21T07:59:50.000+08:00,0.0,good,2026-11-21T07:59:51.000+08:00",
        ]

    def test_arrow(self, viewer, house):
        """An Arrow stream reads back as the same readings."""
        answer = viewer("GET", f"/points/{house.ids.power}/readings", params={"format": "arrow", "limit": 50})
        table = pa.ipc.open_stream(io.BytesIO(answer.content)).read_all()

        assert table.num_rows == 50
        assert pa.timestamp("ms", "UTC") == table.schema.field("ts").type
        assert table.schema.metadata[b"unit"] == b"kW"
        assert str(NOW - 10 * 60_000) == answer.headers["x-next-start"]


class TestWindows:
    def test_step(self, viewer, house):
        """Windows hold mean, least, greatest, last and sum."""
        got = viewer.get(f"/points/{house.ids.power}/readings", start=NOW - HOUR, end=NOW, step=HOUR // 2)

        assert got["ts"] == [NOW - HOUR, NOW - HOUR // 2]
        assert (
            got["count"], got["mean"], got["min"], got["max"], got["last"], got["total"],
        ) == ([30, 30], [22.0, 22.0], [20.0, 20.0], [24.0, 24.0], [24.0, 24.0], [660.0, 660.0])  # fmt: skip

    def test_buckets(self, viewer, house):
        """The step is one of the clock face that gives no more windows than asked for."""
        got = viewer.get(f"/points/{house.ids.power}/readings", start=NOW - HOUR, end=NOW, buckets=10)

        assert (got["step"], len(got["ts"])) == (600_000, 6)

    def test_days_are_park_days(self, viewer, house):
        """A day begins at midnight in the park."""
        got = viewer.get(f"/points/{house.ids.power}/readings", start=NOW - 2 * DAY, end=NOW, step=DAY)

        assert got["ts"] == [NOW - 8 * HOUR]

    @given(st.integers(0, 4_000 * DAY), st.integers(1, 5_000))
    def test_never_too_many(self, span, buckets):
        """Whatever the range, the windows are no more than asked for, but for one cut at the edge."""
        step = step_for(0, span, buckets)

        assert step == STEPS[-1] or span / step <= buckets

    @given(st.sampled_from(STEPS), st.sampled_from([0, 330, 480, -300]))
    def test_alignment(self, step, offset):
        """Windows of whole hours and days begin with the park's clock."""
        midnight = -offset * 60_000 % DAY

        assert DAY % step or (midnight - align(step, offset)) % step == 0

    @pytest.mark.parametrize(
        ("asked", "status"),
        [
            ({"start": 5, "end": 5}, 400),
            ({"start": 0, "end": NOW, "step": 1_000}, 400),
            ({"start": 0, "end": NOW}, 400),
            ({"limit": 10**9}, 422),
            ({"buckets": 0}, 422),
            ({"start": -1}, 422),
            ({"format": "xml"}, 422),
            ({"start": "1e400"}, 422),
        ],
    )
    def test_bounds(self, viewer, house, asked, status):
        """Ranges and counts that no page needs are refused."""
        assert status == viewer("GET", f"/points/{house.ids.power}/readings", params=asked).status_code

    def test_scope(self, app, house):
        """A point of another park is not there."""
        assert Client(app, "park_other")("GET", f"/points/{house.ids.power}/readings").status_code == 404

    @pytest.mark.parametrize(
        ("asked", "accept", "form"),
        [
            (None, "*/*", Format.JSON),
            (None, "text/csv", Format.CSV),
            (Format.JSON, "text/csv", Format.JSON),
            (None, "application/vnd.apache.arrow.stream, */*", Format.ARROW),
        ],
    )
    def test_format(self, asked, accept, form):
        """The query decides, then the Accept header, then JSON."""
        assert form == chosen(asked, accept)


class TestPoints:
    def test_of_a_unit(self, viewer, house):
        """Points of a unit include those of its zones, with the catalogue's words."""
        items = viewer.get("/points", unit=house.ids.unit, latest=True)["items"]
        smoke = next(p for p in items if p["id"] == house.ids.alarm)

        assert {"power", "energy", "energy_use", "smoke", "battery"} == {p["metric"] for p in items}
        assert (smoke["zh"], smoke["states"], smoke["latest"]["state"]) == ("烟感", ["normal", "alarm"], "normal")
        assert {house.ids.firm} == {p["enterprise"] for p in items}

    def test_pages(self, viewer):
        """Following `next` over all parks shows each point once."""
        whole = [p["id"] for p in viewer.get("/points")["items"]]
        after, seen = 0, []
        while after is not None:
            page = viewer.get("/points", after=after, limit=2)
            seen += [p["id"] for p in page["items"]]
            after = page["next"]

        assert sorted(whole) == seen

    def test_one(self, viewer, house):
        """One point tells its name on the wire."""
        assert viewer.get(f"/points/{house.ids.power}")["source_key"] == "power"

    def test_scope(self, app, house):
        """A place or device of another park is not there."""
        other = Client(app, "park_other")

        assert other("GET", "/points", params={"unit": house.ids.unit}).status_code == 404
        assert other("GET", "/points", params={"device": house.ids.meter}).status_code == 404
        assert [house.ids.far_power] == [p["id"] for p in other.get("/points")["items"]]
