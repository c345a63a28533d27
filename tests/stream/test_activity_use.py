"""Use of nights unlike an enterprise's past: living in, a second tenant, another use."""

import numpy as np
import pytest

from tests.stream.firms import Town, config, spread


class TestUse:
    def nights(self, share, from_day, days=90, *, flat=False, scale=1.0):
        """Return a town whose firm uses more at night from a day on."""
        town = Town(config())
        for n in range(days):
            use = np.array(spread(100.0 if n % 7 < 6 else 12.0, n))
            if n >= from_day:
                dark = np.array([h >= 20 or (h < 6 if flat else h < 2) for h in range(24)])
                use = use * scale
                use[dark] += share * 100.0 / dark.sum()
            town.day(n, p10=use.tolist())
        return town

    def found(self, town):
        """Return what was found of uses."""
        return [e for e in town.told if getattr(e, "kind", "") == "use"]

    def test_living_in(self):
        """Nights that use half a day's energy more than ever are told once, with the share and what was usual."""
        (found,) = self.found(self.nights(0.5, 60))

        assert "night_use" == found.reason
        assert found.value > found.high > found.expected
        assert (1, 101, 10) == (found.park, found.place, found.point)

    def test_round_the_clock(self):
        """A day shift that becomes a load round the clock is another use."""
        assert ["other_shape"] == [str(f.reason) for f in self.found(self.nights(0.6, 60, flat=True))]

    @pytest.mark.parametrize("change", [{"share": 0.0, "scale": 0.1}, {"share": 0.0, "scale": 1.6}, {"share": 0.03}])
    def test_nothing_of_it(self, change):
        """A stop, a busier trade and a lamp left on are no use of the night."""
        assert [] == self.found(self.nights(from_day=60, **change))
