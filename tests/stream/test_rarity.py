"""Rules on what detectors tell: another bar, an amount below which nothing is told, a severity; and what spoke."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from contract import DAY, HOUR, MINUTE, START

from park.episodes import pace
from park.errors import SettingsError
from park.events import Anomaly, Bands, Finding, Severity
from park.metrics import Lane
from park.readings import ReadingBatch
from park.records import Config, DeviceRow, PlaceRow, PointRow, Tick
from stream.detectors.told import Episode, Told, bar
from stream.detectors.unusual import Unusual
from stream.pipeline import Pipeline
from stream.rules import parse

CONFIG = Config(
    1, START, points=(PointRow(1, "power", 1, 10, 9), PointRow(2, "temperature", 1, 10, 9)),
    devices=(DeviceRow(1, 9, 10, Lane.BULK, "meter"),), places=(PlaceRow(9, 9, 0, "park", "p"),),
)  # fmt: skip


NEVER = 1e300  # days


def rule(high, more="", name="unusual", severity="low"):
    return parse(
        f'[[limit]]\nrule = "{name}"\nmetric = "rarity"\nseverity = "{severity}"\nhigh = {high}\n{more}\n'
        'basis = "I: a test"\nversion = 2026-01-01\n'
    )


def load():
    """Return ten days of a load, with three hours at six times its usual in the last."""
    ts = START + np.arange(0, 10 * DAY, 15 * MINUTE)
    hour = (ts - START) // HOUR % 24
    value = np.where((hour >= 8) & (hour < 18), 50.0, 8.0) + np.random.default_rng(7).normal(0, 1.0, len(ts))
    value[8 * 96 + 4 : 8 * 96 + 16] = 60.0
    return ts, value


@cache
def told(*limits, point=1, later=()):
    """Return the findings of the load and its bands, under rules; `later` hold from the fifth day on."""
    pipeline, found, bands = Pipeline(lambda d: (Unusual(d),)), [], []

    def hear(event):
        (bands if isinstance(event, Bands) else found).append(event)

    pipeline.run(replace(CONFIG, limits=limits), hear)
    ts, value = load()
    for at in range(0, len(ts), 96):
        if later and at == 480:
            pipeline.run(Config(2, int(ts[at]), limits=later), hear)
        some = slice(at, at + 96)
        n = len(ts[some])
        pipeline.operators[0].on_batch(
            ReadingBatch(np.full(n, point, np.int32), ts[some], value[some], np.zeros(n, np.uint8), ts[some]), hear
        )
        pipeline.run(Tick(int(ts[some][-1])), hear)
    return [f for f in found if isinstance(f, Finding)], [b.expected.tolist() for b in bands]


SPIKE = {Anomaly.SPIKE, Anomaly.CONTEXT, Anomaly.SHIFT}


class TestBar:
    def test_higher(self):
        """A bar above the rarity of what happened leaves it untold; bands stay as they are."""
        found, bands = told()
        fewer, same = told(*rule(NEVER))

        assert found
        assert ([], bands) == (fewer, same)

    @pytest.mark.parametrize(
        ("more", "kept"),
        [("points = [1]", False), ("points = [2]", True), ('metrics = ["power"]', False), ('metrics = ["co2"]', True),
         ("parks = [9]", False), ("parks = [8]", True), ('kinds = ["meter"]', False), ('kinds = ["sensor"]', True)],
    )  # fmt: skip
    def test_where(self, more, kept):
        """A bar holds at the points that its rule names."""
        assert kept == bool(told(*rule(NEVER, more))[0])

    def test_narrowest(self):
        """A point's own bar stands in place of its metric's, whatever their order."""
        own, general = rule(NEVER, "points = [1]"), rule(10, 'metrics = ["power"]')

        assert ([], []) == (told(*own, *general)[0], told(*general, *own)[0])

    def test_floor(self):
        """What is nearer to the expected than the floor is not told."""
        least = min(abs(f.value - f.expected) for f in told()[0])

        assert told(*rule(3_000, f"floor = {least * 0.9}"))[0]
        assert [] == told(*rule(3_000, "floor = 1000.0"))[0]

    def test_severity(self):
        """Episodes have the severity of their rule."""
        assert {Severity.HIGH} == {f.severity for f in told(*rule(3_000, severity="high"))[0]}

    def test_from_now_on(self):
        """A rule that comes with a later configuration holds from then on, and one that goes does not."""
        high = rule(NEVER)

        assert [] == [f for f in told(later=high)[0] if f.ts > START + 5 * DAY]
        assert told()[0][-1].id == told(*high, later=rule(NEVER, "points = [2]"))[0][-1].id

    def test_days_of_values(self):
        """A bar in days is of values for each point: of more of them where they come more often."""
        assert 2.0 == pytest.approx(bar(1.0, 1e6) - bar(100.0, 1e6))

    def test_pace(self):
        """Amounts are judged by the hour, all else at its own pace and at most each minute."""
        assert (HOUR, HOUR, MINUTE, 5 * MINUTE) == (
            pace("energy_use", MINUTE), pace("people_in", 1), pace("power", 1), pace("power", 5 * MINUTE),
        )  # fmt: skip


class TestWrong:
    @pytest.mark.parametrize(
        ("more", "says"),
        [("low = 1", "low"), ('for = "5m"', "for"), ('window = "1h"', "window"), ("usual = 7", "usual"),
         ('days = ["mon"]', "days"), ("valid_from = 2026-01-01", "valid_from"), ('metrics = ["warmth"]', "'warmth'"),
         ("dead_band = 1", "dead_band"), ("points = [0]", "points")],
    )  # fmt: skip
    def test_words_that_say_nothing(self, more, says):
        """A word that no detector obeys is refused with the sentence why."""
        with pytest.raises(SettingsError, match=says):
            rule(3_000, more)

    @pytest.mark.parametrize("high", [0.5, 0, -1])
    def test_bars_that_are_none(self, high):
        """A bar below a day is refused: a point would be told of each day."""
        with pytest.raises(SettingsError, match="high"):
            rule(high)

    def test_other_names(self):
        """At a point one bar holds: a rule on rarity has the one name."""
        with pytest.raises(SettingsError, match="'unusual'"):
            rule(3_000, name="quiet")

    def test_metrics_elsewhere(self):
        """`metrics` is for rarity, `points` for rules on points."""
        with pytest.raises(SettingsError, match="metrics are of rules on rarity"):
            parse(
                '[[limit]]\nrule = "a"\nmetric = "power"\nseverity = "low"\nhigh = 1\nmetrics = ["power"]\n'
                'basis = "I: a"\nversion = 2026-01-01\n'
            )
        with pytest.raises(SettingsError, match="points cannot be given"):
            parse(
                '[[limit]]\nrule = "a"\nmetric = "zone_density"\nseverity = "low"\nhigh = 1\npoints = [1]\n'
                'basis = "I: a"\nversion = 2026-01-01\n'
            )


class TestWhatSpoke:
    def test_parts(self):
        """A finding says which statistics spoke and how rare each was; the rarest is the episode's own."""
        (found, *_) = (f for f in told()[0] if f.anomaly in SPIKE)

        rarities = [part.rarity for part in found.parts]
        assert sorted(rarities, reverse=True) == rarities
        assert found.times == pytest.approx(10 ** min(rarities[0], 15), rel=0.5)
        assert len(set(found.parts)) == len(found.parts) <= 4

    def test_kept_by_a_snapshot(self):
        """What spoke is there again after a restart, and an earlier version's snapshot has none."""
        before, after, older = Told(), Told(), Told()
        one = Episode(1, START, START + HOUR, 0, True, 7.0, 60.0, 8.0, 5.0, 11.0, 0, 1, (7.0, *([0.0] * 9)))
        before._open = {1: one}
        state = before.snapshot()
        after.restore(state)
        older.restore({name: table[:, :11] for name, table in state.items()})

        assert (one, replace(one, severity=3, parts=())) == (after._open[1], older._open[1])
