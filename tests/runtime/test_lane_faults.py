"""A lane whose stages fail: only the culprit is lost, and it is told."""

import threading

import numpy as np
from lane_parts import Bench, message, rules, until

from park.errors import Unavailable
from park.events import AlarmState
from park.metrics import Lane
from park.records import Batch, Refusal
from stream.stages import life_stages

FIRE = message("smoke", {"smoke": True})


class Choking:
    """A stage with a fault: it cannot digest one value."""

    name = "choking"

    def on_batch(self, batch, emit):
        """Fail on 13."""
        del emit
        if 13.0 in batch.value:
            raise ZeroDivisionError("thirteen")
        return batch

    def on_tick(self, now, emit):
        """Do nothing."""

    def on_config(self, config, emit):
        """Do nothing."""

    def snapshot(self):
        """Return nothing but a version."""
        return {}

    def restore(self, state):
        """Take nothing."""


class TestFaults:
    def test_a_stage_that_fails_on_life_safety(self, tmp_path):
        """What a stage cannot digest does not keep a fire in the same batch from being told."""
        bench = Bench(tmp_path, stages=lambda d: (Choking(), *life_stages(d)))
        bench.source._at_once = 10
        bench.start()
        bench.run(message("heat", {"heat": True}))
        bench.run(message("meter", {"power": 13.0}), FIRE, message("meter", {"power": 13.0}))
        bench.run(message("smoke", {"smoke": False}))
        bench.stop()

        assert ["fire.pre_alarm", "fire.confirmed"] == rules(bench.published)[:2]
        assert bench.worker.state.failures >= 2
        assert "thirteen" in bench.worker.state.trouble
        again = Bench(tmp_path, stages=lambda d: (Choking(), *life_stages(d))).start(configure=False)
        assert [e.id for e in bench.writer.events] == [e.id for e in again.writer.events]
        again.stop()

    def test_a_stage_that_fails_on_bulk(self, tmp_path):
        """The record is told and passed; the lane goes on with the next."""
        bench = Bench(tmp_path, Lane.BULK, stages=lambda d: (Choking(), *life_stages(d))).start()
        bench.run(message("meter", {"power": 13.0}))
        bench.run(FIRE)
        bench.stop()

        assert ["fire.pre_alarm"] == rules(bench.published)
        assert 1 == bench.worker.state.failures

    def test_a_message_that_breaks_the_decoder(self, tmp_path):
        """Only the culprit is refused, kept raw; its neighbours become readings."""

        def brittle(decode):
            def decoded(messages, received):
                if any(b"666" in m[1] for m in messages):
                    raise RuntimeError("a fault of ours")
                return decode(messages, received)

            return decoded

        bench = Bench(tmp_path, decode=brittle)
        bench.source._at_once = 9
        bench.start()
        bench.run(*[message("meter", {"power": v}) for v in (1.0, 2.0, 666.0, 4.0)], FIRE)
        bench.worker.stop(20)

        batches = [r for _, r in bench.log.read(0) if isinstance(r, Batch)]
        assert [1.0, 2.0, 4.0, 1.0] == [v for b in batches for v in b.readings.value.tolist()]
        refused = [r for b in batches for r in b.refused]
        assert [(Refusal.MALFORMED, b'{"v":{"power":666.0}}')] == [(r.reason, r.payload) for r in refused]
        assert 5 == sum(int(b.edge.messages.sum()) for b in batches)
        assert ["unreadable", "fire.pre_alarm"] == rules(bench.published)
        bench.log.close()

    def test_a_stage_that_cannot_be_restored(self, tmp_path):
        """When there is no way back to before a record that a stage fails on, what was found is told."""

        class Forgetful(Choking):
            def restore(self, state):
                """Know no state at all."""
                raise KeyError(*state)

        bench = Bench(tmp_path, stages=lambda d: (*life_stages(d), Forgetful()), snapshot_bytes=1)
        bench.source._at_once = 9
        bench.start()
        until(lambda: list((tmp_path / "snapshots").glob("*.snapshot")))
        bench.run(message("meter", {"power": 13.0}), FIRE)
        bench.worker.stop(20)

        assert ["fire.pre_alarm"] == rules(bench.published)
        bench.log.close()

    def test_a_snapshot_that_one_stage_cannot_take(self, tmp_path):
        """That stage begins anew and says so; the lane lives, and the fire that stood still stands."""

        class Newer(Choking):
            name = "newer"

            def snapshot(self):
                """Return a state of the time before."""
                return {"version": np.array(1)}

            def restore(self, state):
                """Know no state of that time."""
                raise KeyError(*state)

        def stages(directory):
            return (*life_stages(directory), Newer())

        bench = Bench(tmp_path, stages=stages).start()
        bench.run(FIRE)
        bench.worker.stop(20)
        assert bench.worker.save()
        bench.log.close()
        again = Bench(tmp_path, stages=stages).start(configure=False)
        again.run(message("smoke", {"smoke": False}))
        again.stop()

        assert "'newer' begins anew" in again.worker.state.trouble
        assert [AlarmState.CLEARED] == [e.state for e in again.published]

    def test_a_source_that_cannot_be_opened(self, tmp_path):
        """The lane tries again: a registry that is locked for a moment is no reason to hear no fire."""
        bench = Bench(tmp_path)
        failed = []

        def failing():
            if not failed:
                failed.append(1)
                raise Unavailable("the database is locked")

        bench.source.open = failing
        bench.start()
        bench.run(FIRE)
        bench.stop()

        assert ["fire.pre_alarm"] == rules(bench.published)

    def test_told_to_end_while_its_log_is_away(self, tmp_path):
        """A lane that tries for as long as it takes ends when it is told to, also if no try needs any time."""
        bench = Bench(tmp_path, tries=1 << 40, retry=60.0)
        tried = threading.Event()

        def failing():
            tried.set()
            raise Unavailable("Kafka is away")

        bench.worker.runner.replay = failing
        bench.worker.start()
        until(tried.is_set)

        assert bench.worker.stop(5)
        bench.log.close()

    def test_a_source_that_fails(self, tmp_path):
        """An exception of the reader is told, and the lane asks it again."""
        bench = Bench(tmp_path).start()
        poll, failed = bench.source.poll, []

        def failing(timeout, limit=None):
            if len(failed) < 2:
                failed.append(1)
                raise OSError("the socket is gone")
            return poll(timeout, limit)

        bench.source.poll = failing
        bench.run(FIRE)
        bench.stop()

        assert ["fire.pre_alarm"] == rules(bench.published)
        assert "the socket is gone" in bench.worker.state.trouble

    def test_a_writer_that_takes_nothing(self, tmp_path):
        """Events wait, in order, until the writer takes them; fire is told meanwhile."""
        taken, closed = [], threading.Event()
        closed.set()

        def sink(lane, position, events):
            if closed.is_set():
                raise Unavailable("the database is away")
            taken.extend(events)

        bench = Bench(tmp_path, sink=sink).start()
        bench.run(FIRE)
        bench.run(message("heat", {"heat": True}))
        assert ["fire.pre_alarm", "fire.confirmed"] == rules(bench.published)
        assert [] == taken
        closed.clear()
        until(lambda: len(taken) == 2)
        bench.stop()

        assert bench.published == taken

    def test_live_pages_that_fail(self, tmp_path):
        """A fault of the live feed keeps nothing from the writer."""
        bench = Bench(tmp_path)
        bench.worker._publish = lambda _: 1 // 0
        bench.start()
        bench.run(FIRE)
        bench.stop()

        assert ["fire.pre_alarm"] == rules(bench.writer.events)
        assert bench.worker.state.failures
