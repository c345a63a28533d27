"""Whose fire it is: strangers and their parks, devices that nobody placed, two lanes that hear one fire."""

from dataclasses import replace

import pytest
from test_fire import CONFIG, GAS, SMOKE_1, SMOKE_2, START, UNIT, Watch, device, point, short

from park.events import AlarmState, Label, Reason
from park.metrics import Lane
from park.readings import Quality
from park.records import Config, DeviceRow, PlaceRow, Refusal, Refused

PARKS = Config(
    2, START,
    devices=(DeviceRow(70, 300, 300, Lane.BULK, "gateway"),),
    places=(PlaceRow(1, 1, 0, "park", "p", code="north"), PlaceRow(300, 300, 0, "park", "q", code="south"),
            PlaceRow(301, 300, 300, "unit", "v", code="north")),
)  # fmt: skip
LOOSE = Config(
    3, START, (point(50, "smoke", 50, 1), point(51, "smoke", 51, 1)), (device(50, place=1), device(51, place=1))
)


def stranger(topic, key="x", gateway=0, alarm="smoke"):
    """Return an alarm of a device that nobody claimed."""
    return Refused(Refusal.UNKNOWN_DEVICE, topic, b"", 0, START, key, gateway, alarm=alarm)


def watch_of(*configs):
    """Return a watch with more of the registry than its own."""
    watch = Watch()
    for config in configs:
        watch.do(config)
    return watch


def refused(watch, *messages):
    """Return what a watch tells of strangers."""
    told = []
    watch.pipeline.operators[0].on_refused(messages, told.append)
    return told


WHOSE = {
    "our topic": ("parks/south/life/-/s1", 0, 300),
    "our topic behind a gateway of another park": ("parks/north/life/g/s1", 70, 1),
    "a unit's code is no park": ("parks/v/life/-/s1", 0, 0),
    "a code nobody has": ("parks/west/life/-/s1", 0, 0),
    "no code": ("parks//life/-/s1", 0, 0),
    "a foreign dialect": ("zigbee2mqtt/kitchen", 0, 0),
    "a foreign dialect behind a known gateway": ("zigbee2mqtt/kitchen", 70, 300),
}


class TestStrangers:
    @pytest.mark.parametrize(("topic", "gateway", "park"), WHOSE.values(), ids=WHOSE)
    def test_park(self, topic, gateway, park):
        """A stranger's fire is of the park in whose name it speaks, or of its gateway's; else of all of them."""
        (event,) = refused(watch_of(PARKS), stranger(topic, gateway=gateway))

        assert (park, (Label.UNCLAIMED,)) == (event.park, event.labels)

    def test_retained(self):
        """What the broker kept of a stranger is told as that: it may be long over."""
        (event,) = refused(watch_of(), replace(stranger("zigbee2mqtt/kitchen"), retained=True))

        assert {Label.UNCLAIMED, Label.RETAINED} == set(event.labels)

    def test_a_strange_value_of_a_known_device(self):
        """An alarm under a name that nobody bound is of the place where its device is registered, behind no gateway."""
        message = Refused(
            Refusal.UNKNOWN_METRIC, "zigbee2mqtt/hall", b"", 0, START, "z2m:hall", alarm="smoke", device=1
        )

        (event,) = refused(watch_of(), message)

        assert (1, UNIT) == (event.park, event.place)

    def test_too_many(self):
        """Those that share one alarm, because there are so many, share it with every park."""
        watch = watch_of(PARKS)
        told = refused(watch, *(stranger("parks/south/life/-/s", f"k{n}") for n in range(1_001)))

        assert [300, 300, 0] == [told[0].park, told[999].park, told[1_000].park]

    def test_after_a_restart(self):
        """A restart forgets no park's code."""
        (event,) = refused(watch_of(PARKS).restarted(), stranger("parks/south/life/-/s1"))

        assert 300 == event.park


class TestUnplaced:
    def test_do_not_confirm_each_other(self):
        """Two detectors that are only known to be somewhere in the park raise an alarm each."""
        watch = watch_of(LOOSE)

        told = [*watch.read(50, 1, 5), *watch.read(51, 1, 6)]

        assert [("fire.pre_alarm", "device:50", 1), ("fire.pre_alarm", "device:51", 1)] == [
            (e.rule, e.subject, e.park) for e in told
        ]

    def test_a_reset_of_the_park_reaches_them(self):
        """Who resets all of a park resets those of unknown place as well, and no alarm of before comes back."""
        watch = watch_of(LOOSE)
        watch.read(50, 1, 5)

        assert [AlarmState.CLEARED] == [e.state for e in watch.reset(9, place=1)]
        assert watch.read(50, 1, 8, Quality.LATE, received=10) == []


class TestTwoLanes:
    def test_one_key(self):
        """Both lanes tell a fire under the same family and subject, whenever each has heard it."""
        life, bulk = Watch(), Watch()

        (one,), (other,) = life.read(SMOKE_1, 1, 5), bulk.read(SMOKE_1, 1, 5, received=6)

        assert (one.family, one.subject) == (other.family, other.subject)
        assert one.condition_id != other.condition_id

    def test_a_reset_of_the_other_lanes(self):
        """What resets the condition of one lane ends nothing of the other, and hides no later alarm there."""
        life, bulk = Watch(), Watch()
        (one,), _ = life.read(SMOKE_1, 1, 5), bulk.read(SMOKE_1, 1, 5, received=6)
        about = {"condition": one.condition_id, "family": one.family, "subject": one.subject}

        assert bulk.reset(9, arguments=about) == []
        assert [AlarmState.CLEARED] == [e.state for e in life.reset(9, arguments=about)]
        assert short(bulk.read(SMOKE_2, 1, 8, received=10)) == [
            ("fire.confirmed", AlarmState.ACTIVE, Reason.SECOND_DEVICE)
        ]

    def test_another_fire_begins_later(self):
        """A fire that begins where one has ended begins after its end, in whatever millisecond it is heard."""
        watch = Watch()
        watch.read(GAS, 1, 5)
        watch.read(SMOKE_1, 1, 5)
        over = watch.reset(9, place=UNIT)

        (again,) = watch.read(SMOKE_1, 1, 9.5, received=9)

        assert again.since > max(e.at for e in over)


def test_same_config():
    """The places of these tests are those of the others."""
    assert UNIT in {row.place for row in CONFIG.places}
