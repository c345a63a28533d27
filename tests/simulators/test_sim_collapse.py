"""Injected collapse: what the generator does to a series, and what the ladder says of it on real loads."""

from datetime import date

import numpy as np
import pytest

from bench.scoreboard.collapse import LOW, bases, onsets, run
from bench.scoreboard.words import DATA
from simulators.chance import rng
from simulators.collapse import A_DAY, SCENARIOS, Base

BASE = Base("flat", date(2025, 1, 6), np.tile(np.where(np.arange(A_DAY) % 24 > 7, 10.0, 2.0), 300))


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_generator(scenario):
    """A scenario leaves its base as it was, gives the same series for the same seed, and stops only if it says so."""
    before = BASE.use.copy()
    one, other = (scenario.make(BASE, BASE.use, 100, rng(3, 1)) for _ in range(2))

    assert np.array_equal(before, BASE.use)
    assert np.array_equal(one.use, other.use, equal_nan=True)
    assert scenario.positive == (one.onset >= 0)
    if scenario.positive:
        assert np.nanmean(one.use[-60 * A_DAY :]) < 0.3 * BASE.use.mean()


def test_onsets():
    """An onset is a stop that was not told before; unknown days neither begin nor end one."""
    assert [1, 6] == onsets(["active", "stopped", "unknown", "stopped", "dormant", "active", "stopped"])


@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="recordings of others are not here (PARK_SHARED_DATA)")
def test_on_a_real_load():
    """On a real office every stop, no holiday near, is found in six days and held; what only looks so is not told."""
    base = next(b for b in bases() if b.name == "bdg2_1")
    tenants = [(s, s.make(base, base.use, 128, rng(9, n))) for n, s in enumerate(SCENARIOS.values())]
    done = run(base, tenants)

    for one in done:
        if one.scenario.positive:
            assert LOW & set(one.states[: one.tenant.onset + 9]), one.scenario.name
            assert LOW >= set(one.states[-10:]), one.scenario.name
        else:
            assert [] == onsets(one.states), one.scenario.name
