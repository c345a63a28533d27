"""Drills over the real stores and the real stage of fire: devices go into test, are measured, and come back."""

from dataclasses import replace

import pytest

from governance.drills import LONGEST, checked, measured
from park.alarm_ports import CaseFilter
from park.alarms import MessageKind
from park.errors import Conflict, MachineryError, NotFound, UserError
from park.events import AlarmState
from park.governance import Drill, DrillState
from park.kpi import Standing
from park.metrics import Lane
from park.model import Device, DeviceMode, Point
from park.readings import Quality, batch_of
from park.records import Batch
from runtime.cases import Cases
from runtime.office import Office, office_timer
from runtime.office_house import OfficeHouse
from runtime.past import config_for, edge_of
from runtime.storage.sql.database import Database
from runtime.storage.sql.events import SqlEvents
from runtime.storage.sql.registry import SqlRegistry
from stream.pipeline import Pipeline
from stream.stages import life_stages
from tests.alerts.alarm_house import small_park
from tests.alerts.alarm_words import NOW
from tests.tools import until

MINUTE, SECOND = 60_000, 1_000


class Platform:
    """The life-safety lane, the registry, alarms and the office, without threads: time is what a test says."""

    def __init__(self, tmp_path):
        self.now = NOW
        self.path = tmp_path / "park.db"
        self.folder = tmp_path
        self.database = Database.open(self.path)
        self.ids = small_park(SqlRegistry(self.database))
        self._open()
        self.points = {d: self._point(d) for d in (self.ids.smoke, self._smoke("z2m:second"))}
        self.second = next(d for d in self.points if d != self.ids.smoke)
        self.found, self.position, self.told = [], 0, 0
        self.pipeline = Pipeline(life_stages)
        self.sync()

    def _open(self):
        self.registry = SqlRegistry(self.database)
        self.cases = Cases(self.database, self.folder / "files", lambda *_: None, lambda: self.now, lambda: 0.0)
        self.events = SqlEvents(self.database, self.cases.intake)
        house = OfficeHouse(self.database, self.registry, self.events, self.cases)
        self.office, self.desk, self.store = house.office, house.desk, house.store

    def _smoke(self, key):
        (saved,) = self.registry.save(
            [Device(0, self.ids.park, key, "smoke_detector", "", self.ids.other, 0, Lane.LIFE)],
            actor="test", reason="", now=NOW - 1,
        )  # fmt: skip
        return saved.id

    def _point(self, device):
        point = Point(0, device, "smoke", source_key="smoke")
        return self.registry.save([point], actor="test", reason="", now=NOW - 1)[0].id

    def restart(self):
        """End the process without a word, and start it again."""
        self.database.close()
        self.database = Database.open(self.path)
        self._open()
        self.office.registry_changed = self.sync

    def sync(self):
        """Tell the lane what the registry says, as the roster does."""
        config = config_for(self.registry.config_since(self.told, self.now), Lane.LIFE)
        self.told = self.registry.version
        self.run(replace(config, received=self.now))
        self.office.registry_changed = self.sync

    def run(self, record):
        """Let the lane take a record, and store what it finds."""
        self.pipeline.run(record, self.found.append)
        self.position += 1
        self.events.apply(Lane.LIFE, self.position, [e for e in self.found if hasattr(e, "id")])
        self.found.clear()

    def smoke(self, device, value=1.0):
        """Let a detector speak: it took a second to arrive."""
        batch = batch_of([(self.points[device], self.now - SECOND, value, int(Quality.GOOD), self.now)])
        self.run(Batch(batch, edge_of(batch, self.pipeline.directory)))

    def turn(self, ms=0):
        """Let time pass, and the office look."""
        self.now += ms
        self.office.turn_drills()

    def mode(self, device):
        """Return the mode that the registry says."""
        return self.registry.get(Device, device).mode

    def fires(self):
        """Return the cases of fire."""
        return self.cases.store.cases(CaseFilter(open=None, family="fire"))

    def plan(self, **more):
        """Plan a drill that begins in a minute."""
        drill = Drill("演练", self.ids.park, NOW + MINUTE, NOW + 31 * MINUTE, (self.ids.smoke,), "safety")
        return self.desk.plan_drill(replace(drill, **more), "safety")

    def running(self, **more):
        """Return a drill that has just begun."""
        drill = self.plan(**more)
        self.turn(MINUTE)
        return self.store.get(Drill, drill.id)


