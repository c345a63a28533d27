"""Faults put into series: where they are, what they change, and that a seed says all."""

import numpy as np
import pytest

from simulators.faults_on_series import DAY, FAULTS, PLAIN, SMALL, Fault, injected

QUARTER = 900_000


def series(days=40):
    """Return a load of days and nights."""
    ts = np.arange(days * 96) * QUARTER + 1_750_003_200_000
    return ts, 20 + 10 * np.sin(ts / DAY * 2 * np.pi) + np.random.default_rng(1).normal(0, 1, len(ts))


@pytest.mark.parametrize("fault", [*PLAIN, *SMALL], ids=lambda f: f"{f.kind}-{f.size:g}")
class TestEachFault:
    def test_only_where_it_is(self, fault):
        """Nothing is changed outside of the fault."""
        ts, value = series()
        faulty = injected(ts, value, fault, 3)
        outside = (ts < faulty.begin) | (ts > faulty.end)

        kept = dict(zip(ts[outside].tolist(), value[outside].tolist(), strict=True))
        found = list(zip(faulty.ts.tolist(), faulty.value.tolist(), strict=True))
        assert set(kept.items()) <= set(found)

    def test_something_is_changed(self, fault):
        """The series is not the one it was."""
        ts, value = series()
        faulty = injected(ts, value, fault, 3)

        assert not (np.array_equal(faulty.ts, ts) and np.array_equal(faulty.value, value))

    def test_seeds(self, fault):
        """The same seed gives the same series; another puts the fault elsewhere."""
        ts, value = series()
        first, again, other = (injected(ts, value, fault, seed) for seed in (3, 3, 4))

        assert np.array_equal(first.value, again.value)
        assert first.begin != other.begin

    def test_place(self, fault):
        """It begins between 60 and 90 % of the series, and lasts as long as its row says."""
        ts, value = series()
        faulty = injected(ts, value, fault, 5)
        share = (faulty.begin - ts[0]) / (ts[-1] - ts[0])

        assert 0.6 <= share <= 0.9
        assert fault.lasts - QUARTER <= faulty.end - faulty.begin <= max(fault.lasts, 0)


def test_sizes():
    """A spike of size one is as large as an ordinary day."""
    ts, value = series()
    faulty = injected(ts, value, Fault("spike", 1.0, 0), 3)

    assert 15 < float((faulty.value - value).max()) < 25


def test_every_kind_has_a_plain_row():
    """All kinds stand in the table of what a person sees at once."""
    assert set(FAULTS) == {fault.kind for fault in PLAIN}


def test_short_series():
    """Less than twenty days is too little to say what is usual."""
    ts, value = series(19)

    with pytest.raises(ValueError, match="twenty days"):
        injected(ts, value, PLAIN[0], 1)
