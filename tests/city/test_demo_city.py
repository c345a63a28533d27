"""`park city`, whole: engines, roles and devices start, a fire becomes an alarm on the page, and all of it stops."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
import pytest

from tests.tools import free_port, until

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not os.environ.get("PARK_LONG"), reason="a whole city takes minutes: PARK_LONG=1"),
]


def fires(base):
    """Return the alarms of fire that the API knows; none while it does not answer."""
    try:
        items = httpx.get(f"{base}/api/v1/alarms", timeout=10).json()["items"]
    except httpx.HTTPError:
        return []
    return [item for item in items if item["family"] == "fire"]


def test_a_city_from_start_to_end():
    """A unit that is set on fire is an alarm of its park within minutes; Ctrl-C ends all with exit code 0."""
    folder, port = Path(tempfile.mkdtemp(prefix="park-demo-")), free_port()
    folder.chmod(0o711)  # PostgreSQL runs as a user of its own where we are root
    program = [sys.executable, "-m", "runtime"]
    command = [*program, "city", "--folder", str(folder / "city"), "--parks", "2"]
    command += ["--enterprises", "12", "--http-port", str(port)]
    with (folder / "out").open("wb") as out:
        demo = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        until(lambda: "ready:" in (folder / "out").read_text() or demo.poll() is not None, 300, 0.5)
        assert demo.poll() is None, (folder / "out").read_text()
        fire = [*program, "simulate", "--data-dir", str(folder / "city"), "--fire", "park-01.b1-101"]
        subprocess.run(fire, check=True, capture_output=True)
        found = until(lambda: fires(f"http://127.0.0.1:{port}"), 400, 1.0)
        demo.send_signal(signal.SIGINT)
        code = demo.wait(120)
    finally:
        demo.kill()
        demo.wait()
        shutil.rmtree(folder, ignore_errors=True)

    assert (0, True) == (code, found[0]["life"])
