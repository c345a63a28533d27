"""The segment log keeps every record it has said it keeps, and nothing else."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from park.errors import Corrupt, Full
from park.metrics import Lane
from park.readings import batch_of
from park.records import Batch, Config, Edge, Tick
from park.settings import LogSettings
from runtime.log import SegmentLog
from runtime.merging import merged

SMALL = LogSettings(segment_bytes=4096, keep_bytes=0, reserve_bytes=0)
NONE = np.zeros(0, np.int32)


def batch(start, rows=3):
    return Batch(
        batch_of([(i % 7, 1000 + start + i, float(start + i), 0, 50_000 + start) for i in range(rows)]),
        Edge(NONE, NONE, NONE),
    )


def values(records):
    return [
        r.now if isinstance(r, Tick) else r.version if isinstance(r, Config) else r.readings.value.tolist()
        for _, r in records
    ]


class TestRoundTrip:
    def test_records_come_back_in_order(self, tmp_path):
        """Records are read as they were appended, over segments and a second opening."""
        log = SegmentLog(tmp_path, SMALL)
        wanted = []
        for i in range(60):
            log.append([Tick(i), batch(i, 20), Config(i, i)])
            wanted += [i, [float(i + k) for k in range(20)], i]
        log.close()

        again = SegmentLog(tmp_path, SMALL)

        assert len(list(tmp_path.glob("*.log"))) > 5
        assert wanted == values(again.read(0))
        again.close()

    def test_any_position_can_be_read_from(self, tmp_path):
        """Reading from the position after a record gives exactly the rest."""
        log = SegmentLog(tmp_path, SMALL)
        for i in range(30):
            log.append([batch(i, 10), Tick(i)])
        everything = list(log.read(0))

        for i in range(0, len(everything), 7):
            assert values(everything[i + 1 :]) == values(log.read(everything[i][0]))
        assert [] == list(log.read(log.end))
        log.close()

    def test_end_bounds_reading(self, tmp_path):
        """Nothing after the asked end is read."""
        log = SegmentLog(tmp_path, SMALL)
        middle = log.append([Tick(1)])
        log.append([Tick(2)])

        assert [1] == values(log.read(0, middle))
        log.close()

    def test_columns_are_aligned(self, tmp_path):
        """Columns can be worked on in place, and nobody can write to them."""
        log = SegmentLog(tmp_path, SMALL)
        log.append([Config(1, 1), batch(0, 5), Tick(1), batch(0, 3)])

        for _, record in log.read(0):
            if isinstance(record, Batch):
                assert record.readings.value.flags.aligned
                assert not record.readings.value.flags.writeable
        log.close()

    def test_a_record_larger_than_a_block_and_a_segment(self, tmp_path):
        """A batch of several megabytes is kept whole."""
        log = SegmentLog(tmp_path, SMALL)
        log.append([batch(0, 200_000), Tick(7)])

        (_, first), (_, second) = log.read(0)

        assert (200_000, 7) == (len(first.readings), second.now)
        log.close()


class TestMerging:
    @given(st.lists(st.integers(0, 6), max_size=30), st.integers(1, 12))
    def test_joining_changes_no_reading(self, sizes, rows):
        """Joined batches hold the same readings in the same order, ticks where they were."""
        records = [Tick(i) if n == 0 else batch(i * 10, n) for i, n in enumerate(sizes)]

        out = list(merged(enumerate(records, 1), rows))

        def flat(these):
            return [v for r in these for v in ([("tick", r.now)] if isinstance(r, Tick) else r.readings.value.tolist())]

        assert flat(records) == flat(r for _, r in out)
        assert [p for p, _ in out] == sorted({p for p, _ in out})
        assert all(len(r.readings) < rows + 6 for _, r in out if isinstance(r, Batch))
        if records:
            assert len(records) == out[-1][0]

    def test_hours_are_kept_apart(self):
        """What was received in two hours is never joined: the ledger counts by the hour."""
        records = [(1, batch(0)), (2, batch(3_600_000))]

        assert [1, 2] == [p for p, _ in merged(records)]


class TestTornTail:
    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 1 << 30))
    def test_every_prefix_opens(self, cut):
        """A file that stops anywhere opens to whole records, and takes new ones."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder)
            log = SegmentLog(path, LogSettings(segment_bytes=1 << 20, reserve_bytes=0))
            ends = [0]
            for i in range(12):
                log.append([batch(i, 5 + i)])
                ends.append(log.end)
            log.close()
            file = next(path.glob("*.log"))
            cut %= file.stat().st_size + 1
            os.truncate(file, cut)

            again = SegmentLog(path, LogSettings(segment_bytes=1 << 20, reserve_bytes=0))

            assert max(e for e in ends if e <= cut) == again.end
            again.append([Tick(99)])
            assert 99 == values(again.read(0))[-1]
            again.close()

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_a_half_written_append(self, data):
        """Whatever parts of the last append reached the disk, the appends before it are all there."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder)
            log = SegmentLog(path, LogSettings(segment_bytes=1 << 20, reserve_bytes=0))
            log.append([batch(1), Tick(1)])
            kept = log.append([batch(2), Tick(2)])
            end = log.append([batch(3), Tick(3), batch(4)])
            log.close()
            file = next(path.glob("*.log"))
            content = bytearray(file.read_bytes())
            for at in data.draw(st.sets(st.integers(kept, end - 1), min_size=1)):
                content[at] = 0  # the page never came to the disk
            file.write_bytes(bytes(content))

            again = SegmentLog(path, LogSettings(segment_bytes=1 << 20, reserve_bytes=0))

            seen = values(again.read(0))
            assert values(enumerate([batch(1), Tick(1), batch(2), Tick(2)])) == seen[:4]
            assert seen[4:] == values(enumerate([batch(3), Tick(3), batch(4)]))[: len(seen) - 4]
            again.close()

    def test_a_cut_is_told(self, tmp_path):
        """A person can read that something was cut, and where."""
        log = SegmentLog(tmp_path, SMALL)
        log.append([Tick(1)])
        log.close()
        with next(tmp_path.glob("*.log")).open("ab") as file:
            file.write(b"half a rec")

        again = SegmentLog(tmp_path, SMALL)

        assert 1 == len(again.notices)
        assert [1] == values(again.read(0))
        again.close()


class TestCorruption:
    def _damage(self, folder, skip):
        log = SegmentLog(folder, SMALL)
        ends = [log.append([Tick(i), batch(i)]) for i in range(100)]
        log.close()
        victim = sorted(folder.glob("*.log"))[skip]
        content = bytearray(victim.read_bytes())
        content[200] ^= 0xFF
        victim.write_bytes(bytes(content))
        return victim, ends

    def test_a_broken_middle_is_named(self, tmp_path):
        """A damaged record in an old segment is not passed over in silence."""
        victim, _ = self._damage(tmp_path, 1)
        log = SegmentLog(tmp_path, SMALL)

        with pytest.raises(Corrupt, match=f"{victim.name} is broken at byte"):
            list(log.read(0))
        log.close()

    def test_a_broken_newest_file_is_no_torn_tail(self, tmp_path):
        """Damage before later appends is not taken for an unfinished write, which would lose them."""
        victim, _ = self._damage(tmp_path, -1)

        with pytest.raises(Corrupt, match=f"{victim.name} is broken at byte"):
            SegmentLog(tmp_path, SMALL)

    @pytest.mark.parametrize("which", [0, 1, -1])
    def test_skipping_on_request(self, tmp_path, which):
        """Who asks for it gets everything but the damaged record."""
        self._damage(tmp_path, which)

        log = SegmentLog(tmp_path, SMALL, skip_corrupt=True)

        assert 199 == len(list(log.read(0)))
        assert any("skipped" in notice for notice in log.notices)
        log.append([Tick(1_000)])
        assert 1_000 == values(log.read(0))[-1]
        log.close()

    def test_a_missing_segment_is_told(self, tmp_path):
        """A gap between files is found when the log is opened."""
        log = SegmentLog(tmp_path, SMALL)
        for i in range(600):
            log.append([Tick(i)])
        log.close()
        sorted(tmp_path.glob("*.log"))[1].unlink()

        with pytest.raises(Corrupt, match="ends before"):
            SegmentLog(tmp_path, SMALL)


class TestRetention:
    def _fill(self, folder, keep=0):
        log = SegmentLog(folder, LogSettings(segment_bytes=4096, keep_bytes=keep, reserve_bytes=0))
        for i in range(200):
            log.append([batch(i, 20)])
        return log

    def test_nothing_goes_unasked(self, tmp_path):
        """Without leave, the log keeps everything."""
        log = self._fill(tmp_path)

        assert 0 == log.begin
        log.close()

    def test_trim_stops_at_what_is_held(self, tmp_path):
        """A consumer that lags keeps what it has not read."""
        log = self._fill(tmp_path)
        held = list(log.read(0))[90][0]
        log.hold("projector", held)

        log.trim(log.end)

        assert 0 < log.begin <= held
        assert 109 == len(list(log.read(held)))
        with pytest.raises(Corrupt, match="are gone"):
            list(log.read(0))
        log.hold("projector", log.end)
        log.trim(log.end)
        assert log.end - log.begin < 5_000
        log.close()

    def test_keep_bytes(self, tmp_path):
        """History that nobody needs is kept up to the given size."""
        log = self._fill(tmp_path, keep=40_000)

        log.trim(log.end)

        assert 40_000 <= log.end - log.begin <= 45_000
        log.close()

    def test_a_reader_outlives_a_trim(self, tmp_path):
        """A segment that goes while it is read is read to its end."""
        log = self._fill(tmp_path)
        reader = log.read(0)
        first = next(reader)

        log.trim(log.end)

        second = next(reader)
        assert [[0.0, 1.0], [1.0, 2.0]] == [r.readings.value[:2].tolist() for _, r in (first, second)]
        log.close()


class TestWaiting:
    def test_an_append_wakes_who_waits(self, tmp_path):
        """A consumer at the end is woken by the next append."""
        log = SegmentLog(tmp_path, SMALL)
        seen = []
        thread = threading.Thread(target=lambda: seen.append(log.wait(0, 30)))
        thread.start()

        log.append([Tick(1)])
        thread.join(30)

        assert [True] == seen
        assert not log.wait(log.end, 0)
        log.close()


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 3 MB, where we may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", folder], check=False, capture_output=True)
    if done.returncode:
        pytest.skip("a small disk cannot be mounted here (needs root)")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


class TestFullDisk:
    def test_bulk_stops_whole_and_goes_on(self, small_disk):
        """A full disk leaves whole records only, and the log goes on once there is room."""
        limits = LogSettings(segment_bytes=1 << 20, keep_bytes=1 << 40, reserve_bytes=0)
        ballast = small_disk / "ballast"
        ballast.write_bytes(bytes(1 << 20))
        log = SegmentLog(small_disk / "log", limits)
        told = 0
        with pytest.raises(Full):
            for _ in range(1000):
                log.append([batch(told, 1000)])
                told += 1

        assert told == len(list(log.read(0)))
        ballast.unlink()
        log.append([batch(told, 1000)])
        log.close()
        again = SegmentLog(small_disk / "log", limits)
        assert told + 1 == len(list(again.read(0)))
        again.close()

    def test_life_goes_on_in_its_reserve(self, small_disk):
        """The life-safety log still takes alarms when others have filled the disk."""
        limits = LogSettings(segment_bytes=256 << 10, keep_bytes=0, reserve_bytes=512 << 10)
        log = SegmentLog(small_disk / "life", limits, Lane.LIFE)
        assert 512 << 10 == log.reserve
        log.append([Tick(1)])
        with (small_disk / "ballast").open("wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
            while file.write(bytes(4096)):
                pass
        for i in range(60):  # more than is left in the segment at hand
            log.append([batch(i, 400)])

        assert 0 == log.reserve
        assert 61 == len(list(log.read(0)))
        with pytest.raises(Full):
            for i in range(1000):
                log.append([batch(i, 1000)])
        (small_disk / "ballast").unlink()
        log.append([Tick(2)])
        assert 512 << 10 == log.reserve
        log.close()

    def test_unneeded_segments_go_first(self, small_disk):
        """Before the disk counts as full, history that nobody needs goes."""
        log = SegmentLog(small_disk / "log", LogSettings(segment_bytes=256 << 10, keep_bytes=1 << 40, reserve_bytes=0))

        for i in range(300):
            log.trim(log.append([batch(i, 1000)]))

        assert log.begin > 0
        assert log.end > 4 << 20
        log.close()


WRITER = """
import sys
from pathlib import Path
from park.records import Tick
from park.settings import LogSettings
from runtime.log import SegmentLog
log = SegmentLog(Path(sys.argv[1]), LogSettings(segment_bytes=1 << 14, keep_bytes=1 << 40, reserve_bytes=0))
n = sum(1 for _ in log.read(0))
print("open", n, flush=True)
while True:
    log.append([Tick(n), Tick(n + 1)])
    n += 2
    print(n, flush=True)
"""


def test_kill(tmp_path):
    """What was told to be in the log survives kill -9, any number of times, in order and once."""
    told = 0
    for turn in range(4):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, tmp_path], stdout=subprocess.PIPE, text=True)
        assert writer.stdout.readline().startswith("open")
        for _ in range(150 + 37 * turn):
            told = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split("\n")
        told = max([told, *(int(word) for word in rest[:-1] if word)])  # the last line may be torn
        writer.wait(30)
        writer.stdout.close()

    log = SegmentLog(tmp_path, LogSettings(reserve_bytes=0))

    found = [r.now for _, r in log.read(0)]
    assert list(range(len(found))) == found
    assert told <= len(found)
    log.close()
