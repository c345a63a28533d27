"""The parts put together, without a broker: claims, and fires of devices that are claimed."""

from dataclasses import replace

import numpy as np
import pytest

from api.services import Claim
from park.events import AlarmState
from park.metrics import Lane
from park.model import Park, Place, PlaceKind
from park.readings import Quality, batch_of
from park.records import Batch, Command, Edge, Refusal, Refused, Verb
from park.settings import IngestSettings, LogSettings, Settings
from runtime import clock
from runtime.embedded import Embedded
from runtime.house import House
from tests.tools import free_port, until

_NONE = np.zeros(0, np.int32)
KEY = "z2m:hall"


class Ground:
    """A running platform with a park that has a unit."""

    def __init__(self, house):
        self.house = house
        self.park, self.unit = house.registry.save(
            [Park(-1, "p", "park"), Place(-2, -1, -1, PlaceKind.UNIT, "u", "unit")], actor="t", reason="t", now=1
        )
        self.platform = Embedded(house)

    def refused(self, values, n=1, alarm=""):
        """Return messages of a device that nobody has claimed."""
        now = clock.now()
        return tuple(
            Refused(
                Refusal.UNKNOWN_DEVICE, "zigbee2mqtt/hall", values(i), 2, now + i, KEY, readings=1, alarm=alarm
            )
            for i in range(n)
        )  # fmt: skip

    def claim(self, kind):
        """Claim it."""
        return self.platform.claim(Claim(KEY, self.park.id, self.unit.id, kind), "Lin")

    def standing(self):
        """Return subjects of standing conditions by id."""
        return {c.condition_id: c.subject for c in self.house.events.conditions(standing=True)}


@pytest.fixture
def ground(tmp_path):
    """Run a platform whose broker is away."""
    settings = Settings(
        data_dir=tmp_path / "park",
        ingest=IngestSettings(broker_host="127.0.0.1", broker_port=free_port()),
        log=LogSettings(reserve_bytes=0),
    )
    with House.open(settings) as house:
        built = Ground(house)
        with built.platform:
            yield built


def test_life_safety_is_first(ground):
    """When the start is over the life-safety lane takes messages, whatever bulk still has to replay."""
    assert ground.platform.lanes[Lane.LIFE].live.is_set()


def test_every_kept_message_is_taken_in(ground):
    """A device that waited for long is claimed with all it has said, not with the first thousand of it."""
    said = ground.refused(lambda i: b'{"temperature": %d.5}' % (i % 30), 1_100)
    ground.house.quarantine.keep(Lane.BULK, 1, said)

    ground.claim("climate")

    assert [] == ground.house.quarantine.waiting(device_key=KEY)
    records = [r for _, r in ground.house.logs[Lane.BULK].read(0) if isinstance(r, Batch)]
    assert [m.received for m in said] == [t for r in records for t in r.readings.received.tolist()]


def test_a_fire_of_a_claimed_device(ground):
    """Its alarm as a stranger can be ended; claimed, it is raised at its place, and heard there from then on."""
    alarm = ground.refused(lambda _: b'{"smoke": true}', alarm="smoke")
    lane = ground.platform.lanes[Lane.BULK]
    until(lane.live.is_set)
    lane.submit(Batch(batch_of([]), Edge(_NONE, _NONE, _NONE), alarm)).result(10)
    (stranger,) = until(lambda: list(ground.standing()))
    until(lambda: ground.house.quarantine.waiting(device_key=KEY))

    ground.claim("smoke_detector")
    until(lambda: f"place:{ground.unit.id}" in ground.standing().values())
    for which in Lane:
        about = {"condition": stranger, "family": "fire", "subject": f"unclaimed:{KEY}"}
        ground.platform.submit(which, Command(Verb.RESET, clock.now(), "Lin", reason="seen", arguments=about))

    until(lambda: stranger not in ground.standing())
    assert [f"place:{ground.unit.id}"] == list(ground.standing().values())
    assert [AlarmState.ACTIVE, AlarmState.CLEARED] == [c.state for c in ground.house.events.history(stranger)]


def test_a_retained_message_stays_old(ground):
    """What a broker had kept is no news when it is taken in again: a retained "normal" ends no alarm."""
    (said,) = ground.refused(lambda _: b'{"temperature": 7.5}')
    ground.house.quarantine.keep(Lane.BULK, 1, [replace(said, retained=True)])

    ground.claim("climate")

    (batch,) = [r for _, r in ground.house.logs[Lane.BULK].read(0) if isinstance(r, Batch)]
    assert [Quality.RETAINED] == batch.readings.quality.tolist()
