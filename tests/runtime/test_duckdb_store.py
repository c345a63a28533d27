"""The store of time series on disk: what lasts, what is tidied, and what happens when things go wrong."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from park.errors import Conflict, Corrupt, Full, Unavailable
from park.events import Counted, Level, Rollups
from park.metrics import Lane
from park.ports import Chunk
from park.readings import ReadingBatch, batch_of
from park.settings import StoreSettings
from runtime.storage.duckdb import DuckStore
from runtime.storage.files import Limits

T0 = 1_760_054_400_000  # a UTC day's start
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
SMALL = StoreSettings(duckdb_memory="200MB")


def steady(position, start, rows=600, points=3, rollups=True):
    """Return a chunk of readings, a second apart, points in turn, value = position; with a rollup part each."""
    point = np.resize(np.arange(1, points + 1, dtype=np.int32), rows)
    ts = start + 1_000 * np.arange(rows, dtype=np.int64)
    batch = ReadingBatch(point, ts, np.full(rows, float(position)), np.zeros(rows, np.uint8), ts + 50)
    window = start - start % HOUR
    part = Rollups(
        Level.HOUR, *(np.array([x], k) for x, k in zip(
            (1, window, rows, rows * position, position, position, position, int(ts[-1]), 1000, 0),
            (np.int32, np.int64, np.int32, *[np.float64] * 4, np.int64, np.int64, np.int32), strict=True)),
    )  # fmt: skip
    return Chunk(Lane.BULK, position, batch, (part,) if rollups else ())


def everything(store):
    """Return all readings and all hours of points 1 to 3."""
    readings = [
        list(zip(*(c.tolist() for c in (r.point, r.ts, r.value, r.quality, r.received)), strict=True))
        for r in (store.raw(p, 0, 1 << 60, 1 << 40) for p in (1, 2, 3))
    ]
    hours = store.rollups(Level.HOUR, [1, 2, 3], 0, 1 << 60)
    return readings, hours.start.tolist(), hours.count.tolist(), hours.total.tolist()


def test_counts_of_a_flush(tmp_path):
    """What many chunks counted of a gateway within an hour is one row of a file."""
    gateways = np.arange(50, dtype=np.int32)
    told = Counted(gateways, np.full(50, T0), np.full(50, 1, np.int32), np.full(50, 9, np.int32))
    store = DuckStore(tmp_path, SMALL)
    for position in range(1, 11):
        store.write(Chunk(Lane.BULK, position, batch_of([]), (), (told,)))
    store.close()

    (path,) = (tmp_path / "counted").glob("*.duckdb")
    with duckdb.connect(str(path), read_only=True) as file:
        rows = file.execute("SELECT count(*), sum(duplicates), sum(readings) FROM h0").fetchall()

    assert [(50, 500, 4500)] == rows


class TestLasting:
    def test_reopened(self, tmp_path):
        """What was flushed is there again, with its positions and newest readings; the rest comes from the log."""
        store = DuckStore(tmp_path, SMALL)
        chunks = [steady(k, T0 + k * HOUR) for k in range(1, 5)]
        for c in chunks[:3]:
            store.write(c)
            store.flush()
        expected = everything(store), store.latest([1, 2]).ts.tolist()
        store.write(chunks[3])
        whole = everything(store)
        store._engine.close()  # as a process that ends at once leaves it

        again = DuckStore(tmp_path, SMALL)

        assert expected == (everything(again), again.latest([1, 2]).ts.tolist())
        assert again.position(Lane.BULK) == 3
        for c in chunks:
            again.write(c)
        assert whole == everything(again)
        again.close()

    def test_close_flushes(self, tmp_path):
        """A store that is closed in order has everything, and closing twice is closing once."""
        store = DuckStore(tmp_path, SMALL)
        store.write(steady(7, T0))
        expected = everything(store)
        store.close()
        store.close()

        with pytest.raises(Unavailable):
            store.raw(1, 0, 1 << 60, 1)
        again = DuckStore(tmp_path, SMALL)

        assert expected == everything(again)
        again.close()

    def test_memory_is_bounded(self, tmp_path):
        """Memory holds at most the rows it is given; more is flushed without being asked."""
        store = DuckStore(tmp_path, StoreSettings(memory_rows=1_000, duckdb_memory="200MB"))
        for k in range(1, 6):
            store.write(steady(k, T0 + k * HOUR))

        assert store.figures()["memory_rows"] <= 1_000
        assert store.position(Lane.BULK) == 4
        assert [200] * 5 == [len(store.raw(1, T0 + k * HOUR, T0 + (k + 1) * HOUR, 9_999)) for k in range(1, 6)]
        store.close()

    def test_broken_commit(self, tmp_path):
        """A commit that cannot be read is told, and nothing is guessed."""
        DuckStore(tmp_path, SMALL).close()
        (tmp_path / "commit.npz").write_bytes(b"not one")

        with pytest.raises(Corrupt, match=r"commit\.npz"):
            DuckStore(tmp_path, SMALL)

    @pytest.mark.slow
    def test_killed(self, tmp_path):
        """A process killed at any moment leaves whole flushes: replaying from its position gives everything once."""
        script = Path(__file__).with_name("store_writer.py")
        uninterrupted = DuckStore(tmp_path / "whole", SMALL)
        for k in range(1, 41):
            uninterrupted.write(steady(k, T0 + (k * 37 % 40) * HOUR))
        rng = np.random.default_rng(5)
        for _ in range(8):
            child = subprocess.Popen([sys.executable, script, tmp_path / "killed"], stdout=subprocess.PIPE)
            assert child.stdout is not None
            for _ in range(int(rng.integers(1, 12))):
                if not child.stdout.readline():
                    break
            child.send_signal(signal.SIGKILL)
            child.wait()
            child.stdout.close()
        killed = DuckStore(tmp_path / "killed", SMALL)
        for k in range(killed.position(Lane.BULK) + 1, 41):
            killed.write(steady(k, T0 + (k * 37 % 40) * HOUR))

        assert everything(uninterrupted) == everything(killed)
        assert uninterrupted.stored(0, 1 << 60) == killed.stored(0, 1 << 60)
        uninterrupted.close()
        killed.close()


class TestFlushCutShort:
    """A flush that ended between two of its files."""

    def cut(self, folder, files):
        """Leave a store as a crash leaves it after some files of its second flush."""
        store = DuckStore(folder, SMALL)
        store.write(steady(1, T0))
        store.flush()
        chunk = steady(2, T0 + DAY - 300_000)  # reaches into a second day
        store.write(chunk)
        for period, columns, received in list(store._runs())[:files]:
            store._raw.insert(period, columns, 2, received)
        store._engine.close()
        return chunk

    @pytest.mark.parametrize("files", [0, 1, 2])
    def test_before_the_commit(self, tmp_path, files):
        """Readings whose flush was not committed are taken back, and stand once after the replay."""
        chunk = self.cut(tmp_path, files)

        store = DuckStore(tmp_path, SMALL)

        assert store.position(Lane.BULK) == 1
        assert len(store.raw(1, T0, T0 + 2 * DAY, 9_999)) == 200
        store.write(chunk)
        for _ in range(2):
            assert len(store.raw(1, T0, T0 + 2 * DAY, 9_999)) == 400
            assert sum(store.stored(0, 1 << 60).values()) == 1_200
            store.flush()
        store.close()

    def test_after_the_commit(self, tmp_path):
        """Parts of rollups that were committed but not applied are applied at the next start, once."""
        store = DuckStore(tmp_path, SMALL)
        store.write(steady(1, T0))
        store._flush()  # without what comes after it
        expected = everything(store)
        store._engine.close()

        for _ in range(2):
            store = DuckStore(tmp_path, SMALL)
            assert expected == everything(store)
            store._engine.close()


class TestTidying:
    def test_retention(self, tmp_path):
        """Files are unlinked when their time is over, by log time; rollups live longer than readings."""
        store = DuckStore(tmp_path, StoreSettings(raw_days=2, hour_days=200, duckdb_memory="200MB"))
        for k in range(1, 8):
            store.write(steady(k, T0 + k * DAY))
            store.flush()

        assert T0 + 5 * DAY == store.raw(1, 0, 1 << 60, 1).ts[0]
        assert min(p.name for p in (tmp_path / "raw").glob("*.duckdb")).startswith("2025-10-15")
        assert len(store.rollups(Level.HOUR, [1], 0, 1 << 60).start) == 7
        store.close()

    def test_closed_days_become_one_run(self, tmp_path):
        """A closed day is rewritten sorted, in steps, and answers as before; late readings still merge into it."""
        store = DuckStore(tmp_path, SMALL)
        for k in range(1, 7):
            store.write(steady(k, T0 + (k * 5 % 7) * 200_000, points=5_000))
            store.flush()
        expected = everything(store), dict(store.stored(0, 1 << 60))

        for k in range(7, 20):
            store.write(steady(k, T0 + DAY * 2 + k * HOUR, rows=3, rollups=False))
            store.flush()

        day = next(iter((tmp_path / "raw").glob("2025-10-10.*.duckdb")))
        assert day.name == "2025-10-10.2.duckdb"
        whole = everything(store)
        assert expected[0][0] == [[r for r in of_point if r[1] < T0 + DAY] for of_point in whole[0]]
        assert {k: v for k, v in store.stored(0, 1 << 60).items() if k[1] < T0 + DAY} == expected[1]
        correction = batch_of([(1, T0 + 200_000 * 5, 99.0, 64, T0 + 3 * DAY), (1, T0 + 7, 98.0, 64, T0 + 3 * DAY)])
        store.write(Chunk(Lane.BULK, 99, correction))
        store.flush()
        assert sum(store.stored(0, 1 << 60).values()) == sum(expected[1].values()) + 13 * 3 + 1
        assert store.raw(1, T0 + 7, T0 + 8, 9).value.tolist() == [98.0]
        store.close()

    def test_merged_runs(self, tmp_path):
        """A running day's recent runs are sorted into long ones, and nothing is seen twice or lost."""
        store = DuckStore(tmp_path, SMALL, limits=Limits(merge_rows=1_000))
        plain = DuckStore(tmp_path / "plain", SMALL)
        for k in range(1, 12):
            chunk = steady(k, T0 + (k * 5 % 11) * 300_000)
            store.write(chunk)
            store.flush()
            plain.write(chunk)

        assert everything(plain) == everything(store)
        assert plain.stored(0, 1 << 60) == store.stored(0, 1 << 60)
        store.close()
        plain.close()

    def test_more_days_than_open_files(self, tmp_path):
        """One flush may fill more days than are held open."""
        store = DuckStore(tmp_path, SMALL, limits=Limits(open_files=3))
        days = 8
        rows = [(1, T0 + d * DAY, float(d), 0, T0 + d * DAY) for d in range(days)]
        store.write(Chunk(Lane.BULK, 1, batch_of(rows)))
        store.flush()

        assert store.raw(1, 0, 1 << 60, 9_999).value.tolist() == list(range(days))
        store.close()
        again = DuckStore(tmp_path, SMALL)
        assert again.raw(1, 0, 1 << 60, 9_999).value.tolist() == list(range(days))
        again.close()


