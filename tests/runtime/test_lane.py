"""A lane logs before it acknowledges, runs what it has logged, and never gives up."""

import errno
import threading

import pytest
from lane_parts import CONFIG, MINUTE, START, Bench, kinds, message, rules, until

from park.errors import Full, Unavailable
from park.events import Reason
from park.metrics import Lane
from park.records import Batch, Command, Config, Tick, Verb
from park.settings import LogSettings
from runtime.lane_words import Phase
from runtime.log import SegmentLog
from runtime.storage.snapshots import FileSnapshots

FIRE = message("smoke", {"smoke": True})


class TestFlow:
    def test_a_fire(self, tmp_path):
        """A detector's alarm is logged, acknowledged, told to live pages and to the writer."""
        bench = Bench(tmp_path).start()

        bench.run(FIRE)
        bench.stop()

        assert [FIRE] == bench.source.acknowledged
        assert ["fire.pre_alarm"] == rules(bench.published) == rules(bench.writer.events)
        assert Phase.STOPPED == bench.worker.state.phase

    def test_ticks_come_first(self, tmp_path):
        """A minute is in the log before anything that was received in it, and each only once."""
        bench = Bench(tmp_path).start()
        for minute in (0, 0, 1, 5):
            bench.clock.now = START + minute * MINUTE + 7
            bench.run(message("smoke", {"smoke": False}))
        bench.clock.now -= 3 * MINUTE  # somebody sets the clock back
        bench.run(message("smoke", {"smoke": False}))
        bench.worker.stop(20)

        now, ticks = 0, []
        for _, record in bench.log.read(0):
            if isinstance(record, Tick):
                now = record.now
                ticks.append((now - START) // MINUTE)
            elif isinstance(record, Batch):
                assert (record.readings.received >= now).all()
        assert [0, 1, 5] == ticks
        bench.log.close()

    def test_silence_ticks(self, tmp_path):
        """When nobody speaks, time still passes in the log."""
        bench = Bench(tmp_path).start()

        bench.clock.now += 3 * MINUTE

        until(lambda: bench.worker.runner.tick == START + 3 * MINUTE)
        bench.stop()

    def test_a_stop_is_told(self, tmp_path):
        """A log that goes on after a stop says since when nobody has listened, before any minute after it."""
        bench = Bench(tmp_path).start()
        bench.clock.now = START + 7
        bench.run(message("smoke", {"smoke": False}))
        bench.clock.now = START + 25 * MINUTE + 7
        bench.run(message("smoke", {"smoke": False}))
        bench.worker.stop(20)

        records = [record for _, record in bench.log.read(0)]
        (nth,) = [n for n, record in enumerate(records) if isinstance(record, Command)]
        told = Command(Verb.LISTEN, START + 25 * MINUTE + 7, "platform", arguments={"since": str(START)})
        assert [told, Tick(START + 25 * MINUTE)] == records[nth : nth + 2]
        bench.log.close()

    def test_a_command(self, tmp_path):
        """A person's act is in the log when it is confirmed, and the stages obey it."""
        bench = Bench(tmp_path).start()
        bench.run(FIRE)

        position = bench.worker.submit(Command(Verb.RESET, START + 1, "officer", place=3)).result(20)
        bench.stop()

        assert Reason.PERSON_RESET == bench.published[-1].reason
        again = SegmentLog(tmp_path / "life", LogSettings(reserve_bytes=0), Lane.LIFE)
        assert [Verb.RESET] == [r.verb for p, r in again.read(0) if isinstance(r, Command) and p <= position]
        again.close()

    def test_bindings_follow_their_configuration(self, tmp_path):
        """What belongs to a configuration happens when it is in the log, in the lane's own thread."""
        bench = Bench(tmp_path).start()
        seen = []

        bench.worker.submit(
            Config(2, START), lambda: seen.append((threading.current_thread().name, kinds(bench.log)[-1]))
        ).result(20)
        bench.stop()

        assert [("lane-life", "Config")] == seen

    def test_after_the_end(self, tmp_path):
        """A lane that has stopped takes no records, and says so."""
        bench = Bench(tmp_path).start()
        bench.stop()

        with pytest.raises(Unavailable, match="stopped"):
            bench.worker.submit(CONFIG)


class TestRestart:
    def test_goes_on_where_it_was(self, tmp_path):
        """After a restart the state is that of the log, and nobody is told again."""
        first = Bench(tmp_path).start()
        first.run(FIRE, message("meter", {"power": 3.0}))
        first.stop()

        second = Bench(tmp_path)
        second.writer = first.writer
        second.start(configure=False)
        second.run(message("heat", {"heat": True}))
        second.stop()

        assert ["fire.confirmed"] == rules(second.published)
        assert ["fire.pre_alarm"] == rules(first.writer.events)

    def test_events_that_the_writer_missed(self, tmp_path):
        """What was logged and not written before a crash is found again, and written once."""
        first = Bench(tmp_path).start()
        first.run(FIRE)
        first.stop()

        second = Bench(tmp_path).start(configure=False)
        until(lambda: second.writer.events)
        second.stop()

        assert (["fire.pre_alarm"], []) == (rules(second.writer.events), second.published)
        assert [e.id for e in first.writer.events] == [e.id for e in second.writer.events]

    def test_from_a_snapshot(self, tmp_path):
        """A snapshot and the rest of the log give the same as the whole log."""
        first = Bench(tmp_path, snapshot_bytes=1).start()
        first.run(FIRE)
        until(lambda: FileSnapshots(tmp_path / "snapshots").load("life") is not None)
        first.stop()
        assert first.worker.save()

        second = Bench(tmp_path)
        second.writer.position = first.writer.position
        second.start(configure=False)
        second.run(FIRE, message("heat", {"heat": True}))
        second.stop()

        assert ["fire.confirmed"] == rules(second.published)
        assert second.worker.runner.tick == START

    def test_no_snapshot_before_events_last(self, tmp_path):
        """As long as the writer has not written what was found, a replay must find it again."""
        bench = Bench(tmp_path, snapshot_bytes=1)
        bench.worker._applied = lambda: 0
        bench.start()
        bench.run(FIRE)
        bench.stop()

        assert not bench.worker.save()
        assert FileSnapshots(tmp_path / "snapshots").load("life")[0] < bench.writer.position

    def test_log_and_snapshot_do_not_fit(self, tmp_path):
        """A log that is older than its snapshot is not gone on with: files are missing."""
        bench = Bench(tmp_path)
        FileSnapshots(tmp_path / "snapshots").save("life", 1 << 40, {})

        bench.worker.start()
        until(lambda: bench.worker.state.phase is Phase.FAILED)

        assert "the snapshot is of position" in bench.worker.state.trouble
        bench.stop()

    def test_any_cut_gives_the_same(self, tmp_path):
        """Messages one by one or many at once: the same events with the same ids."""
        flow = [
            FIRE,
            message("heat", {"heat": True}),
            message("smoke", {"smoke": False}),
            message("heat", {"heat": False}),
        ] * 3
        ids = []
        for at_once in (1, 5, 100):
            bench = Bench(tmp_path / str(at_once))
            bench.source._at_once = at_once
            bench.start()
            bench.run(*flow)
            bench.stop()
            ids.append([e.id for e in bench.writer.events])

        assert ids[0] == ids[1] == ids[2]
        assert len(ids[0]) > 2


class FullLog(SegmentLog):
    """A log on a disk that is full while told so (the small real disk is in test_log)."""

    full = False

    def append(self, records):
        """Append, if there is room."""
        if self.full:
            raise Full("no room for the log")
        return super().append(records)


class TestFullDisk:
    def _bench(self, folder, lane, **settings):
        log = FullLog(folder / lane, LogSettings(reserve_bytes=0), lane)
        return Bench(folder, lane, log=log, **settings).start()

    def test_bulk_stops(self, tmp_path):
        """The bulk lane stops reading and acknowledging, says so, and goes on when there is room."""
        bench = self._bench(tmp_path, Lane.BULK)
        bench.log.full = True
        messages = [message("meter", {"power": float(i)}) for i in range(20)]
        bench.source.give(*messages)

        until(lambda: bench.worker.state.phase is Phase.FULL and bench.source.alive > 3)
        assert [] == bench.source.acknowledged
        assert len(bench.source.waiting) >= 17
        assert "no room" in bench.worker.state.trouble

        bench.log.full = False
        until(lambda: len(bench.source.acknowledged) == 20)
        until(lambda: bench.worker.state.phase is Phase.LIVE)
        bench.worker.stop(20)
        values = [v for _, r in bench.log.read(0) if isinstance(r, Batch) for v in r.readings.value.tolist()]
        assert [float(i) for i in range(20)] == values
        assert ("", 0) == (bench.worker.state.trouble, bench.worker.state.held)
        bench.log.close()

    def test_life_safety_pages_from_memory(self, tmp_path):
        """With no room at all a fire is still told at once; it is logged and acknowledged when there is room."""
        bench = self._bench(tmp_path, Lane.LIFE)
        bench.log.full = True
        bench.source.give(FIRE, message("smoke", {"smoke": True}))
        bench.source.give(message("heat", {"heat": True}))

        until(lambda: len(bench.published) >= 2)
        assert ["fire.pre_alarm", "fire.confirmed"] == rules(bench.published)[:2]
        assert ([], []) == (bench.source.acknowledged, bench.writer.events)
        until(lambda: [e.id for e in bench.published] == [e.id for e in bench.early])
        assert 3 == bench.worker.state.held

        bench.log.full = False
        until(lambda: len(bench.source.acknowledged) == 3)
        until(lambda: rules(bench.writer.events) == rules(bench.published))
        bench.stop()
        again = Bench(tmp_path).start(configure=False)
        assert [e.id for e in bench.writer.events] == [e.id for e in again.writer.events]
        again.stop()

    @pytest.mark.parametrize("bound", [{"held": 6}, {"held_bytes": 6 * len(FIRE[1])}], ids=["messages", "bytes"])
    def test_memory_is_bounded(self, tmp_path, bound):
        """Beyond what may be held even the life-safety lane leaves messages to the broker."""
        bench = self._bench(tmp_path, Lane.LIFE, **bound)
        bench.log.full = True
        bench.source.give(*[FIRE] * 50)

        until(lambda: bench.source.alive > 3)
        assert bench.worker.state.held < 6 + 3

        bench.log.full = False
        until(lambda: len(bench.source.acknowledged) == 50)
        bench.stop()


class BrokenLog(SegmentLog):
    """A log that cannot write, in ways that nobody thought of, while told so."""

    why = None
    value = None  # a batch that holds it cannot be written, whatever is tried

    def append(self, records):
        """Append, if that goes."""
        if self.why:
            raise self.why
        if any(isinstance(r, Batch) and self.value in r.readings.value for r in records):
            raise ValueError("no bytes for that")
        return super().append(records)


class TestBrokenLog:
    def _bench(self, folder):
        return Bench(folder, log=BrokenLog(folder / "log", LogSettings(reserve_bytes=0), Lane.LIFE)).start()

    def test_a_disk_that_is_read_only(self, tmp_path):
        """Whatever the system says of the disk, a fire is told, and acknowledged when it is in the log."""
        bench = self._bench(tmp_path)
        bench.log.why = OSError(errno.EROFS, "read-only file system")
        bench.source.give(FIRE)

        until(lambda: rules(bench.published) == ["fire.pre_alarm"])
        assert [] == bench.source.acknowledged
        bench.log.why = None
        until(lambda: len(bench.source.acknowledged) == 1)
        bench.stop()

        assert ["fire.pre_alarm"] == rules(bench.writer.events)

    def test_a_record_that_cannot_be_written(self, tmp_path):
        """It is told and passed; neither a fire beside it nor the acknowledgements behind it are lost."""
        bench = self._bench(tmp_path)
        bench.log.value = 13.0
        bench.run(message("meter", {"power": 13.0}))
        bench.run(FIRE)
        bench.stop()

        assert ["fire.pre_alarm"] == rules(bench.published)
        assert "no bytes for that" in bench.worker.state.trouble


class TestClock:
    def test_a_clock_that_goes_back(self, tmp_path):
        """Receipt never goes back, be it by less than a minute."""
        bench = Bench(tmp_path).start()
        for step in (30_000, 10_000, -600_000, 40_000):
            bench.clock.now = START + step
            bench.run(message("meter", {"power": 1.0}))
        bench.worker.stop(20)

        batches = [r for _, r in bench.log.read(0) if isinstance(r, Batch)]
        assert [30_000, 30_000, 30_000, 40_000] == [int(b.readings.received[0]) - START for b in batches]
        bench.log.close()


class TestHandedIn:
    def test_as_if_published(self, tmp_path):
        """Messages that came another way are logged, stamped, counted and run as those of the source are."""
        bench = Bench(tmp_path).start()
        bench.clock.now += 5_000

        position = bench.worker.submit([message("meter", {"power": 2.0}), FIRE]).result(20)
        bench.worker.stop(20)

        assert ["fire.pre_alarm"] == rules(bench.published)
        (batch,) = [r for p, r in bench.log.read(0) if isinstance(r, Batch) and p <= position]
        assert [START + 5_000] * 2 == batch.readings.received.tolist()
        assert (2, 2) == (int(batch.edge.messages.sum()), bench.worker.state.messages)
        assert [] == bench.source.acknowledged
        bench.log.close()

    def test_no_room(self, tmp_path):
        """While nothing can be logged the caller waits, a bounded number of them; a fire is told at once."""
        log = FullLog(tmp_path / "life", LogSettings(reserve_bytes=0), Lane.LIFE)
        bench = Bench(tmp_path, log=log).start()
        log.full = True
        future = bench.worker.submit([FIRE])
        until(lambda: rules(bench.published) == ["fire.pre_alarm"])
        assert not future.done()
        assert 1 == bench.worker.state.held
        log.full = False
        assert future.result(20) == log.end
        bench.stop()

    def test_bounded(self, tmp_path):
        """A hundred lists may wait for a lane; the next is refused, and commands still have room."""
        bench = Bench(tmp_path)
        for _ in range(100):
            bench.worker.submit([FIRE])
        with pytest.raises(Full):
            bench.worker.submit([FIRE])
        bench.worker.submit(CONFIG, bench.bind)
        bench.start(configure=False)
        until(lambda: bench.worker.state.messages == 100)
        bench.stop()
