"""A park is founded with a long past: it is taken in on both cores, and the present goes on behind it."""

import pytest
from park_command import Park, Running

from runtime.ahead import LEAST
from runtime.broker import Kind, installed
from runtime.lock import holder
from tests.tools import until

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(not installed(Kind.MOSQUITTO), reason="mosquitto is not installed"),
]
DAYS = 28  # of 45 enterprises: just more than is worth a process of its own


@pytest.fixture(scope="module")
def founded(tmp_path_factory):
    """A platform that was started on an empty folder, and is ready."""
    platform = Running(tmp_path_factory.mktemp("founded") / "data", "--simulate", "--days", DAYS)
    try:
        yield platform.start().ready()
    finally:
        platform.close()


@pytest.fixture
def park(capfd):
    """The command."""
    return Park(capfd)


class TestFounding:
    def test_long_enough(self, founded):
        """The past is longer than what a lane replays for itself, and nothing stays aside."""
        log = sum(path.stat().st_size for path in (founded.folder / "log" / "bulk").iterdir())

        assert log > LEAST
        assert list((founded.folder / "snapshots").glob("bulk.*.snapshot"))
        assert not (founded.folder / "ahead").exists()
        assert "replays for itself" not in founded.text()

    def test_past(self, park, founded):
        """Every day of the past has its readings, and those of the last days are explained."""
        here = ("--data-dir", founded.folder)
        rows = park.json("points", *here, "--park", "liuxi", "--limit", 1_000)
        power = next(row["id"] for row in rows if row["metric"] == "power")
        days = park.json("query", power, *here, "--start", f"-{DAYS}d", "--buckets", DAYS)

        assert len(days["ts"] if isinstance(days, dict) else days) >= DAYS - 1
        assert not any(row["unexplained"] for row in park.json("ledger", *here, "--start", "-3d"))

    def test_present(self, park, founded):
        """Devices speak as soon as it is ready, and what they say is taken in behind the past."""
        until(lambda: holder(founded.folder / "speaking"), 60)

        def heard():
            rows = park.json("ledger", "--data-dir", founded.folder, "--start", "-1h")
            return sum(row["received"] for row in rows)

        before = heard()
        until(lambda: heard() > before, 90)