@pytest.fixture
def platform(tmp_path):
    made = Platform(tmp_path)
    yield made
    made.database.close()


def test_marks_and_gives_back(platform):
    """Devices are in test while a drill runs, before and after it they are not; who did it stands in the audit."""
    modes = [platform.mode(platform.ids.smoke)]
    drill = platform.plan()
    platform.turn(MINUTE)
    modes.append(platform.mode(platform.ids.smoke))
    platform.turn(30 * MINUTE)
    modes.append(platform.mode(platform.ids.smoke))

    assert [DeviceMode.NORMAL, DeviceMode.TEST, DeviceMode.NORMAL] == modes
    assert DrillState.ENDED is platform.store.get(Drill, drill.id).state


def test_is_no_alarm(platform):
    """What a device of a drill says makes no case, and calls nobody but by the drill's own message."""
    drill = platform.running()
    platform.smoke(platform.ids.smoke)
    platform.turn(SECOND)
    (sent,) = platform.cases.outbox.deliveries()

    assert [] == platform.fires()
    assert (MessageKind.DRILL, False, f"drill/{drill.id}/{platform.ids.smoke}") == (
        sent.notification.kind, sent.notification.life, sent.notification.id
    )  # fmt: skip


def test_a_fire_beside_a_drill(platform):
    """A device that is not in the drill alarms as always, and people are called at once."""
    platform.running()
    platform.smoke(platform.second)
    (fire,) = platform.fires()

    assert (platform.second, 1) == (fire.device, fire.paged)
    assert platform.cases.outbox.deliveries()[0].notification.life


def test_what_still_burns(platform):
    """A detector that still alarms when its drill ends is a fire then."""
    platform.running()
    platform.smoke(platform.ids.smoke)
    platform.turn(30 * MINUTE)

    assert [platform.ids.smoke] == [c.device for c in platform.fires()]


def test_what_was_blown_away(platform):
    """A detector that went back to normal within its drill leaves nothing behind."""
    platform.running()
    platform.smoke(platform.ids.smoke)
    platform.now += SECOND * 5
    platform.smoke(platform.ids.smoke, 0.0)
    platform.turn(30 * MINUTE)

    assert [] == platform.fires()


def test_stopped(platform):
    """A drill that somebody stops gives its devices back with the next look."""
    drill = platform.running()
    platform.smoke(platform.ids.smoke)
    platform.desk.stop_drill(drill.id, "officer")
    platform.turn(SECOND)

    assert (DeviceMode.NORMAL, 1) == (platform.mode(platform.ids.smoke), len(platform.fires()))
    assert "officer" == platform.store.get(Drill, drill.id).ended_by


def test_a_device_that_cannot_be_given_back(platform):
    """A detector that the registry takes no more keeps no other deaf: not of its drill, nor of another."""
    third = platform._smoke("z2m:third")
    gateway = platform.registry.get(Device, platform.ids.gateway)  # the first detector stands behind it
    one = platform.running(devices=(platform.ids.smoke, platform.second))
    platform.plan(starts=platform.now + MINUTE, ends=NOW + 20 * MINUTE, devices=(third,))
    platform.turn(MINUTE)
    platform.registry.save([replace(gateway, kind="router")], actor="test", reason="", now=platform.now)
    platform.desk.stop_drill(one.id, "officer")

    with pytest.raises(NotFound, match="gateway"):  # told, and tried again
        platform.turn(30 * MINUTE)

    modes = [platform.mode(d) for d in (platform.ids.smoke, platform.second, third)]
    assert [DeviceMode.TEST, DeviceMode.NORMAL, DeviceMode.NORMAL] == modes


