"""Fires that were asked for in a simulated city burn on when its devices are started again."""

from contextlib import contextmanager

import pytest

from runtime import clock
from runtime.broker import Broker, Kind
from runtime.city_devices import CityDevices, Door
from simulators.live import Live
from simulators.registry import park_plan
from simulators.scenario import Scenario
from tests.tools import until

pytestmark = pytest.mark.server


@contextmanager
def devices(broker, folder, origin):
    """Let the devices of a park speak; yield them and what brings them to life."""
    plan = park_plan(Scenario(origin, 1, 3, "park-01", "one"))
    live = Live(plan, clock.now())
    speaking = CityDevices([(plan, live)], Door("127.0.0.1", broker.port), folder)
    speaking.start()
    try:
        yield speaking, live, plan.site.units[0].code
    finally:
        speaking.stop()


def burning(live):
    """Return when each fire that was asked for began."""
    return [x.start for x in live.injected if x.id.startswith("fire-live-")]


def test_a_fire_burns_on(tmp_path):
    """Devices that are started again go on telling of a fire that was asked for before, from when it began."""
    broker = Broker.start(tmp_path / "broker", kind=Kind.MOSQUITTO)
    origin = clock.now()
    try:
        with devices(broker, tmp_path, origin) as (speaking, live, unit):
            (speaking.fires / f"park-01.{unit}").touch()
            (began,) = until(lambda: burning(live))
        with devices(broker, tmp_path, origin) as (speaking, live, unit):
            (again,) = until(lambda: burning(live))
            asked = list(speaking.fires.glob("*.*"))
    finally:
        broker.stop()

    assert 5_000 > abs(again - began)
    assert [] == asked
