"""The stores hold what the logs hold: everything, once, whatever happens in between."""

import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest
from lane_parts import HEAT, MINUTE, POWER, START, until
from projector_desk import HOUR, POINTS, REGISTER, USE, Desk, batch, records, rows, whole_morning

from park.errors import Full, Unavailable
from park.events import Level
from park.metrics import Lane
from park.ports import Chunk
from park.readings import Quality
from park.records import Batch, Tick
from park.settings import StoreSettings
from runtime.storage.duckdb import DuckStore
from runtime.storage.memory import MemoryStore
from runtime.storage.sql.ledger import unexplained
from stream.quality import QualityGate
from stream.stages import store_stages


@pytest.fixture(scope="module")
def wanted(tmp_path_factory):
    """Return what comes of the morning in one go."""
    return whole_morning(tmp_path_factory.mktemp("wanted"))


class TestWhole:
    def test_every_reading_once(self, wanted):
        """All readings are stored, late ones too, and none twice."""
        sent = {
            (p, t)
            for r in records()
            if isinstance(r, Batch)
            for p, t in zip(r.readings.point, r.readings.ts, strict=True)
        }
        stored = {(p, t) for p, (ts, _) in wanted["raw"].items() if p != USE for t in ts}

        assert sent == stored

    def test_the_ledger_closes(self, wanted):
        """What the edge counted is stored, a duplicate, or waits for its device; nothing is unexplained."""
        assert 0 == unexplained(wanted["ledger"])
        assert sum(row.duplicate for row in wanted["ledger"]) > 50
        assert 7 * 2 == sum(row.quarantined for row in wanted["ledger"])
        assert 7 == wanted["waiting"]

    def test_rollups_count_once(self, wanted):
        """Minutes hold six readings of a point that speaks every ten seconds, however often they came."""
        point, _, count, *_ = wanted["parts"]["1m"]

        assert {6} == {c for p, c in zip(point, count, strict=True) if p == POWER}
        assert 11 * 3 == sum(c for p, c in zip(point, count, strict=True) if p == HEAT)


class TestRestart:
    @pytest.mark.parametrize(("chunks", "saves"), [(1, ()), (5, (2,)), (9, (2, 4)), (17, (5, 11)), (30, (1, 2, 29))])
    def test_crash(self, tmp_path, wanted, chunks, saves):
        """A machine that stops anywhere, and starts from what is on its disk: the outcome is the same."""
        before = Desk(tmp_path / "before").append(*records())
        before.projector.recover()
        for n in range(chunks):
            before.projector._advance(Lane.BULK)
            if n in saves:
                before.projector._save()
            elif n % 5 == 3:
                before.store.flush()
        shutil.copytree(tmp_path / "before", tmp_path / "after")
        before.close()

        after = Desk(tmp_path / "after", rows=77)
        after.projector.catch_up()

        assert wanted == after.outcome()
        after.close()

    def test_a_clean_restart(self, tmp_path, wanted):
        """Stopped and started again, the projector goes on where it was."""
        whole = records()
        first = Desk(tmp_path).append(*whole[:90])
        first.projector.start()
        until(lambda: first.projector.state().lag_bytes == 0)
        first.close()

        second = Desk(tmp_path).append(*whole[90:])
        second.projector.start()
        until(lambda: second.projector.state().lag_bytes == 0)

        assert wanted == second.outcome()
        second.close()

    def test_a_store_that_was_lost(self, tmp_path, wanted):
        """With an empty store everything is made again from the log."""
        first = Desk(tmp_path).append(*records())
        first.projector.catch_up()
        first.close()
        shutil.rmtree(tmp_path / "store")

        second = Desk(tmp_path)
        second.projector.catch_up()

        assert wanted["raw"] == second.outcome()["raw"]
        assert wanted["parts"] == second.outcome()["parts"]
        assert wanted["ledger"] == second.outcome()["ledger"]
        second.close()

    def test_a_trimmed_log(self, tmp_path):
        """Where the log no longer tells of the registry, a snapshot does."""
        first = Desk(tmp_path, rows=20).append(*records())
        first.projector.recover()
        while first.projector._advance(Lane.BULK):
            first.projector._save()
        log = first.log[Lane.BULK]
        log._settings = replace(log._settings, keep_bytes=0)
        log.trim(log.end)
        assert 0 < log.begin <= first.snapshots.oldest("store-bulk")
        first.close()
        shutil.rmtree(tmp_path / "store")

        second = Desk(tmp_path)
        second.projector.catch_up()

        assert len(second.store.raw(POWER, 0, 1 << 50, 10_000)) > 0
        second.close()