def test_a_drill_that_cannot_be_watched(platform):
    """A drill whose events cannot be read gives its devices back all the same."""
    platform.running()
    nothing = None  # for a store of events: every question to it is a fault of ours
    platform.office = Office(platform.store, platform.registry, nothing, lambda _: (), lambda: platform.now)
    platform.office.registry_changed = platform.sync

    with pytest.raises(AttributeError):
        platform.turn(30 * MINUTE)

    assert DeviceMode.NORMAL is platform.mode(platform.ids.smoke)


@pytest.mark.parametrize("turns", [0, 1, 2])
def test_killed_and_away_past_its_end(platform, turns):
    """A platform that was away when a drill ended gives its devices back when it is there again."""
    drill = platform.plan()
    for _ in range(turns):
        platform.turn(MINUTE)
    platform.restart()
    platform.turn(60 * MINUTE)

    assert DeviceMode.NORMAL is platform.mode(platform.ids.smoke)
    assert platform.store.get(Drill, drill.id).state in {DrillState.ENDED, DrillState.MISSED}


@pytest.mark.parametrize("state", [DrillState.STARTING, DrillState.ENDING])
def test_killed_between_two_steps(platform, state):
    """Cut off after the row said what is to be done, and before it was done, it is done after the start."""
    drill = platform.plan()
    if state is DrillState.ENDING:
        platform.turn(MINUTE)
    refused = [True]

    def full():
        if refused:
            raise MachineryError("the lane takes nothing now")
        platform.sync()

    platform.office.registry_changed = full
    with pytest.raises(MachineryError):
        platform.turn(MINUTE if state is DrillState.STARTING else 31 * MINUTE)
    assert state is platform.store.get(Drill, drill.id).state
    refused.clear()
    platform.restart()
    platform.turn(31 * MINUTE)

    assert (DeviceMode.NORMAL, DrillState.ENDED) == (
        platform.mode(platform.ids.smoke), platform.store.get(Drill, drill.id).state
    )  # fmt: skip
    platform.smoke(platform.ids.smoke)
    assert 1 == len(platform.fires())


def test_a_clock_that_was_set_back(platform):
    """A clock set back by a day keeps no detector deaf."""
    platform.running()
    platform.office.now = lambda: platform.now - LONGEST - 2 * MINUTE
    platform.office.turn_drills()

    assert DeviceMode.NORMAL is platform.mode(platform.ids.smoke)


def test_maintenance_is_left_alone(platform):
    """A device that somebody took into maintenance meanwhile stays there."""
    drill = platform.running()
    device = platform.registry.get(Device, platform.ids.smoke)
    platform.registry.save(
        [replace(device, mode=DeviceMode.MAINTENANCE)], actor="x", reason="broken", now=platform.now
    )  # fmt: skip
    platform.desk.stop_drill(drill.id, "officer")
    platform.turn(SECOND)

    assert DeviceMode.MAINTENANCE is platform.mode(platform.ids.smoke)


def test_delays(platform):
    """Each delay is measured: to the alarm, to the first receipt, to the acknowledgement."""
    drill = platform.running()
    platform.smoke(platform.ids.smoke)
    platform.turn(SECOND)
    platform.cases.outbox.delivered(f"drill/{drill.id}/{platform.ids.smoke}", "ok", platform.now + 2 * SECOND)
    platform.turn(2 * SECOND)
    platform.now += 5 * SECOND
    platform.desk.acknowledge_drill(drill.id, platform.ids.smoke, "desk")
    after = platform.store.get(Drill, drill.id)
    figures = {i.key: i for i in measured(after)}

    assert {"device_to_alarm": 1.0, "alarm_to_notification": 3.0, "notification_to_acknowledgement": 5.0} == dict(
        platform.desk.delays(after.observed[0])
    )
    assert Standing.MET is figures["alarm_to_notification.max"].standing
    assert 1.0 == figures["devices_seen"].value


