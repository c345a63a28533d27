"""`park quarantine`: messages that could not become readings."""

import json
from pathlib import Path
from typing import Annotated

import typer

from park.errors import UserError
from runtime.cli_flags import FolderFlag, SettingsFlag
from runtime.cli_words import JsonFlag, asking, iso, pages, show

_AT_ONCE = 500  # messages moved with one call

AllFlag = Annotated[bool, typer.Option("--all", help="every message that waits, in place of numbers")]
Ids = Annotated[list[int] | None, typer.Argument(help="numbers of messages", show_default=False)]


def add(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(no_args_is_help=True, help="Messages that could not become readings.")
    group.command("list")(listed)
    group.command("show")(shown)
    group.command("retry")(retry)
    group.command("discard")(discard)
    app.add_typer(group, name="quarantine")


def listed(
    reason: Annotated[str | None, typer.Option(help="e.g. unknown_device", show_default=False)] = None,
    device_key: Annotated[str | None, typer.Option(help="e.g. native:liuxi/-/m1", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000)] = 100,
    as_json: JsonFlag = False,
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
) -> None:
    """List refused messages that wait for a person, oldest first."""
    from park.records import Refusal

    if reason and reason not in set(Refusal):
        raise UserError(f"{reason!r} is no reason; there are {', '.join(Refusal)}")
    asked = {k: v for k, v in (("reason", reason), ("device_key", device_key)) if v}
    with asking(settings_file, data_dir) as asker:
        rows = pages(asker, "/quarantine", limit, **asked)
    if not as_json:
        for row in rows:
            row["received"] = iso(row["received"])
    show(rows, ("id", "received", "lane", "reason", "device_key", "topic", "size", "detail"), as_json=as_json)


def shown(
    message: Annotated[int, typer.Argument(help="its number")],
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
) -> None:
    """Show one refused message with its payload, as JSON."""
    with asking(settings_file, data_dir) as asker:
        answer = asker.call("GET", f"/quarantine/{message}")
    typer.echo(json.dumps(answer, ensure_ascii=False, indent=2))


def retry(
    ids: Ids = None, everything: AllFlag = False, settings_file: SettingsFlag = None, data_dir: FolderFlag = None
) -> None:
    """Put refused messages back into the flow, with their old time of receipt; those still refused stay."""
    _move("retry", ids or [], everything, settings_file, data_dir)


def discard(
    ids: Ids = None, everything: AllFlag = False, settings_file: SettingsFlag = None, data_dir: FolderFlag = None
) -> None:
    """Set refused messages aside for good; they count as rejected."""
    _move("discard", ids or [], everything, settings_file, data_dir)


def _move(verb: str, ids: list[int], everything: bool, settings_file: Path | None, data_dir: Path | None) -> None:
    if everything == bool(ids):
        raise UserError("say which messages: numbers, or --all")
    with asking(settings_file, data_dir) as asker:
        if everything:
            ids = [row["id"] for row in pages(asker, "/quarantine", 1_000_000)]
        moved = 0
        for at in range(0, len(ids), _AT_ONCE):
            moved += asker.call("POST", f"/quarantine/{verb}", json={"ids": ids[at : at + _AT_ONCE]})["moved"]
    typer.echo(f"{moved} of {len(ids)} moved")
