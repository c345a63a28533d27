"""The `park` command: run a park, simulate one, replay recordings, and ask what is known."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from park.errors import MachineryError, UserError
from park.settings import Settings
from runtime.settings_file import read_settings

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Monitor parks of small firms."
)
errors = Console(stderr=True, highlight=False)

SettingsFlag = Annotated[Path | None, typer.Option("--settings", help="TOML file", envvar="PARK_SETTINGS")]
FolderFlag = Annotated[Path | None, typer.Option("--data-dir", help="where everything is kept [PARK_DATA_DIR]")]


def settings_of(file: Path | None, **flags: Any) -> Settings:
    """Return the settings that a command runs with."""
    return read_settings(file, os.environ, flags)


def bar(text: str) -> Progress:
    """Return a progress bar on the error stream, so that output can be piped."""
    return Progress(
        TextColumn(text), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn(), console=errors
    )


@app.command()
def run(
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
    host: Annotated[str | None, typer.Option(help="address to serve on [PARK_HOST]")] = None,
    http_port: Annotated[int | None, typer.Option(help="port of pages and API [PARK_HTTP_PORT]")] = None,
    mqtt_port: Annotated[int | None, typer.Option(help="port of the broker [PARK_MQTT_PORT]")] = None,
    mqtt_host: Annotated[str | None, typer.Option(help="a broker elsewhere; none is started [PARK_MQTT_HOST]")] = None,
    simulate: Annotated[bool, typer.Option("--simulate", help="bring a simulated park to life in it")] = False,
    enterprises: Annotated[int, typer.Option(min=1, max=500, help="of the simulated park")] = 45,
    days: Annotated[int, typer.Option(min=0, max=400, help="of history of the simulated park")] = 180,
) -> None:
    """Run the platform on this machine: broker, lanes, stores, API and pages."""
    from runtime.serve import Simulation, serve

    settings = settings_of(
        settings_file,
        **{
            "data_dir": data_dir,
            "api.host": host,
            "api.port": http_port,
            "ingest.broker_port": mqtt_port,
            "ingest.broker_host": mqtt_host,
        },
    )
    raise typer.Exit(serve(settings, Simulation(enterprises, days) if simulate else None, errors))


@app.command()
def replay(
    map_file: Annotated[Path, typer.Argument(metavar="MAP.toml")],
    out: Annotated[Path, typer.Option("--out", help="folder for alarms.csv, anomalies.csv and activity.csv")],
) -> None:
    """Run the whole pipeline over recorded wide tables."""
    from runtime.replay import replay_map

    with bar("replay") as progress:
        task = progress.add_task("replay", total=1.0)
        replay_map(map_file, out, lambda share: progress.update(task, completed=share))


@app.command()
def score(
    series: Annotated[Path, typer.Argument(metavar="IN.csv")],
    time: Annotated[str, typer.Option(help="column of the times")],
    value: Annotated[str, typer.Option(help="column of the values")],
    out: Annotated[Path, typer.Option(help="CSV: timestamp,value,score,anomaly")],
    kind: Annotated[str, typer.Option(help="generic | energy | energy_total | count | temperature")] = "generic",
    calendar: Annotated[str, typer.Option(help="CN | none")] = "CN",
) -> None:
    """Run the live streaming detector over one series, in order."""
    from runtime.score import score_series

    score_series(series, time, value, out, kind=kind, calendar=calendar)


@app.command()
def check(settings_file: SettingsFlag = None, data_dir: FolderFlag = None) -> None:
    """Check settings, rules and registry; say what is wrong, or that nothing is."""
    from runtime.checks import check_all

    settings = settings_of(settings_file, data_dir=data_dir)
    for line in check_all(settings):
        typer.echo(line)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; what the user can mend is one sentence and exit code 2."""
    from runtime.cli_ask import add as add_asking
    from runtime.cli_simulate import add as add_simulating

    add_asking(app)
    add_simulating(app)
    try:
        app(args=arguments, prog_name="park")
    except UserError as why:
        errors.print(f"park: {why}", style="red", markup=False)
        sys.exit(2)
    except MachineryError as why:
        errors.print(f"park: {why}", style="red", markup=False)
        sys.exit(1)
