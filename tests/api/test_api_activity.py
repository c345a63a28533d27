"""Activity of enterprises and parks by API, and papers on file."""

import csv
import io
from dataclasses import replace

import pytest
from api_house import NOW, Client

from api.app import create_app
from park.activity import Evidence, Sign, iso, numbered
from park.events import ActivityDay
from park.metrics import Lane
from park.model import Enterprise
from runtime.storage.sql.activity import SqlActivity
from runtime.storage.sql.papers import SqlPapers

TODAY = numbered("2026-11-21")  # the house's clock says so, park time


def judged(firm, park, day, state="active", ratio=1.0, *, amount=100.0, rest="", since=""):
    """Return a day of a firm, `day` days before today."""
    date = iso(TODAY - day)
    evidence = [Evidence(Sign.LEVEL, {"share": ratio, "days": 5})]
    if rest:
        evidence = [Evidence(Sign.HOLIDAY, {"kind": rest})]
    return ActivityDay(
        firm, date, state, ratio, 1 - min(ratio, 1), ("x",), park, NOW, "energy_use", amount * ratio, amount,
        since or date, tuple(evidence),
    )  # fmt: skip


@pytest.fixture
def kept(house):
    """The house with the stores of days and papers, and a second firm."""
    database = house.services.registry._database
    services = replace(house.services, activity=SqlActivity(database), papers=SqlPapers(database))
    (second,) = services.registry.save(
        [Enterprise(0, house.ids.park, "e2", "第二家", "metal")], actor="test", reason="", now=NOW
    )
    days = []
    for n in range(60, 0, -1):
        stopped = n <= 10
        rest = "public_holiday" if 20 <= n < 26 else ""
        share = 0.1 if rest else 1.0
        state, ratio, since = ("stopped", 0.05, iso(TODAY - 10)) if stopped else ("active", share, "")
        days.append(judged(house.ids.firm, house.ids.park, n, state, ratio, rest=rest, since=since))
        days.append(judged(second.id, house.ids.park, n, ratio=share, rest=rest))
    services.events.apply(Lane.BULK, 5, days)
    house.services = services
    house.second = second.id
    return house


@pytest.fixture
def client(kept):
    """A client that may see everything, over them."""
    return Client(create_app(kept.services), "park_viewer")


class TestDays:
    def test_range(self, client, kept):
        """The days of an enterprise come rising, with ratio and reasons in both languages."""
        told = client.get(f"/enterprises/{kept.ids.firm}/activity", **{"from": iso(TODAY - 12), "to": iso(TODAY - 9)})

        assert ["active", "active", "stopped"] == [d["state"] for d in told["items"]]
        assert [1.0, 1.0, 0.05] == [d["ratio"] for d in told["items"]]
        assert "最近 5 个工作日为往常的 5%" == told["items"][-1]["reasons"][0]["zh"]
        assert "5% of its usual over 5 workdays" == told["items"][-1]["reasons"][0]["en"]

    def test_a_year_by_default(self, client, kept):
        """Without a range it is the 53 weeks before today, and the reasons can be left out."""
        told = client.get(f"/enterprises/{kept.ids.firm}/activity", reasons=False)

        assert (iso(TODAY - 371), iso(TODAY)) == (told["start"], told["end"])
        assert 60 == len(told["items"])
        assert {None} == {d["reasons"] for d in told["items"]}

    @pytest.mark.parametrize(
        "asked", [{"from": "2026-11-21", "to": "2026-11-20"}, {"from": "2010-01-01"}, {"to": "0001-01-01"}]
    )
    def test_bad_range(self, client, kept, asked):
        """A range that is none, or of more than three years, is refused."""
        assert 400 == client("GET", f"/enterprises/{kept.ids.firm}/activity", params=asked).status_code

    def test_scope(self, kept):
        """A key of another park learns nothing of an enterprise or a park."""
        other = Client(create_app(kept.services), "park_other")
        firm, park = kept.ids.firm, kept.ids.park

        for path in (f"/enterprises/{firm}/activity", f"/enterprises/{firm}/activity/explanation",
                     f"/enterprises/{firm}/papers", f"/parks/{park}/activity",
                     f"/parks/{park}/activity.csv"):  # fmt: skip
            assert 404 == other("GET", path).status_code


class TestExplanation:
    def test_newest(self, client, kept):
        """The newest day is explained with its evidence, and the year before it in spells."""
        told = client.get(f"/enterprises/{kept.ids.firm}/activity/explanation")

        assert ("停产", "stopped", iso(TODAY - 1)) == (told["zh"], told["en"], told["day"]["day"])
        assert [("active", 50), ("stopped", 10)] == [(s["state"], s["days"]) for s in told["spells"]]
        assert iso(TODAY - 10) == told["day"]["since"]

    def test_of_a_day(self, client, kept):
        """A day of the past is explained as it was told; one that was not judged is not found."""
        firm = kept.ids.firm

        assert "active" == client.get(f"/enterprises/{firm}/activity/explanation", day=iso(TODAY - 30))["en"]
        assert (
            404 == client("GET", f"/enterprises/{firm}/activity/explanation", params={"day": "2020-01-01"}).status_code
        )


