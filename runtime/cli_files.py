"""Commands that move whole files: the registry, readings, and everything."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from park.errors import Conflict, UserError
from runtime import clock
from runtime.cli_flags import FolderFlag, SettingsFlag, errors, progress, settings_of
from runtime.cli_words import asking, moment


def add(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(no_args_is_help=True, help="Parks, places, firms, leases, devices and points, as files.")
    group.command("import")(registry_import)
    group.command("export")(registry_export)
    app.add_typer(group, name="registry")
    for command in (export, backup, restore):
        app.command()(command)


def registry_import(
    source: Annotated[Path, typer.Argument(help="a folder of CSV files, one of them, or an .xlsx")],
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
) -> None:
    """Import parks, places, firms, leases, devices and points; all of it, or nothing with every bad row named."""
    from runtime.registry_transfer import pack

    settings = settings_of(settings_file, data_dir=data_dir)
    name, content = pack(source)
    if not settings.data_dir.exists():
        settings.data_dir.mkdir(parents=True)  # a registry may come before the first run
    with asking(settings_file, data_dir) as asker:
        answer = asker.call("POST", "/registry/import", params={"name": name}, content=content,
            headers={"Content-Type": "application/octet-stream"},
        )  # fmt: skip
    for problem in answer["problems"]:
        errors.print(f"{problem['where']}: {problem['why']}", markup=False)
    if answer["problems"]:
        n = len(answer["problems"])
        raise UserError(f"{n} row{'s are' if n > 1 else ' is'} wrong; nothing was imported")
    typer.echo(", ".join(f"{noun}: {n}" for noun, n in answer["saved"].items()) or "nothing new")


def registry_export(
    target: Annotated[Path, typer.Argument(help="a folder for CSV files, or an .xlsx; files there are replaced")],
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
) -> None:
    """Export the registry; what comes out can be imported."""
    from runtime.registry_transfer import unpack

    form = "xlsx" if target.suffix.lower() == ".xlsx" else "csv"
    with asking(settings_file, data_dir) as asker:
        content = asker.send("GET", "/registry/export", params={"form": form}).content
    try:
        for path in unpack(content, target):
            typer.echo(str(path))
    except OSError as why:
        raise UserError(f"{target} cannot be written ({why.strerror})") from why


def export(
    target: Annotated[Path, typer.Argument(help="a new .parquet file")],
    start: Annotated[str, typer.Option(help="ISO 8601 (park time where no zone is said), or like -6h, -3d")] = "-30d",
    end: Annotated[str, typer.Option(help="the same, or now")] = "now",
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
) -> None:
    """Write the readings of a time to a Parquet file: point, ts, value, quality, received."""
    now = clock.now()
    begin, stop = moment(start, now), moment(end, now)
    if begin >= stop:
        raise UserError(f"{start} is not before {end}")
    _new(target)
    with asking(settings_file, data_dir) as asker, progress("export") as told:
        size = asker.export(begin, stop, target, told)
    typer.echo(f"{target}: {size / 1e6:.1f} MB")


def backup(
    target: Annotated[Path, typer.Argument(help="a new .tar.gz file")],
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
) -> None:
    """Write everything into one file; the platform may go on running."""
    _new(target)
    with asking(settings_file, data_dir) as asker, progress("backup") as told:
        size = asker.backup(target, told)
    typer.echo(f"{target}: {size / 1e6:.1f} MB")


def restore(
    source: Annotated[Path, typer.Argument(help="a file that `park backup` wrote")],
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
) -> None:
    """Fill an empty data folder from a backup, whole or not at all."""
    from runtime.backup import read_backup

    settings = settings_of(settings_file, data_dir=data_dir)
    with progress("restore") as told:
        read_backup(settings, source, told)
    folder = str(settings.data_dir)
    typer.echo(f"restored into {folder}; start it with `park run --data-dir {shlex.quote(folder)}`")


def _new(target: Path) -> None:
    """Raise where a file cannot be made, before anything long starts."""
    if target.exists():
        raise Conflict(f"{target} exists already")
    try:
        with target.open("xb"):
            pass
        target.unlink()
    except OSError as why:
        raise UserError(f"{target} cannot be written ({why.strerror})") from why
