"""What a person can mend is one clear sentence and exit code 2, before anything is changed."""

import os
import socket
import subprocess
import sys

import pytest
from ground import ROOT, Platform, free_port

from runtime.broker import Broker, Kind, installed

pytestmark = [pytest.mark.server, pytest.mark.slow]


def refused(*flags, **environment):
    """Run the command, which must refuse; return what it said."""
    ended = subprocess.run(
        [sys.executable, "-m", "runtime", "run", *map(str, flags)],
        cwd=ROOT, env={**os.environ, "COLUMNS": "400", **environment}, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    said = (ended.stdout + ended.stderr).decode()
    assert 2 == ended.returncode, said
    assert "Traceback" not in said
    lines = said.strip().splitlines()
    assert 1 == len(lines), said
    return lines[0]


def ports():
    """Return flags that keep a run off everybody's ports."""
    return ["--http-port", free_port(), "--mqtt-port", free_port()]


def taken():
    """Return a socket that listens on a port, and the port."""
    door = socket.create_server(("127.0.0.1", 0))
    return door, door.getsockname()[1]


SETTINGS = {
    "not TOML": ("[api\n", "not a TOML file"),
    "no such setting": ("colour = 3\n", "there is no such setting"),
    "wrong type": ('[api]\nport = "eighty"\n', "'eighty' is not int"),
    "a table in place of a value": ("[data_dir]\nx = 1\n", "data_dir is no table"),
}


class TestSettings:
    @pytest.mark.parametrize(("content", "said"), SETTINGS.values(), ids=SETTINGS.keys())
    def test_broken_file(self, tmp_path, content, said):
        """A settings file that is wrong is named, with what is wrong in it."""
        file = tmp_path / "park.toml"
        file.write_text(content)

        sentence = refused("--settings", file, "--data-dir", tmp_path / "data", *ports())

        assert said in sentence
        assert "park.toml" in sentence
        assert not (tmp_path / "data").exists()

    def test_missing_file(self, tmp_path):
        """A settings file that is not there is named."""
        assert "park.toml" in refused("--settings", tmp_path / "park.toml", "--data-dir", tmp_path / "data", *ports())

    def test_broken_variable(self, tmp_path):
        """A variable that holds no number is named."""
        assert "PARK_HTTP_PORT" in refused("--data-dir", tmp_path / "data", PARK_HTTP_PORT="eighty")


class TestPorts:
    def test_http(self, tmp_path):
        """The port of the pages in use is named, and which flag chooses another."""
        door, port = taken()
        with door:
            sentence = refused("--data-dir", tmp_path / "data", "--http-port", port, "--mqtt-port", free_port())

        assert str(port) in sentence
        assert "--http-port" in sentence

    def test_mqtt(self, tmp_path):
        """The port of the broker in use is named."""
        door, port = taken()
        with door:
            sentence = refused("--data-dir", tmp_path / "data", "--http-port", free_port(), "--mqtt-port", port)

        assert str(port) in sentence
        assert "MQTT" in sentence

    @pytest.mark.parametrize("flag", ["--http-port", "--mqtt-port"])
    def test_no_such_port(self, tmp_path, flag):
        """A number that is no port is refused."""
        other = "--mqtt-port" if flag == "--http-port" else "--http-port"
        assert "70000" in refused("--data-dir", tmp_path / "data", flag, 70_000, other, free_port())


class TestFolder:
    def test_a_file_in_its_place(self, tmp_path):
        """A folder that cannot be made is named."""
        (tmp_path / "data").write_text("I am a file")

        assert str(tmp_path / "data") in refused("--data-dir", tmp_path / "data", *ports())

    def test_not_writable(self):
        """A folder that cannot be written is named; it is one of the kernel's, since root may write elsewhere."""
        assert "/proc/park" in refused("--data-dir", "/proc/park", *ports())

    @pytest.mark.skipif(not installed(Kind.MOSQUITTO), reason="mosquitto is not installed")
    def test_second_instance(self, tmp_path):
        """A second instance on a folder is refused, and the first goes on as it was."""
        platform = Platform(tmp_path / "data")
        try:
            platform.start()
            said = platform.process.pid, (tmp_path / "data" / "instance.json").read_text()

            sentence = refused("--data-dir", tmp_path / "data", *ports())

            assert "another instance" in sentence
            assert str(platform.process.pid) in sentence
            assert "ok" == platform.health()["status"]
            assert said == (platform.process.pid, (tmp_path / "data" / "instance.json").read_text())
            assert 0 == platform.end()
        finally:
            platform.close()


class TestBroker:
    @pytest.mark.skipif(not installed(Kind.MOSQUITTO), reason="mosquitto is not installed")
    def test_a_broker_runs_already(self, tmp_path):
        """A broker of somebody else on the port is a port in use; to use it, it has to be named."""
        broker = Broker.start(tmp_path / "broker", kind=Kind.MOSQUITTO)
        try:
            sentence = refused("--data-dir", tmp_path / "data", "--http-port", free_port(), "--mqtt-port", broker.port)
        finally:
            broker.stop()

        assert str(broker.port) in sentence