class Narrow(MemoryStore):
    """A store that is full while told so (the small real disk is in the store's own tests)."""

    full = False

    def write(self, chunk: Chunk) -> None:
        """Take a chunk, if there is room."""
        if self.full:
            raise Full("no room for readings")
        super().write(chunk)


class TestFlow:
    def test_keeps_up(self, tmp_path):
        """What is appended can be asked for soon after, from both lanes; nothing lags at the end."""
        desk = Desk(tmp_path, lanes=(Lane.LIFE, Lane.BULK))
        desk.projector.start()
        for i in range(5):
            desk.append(*([Tick(START), POINTS] if i == 0 else []), batch(*rows(HEAT, i * 1000, [1.0])), lane=Lane.LIFE)
            desk.append(*([Tick(START), POINTS] if i == 0 else []), batch(*rows(POWER, i * 1000, [i])))
            until(lambda n=i + 1: len(desk.store.raw(POWER, 0, 1 << 50, 99)) == n)
            until(lambda n=i + 1: len(desk.store.raw(HEAT, 0, 1 << 50, 99)) == n)

        state = desk.projector.state()
        assert (True, 0, 0.0, 10, "") == (
            state.ready,
            state.lag_bytes,
            state.lag_seconds,
            state.readings,
            state.trouble,
        )
        desk.close()

    def test_lag_can_be_seen(self, tmp_path):
        """Before it has read anything, the projector says how much waits."""
        desk = Desk(tmp_path).append(*records())

        assert desk.log[Lane.BULK].end == desk.projector.state().lag_bytes
        desk.close()

    def test_a_full_disk(self, tmp_path):
        """What a store would not take is given again, once there is room, and counted once."""
        desk = Desk(tmp_path, store=Narrow(lambda: desk.gateways))
        desk.store.full = True
        desk.append(*records())
        desk.projector.start()
        until(lambda: "no room" in desk.projector.state().trouble)
        assert desk.projector.state().lag_seconds > 0

        desk.store.full = False
        until(lambda: desk.projector.state().lag_bytes == 0 and not desk.projector._waiting)

        assert 0 == unexplained(desk.outcome()["ledger"])
        assert "" == desk.projector.state().trouble
        desk.close()

    def test_a_disk_that_fails_now_and_then(self, tmp_path, wanted):
        """A log or a store that cannot be read in the middle of a chunk: it is made again, whole."""

        class Forgetful(DuckStore):
            asked = 0

            def known(self, batch):
                """Fail the third time, and twice later."""
                Forgetful.asked += 1
                if Forgetful.asked in {3, 9, 15}:
                    raise Unavailable("the disk is away")
                return super().known(batch)

        store = Forgetful(tmp_path / "store", StoreSettings(duckdb_memory="256MB"), lambda: desk.gateways)
        desk = Desk(tmp_path, store=store).append(*records())
        log, read = desk.log[Lane.BULK], desk.log[Lane.BULK].read
        reads = []

        def failing(position, end=None):
            reads.append(position)
            for n, found in enumerate(read(position, end)):
                if n == 8 and len(reads) in {1, 5, 20}:
                    raise OSError("the disk is away")
                yield found

        log.read = failing
        failures = 0
        while desk.projector.position(Lane.BULK) < log.end:
            try:
                desk.projector.catch_up()
            except (OSError, Unavailable):
                failures += 1

        assert 6 == failures
        assert wanted == desk.outcome()
        desk.close()

    def test_a_stage_that_fails(self, tmp_path):
        """A fault in a stage costs no reading: it is stored as it came, and the fault is told."""

        class Failing(MemoryStore):
            name = "failing"

            def on_batch(self, _batch, _emit):
                raise ZeroDivisionError

            def on_tick(self, now, emit):
                """Do nothing."""

            def on_config(self, config, emit):
                """Do nothing."""

            def snapshot(self):
                return {"version": np.array(1)}

            def restore(self, state):
                """Do nothing."""

        desk = Desk(tmp_path, stages=lambda d: (*store_stages(d), Failing())).append(*records(1))
        desk.projector.catch_up()

        assert 360 == len(desk.store.raw(POWER, 0, 1 << 50, 10_000))
        assert desk.projector.state().failures
        desk.close()

    def test_a_correction(self, tmp_path):
        """Another value for a time that is stored replaces it, and is not summed a second time."""
        desk = Desk(tmp_path).append(Tick(START), POINTS, batch(*rows(POWER, 0, range(60))))
        desk.append(batch(*rows(POWER, 0, [99.0], quality=Quality.LATE, received=600_000)), Tick(START + HOUR))

        desk.projector.catch_up()

        assert 99.0 == desk.store.raw(POWER, 0, 1 << 50, 100).value[0]
        assert 60 == sum(desk.store.rollups(Level.MINUTE, [POWER], START, START + HOUR).count)
        desk.close()

    def test_late_twice_in_one_chunk(self, tmp_path):
        """The same late reading twice before the store has seen either is stored and summed once."""
        late = rows(HEAT, -HOUR, [0.0, 1.0] * 20, 500, Quality.LATE, 0)
        desk = Desk(tmp_path, rows=10_000).append(Tick(START), POINTS, batch(*late), batch(*late), Tick(START + HOUR))

        desk.projector.catch_up()

        assert 40 == len(desk.store.raw(HEAT, 0, 1 << 50, 1_000))
        assert 40 == sum(desk.store.rollups(Level.MINUTE, [HEAT], START - 2 * HOUR, START + HOUR).count)
        desk.close()

    def test_progress(self, tmp_path):
        """A bulk load tells how far it is, and ends at the end."""
        desk = Desk(tmp_path).append(*records(1))
        told = []

        desk.projector.catch_up(lambda done, whole: told.append((done, whole)))

        assert told == sorted(told)
        assert (desk.log[Lane.BULK].end,) * 2 == told[-1]
        desk.close()

    def test_findings(self, tmp_path):
        """What stages find besides readings is handed on: a meter that was changed."""
        desk = Desk(tmp_path).append(Tick(START), POINTS)
        desk.append(batch(*rows(REGISTER, 0, [5000.0, 5001.0, 17.0, 18.0, 19.0], MINUTE)), Tick(START + HOUR))

        desk.projector.catch_up()

        assert {"meter"} == {e.kind for e in desk.found}
        desk.close()


class Copied(QualityGate):
    """A stage that notes whether a turn is held when its state is copied."""

    def __init__(self, directory, turn, noted):
        super().__init__(directory)
        self._turn, self._noted = turn, noted

    def snapshot(self):
        """Note, and copy."""
        self._noted.append(self._turn.locked())
        return super().snapshot()


def test_one_state_is_copied_at_a_time(tmp_path):
    """A state is copied and saved in the turn that all of a process share: each copy is as large as the state."""
    turn, noted = threading.Lock(), []
    stages = lambda directory: (Copied(directory, turn, noted), *store_stages(directory)[1:])  # noqa: E731
    desk = Desk(tmp_path, stages=stages, saving=turn).append(*records()[:20])
    desk.projector.catch_up()
    desk.close()

    assert noted
    assert {True} == set(noted)
    assert not turn.locked()


def test_threads_end(tmp_path):
    """After a stop nothing of the projector runs on."""
    desk = Desk(tmp_path).append(*records(1))
    desk.projector.start()

    desk.close()

    assert "projector" not in {t.name for t in threading.enumerate()}