class TestReaders:
    def test_while_writing(self, tmp_path):
        """Readers in other threads see each reading once and each window whole, while flushes go on."""
        store = DuckStore(tmp_path, SMALL)
        written, wrong, over = [0], [], threading.Event()

        def read():
            while not over.is_set():
                before = written[0]
                got = store.raw(1, 0, 1 << 60, 1 << 40)
                hours = store.rollups(Level.HOUR, [1], T0, T0 + DAY)
                counted = sum(store.stored(0, 1 << 60).values())
                after = written[0] + 1
                if len(np.unique(got.ts)) != len(got.ts) or not before * 200 <= len(got.ts) <= after * 200:
                    wrong.append(("raw", before, len(got.ts), after))
                if not before * 600 <= int(hours.count.sum()) <= after * 600:
                    wrong.append(("rollups", before, hours.count.sum(), after))
                if not before * 600 <= counted <= after * 600:
                    wrong.append(("stored", before, counted, after))

        readers = [threading.Thread(target=read) for _ in range(3)]
        for r in readers:
            r.start()
        for k in range(1, 25):
            store.write(steady(k, T0 + (k * 7 % 25) * 600_000))
            written[0] = k
            if k % 2:
                store.flush()
        over.set()
        for r in readers:
            r.join()
        store.close()

        assert [] == wrong

    def test_closing_under_readers(self, tmp_path):
        """Closing waits for those who read, who then learn that the store is closed."""
        store = DuckStore(tmp_path, SMALL)
        store.write(steady(1, T0, rows=50_000))
        ends = []

        def read():
            try:
                while True:
                    store.raw(1, 0, 1 << 60, 1 << 40)
            except Unavailable as why:
                ends.append(why)

        readers = [threading.Thread(target=read) for _ in range(3)]
        for r in readers:
            r.start()
        store.close()
        for r in readers:
            r.join(20)

        assert len(ends) == 3


