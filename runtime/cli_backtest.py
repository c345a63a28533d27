"""`park backtest`: what changed rules would have said of a time that is recorded."""

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from park.errors import UserError
from park.settings import Settings
from runtime import clock
from runtime.cli_flags import FolderFlag, SettingsFlag, errors, progress, settings_of
from runtime.cli_words import JsonFlag, iso, moment, show
from runtime.names import DATABASE

_LISTED = 20


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(backtest)


def backtest(
    rules: Annotated[Path, typer.Argument(metavar="RULES.toml", help="the changed rule table")],
    start: Annotated[str, typer.Option("--from", help="ISO 8601, or -7d, -6h")],
    end: Annotated[str, typer.Option("--to", help="the same, or now")] = "now",
    against: Annotated[str, typer.Option(help="present: the rules that hold; then: those of that time")] = "present",
    as_json: JsonFlag = False,
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
) -> None:
    """Run changed rules over the stored log beside the present ones; nothing that lives is touched.

    Rules named `unusual` set how rare a value must be for a detector to tell of it: then episodes are compared, too.
    Where the log does not reach back, stored windows stand in, and the answer says what they cannot tell.
    """
    from runtime.backtest import Asked, backtest
    from stream.rules import parse

    if against not in {"present", "then"}:
        raise UserError(f"--against {against!r} is neither present nor then")
    settings = settings_of(settings_file, data_dir=data_dir)
    try:
        changed = parse(rules.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as why:
        raise UserError(f"{rules} cannot be read: {why}") from why
    if not (settings.data_dir / "log").is_dir():
        raise UserError(f"{settings.data_dir} is no data folder with a log")
    now = clock.now()
    present = None if against == "then" else parse(present_text(settings))
    asked = Asked(settings.data_dir, changed, present, moment(start, now), moment(end, now))
    with progress("back-test") as told:
        found = backtest(asked, told)
    if as_json:
        sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
        return
    _print(found)


def _print(found: dict[str, Any]) -> None:
    about = "approximate" if found["approximate"] else "exact"
    typer.echo(f"{iso(found['start'])} to {iso(found['end'])}, {about}")
    for note in found["notes"]:
        typer.echo(f"note: {note}")
    show(
        found["rules"],
        ("rule", "present", "changed", "gone", "new", "present_minutes", "changed_minutes"), as_json=False,
    )  # fmt: skip
    for name, word in (("only_changed", "new with the changed rules"), ("only_present", "gone with the changed rules")):
        rows = [
            {
                "rule": f["rule"], "subject": f["subject"], "from": iso(f["since"]), "to": iso(f["until"]),
                "value": f["value"], "limit": f["limit"],
            }
            for f in found[name][:_LISTED]
        ]  # fmt: skip
        if rows:
            typer.echo(f"\n{word}:")
            show(rows, ("rule", "subject", "from", "to", "value", "limit"), as_json=False)
    if any(len(found[name]) > _LISTED for name in ("only_changed", "only_present")):
        errors.print(f"{_LISTED} of each are shown; --json has more")


def present_text(settings: Settings) -> str:
    """Return the rule table that holds in a data folder, without opening anything of it to be written."""
    from runtime.client import open_asker
    from runtime.instance import read_instance
    from runtime.storage.sql.database import Database
    from runtime.storage.sql.rules import SqlRules
    from stream.rules import shipped

    if read_instance(settings.data_dir) is not None:
        asker = open_asker(settings)
        try:
            return str(asker.call("GET", "/rules")["text"])
        finally:
            asker.close()
    with tempfile.TemporaryDirectory(prefix="park-") as copy:  # opening the file itself would change it
        for name in (DATABASE, f"{DATABASE}-wal"):
            if (settings.data_dir / name).exists():
                shutil.copy(settings.data_dir / name, copy)
        if not (Path(copy) / DATABASE).exists():
            return shipped()
        database = Database.open(Path(copy) / DATABASE)
        try:
            newest = SqlRules(database).newest()
        finally:
            database.close()
    return shipped() if newest is None else newest.text
