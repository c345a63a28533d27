"""Dust in smoke detectors: found within weeks, told once, and no smoke is taken for it."""

import numpy as np
from contract import DAY, HOUR, START, Case, contract_of, rows
from hypothesis import strategies as st
from test_fire import CONFIG, OBSCURED

from park.events import Finding, Reason, Severity
from park.readings import Quality, batch_of
from stream.fire_contamination import Contamination
from stream.pipeline import Pipeline


class Watch:
    """A stage, and a hand to give it days of readings."""

    def __init__(self):
        self.pipeline = Pipeline(lambda d: (Contamination(d),))
        self.told = []
        self.pipeline.run(CONFIG, self.told.append)
        self.hours = 0

    def says(self, values, quality=Quality.GOOD):
        """Pass hourly readings; return the reasons of what was told, with their hours."""
        self.told = []
        for value in values:
            self.hours += 1
            at = START + self.hours * HOUR
            batch = batch_of([(OBSCURED, at, float(value), int(quality), at)])
            self.pipeline.operators[0].on_batch(batch, self.told.append)
        return [(e.reason, e.at) for e in self.told if isinstance(e, Finding)]


def dust(days, slope=0.1, start=0.3):
    """Return hourly values of clean air that rises by `slope` %/m a day, with noise."""
    chance = np.random.default_rng(3)
    return np.maximum(0, start + slope * np.arange(days * 24) / 24 + chance.normal(0, 0.1, days * 24))


class TestDust:
    def test_slow_rise(self):
        """A rise of 0.1 %/m a day is told once, when it has come 1.7 %/m far, as a thing to be cleaned."""
        watch = Watch()
        ((reason, at),) = watch.says(dust(30))
        (finding,) = watch.told

        assert Reason.CONTAMINATED is reason
        assert 17 < (at - START) / DAY < 24
        assert ("maintenance", Severity.LOW, OBSCURED, 7) == (
            finding.kind,
            finding.severity,
            finding.point,
            finding.device,
        )
        assert finding.value - finding.expected >= 1.7

    def test_cleaned(self):
        """After it was cleaned that is told, once."""
        watch = Watch()
        watch.says(dust(30))

        assert [Reason.CLEAN] == [reason for reason, _ in watch.says([0.3] * 24 * 10)]

    def test_clean_air(self):
        """Half a year of clean air says nothing."""
        assert [] == Watch().says(dust(180, slope=0))

    def test_smoke(self):
        """Hours of thick smoke are no dust."""
        watch = Watch()
        watch.says(dust(10, slope=0))

        assert [] == watch.says([60.0] * 8 + [0.3] * 48)

    def test_first_day_in_smoke(self):
        """A detector whose first word is said in smoke is not called clean nor dirty by it."""
        assert [] == Watch().says([50.0] * 5 + [0.3] * 24 * 90)

    def test_bad_data(self):
        """Doubtful and absurd values teach nothing."""
        watch = Watch()
        watch.says(dust(5, slope=0))

        assert [] == watch.says([9.0] * 24 * 30, Quality.SUSPECT)
        assert [] == watch.says([float("nan"), -5.0, 1e300] * 24 * 10)


values = st.sampled_from([0.0, 0.3, 2.0, 2.6, 5.0, 60.0])
TestContaminationContract = contract_of(
    Case("contamination", lambda d: (Contamination(d),), CONFIG, rows([OBSCURED], values, span=30 * DAY, step=HOUR))
)
