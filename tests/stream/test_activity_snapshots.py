"""A snapshot of an earlier program, which kept every number of every cell, is taken up as it is."""

import numpy as np
import pytest

from tests.stream.firms import Town, config

METRICS = ("energy", "energy_use", "power", "voltage", "voltage")
ABOVE = 1 << 24  # the bit of hours that says that something was above zero
DIVIDED = {
    "reached": {"low": np.inf, "high": -np.inf},
    "summed": dict.fromkeys(("total", "spread", "night", "dark"), 0),
}


def lived(town: Town, days: range) -> Town:
    """Give a town of two firms some days: one rests now and then, and what it says comes late, too."""
    for n in days:
        chance = np.random.default_rng(n)
        use = chance.random(24) * 5 * (n % 5 > 0)
        register = np.cumsum(use) + 100 * n
        for firm in (10, 20):
            volts = [220 + chance.random(24) * 5 if n % some else np.zeros(24) for some in (3, 7)]
            hours = dict(zip(range(firm, firm + 5), (register, use, use, *volts), strict=True))
            town.day(n, **{f"p{point}": list(said) for point, said in hours.items()})
        if n > 3:
            rest = list(chance.random(24))
            town.give(town.rows(n - 2, 11, rest, received=town.start + n * 86_400_000 + 50_000_000))
    return town


def earlier(state: dict) -> dict:
    """Return the state of the stage as programs had it that kept every column of every cell."""
    state = dict(state)
    above = (state["cells_hours"] & ABOVE) > 0
    state["cells_hours"] = state["cells_hours"] & ~ABOVE
    for rows, columns in DIVIDED.items():
        cells = state.pop(f"cells_{rows}")
        for name, fill in columns.items():
            some = state[f"cells_{name}"]
            whole = np.full(above.shape, fill, some.dtype)
            if name == "high":
                whole[above] = 1.0
            whole[cells] = some
            state[f"cells_{name}"] = whole
    return state


@pytest.mark.parametrize("shape", [dict, earlier])
def test_goes_on(shape):
    """What was saved, now or by an earlier program, goes on as if there had been no stop."""
    town = config(*METRICS, firms=2)
    uncut, stopped = lived(Town(town), range(9)), Town(town)
    states = uncut.pipeline.snapshot()
    stopped.pipeline.restore(states | {"activity": shape(states["activity"])})
    uncut.told.clear()

    assert lived(uncut, range(9, 14)).told == lived(stopped, range(9, 14)).told


def test_no_more_than_is_needed():
    """What only says that a meter lives has no sums, and a register none either."""
    state = lived(Town(config(*METRICS, firms=2)), range(3)).pipeline.snapshot()["activity"]

    assert 10 == len(state["cells_count"])
    assert 6 == len(state["cells_low"]) == len(state["cells_high"])
    assert 4 == len(state["cells_total"]) == len(state["cells_dark"])
