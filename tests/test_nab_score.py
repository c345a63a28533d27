"""The score of the public benchmark, on cases that can be worked out by hand."""

import numpy as np
import pytest

from bench.scoreboard.nab import category, nested
from bench.scoreboard.nab_score import PROFILES, Count, Series, counted, total, weight

ROWS, FIRST, LAST = 1_000, 500, 599
SERIES = Series("one window", np.arange(ROWS) * 300_000, ((FIRST, LAST),))
STANDARD = PROFILES["standard"]


def score(*rows, profile=STANDARD, series=SERIES):
    """Return the score of some marked rows."""
    marks = np.zeros(len(series.ts), np.bool_)
    marks[list(rows)] = True
    return counted(series, marks).score(profile)


class TestScore:
    @pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
    def test_nothing_said(self, profile):
        """A detector that says nothing gets 0."""
        assert pytest.approx(0) == score(profile=profile)

    @pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
    def test_at_the_left_edge(self, profile):
        """One mark where the window begins is perfect."""
        assert pytest.approx(100) == score(FIRST, profile=profile)

    def test_at_the_right_edge(self):
        """A mark where the window ends earns next to nothing, and is no miss: half."""
        assert pytest.approx(50, abs=2) == score(LAST)

    def test_the_middle(self):
        """A mark half way earns 2 / (1 + e^-2.5) - 1 of what the left edge earns."""
        earned = (2 / (1 + np.exp(-2.5)) - 1) / (2 / (1 + np.exp(-5)) - 1)

        assert pytest.approx(50 + 50 * earned) == score(FIRST + 50)

    def test_only_the_first_counts(self):
        """Further marks in a window change nothing."""
        assert score(FIRST + 20) == score(FIRST + 20, FIRST + 21, LAST)

    def test_a_false_mark_costs(self):
        """A mark before any window costs 0.11 of a window, and twice that where false marks weigh double."""
        assert pytest.approx(100 - 100 * 0.11 / 2) == score(FIRST, 300)
        assert pytest.approx(100 - 100 * 0.22 / 2) == score(FIRST, 300, profile=PROFILES["low_fp"])

    def test_right_behind_a_window(self):
        """A mark right behind a window costs less than one far behind."""
        assert score(FIRST, LAST + 1) > score(FIRST, LAST + 60) > score(FIRST, LAST + 400)

    def test_probation(self):
        """The first 15 % of the rows are not scored."""
        assert pytest.approx(0) == score(0, 100, 149)
        assert 150 == SERIES.probation
        assert 750 == Series("long", np.arange(15_000), ()).probation

    def test_misses_weigh_double(self):
        """Where misses weigh double, one of two windows found is a third less than half lost."""
        both = total([counted(SERIES, np.arange(ROWS) == FIRST), counted(SERIES, np.zeros(ROWS, np.bool_))])

        assert pytest.approx(50) == both.score(PROFILES["low_fn"])

    def test_no_windows(self):
        """A series without windows only costs."""
        quiet = Series("quiet", np.arange(ROWS), ())
        marks = np.zeros(ROWS, np.bool_)
        marks[[200, 400]] = True

        assert 2 == counted(quiet, marks).wrong

    def test_weight(self):
        """The weight falls from the left edge through 0 at the right edge to -1."""
        assert [pytest.approx(0.9866, abs=1e-4), 0.0, pytest.approx(-0.9866, abs=1e-4), -1.0] == weight(
            np.array([-1.0, 0.0, 1.0, 3.5])
        ).tolist()


class TestNested:
    def test_the_threshold_of_the_others(self):
        """A category is scored at the threshold that the others like best, not at its own."""
        good, bad = Count(1.0, 0, 1, 1, 0, 10), Count(0.0, 9.0, 0, 1, 9, 10)
        counts = {2.0: [good, bad, bad], 3.0: [bad, good, good]}

        assert 0 == nested(counts, ["a", "b", "b"]).found

    def test_categories(self):
        """Both folders of artificial series are one category."""
        assert category("artificialNoAnomaly/x.csv") == category("artificialWithAnomaly/y.csv") == "artificial"
