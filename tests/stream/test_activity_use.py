"""Use of nights unlike an enterprise's past: living in, a second tenant, another use."""

from datetime import date

import numpy as np
import pytest

from park.activity import numbered
from tests.stream.contract import DAY
from tests.stream.firms import MONDAY, Town, config, spread

SIX_DAYS = (100.0,) * 6 + (12.0,)
FIVE_DAYS = (100.0,) * 5 + (22.0, 20.0)  # what is left is standing load: most of a Saturday is used at night


def nights(share, from_day, days=90, *, week=SIX_DAYS, flat=False, scale=1.0, every=1, wild=-1):
    """Return a town whose firm uses more at night from a day on; `wild`: a day of millions of kWh."""
    town = Town(config())
    for n in range(days):
        use = np.array(spread(week[n % 7], n))
        dark = np.array([h >= 20 or (h < 6 if flat else h < 2) for h in range(24)])
        if n >= from_day and n % every == 0:
            use = use * scale
            use[dark] += share * 100.0 / dark.sum()
        if n == wild:
            use *= 1e5
        town.day(n, p10=use.tolist())
    return town


def found(town):
    """Return what was found of uses."""
    return [e for e in town.told if getattr(e, "kind", "") == "use"]


def day_of(finding):
    """Return the day on which something was found, counted from the town's first."""
    return (finding.ts + DAY // 3) // DAY - numbered(date(MONDAY.year, MONDAY.month, MONDAY.day).isoformat())


def test_living_in():
    """Nights that use half a day's energy more than ever are told once, with the share and what was usual."""
    (one,) = found(nights(0.5, 60))

    assert "night_use" == one.reason
    assert one.value > one.high > one.expected
    assert (1, 101, 10) == (one.park, one.place, one.point)


def test_round_the_clock():
    """A day shift that becomes a load round the clock is another use."""
    assert ["other_shape"] == [str(f.reason) for f in found(nights(0.6, 60, flat=True))]


SEEN = {
    "a factory": {"from_day": 60},
    "an office that is empty on Saturdays": {"from_day": 60, "week": FIVE_DAYS},
    "before the ladder has learned": {"from_day": 24},
    "after one wild day": {"from_day": 60, "wild": 40},
    "a wild first day": {"from_day": 60, "wild": 0},
    "a wild third Monday": {"from_day": 60, "wild": 14},
}


@pytest.mark.parametrize("change", SEEN.values(), ids=SEEN)
def test_told_in_two_weeks(change):
    """A quarter of a workday's use in every night is told once, when ten nights or a few more have shown it."""
    (one,) = found(nights(0.25, **change))

    assert 9 <= day_of(one) - change["from_day"] <= 15


NOTHING = {
    "a stop": {"share": 0.0, "scale": 0.1},
    "a busier trade": {"share": 0.0, "scale": 1.6},
    "a lamp left on": {"share": 0.03},
    "every third night": {"share": 0.5, "every": 3},
    "a busier office": {"share": 0.0, "scale": 1.6, "week": FIVE_DAYS},
    "a stopped office": {"share": 0.0, "scale": 0.15, "week": FIVE_DAYS},
}


@pytest.mark.parametrize("change", NOTHING.values(), ids=NOTHING)
def test_nothing_of_it(change):
    """A stop, a busier trade, a lamp left on and a night now and then are no use of the night."""
    assert [] == found(nights(from_day=60, **change))


def test_from_an_earlier_program():
    """Nights that an earlier program kept as shares are learned anew; the rest goes on."""
    town, later = nights(0.0, 0, days=40), Town(config())
    state = town.pipeline.snapshot()
    activity = {k: v for k, v in state["activity"].items() if k not in {"use_night", "use_away", "use_day", "use_seen"}}
    later.pipeline.restore(state | {"activity": activity | {"use_share": np.zeros(1, np.float32)}})
    town.told.clear()
    for one in (town, later):
        one.day(40, p10=spread(100.0))

    assert town.told == later.told
    assert town.told
