"""`park ingest`, `park worker`, `park alarms`, `park api`: the roles of a city, each a process of its own; `park city`.

Any number of each may run. A role stops in order on SIGTERM or Ctrl-C: it finishes what is at hand, and lets go of what
others wait for. What a person can mend ends it with one sentence and exit code 2; engines that are away are waited for.
"""

import logging
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from park.settings import Settings
from runtime.cli_flags import FolderFlag, SettingsFlag, errors, settings_of

Run = Callable[[Settings, threading.Event], None]
PortFlag = Annotated[
    int | None,
    typer.Option("--role-port", help="of its health and figures; 0: any [PARK_CITY_ROLE_PORT]", show_default=False),
]


def add(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (ingest, worker, alarms, api, city):
        app.command()(command)


def ingest(
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
    role_port: PortFlag = None,
    share: Annotated[
        str | None, typer.Option(help="which of how many: 0/2, 1/2 [PARK_CITY_SHARE]", show_default=False)
    ] = None,
) -> None:
    """Take in what devices of a city say: from the MQTT broker into Kafka."""
    from runtime.role_ingest import run_ingest

    role(run_ingest, settings_of(settings_file, **_flags(data_dir, role_port), **{"city.share": share}))


def worker(
    settings_file: SettingsFlag = None, data_dir: FolderFlag = None, role_port: PortFlag = None,
    lanes: Annotated[
        str | None, typer.Option(help="life, bulk, or both [PARK_CITY_LANES]", show_default=False)
    ] = None,
) -> None:  # fmt: skip
    """Work on what was taken in: find, and store."""
    from runtime.role_worker import run_worker

    role(run_worker, settings_of(settings_file, **_flags(data_dir, role_port), **{"city.lanes": lanes}))


def alarms(settings_file: SettingsFlag = None, data_dir: FolderFlag = None, role_port: PortFlag = None) -> None:
    """Make alarms of what was found, and tell people; of several processes one does it, the others stand by."""
    from runtime.role_alarms import run_alarms

    role(run_alarms, settings_of(settings_file, **_flags(data_dir, role_port)))


def api(
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
    role_port: PortFlag = None,
    host: Annotated[str | None, typer.Option(help="address to serve on [PARK_HOST]", show_default=False)] = None,
    http_port: Annotated[
        int | None, typer.Option(help="port of pages and API; 0: any [PARK_HTTP_PORT]", show_default=False)
    ] = None,
) -> None:
    """Serve pages and API of a city."""
    from runtime.role_api import run_api

    flags = {"api.host": host, "api.port": http_port}
    role(run_api, settings_of(settings_file, **_flags(data_dir, role_port), **flags))


def city(
    folder: Annotated[Path, typer.Option(help="where everything is kept")] = Path("park-city"),
    parks: Annotated[int, typer.Option(min=1, max=200, help="simulated parks")] = 20,
    enterprises: Annotated[int, typer.Option(min=1, max=500, help="of each park")] = 20,
    workers: Annotated[int, typer.Option(min=1, max=16, help="worker processes")] = 1,
    http_port: Annotated[int, typer.Option(min=0, max=65_535, help="port of pages and API; 0: any")] = 8080,
) -> None:
    """Run a simulated city on this machine: real broker, Kafka and PostgreSQL, and every role. Ctrl-C stops it."""
    from runtime.city_demo import Demo, run_city

    stop = signs()
    run_city(Demo(folder, parks, enterprises, workers, http_port), stop, errors)


def role(run: Run, settings: Settings) -> None:
    """Be a role until told to stop. Raises UserError, MachineryError."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    for noisy in ("aiokafka", "httpx", "httpcore", "mode", "faust", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    stop = signs()
    run(settings, stop)


def signs() -> threading.Event:
    """Return what is set by SIGTERM and Ctrl-C."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _flags(data_dir: Path | None, role_port: int | None) -> dict[str, object]:
    return {"data_dir": data_dir, "city.role_port": role_port}
