"""The README's own device, connected as the README says, to a platform that runs."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.tools import free_port, until

ROOT = Path(__file__).parents[1]
FIELDS = ("temperature", "42")  # of the last line that the README promises

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("mosquitto_pub") is None, reason="mosquitto_pub is not installed"),
]


def commands():
    """Return the commands of the section, one a line, without what is said about them."""
    section = (ROOT / "README.md").read_text("utf-8").split("## Connect your own device")[1]
    block = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)[0].replace("\\\n", " ")
    return [line.partition("  #")[0].strip() for line in block.splitlines()]


@pytest.fixture
def run(tmp_path):
    """Start a platform with a small simulated park; return what runs a command of the README against it."""
    http, mqtt = free_port(), free_port()
    folder = tmp_path / "park-data"
    environment = os.environ | {
        "PARK_DATA_DIR": str(folder), "PARK_HTTP_PORT": str(http), "PARK_MQTT_PORT": str(mqtt), "NO_PROXY": "*",
        "COLUMNS": "200",
    }  # fmt: skip
    command = [sys.executable, "-m", "runtime", "run", "--simulate", "--enterprises", "2", "--days", "0"]
    said = (tmp_path / "said").open("wb")
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=said, stderr=said)

    def ready():
        assert process.poll() is None, (tmp_path / "said").read_text("utf-8")
        try:
            return httpx.get(f"http://127.0.0.1:{http}/api/v1/health", trust_env=False, timeout=5).is_success
        except httpx.TransportError:
            return False

    def told(line):
        line = line.replace("127.0.0.1:8080", f"127.0.0.1:{http}").replace("mosquitto_pub", f"mosquitto_pub -p {mqtt}")
        line = line.replace(".venv/bin/park", f"{sys.executable} -m runtime")
        shell = subprocess.run(
            ["sh", "-c", line], check=False, cwd=ROOT, env=environment, capture_output=True, timeout=60
        )  # fmt: skip
        assert shell.returncode == 0, shell.stderr.decode()
        return shell.stdout.decode()

    try:
        until(ready, 90)
        yield told
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        finally:
            process.kill()
            process.wait()
            said.close()


def test_a_device_is_connected_as_the_readme_says(run):
    """The section's commands, in order, end with the device's value in the list of points."""
    publish, waiting, claim, again, points = commands()

    run(publish)
    until(lambda: "boiler-room" in run(waiting))
    assert '"key":"native:liuxi/-/boiler-room"' in run(claim)
    run(again)

    def last():
        return run(points).splitlines()[-1].split()

    until(lambda: set(FIELDS) <= set(last()), 30, 0.5)
