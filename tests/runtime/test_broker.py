"""Brokers of our own: both kinds start, end, come back, and leave nothing behind."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from park.errors import SettingsError
from runtime.broker import Broker, Kind, installed
from tests.tools import free_port, until

pytestmark = pytest.mark.server


@pytest.fixture(params=list(Kind), ids=str)
def kind(request):
    """Give each kind of broker that can be started here."""
    if not installed(request.param):
        pytest.skip(f"{request.param} is not installed")
    return request.param


def gone(pid):
    """Tell whether a process is over."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] in {"Z", "X"}
    except OSError:
        return True


class TestBroker:
    def test_life(self, kind, tmp_path):
        """It answers once started, is the same after a restart, and is gone after a stop."""
        broker = Broker.start(tmp_path, kind=kind)
        first, port = broker.pid, broker.port
        answered = broker.healthy()
        broker.restart()
        again, second = broker.healthy(), broker.pid
        broker.stop()
        broker.stop()

        assert (True, True, True, port) == (answered, again, first != second, broker.port)
        assert (0, False) == (broker.pid, broker.healthy())
        assert gone(first)
        assert gone(second)

    def test_kill(self, kind, tmp_path):
        """It can be killed, and started again on its port at once."""
        broker = Broker.start(tmp_path, kind=kind)
        broker.kill()
        dead = broker.healthy()
        broker.restart()

        assert (False, True) == (dead, broker.healthy())
        broker.stop()

    def test_killed_parent(self, kind, tmp_path):
        """When we are killed, the broker goes too, and its port is free for the next start."""
        code = (
            "import sys; from pathlib import Path; from runtime.broker import Broker, Kind\n"
            f"b = Broker.start(Path({str(tmp_path)!r}), kind=Kind({str(kind)!r}))\n"
            "print(b.pid, b.port, flush=True); sys.stdin.read()"
        )
        with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
            pid, port = map(int, parent.stdout.readline().split())
            os.kill(parent.pid, signal.SIGKILL)
        until(lambda: gone(pid))

        broker = Broker.start(tmp_path, port=port, kind=kind)
        assert broker.healthy()
        broker.stop()

    def test_port_in_use(self, kind, tmp_path):
        """A port that is taken is told in one sentence."""
        broker = Broker.start(tmp_path / "a", kind=kind)

        with pytest.raises(SettingsError, match=f"port {broker.port} .* in use"):
            Broker.start(tmp_path / "b", port=broker.port, kind=kind)
        broker.stop()

    def test_given_port(self, kind, tmp_path):
        """The port asked for is the port it has."""
        port = free_port()
        broker = Broker.start(tmp_path, port=port, kind=kind)

        assert port == broker.port
        broker.stop()

    def test_open_to_all(self, kind, tmp_path):
        """Nobody opens a broker to the network without a password."""
        with pytest.raises(SettingsError, match="password"):
            Broker.start(tmp_path, host="0.0.0.0", kind=kind)

    def test_no_folder(self, kind, tmp_path):
        """A folder that cannot be made is told."""
        (tmp_path / "file").write_text("")

        with pytest.raises(SettingsError, match="cannot be written"):
            Broker.start(tmp_path / "file" / "x", kind=kind)

    def test_says_what_it_lacks(self, kind, tmp_path):
        """The small broker says what it cannot do; Mosquitto has nothing to say."""
        broker = Broker.start(tmp_path, kind=kind)

        assert (kind is Kind.IOTCORE) == bool(broker.lacks)
        broker.stop()
