"""The newest readings of a park are written from columns: the bytes are the JSON that a slow way would give."""

import json

import numpy as np
from api_house import NOW
from hypothesis import given
from hypothesis import strategies as st

from api.newest import newest_rows, written
from api.schemas_parks import Latest as LatestSchema
from park.metrics import METRICS
from park.model import Device
from park.ports import Latest
from park.readings import Quality
from park.records import PointRow

TIME = 1_750_003_200_000
METRIC = st.sampled_from(sorted(METRICS))
READING = st.tuples(
    st.integers(0, 1 << 53),
    st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-2, 6).map(float)),
    st.sampled_from([*map(int, Quality), 7]),
)


def rows_of(metrics, channel="a"):
    """Return points with numbers that leave gaps."""
    return {
        3 * n + 2: PointRow(3 * n + 2, metric, 10 + n, 20 + n, 1, channel=channel) for n, metric in enumerate(metrics)
    }


def latest_of(said):
    """Return the newest readings of points: {point: (ts, value, quality)}."""
    point = sorted(said)
    ts, value, quality = zip(*(said[p] for p in point), strict=True) if point else ((), (), ())
    return Latest(
        np.array(point, np.int32), np.array(ts, np.int64), np.array(value, np.float64), np.array(quality, np.int32),
        np.array(ts, np.int64),
    )  # fmt: skip


def row(known, said, point):
    """Return what a row should say, the slow way."""
    of, (ts, value, quality) = known[point], said[point]
    codes = METRICS[of.metric].codes
    state = codes[int(value)] if 0 <= value < len(codes) and value == int(value) else None
    words = {int(q): q.name.lower() for q in Quality}
    return {
        "point": point, "device": of.device, "place": of.place, "metric": of.metric, "channel": of.channel, "ts": ts,
        "value": value, "state": state, "quality": words.get(quality, "unknown"), "received": ts,
    }  # fmt: skip


class TestWritten:
    @given(st.lists(st.tuples(METRIC, st.one_of(st.none(), READING)), max_size=30), st.text(max_size=8))
    def test_any(self, points, channel):
        """Whatever was said by whichever points, the answer is what the slow way says, in the same order."""
        known = rows_of([metric for metric, _ in points], channel)
        said = {p: r for p, (_, r) in zip(known, points, strict=True) if r is not None}

        body = written(newest_rows(7, known), latest_of(said), 5, TIME)

        assert {"park": 5, "at": TIME, "items": [row(known, said, p) for p in sorted(said)]} == json.loads(body)
        LatestSchema.model_validate_json(body)

    def test_nothing_said(self):
        """A park that nobody has heard of yet has no rows."""
        body = written(newest_rows(1, rows_of(["power"])), latest_of({}), 5, TIME)
        assert {"park": 5, "at": TIME, "items": []} == json.loads(body)


class TestKnown:
    def test_kept_until_the_registry_changes(self, viewer, house):
        """A device that is retired stands in no answer after that."""
        before = viewer.get(f"/parks/{house.ids.park}/latest")["items"]
        house.services.registry.retire(Device, house.ids.smoke, actor="test", reason="", now=NOW)
        after = viewer.get(f"/parks/{house.ids.park}/latest")["items"]

        assert {r["device"] for r in before} - {r["device"] for r in after} == {house.ids.smoke}
