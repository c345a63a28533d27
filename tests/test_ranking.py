"""How well scores rank labelled rows."""

import numpy as np
import pytest

from bench.scoreboard.ranking import average_precision, best_f1, f1

SCORE = np.array([0.9, 0.8, 0.7, 0.6])


def rows(text):
    """Return marks, one a character: x is marked."""
    return np.array([c == "x" for c in text])


class TestAveragePrecision:
    @pytest.mark.parametrize(("label", "expected"), [
        ("xx..", 1.0), ("x.x.", (1 + 2 / 3) / 2), ("...x", 0.25), ("xxxx", 1.0),
    ])  # fmt: skip
    def test_by_hand(self, label, expected):
        """Precision at each labelled row, averaged."""
        assert expected == pytest.approx(average_precision(SCORE, rows(label)))

    def test_ties(self):
        """Rows with one score are one threshold: their order does not matter."""
        same = np.ones(4)

        assert 0.25 == average_precision(same, rows("x...")) == average_precision(same, rows("...x"))


class TestF1:
    def test_best(self):
        """The best threshold takes the first three of these."""
        assert 0.8 == pytest.approx(best_f1(SCORE, rows("x.x.")))

    @pytest.mark.parametrize(("reach", "expected"), [(0, 0.0), (1, 0.0), (2, 1.0)])
    def test_reach(self, reach, expected):
        """A mark two rows off meets its label within two rows, not within one."""
        assert expected == pytest.approx(f1(rows("x.....")[:6], rows("..x..."), reach), abs=1e-9)

    def test_nothing_marked(self):
        """No mark is no hit."""
        assert 0.0 == f1(rows("...."), rows("..x."))
