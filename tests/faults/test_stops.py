"""A clean end under load, by Ctrl-C or by the system: quick, whole, and the next start goes on from there."""

import signal
from itertools import pairwise

import psutil
import pytest
from ground import Load, Platform, Speaker, found, wanted

from park.metrics import Lane
from park.settings import LogSettings
from runtime.broker import Kind, installed
from runtime.log import SegmentLog
from tests.tools import until

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(not installed(Kind.MOSQUITTO), reason="mosquitto is not installed"),
]
SMALL = {"PARK_LOG_SEGMENT_BYTES": str(64 << 10)}
RATE = 500.0  # messages a second, of four readings


def test_ends(tmp_path):
    """SIGINT and SIGTERM under load end it with code 0 and no child left; it goes on from a snapshot, whole."""
    ids = found(tmp_path / "data")
    platform = Platform(tmp_path / "data", **SMALL)
    said = []
    try:
        for how in (signal.SIGINT, signal.SIGTERM):
            platform.start()
            speaker = Speaker(platform.mqtt)
            load = Load(speaker, platform.now, RATE)
            before = platform.figures()["park_stored_readings_total"]
            until(lambda before=before: platform.figures()["park_stored_readings_total"] > before + 4 * RATE)
            children = psutil.Process(platform.process.pid).children(recursive=True)
            assert children

            assert 0 == platform.end(how)

            load.pause()
            assert [] == [c for c in children if c.is_running() and c.status() != psutil.STATUS_ZOMBIE]
            assert not (tmp_path / "data" / "instance.json").exists()
            said += speaker.acknowledged()
            speaker.close()
            spoilt = _only_snapshots_hold(tmp_path / "data")
        assert spoilt
        platform.start()
        rows = platform.settled()
        assert [] == [row for row in rows if row["unexplained"]]
        for name, expected in wanted(said).items():
            assert expected <= set(platform.stored(ids.points[name])), name
        assert 0 == platform.end()
    finally:
        platform.close()
    assert "Traceback" not in platform.said.read_text()


def _only_snapshots_hold(folder):
    """See that the snapshots are new, and spoil the log before them: whoever reads it now will fail."""
    spoilt = 0
    for lane in Lane:
        log = SegmentLog(folder / "log" / lane, LogSettings(), lane)
        end = log.end
        log.close()
        newest = {
            name: max(int(p.name.split(".")[1]) for p in (folder / "snapshots").glob(f"{name}.*.snapshot"))
            for name in (lane.value, f"store-{lane}")
        }
        assert end == newest[lane.value]
        assert end - newest[f"store-{lane}"] < 256 << 10  # the store may be a moment behind when it is told to stop
        segments = sorted((folder / "log" / lane).glob("[0-9]*.log"))
        for old, after in pairwise(segments):
            if int(after.stem) <= min(newest.values()):
                spoilt += 1
                with old.open("r+b") as file:
                    file.write(b"spoilt" * 1_000)
    return spoilt