def test_acknowledged_twice(platform):
    """A device is acknowledged once, after it has alarmed, and only of this drill."""
    drill = platform.running()
    with pytest.raises(Conflict):
        platform.desk.acknowledge_drill(drill.id, platform.ids.smoke, "desk")
    with pytest.raises(UserError):
        platform.desk.acknowledge_drill(drill.id, platform.second, "desk")
    platform.smoke(platform.ids.smoke)
    platform.turn(SECOND)
    platform.desk.acknowledge_drill(drill.id, platform.ids.smoke, "desk")

    with pytest.raises(Conflict, match="desk"):
        platform.desk.acknowledge_drill(drill.id, platform.ids.smoke, "other")


def test_a_device_that_stays_silent(platform):
    """A device that does not alarm in its drill is told as such."""
    drill = platform.running()
    platform.turn(30 * MINUTE)
    (seen,) = [i for i in measured(platform.store.get(Drill, drill.id)) if i.key == "devices_seen"]

    assert (0.0, Standing.OVER_LIMIT) == (seen.value, seen.standing)


def test_old_tests_are_not_seen(platform):
    """A test of before the drill is none of its alarms."""
    device = platform.registry.get(Device, platform.ids.smoke)
    platform.registry.save([replace(device, mode=DeviceMode.TEST)], actor="x", reason="x", now=platform.now)
    platform.sync()
    platform.smoke(platform.ids.smoke)
    assert [AlarmState.ACTIVE] == [c.state for c in platform.events.conditions() if c.family == "test"]
    platform.registry.save([device], actor="x", reason="x", now=platform.now)
    platform.now += SECOND
    platform.smoke(platform.ids.smoke, 0.0)
    drill = platform.running()
    platform.turn(SECOND)

    assert None is platform.store.get(Drill, drill.id).observed[0].alarmed


@pytest.mark.parametrize(
    ("wrong", "why"),
    [({"devices": ()}, UserError), ({"devices": (999,)}, NotFound), ({"ends": NOW + MINUTE}, UserError),
     ({"ends": NOW + MINUTE + LONGEST + 1}, UserError), ({"starts": NOW - 9 * MINUTE, "ends": NOW}, UserError),
     ({"name": " "}, UserError)],
)  # fmt: skip
def test_bad_drills(platform, wrong, why):
    """A drill that cannot be meant is refused, and nothing of it is kept."""
    with pytest.raises(why):
        platform.plan(**wrong)
    assert [] == platform.store.find(Drill)


def test_devices_that_are_no_detectors(platform):
    """Devices that are not of life safety, or apart already, are in no drill; nor is one in two at once."""
    with pytest.raises(UserError, match="life safety"):
        platform.plan(devices=(platform.ids.main,))
    platform.plan()
    with pytest.raises(Conflict, match="some of these devices"):
        platform.plan()
    platform.turn(MINUTE)
    with pytest.raises(Conflict, match="in test"):
        platform.plan(starts=NOW + 90 * MINUTE, ends=NOW + 99 * MINUTE)


def test_longest():
    """No drill keeps a detector in test for longer than eight hours."""
    drill = Drill("x", 1, NOW, NOW + LONGEST, (1,), "x")
    checked(drill, NOW)
    with pytest.raises(UserError):
        checked(replace(drill, ends=drill.ends + 1), NOW)


def test_by_itself(platform):
    """The office's thread begins a drill and ends it without being asked."""
    drill = platform.plan()
    timer = office_timer(platform.office, lambda _: 480)
    timer.start()
    try:
        platform.now += MINUTE
        until(lambda: platform.mode(platform.ids.smoke) is DeviceMode.TEST, 30)
        platform.now += 30 * MINUTE
        until(lambda: platform.store.get(Drill, drill.id).state is DrillState.ENDED, 30)
    finally:
        timer.stop()

    assert ("", DeviceMode.NORMAL) == (timer.troubles.newest, platform.mode(platform.ids.smoke))
