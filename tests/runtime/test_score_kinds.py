"""What `park score` makes of the kinds of a value."""

import csv
from datetime import date, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from park.errors import UserError
from runtime.score import score_series

BEGIN = datetime(2024, 8, 26)  # noqa: DTZ001 (park time; a Monday)


def scored(folder, values, step=timedelta(hours=1), **more):
    """Return the rows that a series is given."""
    with (folder / "in.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["at", "value"])
        writer.writerows([str(BEGIN + n * step), value] for n, value in enumerate(values))
    score_series(folder / "in.csv", "at", "value", folder / "out.csv", **more)
    with (folder / "out.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def factory(days, free=()):
    """Return use by the hour of a firm that works on weekdays but for some dates."""
    chance = np.random.default_rng(2)
    out = []
    for n in range(days * 24):
        at = BEGIN + timedelta(hours=n)
        works = 8 <= at.hour < 18 and at.weekday() < 5 and at.date() not in free
        out.append((50.0 if works else 10.0) * float(np.exp(chance.normal(0, 0.03))))
    return out


def marks(rows, day):
    """Return how many rows of a date are marked."""
    return sum(r["anomaly"] == "1" for r in rows if r["timestamp"].startswith(day.isoformat()))


@pytest.fixture(scope="module")
def autumn():
    """Return a factory that stays closed from 1 to 4 October, on no other day."""
    return factory(40, {date(2024, 10, n) for n in (1, 2, 3, 4)})


class TestCalendar:
    def test_known(self, tmp_path, autumn):
        """With the Chinese calendar, which is the default, a closed National Day is nothing unusual."""
        assert 0 == marks(scored(tmp_path, autumn, kind="energy"), date(2024, 10, 2))

    def test_unknown(self, tmp_path, autumn):
        """Without a calendar it is."""
        assert marks(scored(tmp_path, autumn, kind="energy", calendar="none"), date(2024, 10, 2)) >= 8

    def test_neither_is_bad_input(self, tmp_path, autumn):
        """A calendar that nobody has is refused by name."""
        with pytest.raises(UserError, match="'US' is none of CN, none"):
            scored(tmp_path, autumn[:5], kind="energy", calendar="US")


class TestTotal:
    def test_same_as_use(self, tmp_path):
        """A register is judged by its use: as the use itself is, but for its first row and last digits."""
        use = np.round(factory(35), 3)
        use[33 * 24 + 3] = 90.0

        by_use = scored(tmp_path, use.tolist(), kind="energy")
        by_total = scored(tmp_path, [f"{x:.3f}" for x in 1e5 + np.cumsum(use)], kind="energy_total")

        assert [r["anomaly"] for r in by_use[1:]] == [r["anomaly"] for r in by_total[1:]]
        assert "1" == by_total[33 * 24 + 3]["anomaly"]

    def test_backwards(self, tmp_path):
        """A register that jumps to another meter is marked there, and its use is judged as before."""
        total = 1e5 + np.cumsum(factory(30))
        total[25 * 24 :] -= 9e4

        rows = scored(tmp_path, total.tolist(), kind="energy_total", calendar="none")

        assert "1" == rows[25 * 24]["anomaly"]
        assert {"0"} == {r["anomaly"] for r in rows[25 * 24 + 3 :]}


class TestCount:
    def test_missing(self, tmp_path):
        """-1 is a count that is missing: it has no score, and nothing is learned of it."""
        values = [5] * 200
        values[150:160] = [-1] * 10

        rows = scored(tmp_path, values, timedelta(minutes=30), kind="count")

        assert list(range(150, 160)) == [n for n, r in enumerate(rows) if r["score"] == ""]


@pytest.mark.parametrize("kind", ["energy", "energy_total", "count", "temperature"])
class TestEvery:
    ODD = (5.0, 5.0, -3.0, 1e300, 0.0, 7.5, "", "NaN", 5.0, -1.0)

    def test_no_look_ahead(self, tmp_path, kind):
        """A longer file never changes an earlier row."""
        values = [*np.round(factory(9), 2).tolist(), *self.ODD] * 2

        whole = scored(tmp_path, values, kind=kind)

        assert scored(tmp_path, values[:300], kind=kind) == whole[:300]

    @pytest.mark.parametrize("rows", [0, 1, 3])
    def test_few(self, tmp_path, kind, rows):
        """A series of hardly a row is no error, and nothing is found in it."""
        assert ["0"] * rows == [r["anomaly"] for r in scored(tmp_path, [1.0, 2.0, 3.0][:rows], kind=kind)]

    def test_same_time(self, tmp_path, kind):
        """Rows with the same time are all there, in order, and every score is within 0 and 1."""
        values = [v for v in [*np.round(factory(8), 2).tolist(), *self.ODD] for _ in range(2)]

        rows = scored(tmp_path, values, timedelta(0), kind=kind)

        assert [str(v) for v in values] == [r["value"] for r in rows]
        assert all(0 <= float(r["score"]) <= 1 for r in rows if r["score"])

    def test_a_hundred_years(self, tmp_path, kind):
        """A value a year for a hundred years is judged without complaint, in order."""
        rows = scored(tmp_path, range(100), timedelta(days=365), kind=kind)

        assert 100 == len(rows)
        assert all(a["timestamp"] < b["timestamp"] for a, b in pairwise(rows))
