"""What every store of days and papers promises."""

import pytest

from park.activity import Evidence, Sign
from park.activity_ports import ParkDay
from park.errors import Conflict, NotFound
from park.events import ActivityDay
from park.metrics import Lane
from park.model import Enterprise, Park
from park.records import Paper, PaperKind
from runtime.storage.sql.activity import SqlActivity
from runtime.storage.sql.events import SqlEvents
from runtime.storage.sql.papers import SqlPapers
from runtime.storage.sql.registry import SqlRegistry

NOW = 1_760_000_000_000


@pytest.fixture
def days(database):
    return SqlActivity(database)


@pytest.fixture
def papers(database):
    return SqlPapers(database)


@pytest.fixture
def firm(database):
    """A firm in a park."""
    registry = SqlRegistry(database)
    (park,) = registry.save([Park(-1, "p", "park")], actor="t", reason="", now=NOW)
    (saved,) = registry.save([Enterprise(-1, park.id, "e", "firm")], actor="t", reason="", now=NOW)
    return saved


def day(firm=1, date="2026-03-02", state="active", ratio=1.0, park=1, **more):
    """Return a judged day."""
    fields = {"measure": "energy_use", "amount": 100.0 * ratio, "expected": 100.0, **more}
    return ActivityDay(firm, date, state, ratio, 1 - ratio, ("said",), park, NOW, **fields)


class TestDays:
    def test_range(self, database, days):
        """Days come rising, from the first inclusive to the last exclusive, with their evidence."""
        evidence = (Evidence(Sign.RUN, {"days": 6, "limit": 0.3, "since": "2026-03-01"}),)
        told = [day(date=f"2026-03-0{n}", evidence=evidence) for n in (3, 1, 2, 4)]
        SqlEvents(database).apply(Lane.BULK, 1, told)

        assert sorted(told[:3], key=lambda d: d.day) == days.days(1, "2026-03-01", "2026-03-04")

    def test_revision(self, database, days):
        """A day that is judged again is one row with the newest word, in the sums too."""
        SqlEvents(database).apply(Lane.BULK, 1, [day(state="unknown", amount=None)])
        SqlEvents(database).apply(Lane.BULK, 2, [day(ratio=0.5)])

        assert [0.5] == [d.ratio for d in days.days(1, "2026-01-01", "2027-01-01")]
        assert [ParkDay("2026-03-02", {"active": 1}, 1, 1, 50.0, 100.0)] == days.by_day(1, "2026-01-01", "2027-01-01")

    def test_sums_of_a_park(self, database, days):
        """A park's day counts states, and sums only what is known and metered in kWh; other parks are left out."""
        holiday = (Evidence(Sign.HOLIDAY, {"kind": "public_holiday"}),)
        SqlEvents(database).apply(
            Lane.BULK, 1,
            [
                day(1, ratio=0.9), day(2, state="stopped", ratio=0.1, evidence=holiday),
                day(3, state="unknown", amount=None), day(4, ratio=0.8, measure="people_in"), day(5, park=2),
            ],
        )  # fmt: skip

        states = {"active": 2, "stopped": 1, "unknown": 1}
        assert [ParkDay("2026-03-02", states, 3, 2, pytest.approx(100.0), 200.0, "public_holiday")] == days.by_day(
            1, "2026-03-02", "2026-03-03"
        )

    def test_newest(self, database, days):
        """Of each enterprise of a park the newest day is known."""
        SqlEvents(database).apply(
            Lane.BULK, 1, [day(1), day(1, "2026-03-03", "stopped"), day(2, "2026-03-01"), day(3, park=2)]
        )

        assert [(1, "stopped"), (2, "active")] == [(d.enterprise, d.state) for d in days.newest(1)]


class TestPapers:
    def paper(self, firm):
        """Return a paper of a firm."""
        return Paper(firm.id, PaperKind.SUPPLY_PAUSE, "2026-03-01", "2026-03-20")

    def test_filed(self, papers, firm):
        """A paper gets a number, stands, and keeps who filed it."""
        filed = papers.file(self.paper(firm), firm.park, actor="desk", note="117", now=NOW)

        assert (filed.paper,) == papers.standing()
        assert [filed] == list(papers.of(firm.id)) == [papers.get(filed.paper.id)]
        assert ("desk", "117", NOW, None) == (filed.actor, filed.note, filed.at, filed.withdrawn)

    def test_taken_back(self, papers, firm):
        """A paper that is taken back stands no more and stays on record; it is taken back once."""
        key = papers.file(self.paper(firm), firm.park, actor="desk", note="", now=NOW).paper.id
        taken = papers.withdraw(key, actor="chief", now=NOW + 1)

        assert ((), NOW + 1, "chief") == (papers.standing(), taken.withdrawn, taken.withdrawn_by)
        assert [taken] == list(papers.of(firm.id))
        with pytest.raises(Conflict):
            papers.withdraw(key, actor="chief", now=NOW + 2)

    def test_of_nobody(self, papers):
        """A paper of an enterprise that is not there is refused, and a number that is not there not found."""
        with pytest.raises(Conflict):
            papers.file(self.paper(Enterprise(999, 1, "x", "x")), 1, actor="desk", note="", now=NOW)
        with pytest.raises(NotFound):
            papers.withdraw(99, actor="desk", now=NOW)
        assert () == papers.standing()
