"""A simulated park in a data folder: its registry and history once, its devices whenever the platform runs."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import msgspec

from park.errors import SettingsError
from park.metrics import Lane
from park.settings import Settings
from runtime import clock
from runtime.log import SegmentLog, sync_folder
from runtime.names import SCENARIO, UNTIL
from runtime.past import write_history
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry
from simulators.registry import live_rhythm, load, park_plan
from simulators.scenario import Scenario, scenario_before


def read_scenario(folder: Path) -> Scenario | None:
    """Return the scenario of a data folder, or None. Raises SettingsError for one that cannot be read."""
    path = folder / SCENARIO
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Scenario)
    except (OSError, msgspec.DecodeError) as why:
        raise SettingsError(f"{path} cannot be read: {why}") from why


def found_park(settings: Settings, database: Path, enterprises: int, days: int, told: Callable[[float], None]) -> None:
    """Put a simulated park into a data folder that has none yet: registry, and history in the logs.

    An interrupted attempt leaves nothing that counts: it is made anew. A folder that has logs already
    gets the park without a past.
    """
    folder = settings.data_dir
    if read_scenario(folder) is not None:
        return
    now = clock.now()
    scenario = scenario_before(now, days, enterprises=enterprises)
    plan = park_plan(scenario)
    with ExitStack() as stack:
        opened = Database.open(database)
        stack.callback(opened.close)
        registry = SqlRegistry(opened)
        numbers = load(plan, registry, now=scenario.origin)
        if not (folder / "log").exists():
            part = folder / "log.part"
            shutil.rmtree(part, ignore_errors=True)
            logs = {lane: SegmentLog(part / lane, settings.log, lane) for lane in Lane}
            try:
                write_history(scenario, numbers, now, registry, logs, told)
            finally:
                for log in logs.values():
                    log.close()
            part.rename(folder / "log")
        live_rhythm(plan, registry, numbers, now=now)
    (folder / UNTIL).write_text(str(now))
    waiting = folder / f"{SCENARIO}.part"
    waiting.write_bytes(msgspec.json.encode(asdict(scenario)))
    waiting.rename(folder / SCENARIO)
    sync_folder(folder)


class Devices:
    """The simulated devices, in a process of their own."""

    def __init__(self, folder: Path, host: str, port: int) -> None:
        command = [
            sys.executable,
            "-m",
            "runtime",
            "simulate",
            "--data-dir",
            str(folder),
            "--host",
            host,
            "--port",
            str(port),
        ]
        # A process group of its own: Ctrl-C in the terminal is for the platform, which then stops us.
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            command, stdin=subprocess.PIPE, start_new_session=True, env=dict(os.environ)
        )

    def running(self) -> bool:
        """Tell whether they still speak."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Let them finish their sentence."""
        if self._process.stdin is not None:
            self._process.stdin.close()  # its end is their sign, and comes even if we are killed
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