class TestFull:
    def test_no_room(self, small_disk):
        """Without room nothing is taken and nothing is lost; with room again it goes on."""
        store = DuckStore(small_disk / "series", StoreSettings(memory_rows=50_000, duckdb_memory="100MB"))
        ballast = small_disk / "ballast"
        store.write(steady(1, T0, rows=40_000))
        store.flush()
        store.write(steady(2, T0 + 12 * HOUR, rows=40_000))
        with ballast.open("wb") as out:
            room = os.statvfs(small_disk)
            out.write(bytes(room.f_bavail * room.f_bsize - (1 << 20)))
        for _ in range(3):
            with pytest.raises(Full):
                store.write(steady(3, T0 + 36 * HOUR, rows=40_000))

        assert store.position(Lane.BULK) == 1
        assert sum(store.stored(0, 1 << 60).values()) == 80_000
        ballast.unlink()
        store.write(steady(3, T0 + 36 * HOUR, rows=40_000))
        store.flush()
        assert sum(store.stored(0, 1 << 60).values()) == 120_000
        assert int(store.rollups(Level.HOUR, [1], 0, 1 << 60).count.sum()) == 120_000
        store.close()

    def test_no_room_in_the_middle(self, small_disk):
        """A disk that fills while a flush writes leaves the store whole."""
        settings = StoreSettings(memory_rows=900_000, duckdb_memory="100MB")
        blind = Limits(row_on_disk=-1_000)  # the check before a flush sees nothing
        store = DuckStore(small_disk / "series", settings, limits=blind)
        ballast = small_disk / "ballast"
        store.write(steady(1, T0, rows=1_000))
        store.flush()
        rng = np.random.default_rng(1)
        noise = steady(2, T0 + 23 * HOUR, rows=800_000)
        noisy = ReadingBatch(*(rng.random(800_000) if n == "value" else getattr(noise.readings, n)
                               for n in ("point", "ts", "value", "quality", "received")))  # fmt: skip
        store.write(Chunk(Lane.BULK, 2, noisy, noise.rollups))
        with ballast.open("wb") as out:
            room = os.statvfs(small_disk)
            out.write(bytes(room.f_bavail * room.f_bsize - (3 << 20)))
        for _ in range(2):
            with pytest.raises((Full, Unavailable)):
                store.flush()

        assert store.position(Lane.BULK) == 1
        assert sum(store.stored(0, 1 << 60).values()) == 801_000
        ballast.unlink()
        store.flush()
        assert sum(store.stored(0, 1 << 60).values()) == 801_000
        store.close()
        again = DuckStore(small_disk / "series", SMALL)
        assert sum(again.stored(0, 1 << 60).values()) == 801_000
        assert int(again.rollups(Level.HOUR, [1], 0, 1 << 60).count.sum()) == 801_000
        again.close()

    @pytest.fixture
    def small_disk(self, tmp_path):
        """Lend a file system of 48 MB."""
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", tmp_path], check=False, capture_output=True
        )
        if mounted.returncode:
            pytest.skip("a small file system cannot be mounted here")
        yield tmp_path
        subprocess.run(["umount", "--lazy", tmp_path], check=True)  # a failed test may still have files open


