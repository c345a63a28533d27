"""Episodes, what people say of them, bands and proposals, as callers get them."""

from dataclasses import replace

import numpy as np
import pytest
from api_house import DAY, NOW, Client

from api.proposals import candidates, tried
from park.episodes import Episode, Mark, Verdict
from park.events import Anomaly, Bands, Baseline, Finding, Part, Reason, Severity, Statistic
from park.metrics import Lane

HOUR = 3_600_000


def began(ids, since, **more):
    fields = {
        "value": 61.0, "expected": 24.0, "low": 18.0, "high": 31.0, "score": 0.8, "device": ids.meter,
        "place": ids.unit, "park": ids.park, "since": since, "anomaly": Anomaly.SPIKE, "baseline": Baseline.FORECAST,
        "rising": True, "times": 1e6, **more,
    }  # fmt: skip
    point = fields.pop("point", ids.power)
    episode = f"anomaly/{point}/{since}"
    return Finding(
        "anomaly", point, since + 60_000, since + 60_100, Severity.LOW, Reason.UNUSUAL, episode=episode, **fields
    )  # fmt: skip


def over(first, until):
    return replace(first, ts=until, at=until + 100, reason=Reason.USUAL_AGAIN, until=until)


@pytest.fixture
def put(house):
    def keep(*found):
        events = house.services.events
        events.apply(Lane.BULK, events.applied(Lane.BULK) + 1, list(found))

    return keep


@pytest.fixture
def told(house, put):
    """An episode of an hour, one like it a week before, and one of another park."""
    ids = house.ids
    old, first = began(ids, NOW - 7 * DAY), began(ids, NOW - 2 * HOUR, similar=(NOW - 7 * DAY,))
    far = began(ids, NOW - 3 * HOUR, point=ids.far_power, park=ids.other, place=ids.other, device=ids.far)
    put(old, over(old, NOW - 7 * DAY + HOUR), first, over(first, NOW - HOUR), far)
    return first


class TestEpisodes:
    def test_newest_first(self, viewer, house, told):
        """Episodes of a park come newest first, with their newest figures and their end."""
        items = viewer.get("/episodes", park=house.ids.park)["items"]

        assert [told.episode, f"anomaly/{house.ids.power}/{NOW - 7 * DAY}"] == [e["id"] for e in items]
        assert (NOW - HOUR, 61.0, "spike") == (items[0]["until"], items[0]["value"], items[0]["anomaly"])

    def test_pages(self, viewer, house, told):
        """The `next` of a page goes on behind it."""
        page = viewer.get("/episodes", park=house.ids.park, limit=1)
        rest = viewer.get("/episodes", park=house.ids.park, limit=1, before=page["next"])

        assert (told.episode, None) == (page["items"][0]["id"], rest["next"])
        assert f"anomaly/{house.ids.power}/{NOW - 7 * DAY}" == rest["items"][0]["id"]

    @pytest.mark.usefixtures("told")
    def test_scope(self, app, house):
        """A key of one park sees nothing of another's episodes, in lists, alone or to mark."""
        theirs = f"anomaly/{house.ids.far_power}/{NOW - 3 * HOUR}"
        officer = Client(app, "park_officer")

        assert [house.ids.park] * 2 == [e["park"] for e in officer.get("/episodes")["items"]]
        assert 404 == officer("GET", f"/episodes/{theirs}").status_code
        assert 404 == officer("POST", "/episodes/mark", json={"episode": theirs, "verdict": "true"}).status_code
        assert 404 == officer("GET", "/episodes", params={"point": house.ids.far_power}).status_code
        assert 404 == officer("GET", "/proposals", params={"park": house.ids.other}).status_code

    @pytest.mark.parametrize("asked", [{"before": "x"}, {"limit": 501}, {"anomaly": "strange"}, {"standing": "maybe"}])
    def test_refused(self, viewer, house, asked):
        """What no list has is refused with a reason."""
        assert viewer("GET", "/episodes", params={"park": house.ids.park, **asked}).status_code in {400, 422}

    def test_unknown(self, viewer):
        """An episode that never was is not found, whatever its id looks like."""
        for key in ("anomaly/1/1", "x", "%2e%2e/x", "anomaly/1/" + "9" * 300):
            assert 404 == viewer("GET", f"/episodes/{key}").status_code


