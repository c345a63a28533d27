"""A disk that is full: bulk stops acknowledging and says so, a fire pages all the same, and all goes on afterwards."""

import os
import subprocess
from dataclasses import replace

import pytest
from ground import Listener, Load, Platform, Speaker, found, wanted

from park.metrics import Lane
from park.model import Device
from park.roles import Role
from park.settings import Settings
from runtime.broker import Broker, Kind, installed
from runtime.house import House
from tests.tools import until

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(not installed(Kind.MOSQUITTO), reason="mosquitto is not installed"),
]
RATE = 300.0  # messages a second, of four readings
SIZE = 160 << 20
SEGMENT = 64 << 10
LARGE = b'{"v":{"colour":1},"x":"' + b"x" * 4_000 + b'"}'


@pytest.fixture
def small_disk(tmp_path):
    """Yield a file system of its own, in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder):
    """Use up all room; return the file that holds it."""
    filler = folder / "filler"
    with filler.open("ab") as file:
        block = bytes(1 << 20)
        while True:
            try:
                os.write(file.fileno(), block)
            except OSError:
                if len(block) == 1:
                    return filler
                block = block[: len(block) // 2]


@pytest.mark.parametrize("reserve", [2 << 20, 0], ids=["room set aside", "from memory"])
def test_full(tmp_path, small_disk, reserve):
    """Full: bulk waits and says so, a fire is live at once; with room again all is stored, once."""
    ids = found(small_disk / "data")
    (small_disk / "data" / "log" / "life" / "reserve").unlink()  # of the size that is ordinary
    broker = Broker.start(tmp_path / "broker", kind=Kind.MOSQUITTO)
    sizes = {"PARK_LOG_SEGMENT_BYTES": str(SEGMENT), "PARK_LOG_RESERVE_BYTES": str(reserve)}
    platform = Platform(small_disk / "data", broker.port, **sizes)
    platform.said = tmp_path / "platform.out"
    try:
        platform.start()
        speaker = Speaker(broker.port)
        page = Listener(platform)
        load = Load(speaker, platform.now, RATE)
        try:
            until(lambda: platform.figures()["park_stored_readings_total"] > 4 * RATE)
            filler = fill(small_disk)
            until(lambda: not platform.part("bulk lane")["ready"], 60)
            fill(small_disk)  # what others gave back meanwhile
            bulk = platform.part("bulk lane")
            assert "disk is full" in bulk["detail"]
            assert "degraded" == platform.health()["status"]
            stuck = platform.figures()['park_log_bytes_total{lane="bulk"}']

            for _ in range(3 * SEGMENT // len(LARGE)):  # the life-safety log's own segment is used up, too
                speaker.throw("parks/p/life/-/s20", LARGE)
                if not platform.part("life lane")["ready"]:
                    break
                fill(small_disk)
            assert bool(reserve) is platform.part("life lane")["ready"]
            for n in range(10):
                speaker.tell(f"parks/p/life/-/s{n:02d}", {"ts": platform.now(), "v": {"smoke": True}})
                until(lambda n=n: page.of(f"place:{ids.places[n]}"), 5)
            assert stuck == platform.figures()['park_log_bytes_total{lane="bulk"}']
            assert not platform.part("bulk lane")["ready"]
            assert bool(reserve) is platform.part("life lane")["ready"]

            filler.unlink()
            platform.ready()
            until(lambda: platform.figures()['park_log_bytes_total{lane="bulk"}'] > stuck)
            for n in range(10):
                subject = f"place:{ids.places[n]}"
                assert [1] == until(lambda s=subject: [1 for c in platform.conditions() if c["subject"] == s])
                assert 1 == len(page.of(subject))
        finally:
            load.pause()
        load.stop()
        messages = [m for m in speaker.acknowledged() if "/bulk/" in m[0]]
        rows = until(lambda: _whole(platform.settled(), 4 * len(messages)), 60)
        assert [] == [row for row in rows if row["unexplained"]]
        for name, expected in wanted(messages).items():
            assert sorted(expected) == platform.stored(ids.points[name]), name
        page.close()
        speaker.close()
        assert 0 == platform.end()
    finally:
        platform.close()
        broker.stop()


def test_started_while_full(small_disk):
    """A folder on a disk that was full when its platform ended is opened again: who does not start hears no fire."""
    settings = replace(Settings(), data_dir=small_disk / "data")
    ids = found(settings.data_dir)
    filler = fill(small_disk)
    with House.open(settings) as house:
        assert ids.detectors[0] == house.registry.get(Device, ids.detectors[0]).id
        house.keys.make("started", Role.ADMIN, actor="test", now=1_000)
        assert 32 << 20 <= house.logs[Lane.LIFE].reserve < 64 << 20
        filler.unlink()


def _whole(rows, readings):
    """Return the rows of the ledger, once as many readings of meters are stored."""
    return rows if sum(r["stored"] for r in rows if r["gateway"]) >= readings else []
