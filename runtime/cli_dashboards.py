"""`park dashboards`: Grafana's dashboards, compared with ours and brought there."""

from pathlib import Path
from typing import Annotated

import typer

from park.errors import UserError

_Url = Annotated[str, typer.Option(help="where Grafana is", envvar="PARK_GRAFANA_URL")]
_Token = Annotated[
    Path,
    typer.Option("--token-file", help="file with the token of a service account", envvar="PARK_GRAFANA_TOKEN_FILE"),
]
_Console = Annotated[str, typer.Option(help="address of the console that dashboards link to")]
_HERE = "http://127.0.0.1:3000"
_DESK = "http://127.0.0.1:8080/"


def add(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(no_args_is_help=True, help="Dashboards of Grafana.")
    group.command("provision")(provision)
    group.command("diff")(diff)
    group.command("check")(check)
    group.command("write")(write)
    app.add_typer(group, name="dashboards")


def provision(token_file: _Token, url: _Url = _HERE, console: _Console = _DESK) -> None:
    """Bring our dashboards there, over what is there under their uids."""
    from dashboards.boards import boards
    from runtime.grafana import Grafana

    grafana = Grafana(url, _token(token_file))
    try:
        typer.echo(f"Grafana {grafana.health()} at {url}")
        for uid, board in boards(console).items():
            grafana.put(board)
            typer.echo(f"{uid}: {board['title']}")
    finally:
        grafana.close()


def diff(token_file: _Token, url: _Url = _HERE, console: _Console = _DESK) -> None:
    """Say where the dashboards there are not ours; exit code 1 where one is not."""
    from dashboards.boards import boards
    from dashboards.provisioning import differences
    from runtime.grafana import Grafana

    grafana = Grafana(url, _token(token_file))
    try:
        found = [
            f"{uid}: {words}"
            for uid, board in boards(console).items()
            for words in differences(board, grafana.dashboard(uid))
        ]
    finally:
        grafana.close()
    for line in found:
        typer.echo(line)
    if found:
        raise typer.Exit(1)
    typer.echo("the same")


def check(token_file: _Token, url: _Url = _HERE) -> None:
    """Say whether Grafana is well and has the data sources that our dashboards ask."""
    from dashboards.panels import ROWS, SERIES
    from runtime.grafana import Grafana

    grafana = Grafana(url, _token(token_file))
    try:
        typer.echo(f"Grafana {grafana.health()} at {url}")
        missing = {SERIES["uid"], ROWS["uid"]} - grafana.sources()
    finally:
        grafana.close()
    if missing:
        raise UserError(f"Grafana at {url} has no data source {', '.join(sorted(missing))}")
    typer.echo("its data sources are there")


def write(folder: Path, console: _Console = _DESK) -> None:
    """Write the files that Grafana reads at its start: data sources, dashboards."""
    from dashboards.provisioning import committed

    try:
        for name, text in committed(console).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as why:
        raise UserError(f"{folder}: {why.strerror or why}") from why
    typer.echo(f"written to {folder}")


def _token(file: Path) -> str:
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as why:
        raise UserError(f"{file}: no token can be read there") from why
    if not token:
        raise UserError(f"{file} is empty")
    return token