class TestExplanation:
    def test_one_sentence(self, viewer, told):
        """It says what, where, since when, how far and against what, in both languages."""
        story = viewer.get(f"/episodes/{told.episode}")

        assert (
            "101 有功功率突升；2026-11-21 06:00 起至 2026-11-21 07:00；最异常为 61 kW，平时 18–31，偏高 154%；依据："
            "由前值、近期水平、本时段和每周同时段合成的预测；约 1,000,000 个数值中才有一个如此。"
        ) == story["zh"]
        assert (
            "101: Active power, spike; since 2026-11-21 06:00 until 2026-11-21 07:00; at worst 61 kW, usually 18–31, "
            "154% too high; held against a forecast from the value before, the slow level, this half hour and this "
            "hour of the week; one of about 1,000,000 values is like it."
        ) == story["en"]

    def test_usual_at_its_hour(self, viewer, house, put):
        """A value that is usual at its hour is told by what was unusual of it, never as too high or too low."""
        parts = (Part(Statistic.BELOW, 5.5), Part(Statistic.MOVED, 2.0))
        odd = began(house.ids, NOW - HOUR, value=28.0, anomaly=Anomaly.DIP, rising=False, parts=parts)
        put(odd)
        story = viewer.get(f"/episodes/{odd.episode}")

        assert "28 kW，在此时平时的 18–31 之内，但低于预测；" in story["zh"]
        assert "; 28 kW, within the 18–31 usual at this hour, but lower than the forecasts; " in story["en"]
        assert story["deviation"] is None

    def test_about(self, viewer, house, told):
        """It names the tenant, the similar one of the past, the share of good readings, and a time for a chart."""
        story = viewer.get(f"/episodes/{told.episode}")

        assert ("宏达五金", house.ids.unit, "power") == (story["tenant"], story["unit_place"], story["metric"])
        assert [f"anomaly/{house.ids.power}/{NOW - 7 * DAY}"] == [e["id"] for e in story["similar"]]
        assert (NOW - 26 * HOUR, NOW) == (story["chart_start"], story["chart_end"])
        assert 0.0 == story["good"]  # its readings begin an hour later

    def test_good(self, viewer, house, put):
        """The share of good readings is that of the time between its beginning and its end, or now."""
        episode = began(house.ids, NOW - HOUR)
        put(episode)

        assert 0.95 <= viewer.get(f"/episodes/{episode.episode}")["good"] <= 1.0

    def test_together(self, viewer, house, put, told):
        """Others of the same unit at the same time stand beside it; those of another time do not."""
        ids = house.ids
        beside, later = began(ids, NOW - 90 * 60_000, point=ids.energy), began(ids, NOW - HOUR // 2, point=ids.energy)
        put(beside, over(beside, NOW - 80 * 60_000), later)

        assert [beside.episode] == [e["id"] for e in viewer.get(f"/episodes/{told.episode}")["together"]]

    def test_missing(self, viewer, house, put):
        """Values that did not come have no value to be far from; the sentence says so much and no more."""
        gone = began(
            house.ids, NOW - 5 * HOUR, anomaly=Anomaly.MISSING, baseline=Baseline.PACE, value=None, expected=None,
            low=None, high=None, until=NOW - HOUR, rising=None, times=240.0,
        )  # fmt: skip
        put(gone)
        story = viewer.get(f"/episodes/{gone.episode}")

        assert "101 有功功率数据缺失；2026-11-21 03:00 起至 2026-11-21 07:00；依据：平时的上报频率。" == story["zh"]
        assert (None, NOW - HOUR) == (story["deviation"], story["episode"]["until"])


class TestMarks:
    def test_marked(self, app, told):
        """A mark is kept with who and when; the last holds, and all are told."""
        operator = Client(app, "park_operator")
        for verdict in ("true", "false"):
            body = {"episode": told.episode, "verdict": verdict, "note": " 检修 "}
            assert 201 == operator("POST", "/episodes/mark", json=body).status_code
        story = operator.get(f"/episodes/{told.episode}")

        assert ["false", "true"] == [m["verdict"] for m in story["marks"]]
        assert ("false", "检修", "operator", NOW) == tuple(
            story["episode"]["mark"][n] for n in ("verdict", "note", "actor", "at")
        )
        assert [told.episode] == [e["id"] for e in operator.get("/episodes", marked=True)["items"]]

    def test_who_may(self, app, told):
        """A viewer marks nothing."""
        body = {"episode": told.episode, "verdict": "true"}

        assert 403 == Client(app, "park_viewer")("POST", "/episodes/mark", json=body).status_code

    @pytest.mark.parametrize(
        "wrong",
        [{"verdict": "perhaps"}, {"note": "x" * 1_001}, {"episode": ""}, {"more": 1}],
    )
    def test_refused(self, app, told, wrong):
        """What is no mark is refused, and nothing is kept."""
        operator = Client(app, "park_operator")
        body = {"episode": told.episode, "verdict": "true", **wrong}

        assert 422 == operator("POST", "/episodes/mark", json=body).status_code
        assert [] == operator.get(f"/episodes/{told.episode}")["marks"]


class TestBands:
    def take(self, house, learning=False, hours=3):
        """Keep some hours before now."""
        ids, e = house.ids, np.arange(hours) + 20.0
        start = NOW - np.arange(hours, 0, -1) * HOUR
        house.services.bands.write_bands(
            Bands(np.full(hours, ids.power, np.int32), start, HOUR, e, e - 5, e + 5, np.full(hours, 0.25),
                  np.full(hours, learning))
        )  # fmt: skip

    def test_columns(self, viewer, house):
        """Expected value, band and score come by hour, with the point's unit."""
        self.take(house)
        found = viewer.get(f"/points/{house.ids.power}/bands", **{"from": NOW - 2 * HOUR, "to": NOW})

        assert ([NOW - 2 * HOUR, NOW - HOUR], [21.0, 22.0]) == (found["ts"], found["expected"])
        assert ([16.0, 17.0], [26.0, 27.0], [0.25] * 2) == (found["low"], found["high"], found["score"])
        assert ("kW", HOUR, False) == (found["unit"], found["step"], found["learning"])

    @pytest.mark.parametrize(("learning", "expected"), [(True, True), (False, False), (None, None)])
    def test_learning(self, viewer, house, learning, expected):
        """Whether a point is still learned is said; of one that nothing is known of it is not known."""
        if learning is not None:
            self.take(house, learning)

        assert expected is viewer.get(f"/points/{house.ids.power}/bands")["learning"]

    def test_csv(self, viewer, house):
        """A table for spreadsheets has the park's own time."""
        self.take(house, hours=1)
        lines = viewer("GET", f"/points/{house.ids.power}/bands", params={"format": "csv"}).text.splitlines()

        assert "ts,expected,low,high,score,too_young" == lines[0]
        assert "2026-11-21T07:00:00.000+08:00,20.0,15.0,25.0,0.25,False" == lines[1]

    def test_refused(self, app, viewer, house):
        """An empty range, one too long, and a point of another park are refused."""
        path = f"/points/{house.ids.power}/bands"
        other = Client(app, "park_officer")

        assert 400 == viewer("GET", path, params={"from": NOW, "to": NOW}).status_code
        assert 400 == viewer("GET", path, params={"from": 0, "to": NOW}).status_code
        assert 404 == other("GET", f"/points/{house.ids.far_power}/bands").status_code


def episode(n, times, verdict=None, point=1, anomaly=Anomaly.SPIKE):
    finding = Finding(
        "anomaly", point, n, n, Severity.LOW, Reason.UNUSUAL, times=times, episode=f"anomaly/{point}/{n}", since=n,
        anomaly=anomaly,
    )  # fmt: skip
    mark = Mark(n, finding.episode, point, 1, verdict, "", n, "x") if verdict else None
    return Episode(finding, None, mark)


T, F = Verdict.TRUE, Verdict.FALSE


class TestProposals:
    @pytest.mark.parametrize(
        ("marked", "expected"),
        [
            ([(10, F), (20, F)], None),  # two are no habit
            ([(10, F), (20, F), (30, F)], 300.0),
            ([(10, F), (20, F), (40, F), (90, T)], 60.0),  # between the worst false and the least true
            ([(10, F), (20, F), (30, F), (40, F), (31, T)], 30.4959),  # none marked true is silenced
            ([(10, F), (20, F), (30, F), (15, T)], None),
            ([], None),
        ],
    )
    def test_bar(self, marked, expected):
        """A bar lies above three false episodes at least and below every true one."""
        bars = candidates(episode(n, *m) for n, m in enumerate(marked))

        assert (pytest.approx(expected, rel=1e-4) if expected else None) == bars.get(1)

    def test_missing_says_nothing(self):
        """Values that did not come have no rarity."""
        assert {} == candidates(episode(n, 10.0, F, anomaly=Anomaly.MISSING) for n in range(5))

    def test_tried(self):
        """What would have changed is counted by what people said of it."""
        told = [
            episode(0, 10, F),
            episode(1, 20),
            episode(2, 90, T),
            episode(3, 500),
            episode(4, 5, None, 1, Anomaly.MISSING),
        ]
        found = tried(1, 60.0, told)

        assert (5, 1, 1, 1) == (found.told, found.false, found.gone_unmarked, found.true)
        assert ["anomaly/1/0", "anomaly/1/1"] == [e.id for e in found.gone]

    def test_asked(self, app, house, put):
        """Marks propose a bar with what would have changed, and the answer changes nothing."""
        operator = Client(app, "park_operator")
        episodes = [began(house.ids, NOW - n * DAY, times=1e4 * (n + 1)) for n in range(1, 6)]
        put(*episodes)
        assert [] == operator.get("/proposals", park=house.ids.park)["items"]
        for e, verdict in zip(episodes, ("false", "false", "false", "true"), strict=False):
            operator("POST", "/episodes/mark", json={"episode": e.episode, "verdict": verdict})
        (found,) = operator.get("/proposals", park=house.ids.park)["items"]

        assert (5, 3, 3, 0, 1) == tuple(found[n] for n in ("told", "gone", "gone_false", "gone_unmarked", "kept_true"))
        assert 4e4 < found["times"] < 5e4
        assert 5 == len(operator.get("/episodes", park=house.ids.park)["items"])
