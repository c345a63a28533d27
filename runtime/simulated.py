"""A simulated park in a data folder: its registry and history once, its devices whenever the platform runs."""

import contextlib
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
from runtime.lasting import sync_folder
from runtime.log import SegmentLog
from runtime.names import SCENARIO, UNTIL
from runtime.past import counted, write_history
from runtime.rulebook import Rulebook
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry
from runtime.storage.sql.rules import SqlRules
from simulators.registry import live_rhythm, load, park_plan
from simulators.scenario import Scenario, scenario_before

_HEARD = 300.0  # s in which every device that speaks live has spoken: the slowest do every two minutes


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
    gets the park without a past. Its devices promise the rhythm of the past until `promise_live`.
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
        rules = Rulebook(SqlRules(opened), registry, clock.now).rows
        if not (folder / "log").exists():
            part = folder / "log.part"
            shutil.rmtree(part, ignore_errors=True)
            logs = {lane: SegmentLog(part / lane, settings.log, lane) for lane in Lane}
            try:
                write_history(scenario, numbers, now, registry, rules, logs, told)
            finally:
                for log in logs.values():
                    log.close()
            part.rename(folder / "log")
    write_until(folder, now, counted(now))
    _written(folder / SCENARIO, msgspec.json.encode(asdict(scenario)))
    sync_folder(folder)


def promise_live(folder: Path, registry: SqlRegistry, now: int) -> None:
    """Let the devices of a folder's park promise the rhythm at which they speak live; nothing where they do.

    To be asked for once they have all been heard at it: who promises before he can speak is called silent.
    """
    scenario = read_scenario(folder)
    if scenario is not None:
        plan = park_plan(scenario)
        live_rhythm(plan, registry, load(plan, registry, now=now), now=now)


def read_until(folder: Path) -> tuple[int, int] | None:
    """Return up to when a folder's devices have spoken, and told amounts, epoch ms; None if they never did."""
    with contextlib.suppress(OSError, ValueError):
        spoken, *amounts = map(int, (folder / UNTIL).read_text().split())
        return spoken, min([spoken, *amounts])
    return None


def write_until(folder: Path, now: int, amounts: int | None = None) -> None:
    """Note up to when they have spoken, and up to when they told amounts, if that is less."""
    _written(folder / UNTIL, " ".join(map(str, [now] if amounts is None else [now, amounts])).encode())


def _written(path: Path, content: bytes) -> None:
    """Write a file that is either the old one or the new one, whenever somebody looks."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.rename(path)


class Devices:
    """The simulated devices, in a process of their own."""

    def __init__(self, settings: Settings, host: str, port: int) -> None:
        """Prepare to speak to a broker for the park in a data folder."""
        self._command = [
            sys.executable, "-m", "runtime", "simulate", "--ends-with-input",
            "--data-dir", str(settings.data_dir), "--host", host, "--port", str(port),
        ]  # fmt: skip
        # The settings that may have come by flag or file; the rest the environment tells them as it told us.
        said = {
            "PARK_INGEST_USERNAME": settings.ingest.username,
            "PARK_INGEST_PASSWORD_FILE": settings.ingest.password_file,
        }
        self._environment = {**os.environ, **said}
        self._process: subprocess.Popen[bytes] | None = None
        self._began = 0.0  # s, elapsed

    def start(self) -> None:
        """Let them speak, from where they were."""
        self._began = clock.elapsed()
        # A process group of its own: Ctrl-C in the terminal is for the platform, which then stops us.
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            self._command, stdin=subprocess.PIPE, start_new_session=True, env=self._environment
        )

    def running(self) -> bool:
        """Tell whether they speak."""
        return self._process is not None and self._process.poll() is None

    def heard(self) -> bool:
        """Tell whether they have spoken long enough for each to have been heard."""
        return self.running() and clock.elapsed() - self._began > _HEARD

    @property
    def ended(self) -> int | None:
        """The exit code of those who spoke; None where nobody did, or they still do."""
        return None if self._process is None else self._process.poll()

    def stop(self) -> None:
        """Let them finish their sentence."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()  # its end is their sign, and comes even if we are killed
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