class TestPark:
    def test_index(self, client, kept):
        """A park's days are summed by one arithmetic: who works, and how much against what is usual."""
        told = client.get(f"/parks/{kept.ids.park}/activity")
        last = told["items"][-1]

        assert {"stopped": 1, "active": 1} == last["states"] == told["states"]
        assert (2, 1, 0.5) == (last["judged"], last["working"], last["working_share"])
        assert last["production_share"] == pytest.approx(0.525)
        assert [kept.ids.firm, kept.second] == [e["enterprise"] for e in told["enterprises"]]

    def test_table(self, client, kept):
        """As a table each enterprise stands once, the worst first, with its evidence; no name is a formula."""
        registry = kept.services.registry
        registry.save(
            [replace(registry.get(Enterprise, kept.second), name="=HYPERLINK(1)")], actor="test", reason="", now=NOW
        )
        answer = client("GET", f"/parks/{kept.ids.park}/activity.csv")
        rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))

        assert "text/csv; charset=utf-8" == answer.headers["content-type"]
        assert [("stopped", "停产"), ("active", "正常")] == [(r["state"], r["state_zh"]) for r in rows]
        assert ("最近 5 个工作日为往常的 5%", "0.050") == (rows[0]["evidence_zh"], rows[0]["share_of_usual"])
        assert ["101", ""] == [r["place"] for r in rows]
        assert "'=HYPERLINK(1)" == rows[1]["name"]

    def test_recovery(self, client, kept):
        """After a holiday the park's recovery is its share now against that before."""
        back = client.get(f"/parks/{kept.ids.park}/activity")["recovery"]

        assert ("public_holiday", iso(TODAY - 25), iso(TODAY - 20)) == (back["holiday"], back["start"], back["end"])
        assert (1.0, 1) == (back["before"], back["days_to_90"])
        assert back["recovered"] == pytest.approx(0.525)

    def test_nothing_yet(self, viewer, house):
        """A park of which no day was judged has no index and no recovery, rather than zero."""
        told = viewer.get(f"/parks/{house.ids.park}/activity")

        assert ([], None, []) == (told["items"], told["recovery"], told["enterprises"])


class TestPapers:
    def paper(self, **more):
        """Return a paper to file."""
        return {"kind": "supply_pause", "begin": "2026-11-01", "end": "2026-11-30", **more}

    def test_filed_and_taken_back(self, kept):
        """An officer files a paper and takes it back; it stays in the list, and the stages are told each time."""
        officer, firm = Client(create_app(kept.services), "park_officer"), kept.ids.firm

        filed = officer("POST", f"/enterprises/{firm}/papers", json=self.paper(note="申请 117")).json()
        standing = kept.services.papers.standing()
        taken = officer("POST", f"/enterprises/{firm}/papers/withdraw", json={"paper": filed["id"]}).json()
        again = officer("POST", f"/enterprises/{firm}/papers/withdraw", json={"paper": filed["id"]})

        assert [(firm, "supply_pause", "2026-11-30")] == [(p.enterprise, p.kind, p.end) for p in standing]
        assert () == kept.services.papers.standing()
        assert ("officer", NOW, "officer") == (filed["actor"], taken["withdrawn"], taken["withdrawn_by"])
        assert 409 == again.status_code
        assert [taken] == officer.get(f"/enterprises/{firm}/papers")
        assert [1, 1] == kept.changed

    @pytest.mark.parametrize(
        "wrong",
        [{"end": "2026-10-01"}, {"end": "2036-10-01"}, {"kind": "excuse"}, {"begin": "soon"}, {"more": 1}],
    )
    def test_refused(self, kept, wrong):
        """A paper that ends before it begins, holds too long or is of no known kind is refused, and nothing is kept."""
        officer = Client(create_app(kept.services), "park_officer")

        assert officer("POST", f"/enterprises/{kept.ids.firm}/papers", json=self.paper(**wrong)).status_code in {
            400,
            422,
        }
        assert () == kept.services.papers.standing()

    def test_of_another(self, kept):
        """A paper is taken back through its own enterprise only."""
        officer = Client(create_app(kept.services), "park_officer")
        filed = officer("POST", f"/enterprises/{kept.ids.firm}/papers", json=self.paper()).json()

        answer = officer("POST", f"/enterprises/{kept.second}/papers/withdraw", json={"paper": filed["id"]})

        assert 404 == answer.status_code
        assert 1 == len(kept.services.papers.standing())
