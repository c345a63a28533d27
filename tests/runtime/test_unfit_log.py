"""Where log and snapshots do not fit each other the lanes live, say what they do not know, and page fires."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from lane_parts import CONFIG, POWER, SMOKE, START, Bench, message, until

from park.errors import Unavailable
from park.events import ConditionChange
from park.metrics import Lane
from park.model import Device, Park, Place, PlaceKind, Point
from park.readings import batch_of
from park.records import Batch, Edge, Tick
from park.settings import IngestSettings, LogSettings, Settings
from runtime import clock
from runtime.embedded import Embedded
from runtime.house import House
from runtime.log import SegmentLog
from tests.tools import free_port

FIRE = message("smoke", {"smoke": True})
SMALL = LogSettings(segment_bytes=4096, keep_bytes=0, reserve_bytes=0)
_NONE = np.zeros(0, np.int32)


def rules(events):
    """Return the rules of what is told of conditions."""
    return [e.rule for e in events if isinstance(e, ConditionChange)]


def lane_with_a_past(folder, lane):
    """Run a lane until its log has let go of its beginning; return the events that were written."""
    first = Bench(folder, lane, log=SegmentLog(folder / lane, SMALL, lane)).start()
    for n in range(60):
        first.run(*[message("meter", {"power": float(n)}) for _ in range(3)])
    first.log.trim(first.log.end)
    assert first.log.begin > 0
    first.stop()
    return first.writer


def burns_and_is_outgrown(bench):
    """Let a lane find a fire, save and end; the log goes on, and loses what the snapshot goes on from."""
    bench.run(FIRE)
    bench.worker.stop(20)
    assert bench.worker.save()
    for n in range(300):
        bench.log.append([Tick(START + n)])
    bench.log.trim(bench.log.end)
    bench.log.close()


class TestLane:
    @pytest.mark.parametrize("lane", list(Lane))
    def test_no_snapshot_and_no_beginning(self, tmp_path, lane):
        """It begins where the log does, with the registry as it is now; it says so, and a fire is told."""
        lane_with_a_past(tmp_path, lane)
        shutil.rmtree(tmp_path / "snapshots", ignore_errors=True)
        again = Bench(tmp_path, lane, log=SegmentLog(tmp_path / lane, SMALL, lane), registry=lambda: CONFIG)
        again.start(configure=False)

        again.run(FIRE, message("heat", {"heat": True}))
        again.stop()

        assert ["fire.pre_alarm", "fire.confirmed"] == rules(again.published)
        assert "it began anew without part of its past: no snapshot can be read" in again.worker.state.lost

    def test_what_it_was_told_is_in_the_log(self, tmp_path):
        """The registry that a lane began anew with stands in its log, before anything that rests on it."""
        lane_with_a_past(tmp_path, Lane.LIFE)
        again = Bench(tmp_path, log=SegmentLog(tmp_path / "life", SMALL, Lane.LIFE), registry=lambda: CONFIG)
        end = again.log.end
        again.start(configure=False)
        again.run(FIRE)
        again.worker.stop(20)

        kinds = [type(r) for _, r in again.log.read(end) if not isinstance(r, Tick)]
        assert CONFIG == next(r for _, r in again.log.read(end) if not isinstance(r, Tick))
        assert Batch in kinds
        again.log.close()

    def test_what_stood_still_stands(self, tmp_path):
        """A snapshot that is older than the log's beginning is better than none: it knows of a fire."""
        first = Bench(tmp_path, log=SegmentLog(tmp_path / "life", SMALL, Lane.LIFE)).start()
        burns_and_is_outgrown(first)

        again = Bench(tmp_path, log=SegmentLog(tmp_path / "life", SMALL, Lane.LIFE), registry=lambda: CONFIG)
        again.start(configure=False)
        again.run(message("heat", {"heat": True}))
        again.stop()

        assert ["fire.confirmed"] == rules(again.published)
        assert "the log holds" in again.worker.state.lost

    @pytest.mark.parametrize("away", [False, True], ids=["", "the broker is away"])
    def test_a_test_that_is_over_by_the_registry(self, tmp_path, away):
        """What burns in a detector under test is a fire by the registry that a lane begins anew with, and is told."""
        under_test = replace(CONFIG, devices=tuple(replace(d, mode="test") for d in CONFIG.devices))
        first = Bench(tmp_path, log=SegmentLog(tmp_path / "life", SMALL, Lane.LIFE)).start(configure=False)
        first.worker.submit(under_test).result(20)
        burns_and_is_outgrown(first)
        before = rules(first.published)
        again = Bench(tmp_path, log=SegmentLog(tmp_path / "life", SMALL, Lane.LIFE), registry=lambda: CONFIG)
        again.source.listening = not away
        again.worker.start()
        until(lambda: "fire.pre_alarm" in rules(again.writer.events))
        until(lambda: "fire.pre_alarm" in rules(again.published))
        again.stop()

        assert ["test.alarm"] == before

    def test_a_log_that_cannot_be_read(self, tmp_path):
        """After some tries the rest of the past is left alone: a lane that waits for ever hears no fire."""

        class Unreadable(SegmentLog):
            def read(self, position, end=None):
                """Fail as a dying disk does."""
                del position, end
                raise OSError(5, "Input/output error")

        log = Unreadable(tmp_path / "life", SMALL, Lane.LIFE)
        log.append([CONFIG])
        again = Bench(tmp_path, log=log, registry=lambda: CONFIG, tries=2).start(configure=False)
        again.run(FIRE)
        again.stop()

        assert ["fire.pre_alarm"] == rules(again.published)
        assert "cannot be read from 0 on" in again.worker.state.lost

    def test_a_registry_that_is_away_for_a_moment(self, tmp_path):
        """It is asked again."""
        lane_with_a_past(tmp_path, Lane.LIFE)
        away = [1, 1]

        def registry():
            if away:
                away.pop()
                raise Unavailable("the database is locked")
            return CONFIG

        again = Bench(tmp_path, log=SegmentLog(tmp_path / "life", SMALL, Lane.LIFE), registry=registry)
        again.start(configure=False)
        again.run(FIRE)
        again.stop()

        assert ["fire.pre_alarm"] == rules(again.published)


