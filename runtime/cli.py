"""The `park` command: run a park, simulate one, replay recordings, and ask what is known."""

import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from park.errors import MachineryError, UserError
from runtime import (
    cli_ask,
    cli_backtest,
    cli_city,
    cli_dashboards,
    cli_devices,
    cli_files,
    cli_keys,
    cli_quarantine,
    cli_report,
    cli_simulate,
)
from runtime.cli_flags import FolderFlag, SettingsFlag, errors, progress, settings_of
from runtime.doors import see_doors


def run(
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
    host: Annotated[str | None, typer.Option(help="address to serve on [PARK_HOST]", show_default=False)] = None,
    http_port: Annotated[
        int | None, typer.Option(help="port of pages and API; 0: any [PARK_HTTP_PORT]", show_default=False)
    ] = None,
    mqtt_port: Annotated[
        int | None, typer.Option(help="port of the broker; 0: any [PARK_MQTT_PORT]", show_default=False)
    ] = None,
    mqtt_host: Annotated[
        str | None, typer.Option(help="a broker elsewhere; none is started [PARK_MQTT_HOST]", show_default=False)
    ] = None,
    webhook: Annotated[
        str | None,
        typer.Option(help="an address that is told of every alarm, as JSON [PARK_WEBHOOK]", show_default=False),
    ] = None,
    simulate: Annotated[bool, typer.Option("--simulate", help="bring a simulated park to life in it")] = False,
    enterprises: Annotated[int, typer.Option(min=1, max=500, help="of a new simulated park")] = 45,
    days: Annotated[int, typer.Option(min=0, max=400, help="of history of a new simulated park")] = 180,
) -> None:
    """Run the platform on this machine: broker, lanes, stores, API and pages. Ctrl-C stops it."""
    settings = settings_of(
        settings_file,
        **{
            "data_dir": data_dir,
            "api.host": host,
            "api.port": http_port,
            "ingest.broker_port": mqtt_port,
            "ingest.broker_host": mqtt_host,
            "delivery.webhook": webhook,
        },
    )
    see_doors(settings)  # before seconds are spent on loading the rest
    from runtime.serve import Simulation, serve

    raise typer.Exit(serve(settings, Simulation(enterprises, days) if simulate else None, errors))


def replay(
    map_file: Annotated[Path, typer.Argument(metavar="MAP.toml", help="which column of which table is what")],
    out: Annotated[Path, typer.Option("--out", help="folder for alarms.csv, anomalies.csv and activity.csv")],
) -> None:
    """Run the whole pipeline over recorded wide tables."""
    from runtime.replay import replay_map

    with progress("replay") as told:
        replay_map(map_file, out, told)
    for name in ("alarms.csv", "anomalies.csv", "activity.csv"):
        typer.echo(str(out / name))


def score(
    series: Annotated[Path, typer.Argument(metavar="IN.csv", help="a table with a column of times and one of values")],
    time: Annotated[str, typer.Option(help="column of the times")],
    value: Annotated[str, typer.Option(help="column of the values")],
    out: Annotated[Path, typer.Option(help="CSV: timestamp,value,score,anomaly")],
    kind: Annotated[str, typer.Option(help="generic | energy | energy_total | count | temperature")] = "generic",
    calendar: Annotated[str, typer.Option(help="CN | none")] = "CN",
) -> None:
    """Run the live streaming detector over one series, in order."""
    from runtime.score import score_series

    score_series(series, time, value, out, kind=kind, calendar=calendar)


def check(settings_file: SettingsFlag = None, data_dir: FolderFlag = None) -> None:
    """Check settings, rules and registry; say what is wrong, or that nothing is."""
    from runtime.checks import check_all

    for line in check_all(settings_of(settings_file, data_dir=data_dir)):
        typer.echo(line)


def make_app() -> typer.Typer:
    """Return the command with all that it can do."""
    app = typer.Typer(
        no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Monitor parks of small firms."
    )
    app.command()(run)
    cli_simulate.add(app)
    app.command()(replay)
    app.command()(score)
    app.command()(check)
    for part in (
        cli_ask,
        cli_devices,
        cli_quarantine,
        cli_files,
        cli_keys,
        cli_dashboards,
        cli_backtest,
        cli_report,
        cli_city,
    ):
        part.add(app)
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; always ends by SystemExit.

    Exit codes: 0; 2 for what the person can mend, in one sentence; 1 for machinery that failed; 130 for Ctrl-C.
    """
    try:
        make_app()(args=arguments, prog_name="park")
    except UserError as why:
        errors.print(f"park: {why}", style="red", markup=False)
        sys.exit(2)
    except MachineryError as why:
        errors.print(f"park: {why}", style="red", markup=False)
        sys.exit(1)
    except Exception as why:  # noqa: BLE001 - the last one who can turn a fault of ours into a sentence
        if os.environ.get("PARK_TRACEBACK"):
            traceback.print_exc()
        said = f"park: this should not have happened: {type(why).__name__}: {why}"
        errors.print(f"{said} (PARK_TRACEBACK=1 shows where)", style="red", markup=False)
        sys.exit(1)
