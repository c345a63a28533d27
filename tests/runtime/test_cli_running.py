"""The `park` command beside a running instance, and how a run begins, ends and goes on."""

import json
import signal

import pyarrow.parquet as pq
import pytest
from paho.mqtt.publish import single
from park_command import Park, Running

from runtime.broker import Kind, installed
from runtime.lock import holder
from runtime.simulated import read_until
from tests.tools import until

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(not installed(Kind.MOSQUITTO), reason="mosquitto is not installed"),
]
SMALL = ("--simulate", "--days", 2, "--enterprises", 4)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A platform with a small simulated park."""
    platform = Running(tmp_path_factory.mktemp("running") / "data", *SMALL)
    try:
        yield platform.start().ready()
    finally:
        platform.close()


@pytest.fixture
def park(capfd):
    """The command."""
    return Park(capfd)


class TestAsking:
    def test_points(self, park, running):
        """Points of the simulated park have values, history and present."""
        rows = park.json("points", "--data-dir", running.folder, "--park", "liuxi", "--limit", 1_000)

        assert len(rows) > 50
        point = next(row["id"] for row in rows if row["metric"] == "power")
        assert len(park.json("query", point, "--data-dir", running.folder, "--start", "-1d")) > 20
        assert park.json("query", point, "--data-dir", running.folder, "--start", "-2d", "--buckets", 5)

    def test_ledger(self, park, running):
        """Every reading of the history and since is explained."""
        rows = park.json("ledger", "--data-dir", running.folder, "--start", "-1d")

        assert sum(row["received"] for row in rows) > 1_000

    def test_check(self, park, running):
        """`park check` says who runs on the folder."""
        assert 0 == park("check", "--data-dir", running.folder)
        assert f"process {running.process.pid}" in park.out

    def test_export(self, park, running, tmp_path):
        """Readings come out of a running instance as a Parquet file."""
        assert 0 == park("export", tmp_path / "x.parquet", "--data-dir", running.folder, "--start", "-1d"), park.err
        assert pq.read_metadata(tmp_path / "x.parquet").num_rows > 1_000
        assert ["x.parquet"] == [path.name for path in tmp_path.iterdir()]

    def test_registry(self, park, running, tmp_path):
        """The registry goes out of a running instance and comes back unchanged."""
        assert 0 == park("registry", "export", tmp_path / "r.xlsx", "--data-dir", running.folder)
        assert 0 == park("registry", "import", tmp_path / "r.xlsx", "--data-dir", running.folder)
        assert "nothing new" == park.out.strip()


class TestDevices:
    def test_claim(self, park, running):
        """A device that nobody knows waits; once claimed, what it said is taken in."""
        topic, said = "parks/liuxi/bulk/-/cli-meter", {"v": {"power": 7.25, "frequency": 50.0}}
        single(topic, json.dumps(said), qos=1, hostname="127.0.0.1", port=running.mqtt)
        key = "native:liuxi/-/cli-meter"
        here = ("--data-dir", running.folder)

        until(lambda: key in {row["device_key"] for row in park.json("devices", "waiting", *here)})
        assert 0 == park("devices", "claim", key, "--park", "liuxi", "--place", "b1-101", "--kind", "meter", *here)
        number = park.out.partition(":")[0].removeprefix("device ")

        def values():
            rows = park.json("points", "--device", number, *here)
            return {row["metric"]: row["latest"] and row["latest"]["value"] for row in rows}

        until(lambda: values() == {"power": 7.25, "frequency": 50.0})
        assert key not in {row["device_key"] for row in park.json("devices", "waiting", *here)}

    def test_fire(self, park, running):
        """A unit that is set on fire stands in the labels within moments."""
        here = ("--data-dir", running.folder)
        until(lambda: holder(running.folder / "speaking"))

        assert 0 == park("simulate", "--fire", "b1-101", *here)

        def labels():
            path = running.folder / "labels.jsonl"
            return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

        until(lambda: any(x["kind"] == "fire" and x["unit"] == "b1-101" and "live" in x["id"] for x in labels()))
        assert "there is no unit 'x'" in park.sentence("simulate", "--fire", "x", *here)

    def test_two_voices(self, park, running):
        """The devices of a folder speak once, not twice."""
        until(lambda: holder(running.folder / "speaking"))
        said = park.sentence("simulate", "--data-dir", running.folder, "--port", running.mqtt)
        assert said == f"the devices of {running.folder} speak already"


class TestLife:
    def test_backup(self, park, running, tmp_path):
        """A backup of a running instance is a folder that can be asked, and that goes on when it is started."""
        tar, back = tmp_path / "all.tar", tmp_path / "back"
        assert 0 == park("backup", tar, "--data-dir", running.folder), park.err
        assert "exists already" in park.sentence("backup", tar, "--data-dir", running.folder)
        assert 0 == park("restore", tar, "--data-dir", back), park.err

        rows = park.json("ledger", "--data-dir", back, "--start", "-1d")
        assert sum(row["received"] for row in rows) > 1_000
        assert "is not empty" in park.sentence("restore", tar, "--data-dir", back)

        restored = Running(back)
        try:
            restored.start().ready()
            after = park.json("ledger", "--data-dir", back, "--start", "-1d")
            assert sum(row["received"] for row in rows) == sum(row["received"] for row in after)
            assert 0 == restored.end()
        finally:
            restored.close()

    def test_backup_at_rest(self, park, tmp_path):
        """A folder at rest is backed up too; what is cut off or no backup at all is refused, and leaves nothing."""
        source, tar, cut, back = (tmp_path / name for name in ("source", "all.tar", "cut.tar", "back"))
        assert 0 == park("keys", "create", "x", "--data-dir", source)
        assert 0 == park("backup", tar, "--data-dir", source), park.err
        assert [] == [p.name for p in source.iterdir() if "part" in p.name]
        content = tar.read_bytes()

        for size in (0, 100, 1_000, len(content) // 2, len(content) - 1_000):
            cut.write_bytes(content[:size])
            assert "no backup, or not all of one" in park.sentence("restore", cut, "--data-dir", back)
        assert "there is no file" in park.sentence("restore", tmp_path / "none.tar", "--data-dir", back)
        assert {"source", "all.tar", "cut.tar"} == {p.name for p in tmp_path.iterdir()}

        assert 0 == park("restore", tar, "--data-dir", back)
        assert f"restored into {back}; start it with `park run --data-dir {back}`\n" == park.out
        assert ["x"] == [key["name"] for key in park.json("keys", "list", "--data-dir", back)]

    def test_stop_and_go_on(self, park, tmp_path):
        """A run that is stopped in the middle of its history begins it anew; one that has ended goes on."""
        platform = Running(tmp_path / "data", "--simulate", "--days", 8, "--enterprises", 6)
        spoken = platform.folder / "simulated-until"
        try:
            platform.start()
            until((platform.folder / "log.part").exists, 30)
            assert 130 == platform.end()
            assert "stopped; the history is begun anew" in platform.text()
            assert not spoken.exists()

            platform.start().ready()
            until(lambda: holder(platform.folder / "speaking"))
            assert 0 == platform.end(signal.SIGTERM)
            assert not (platform.folder / "instance.json").exists()
            assert 0 == holder(platform.folder / "speaking")
            first = read_until(platform.folder)

            platform.start().ready(2)
            until(lambda: read_until(platform.folder) > first)
            platform.process.kill()
            platform.process.wait()
            until(lambda: holder(platform.folder / "speaking") == 0)
            assert "at rest" in self._said(park, "check", "--data-dir", platform.folder)

            assert 0 == park("ledger", "--data-dir", platform.folder, "--start", "-1d"), park.out
            assert "Traceback" not in platform.text()
        finally:
            platform.close()

    @staticmethod
    def _said(park, *arguments):
        assert 0 == park(*arguments), park.err
        return park.out
