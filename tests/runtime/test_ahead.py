"""A long past is replayed by another process; what comes of it is what the lane itself would have made."""

import os

import numpy as np
import pytest
from lane_parts import CONFIG, MINUTE, POWER, SMOKE, START, Writer, until

from park.errors import Full
from park.metrics import Lane
from park.readings import batch_of
from park.records import Batch, Edge, Tick
from park.settings import LogSettings
from runtime.ahead import Ahead, Line, Task, replay
from runtime.log import SegmentLog
from runtime.pipelines import pipeline_of
from runtime.runner import Runner
from runtime.storage.snapshots import FileSnapshots

NO_EDGE = Edge(*(np.zeros(0, np.int32),) * 3)


def hour(n):
    """Return the readings of an hour: a meter's, and a smoke detector's that alarms on the bulk topic in the second."""
    at = START + n * 60 * MINUTE
    return [
        Tick(at),
        Batch(batch_of([(POWER, at, 2.0 + n % 3, 0, at), (SMOKE, at + 1, float(n == 1), 0, at + 1)]), NO_EDGE),
    ]


@pytest.fixture
def log(tmp_path):
    """The bulk lane's log of three days."""
    log = SegmentLog(tmp_path / "log", LogSettings(), Lane.BULK)
    log.append([CONFIG, *(record for n in range(72) for record in hour(n))])
    yield log
    log.close()


class House:
    """What the platform brings: a sink, snapshots, and a lane to begin."""

    def __init__(self, folder, log):
        self.writer = Writer()
        self.snapshots = FileSnapshots(folder / "snapshots")
        self.begun = []
        self.task = Task(Lane.BULK, str(folder / "log"), log.end, str(folder / "aside"), LogSettings())

    def ahead(self, **other):
        """Return the replay of this house's log."""
        parts = {"sink": self.writer, "applied": lambda: self.writer.position, **other}
        return Ahead(self.task, self.snapshots, then=lambda: self.begun.append(True), **parts)


@pytest.fixture
def house(tmp_path, log):
    """The house of a log."""
    return House(tmp_path, log)


def by_lane(log, tmp_path):
    """Return (position, states, events) of a lane that replays for itself."""
    runner = Runner(Lane.BULK, lambda: pipeline_of(Lane.BULK), log, FileSnapshots(tmp_path / "none"))
    events = [e for _, found in runner.replay() for e in found]
    return runner.position, runner.states(), events


def as_lists(states):
    """Return states as something that can be compared."""
    return {f"{stage}/{name}": column.tolist() for stage, state in states.items() for name, column in state.items()}


class TestProcess:
    def test_same_as_the_lane(self, house, log, tmp_path):
        """The snapshot, the position and the events are those of a lane that replays for itself."""
        position, states, events = by_lane(log, tmp_path)
        ahead = house.ahead()

        ahead.start()
        until(lambda: house.begun, 60)
        ahead.stop()

        at, made = house.snapshots.load(Lane.BULK)
        assert position == at == log.end == ahead.position
        assert as_lists(states) == as_lists(made)
        told = {e.id for e in house.writer.events}
        assert told == {e.id for e in events if hasattr(e, "id") and e.id in told}
        assert any(getattr(e, "rule", "") == "fire.pre_alarm" for e in house.writer.events)
        assert not (tmp_path / "aside").exists()

    def test_broken_log(self, house, log, tmp_path):
        """Where the process fails the lane begins all the same, with no snapshot to mislead it."""
        path = next((tmp_path / "log").glob("0*.log"))
        with path.open("r+b") as file:
            file.seek(log.end // 2)
            file.write(b"\xff" * 64)
        ahead = house.ahead()

        ahead.start()
        until(lambda: house.begun, 60)
        ahead.stop()

        assert not house.snapshots.any(Lane.BULK)

    def test_stopped(self, house):
        """A replay that is stopped leaves no process, begins no lane and saves nothing."""
        ahead = house.ahead(applied=lambda: 0)  # so that it waits for events that never last

        ahead.start()
        until(lambda: ahead.position, 60)
        ahead.stop()

        assert not house.begun
        assert not house.snapshots.any(Lane.BULK)
        with pytest.raises(ProcessLookupError):
            os.kill(ahead.pid, 0)

    def test_writer_behind(self, house):
        """Events that the writer would not take at first are given to it again; none is lost."""
        refusals = [3]

        def behind(lane, position, events):
            if refusals[0]:
                refusals[0] -= 1
                raise Full("too many events wait to be written")
            house.writer(lane, position, events)

        ahead = house.ahead(sink=behind)
        ahead.start()
        until(lambda: house.begun, 60)
        ahead.stop()

        assert refusals == [0]
        assert house.writer.events
        assert house.snapshots.any(Lane.BULK)


class TestReplay:
    def test_lines_rise(self, house):
        """What the process says of its place only rises, and it says each event once."""
        lines: list[Line] = []
        replay(house.task, lines.append)

        positions = [line.position for line in lines]
        assert positions == sorted(set(positions))
        events = [bytes(e) for line in lines for e in line.events]
        assert len(events) == len(set(events)) > 0

    def test_leaves_the_log_alone(self, house, tmp_path):
        """A log that is only read keeps every byte of its files, also those set aside for the writer."""
        before = {p.name: p.stat().st_size for p in (tmp_path / "log").iterdir()}
        reader = SegmentLog(tmp_path / "log", LogSettings(), Lane.BULK, until=house.task.end)
        records = list(reader.read(0))
        reader.close()

        assert len(records) == 1 + 2 * 72
        assert before == {p.name: p.stat().st_size for p in (tmp_path / "log").iterdir()}
