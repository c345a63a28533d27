"""The `park` command as tests run it: in this process, or as a platform of its own."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.cli import main
from runtime.instance import read_instance
from runtime.lock import holder
from tests.tools import free_port, until

ROOT = Path(__file__).parents[2]


class Park:
    """The command, and what it said last."""

    def __init__(self, capfd):
        self._capfd = capfd
        self.out = self.err = ""

    def __call__(self, *arguments):
        """Run it; return the exit code."""
        self._capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(a) for a in arguments])
        self.out, self.err = self._capfd.readouterr()
        return ended.value.code or 0

    def sentence(self, *arguments, code=2):
        """Run it where it must refuse, with one sentence and nothing else; return the sentence."""
        assert code == self(*arguments), self.err
        assert "" == self.out
        lines = self.err.strip().splitlines()
        assert 1 == len(lines), self.err
        assert "Traceback" not in lines[0]
        return lines[0].removeprefix("park: ")

    def json(self, *arguments):
        """Run it with --json; return what it printed."""
        assert 0 == self(*arguments, "--json"), self.err
        return json.loads(self.out)


class Running:
    """`park run` as a process of its own."""

    def __init__(self, folder, *flags):
        self.folder, self.http, self.mqtt = folder, free_port(), free_port()
        self.said = folder.parent / f"{folder.name}.out"
        self._flags = flags
        self.process = None

    def start(self):
        """Start it; do not wait."""
        command = [sys.executable, "-m", "runtime", "run", "--data-dir", self.folder, *self._flags]
        command += ["--http-port", self.http, "--mqtt-port", self.mqtt]
        with self.said.open("ab") as out:
            self.process = subprocess.Popen(
                [str(part) for part in command], cwd=ROOT, stdout=out, stderr=out, env={**os.environ, "COLUMNS": "200"}
            )
        return self

    def ready(self, times=1):
        """Wait until it has said so, as often as it was started."""

        def said():
            assert self.process.poll() is None, self.text()
            return self.text().count("ready:") >= times

        until(said, 60)
        assert read_instance(self.folder).pid == self.process.pid
        return self

    def text(self):
        """Return what it said since the first start."""
        return self.said.read_text()

    def end(self, how=signal.SIGINT):
        """Stop it; return the exit code."""
        self.process.send_signal(how)
        return self.process.wait(60)

    def close(self):
        """See that nothing of it is left."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        until(lambda: holder(self.folder / "speaking") == 0)
