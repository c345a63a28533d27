"""Enterprises that are idle since before they were measured, held against others."""

from dataclasses import replace

import pytest

from park.records import PaperKind
from park.wire import decode_states, encode_states
from stream.activity import Activity
from stream.pipeline import Pipeline
from tests.stream.firms import Town, config, paper

FIRMS = 7


def park(*, trade="metal", papers=(), area=1_000.0, heads=10):
    """Return a park of firms with use and people; firm n has points 10 n and 10 n + 1."""
    made = config("energy_use", "people_in", firms=FIRMS, papers=papers)
    firms = (replace(e, headcount=heads, trade=trade or f"trade {e.enterprise}") for e in made.enterprises)
    places = (replace(p, area=area if p.kind == "unit" else 0.0) for p in made.places)
    return replace(made, places=tuple(places), enterprises=tuple(firms))


def leads(made=None, days=80, use=10.0, people=0.0, cut=None, back=None):
    """Return the days on which firm 1 was called low; the others use 100 kWh and count 24 people a day."""
    town = Town(made or park())
    for n in range(days):
        work = n % 7 < 5
        low = use if back is None or n < back else 100.0
        rows = {"p10": [low / 24] * 24, "p11": [people / 24] * 24}
        for firm in range(2, FIRMS + 1):
            rows |= {f"p{10 * firm}": [(100.0 if work else 12.0) / 24] * 24, f"p{10 * firm + 1}": [float(work)] * 24}
        town.day(n, **rows)
        if n == cut:
            other = Pipeline(lambda d: (Activity(d),))
            other.restore(decode_states(encode_states(town.pipeline.snapshot())))
            town.pipeline = other
    found = [e for e in town.told if getattr(e, "reason", "") == "below_peers"]
    return [(e.point, (e.at - town.start) // 86_400_000) for e in found], found


def test_idle_since_ever():
    """A tenth of its trade's use by area and nobody who comes: told once, after the fifteenth low workday."""
    days, (found,) = leads()

    assert [(10, 46)] == days
    assert (0.01, 0.1, 0.9, "low") == (
        round(found.value, 6),
        round(found.expected, 6),
        round(found.score, 6),
        found.severity,
    )


def test_without_a_trade():
    """Where others of its trade are too few, the whole park is what it is held against."""
    assert [(10, 46)] == leads(park(trade=""))[0]


def test_restored():
    """A restart in between changes nothing."""
    assert leads()[0] == leads(cut=41)[0]


@pytest.mark.parametrize(
    ("why", "change"),
    [
        ("people come", {"people": 20.0}),
        ("a third is enough", {"use": 35.0}),
        ("it worked before the fifteenth day", {"back": 40}),
    ],
)
def test_not_low(why, change):
    """What works in some way is not low."""
    assert [] == leads(**change)[0], why


@pytest.mark.parametrize("change", [{"area": 0.0}, {"heads": 0}])
def test_size_unknown(change):
    """Without area, or without heads, nothing is said: there is nothing to hold it against."""
    assert [] == leads(park(**change))[0]


def test_paper_on_file():
    """A filed suspension explains it."""
    assert [] == leads(park(papers=[paper(PaperKind.FILED_SUSPENSION, 0, 200)]))[0]


def test_told_again_only_after_work():
    """It is told once as long as it stays low."""
    assert [(10, 46)] == leads(days=140)[0]
