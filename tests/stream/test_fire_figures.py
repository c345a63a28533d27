"""How early real room fires are told, and that nothing ordinary is: the figures of the scoreboard, held."""

from functools import partial
from statistics import median

import pytest

from bench.scoreboard import fires, nuisances
from bench.scoreboard.words import DATA

real = pytest.mark.skipif(not DATA.is_dir(), reason="recordings of others are not here (PARK_SHARED_DATA)")


@real
@pytest.mark.parametrize(
    ("changed", "first", "confirmed"),
    [
        pytest.param(None, 30, 40, id="as recorded"),
        pytest.param(fires.lagged, 45, 60, id="slow sensors"),
        pytest.param(partial(fires.thinned, pace=10, since=4), 45, 60, id="every ten seconds"),
    ],
)
def test_room_fires(changed, first, confirmed):
    """Four of four are found and confirmed, in the middle within these seconds; with slow or rare sensors too."""
    told = [fires.found(fire, changed=changed) for fire in fires.FIRES]

    assert max(t.confirmed for t in told) < 120
    assert (True, True) == (median(t.first for t in told) < first, median(t.confirmed for t in told) < confirmed)


@real
@pytest.mark.parametrize("fire", fires.FIRES)
def test_weak_signs_are_earlier(fire):
    """Heat beside smoke is never later than either alone."""
    both = fires.found(fire, frozenset({"temperature", "smoke_obscuration"})).first
    alone = [fires.found(fire, frozenset({metric})).first for metric in ("temperature", "smoke_obscuration")]

    assert both <= min(alone)


@pytest.mark.parametrize("kind", nuisances.KINDS)
def test_nuisances(kind):
    """What is no fire raises no alarm."""
    assert (6, 0, ()) == (*_numbers(nuisances.tally(kind, paces=(10,), seeds=6)),)


def _numbers(tally):
    return tally.rooms, tally.alarmed, tally.rules
