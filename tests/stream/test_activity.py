"""The ladder of activity, day by day."""

from datetime import date, timedelta

import numpy as np
import pytest

from stream.activity import Day, Ladder

MONDAY = date(2025, 3, 3)


def states(amounts, *, holidays=(), paper=(), readings=96, flat=(), quiet=None):
    """Return the state of each day of some amounts, the first of them a Monday."""
    ladder = Ladder(1, holidays)
    told = []
    for n, amount in enumerate(amounts):
        day = MONDAY + timedelta(days=n)
        told.append(
            ladder.judge(
                Day(day, amount, readings, n in flat, quiet, "supply_pause" if n in paper else "")
            )
        )  # fmt: skip
    return [t.state for t in told], told


def normal(days, seed=3):
    """Return amounts of a factory that works Monday to Saturday."""
    chance = np.random.default_rng(seed)
    return [float((100 if n % 7 < 6 else 12) * chance.uniform(0.8, 1.2)) for n in range(days)]


def test_learning_then_active():
    """For four weeks nothing is said; then an ordinary year is active, Sundays too."""
    told, _ = states(normal(365))

    assert {"unknown"} == set(told[:28])
    assert {"active"} == set(told[28:])


@pytest.mark.parametrize("weekday", range(7))
def test_abrupt_stop(weekday):
    """A stop is seen as reduced within two workdays and as stopped within five days, on any weekday."""
    at = 70 + weekday
    told, _ = states([*normal(at), *([8.0] * 200)])

    assert "stopped" == told[at + 4]
    assert "active" != told[at + 2]
    assert {"stopped", "dormant"} == set(told[at + 4 :])
    assert "dormant" == told[-1]


def test_slow_decline():
    """A decline over eight weeks ends as stopped: the baseline does not follow it down."""
    fall = [x * max(0.1, 1 - n / 56) for n, x in enumerate(normal(150))]

    told = states([*normal(98), *fall])[0]

    assert "stopped" in told
    assert "dormant" == told[-1]


def test_one_shift_less():
    """Half of the usual is reduced or half stopped, never stopped."""
    told = states([*normal(100), *(x * 0.5 for x in normal(60))])[0]

    assert {"reduced", "half_stopped"} >= set(told[104:])


def test_missing_is_not_zero():
    """Days without readings are unknown."""
    assert {"unknown"} == set(states([*normal(100), *([None] * 30)])[0][100:])


def test_stuck_register():
    """A register that stands still altogether is a fault of the meter."""
    assert {"unknown"} == set(states([*normal(98), *([0.0] * 30)], flat=range(98, 128))[0][98:])


def test_paper():
    """A registered pause of supply explains silence."""
    told = states([*normal(98), *([2.0] * 14), *normal(28)], paper=range(98, 112))[0]

    assert {"unknown"} == set(told[98:112])
    assert {"active"} == set(told[112:])


def test_holiday():
    """Two weeks around Spring Festival are not judged."""
    free = {MONDAY + timedelta(days=n) for n in range(98, 112)}
    told = states([*normal(98), *([5.0] * 14), *normal(28)], holidays=free)[0]

    assert {"unknown"} == set(told[98:112])
    assert {"active"} == set(told[112:])


def test_zombie_needs_another_signal():
    """Six months of silence are a suspicion only when people and vehicles are missing too."""
    amounts = [*normal(98), *([5.0] * 200)]

    assert "dormant" == states(amounts, quiet=False)[0][-1]
    assert "zombie_suspect" == states(amounts, quiet=True)[0][-1]


def test_reasons():
    """A state carries its figures."""
    day = states([*normal(98), *([8.0] * 10)])[1][-1]

    assert any("11 days in a row" in r for r in day.reasons)
    assert 0.0 < day.ratio < 0.1