class TestOut:
    def test_parquet(self, tmp_path):
        """Export holds every reading of a range, sorted, with times as times; progress reaches its end."""
        store = DuckStore(tmp_path / "series", SMALL)
        for k in range(1, 4):
            store.write(steady(k, T0 + k * 20 * HOUR))
        told = []

        rows = store.export_parquet(
            T0 + 20 * HOUR + 60_000, T0 + 60 * HOUR + 1_000, tmp_path / "out.parquet", lambda *at: told.append(at)
        )

        table = pq.read_table(tmp_path / "out.parquet")
        assert 540 + 600 + 1 == rows == table.num_rows
        assert ["point", "ts", "value", "quality", "received"] == table.column_names
        assert T0 + 20 * HOUR + 60_000 == min(table.column("ts").cast("int64").to_pylist())
        assert told[-1][0] == told[-1][1]
        store.close()

    def test_backup(self, tmp_path):
        """A backup opens as a store with everything in it, while the first one goes on; it never overwrites."""
        store = DuckStore(tmp_path / "series", SMALL)
        store.write(steady(1, T0))
        store.flush()
        store.write(steady(2, T0 + HOUR))
        expected = everything(store)

        store.backup(tmp_path / "copy")

        store.write(steady(3, T0 + 2 * HOUR))
        copy = DuckStore(tmp_path / "copy", SMALL)
        assert expected == everything(copy)
        assert copy.position(Lane.BULK) == 2
        with pytest.raises(Conflict):
            store.backup(tmp_path / "copy")
        copy.close()
        store.close()