class Ground:
    """A data folder with a registered smoke detector and a meter, and platforms that run on it."""

    def __init__(self, folder):
        self.folder = folder
        self.settings = Settings(
            data_dir=folder,
            ingest=IngestSettings(broker_host="127.0.0.1", broker_port=free_port()),
            log=LogSettings(reserve_bytes=0),
        )
        with House.open(self.settings) as house:
            _, unit, *_ = house.registry.save(
                [
                    Park(-1, "p", "park"), Place(-2, -1, -1, PlaceKind.UNIT, "u", "unit"),
                    Device(-3, -1, "native:p/-/meter", "meter", place=-2),
                    Device(-4, -1, "native:p/-/smoke", "smoke_detector", place=-2, lane=Lane.LIFE),
                    Point(0, -3, "power", source_key="power"), Point(0, -4, "smoke", source_key="smoke"),
                ], actor="t", reason="t", now=1,
            )  # fmt: skip
            self.unit = unit.id
            found = {p.metric: p.id for p in house.registry.find(Point)}
        self.points = {POWER: found["power"], SMOKE: found["smoke"]}

    def run(self, *batches):
        """Run a platform on the folder, give each lane its batches; return (health, standing subjects)."""
        with House.open(self.settings) as house, Embedded(house) as platform:
            for lane in Lane:
                until(platform.lanes[lane].live.is_set)
            for lane, batch in batches:
                platform.lanes[lane].submit(batch).result(10)
            ends = {lane: house.logs[lane].end for lane, _ in batches}
            until(lambda: all(platform.writer.waiting == 0 for _ in Lane))
            until(lambda: all(platform.projector.position(lane) >= end for lane, end in ends.items()))
            parts = {c.name: c for c in platform.components()}
            until(lambda: not platform.writer.waiting)
            return parts, {c.subject for c in house.events.conditions(standing=True)}

    def of(self, point, value):
        """Return a reading as the edge would have made it."""
        now = clock.now()
        return Batch(batch_of([(self.points[point], now, value, 0, now)]), Edge(_NONE, _NONE, _NONE))

    def stored(self):
        """Return the readings of the meter that the store holds."""
        with House.open(self.settings) as house:
            return house.readings.raw(self.points[POWER], 0, 1 << 60, 100).value.tolist()


class TestPlatform:
    @pytest.mark.parametrize("what", ["log", "log/life", "snapshots"])
    def test_something_is_gone(self, tmp_path, what):
        """With its logs or its snapshots gone a platform runs, pages a fire and stores readings, on SQL too."""
        ground = Ground(tmp_path / "park")
        ground.run((Lane.BULK, ground.of(POWER, 1.0)), (Lane.LIFE, ground.of(SMOKE, 0.0)))
        shutil.rmtree(tmp_path / "park" / what)

        parts, standing = ground.run((Lane.BULK, ground.of(POWER, 2.0)), (Lane.LIFE, ground.of(SMOKE, 1.0)))

        assert {f"place:{ground.unit}"} == standing
        assert [1.0, 2.0] == ground.stored()
        assert all(p.serving for name, p in parts.items() if "broker" not in name)
        assert (what == "snapshots") == parts["life lane"].ready  # the whole log is there: nothing is lost

    def test_a_damaged_log(self, tmp_path):
        """What cannot be read is passed over and told in health, without paths; a fire is told."""
        ground = Ground(tmp_path / "park")
        for n in range(4):
            ground.run((Lane.LIFE, ground.of(SMOKE, 0.0)), (Lane.BULK, ground.of(POWER, float(n))))
        shutil.rmtree(tmp_path / "park" / "snapshots")
        (path,) = (tmp_path / "park" / "log" / "life").glob("0*.log")
        content = bytearray(path.read_bytes())
        content[len(content) // 3] ^= 0xFF
        path.write_bytes(bytes(content))

        parts, standing = ground.run((Lane.LIFE, ground.of(SMOKE, 1.0)))

        assert {f"place:{ground.unit}"} == standing
        assert (False, True) == (parts["life lane"].ready, parts["life lane"].serving)
        assert "part of its log cannot be read" in parts["life lane"].detail
        assert str(tmp_path) not in parts["life lane"].detail

    def test_health_is_well_again(self, tmp_path):
        """Once a snapshot of the new beginning is there, nothing is said of it any more."""
        ground = Ground(tmp_path / "park")
        ground.run((Lane.LIFE, ground.of(SMOKE, 0.0)))
        shutil.rmtree(tmp_path / "park" / "log")
        ground.run((Lane.LIFE, ground.of(SMOKE, 0.0)))

        parts, _ = ground.run()

        assert (True, "") == (parts["life lane"].ready, parts["life lane"].detail)
