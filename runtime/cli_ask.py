"""Commands that ask: the API of a running instance or, where none runs, the same API over the files."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from park.errors import NotFound, UserError
from runtime import clock
from runtime.cli import FolderFlag, SettingsFlag, errors, settings_of
from runtime.client import Asker, open_asker

JsonFlag = Annotated[bool, typer.Option("--json", help="print JSON, for scripts")]
out = Console(highlight=False)

registry_app = typer.Typer(no_args_is_help=True, help="Parks, places, firms, leases, devices and points.")
quarantine_app = typer.Typer(no_args_is_help=True, help="Messages that could not become readings.")
keys_app = typer.Typer(no_args_is_help=True, help="API keys.")


def add(app: typer.Typer) -> None:
    """Add these commands to the `park` command."""
    app.add_typer(registry_app, name="registry")
    app.add_typer(quarantine_app, name="quarantine")
    app.add_typer(keys_app, name="keys")
    for command in (points, query, ledger, backup, restore):
        app.command()(command)


@contextmanager
def asking(settings_file: Path | None, data_dir: Path | None) -> Iterator[Asker]:
    """Open the way to a data folder's API."""
    asker = open_asker(settings_of(settings_file, data_dir=data_dir))
    try:
        yield asker
    finally:
        asker.close()


def show(rows: Sequence[dict[str, Any]], columns: Iterable[str], *, as_json: bool) -> None:
    """Print rows as a table, or as JSON."""
    if as_json:
        sys.stdout.write(json.dumps(list(rows), ensure_ascii=False) + "\n")
        return
    table = Table(box=None, pad_edge=False)
    columns = list(columns)
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*("" if row.get(c) is None else str(row[c]) for c in columns))
    out.print(table)
    errors.print(f"{len(rows)} rows")


def pages(asker: Asker, path: str, limit: int, **asked: Any) -> list[dict[str, Any]]:
    """Return the rows of a paged list, up to a number of them."""
    rows: list[dict[str, Any]] = []
    after = 0
    while len(rows) < limit:
        page = asker.call("GET", path, params={**asked, "after": after, "limit": min(1_000, limit - len(rows))})
        rows += page["items"]
        if not page["next"]:
            break
        after = page["next"]
    return rows


def moment(text: str, now: int) -> int:
    """Return a time in epoch ms from ISO 8601 (park time where no zone is said), "now" or "-6h", "-3d", "-90m"."""
    if text == "now":
        return now
    units = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
    if text.startswith("-") and text[-1:] in units and text[1:-1].isdigit():
        return now - int(text[1:-1]) * units[text[-1]] * 1_000
    try:
        at = datetime.fromisoformat(text)
    except ValueError as why:
        raise UserError(f"{text!r} is no time: give ISO 8601, now, or something like -6h") from why
    if at.tzinfo is None:
        at = at.replace(tzinfo=timezone(timedelta(hours=8)))
    return int(at.timestamp() * 1_000)


def iso(ts: int | None) -> str:
    """Return a time for people: ISO 8601 in park time."""
    if ts is None:
        return ""
    return (
        datetime.fromtimestamp(ts / 1_000, UTC).astimezone(timezone(timedelta(hours=8))).isoformat(timespec="seconds")
    )


@registry_app.command("import")
def registry_import(
    source: Annotated[Path, typer.Argument(help="a folder of CSV files, or one .xlsx")],
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
) -> None:
    """Import parks, places, firms, leases, devices and points; all of it, or nothing."""
    from runtime.registry_transfer import pack

    name, content = pack(source)
    with asking(settings_file, data_dir) as asker:
        answer = asker.call("POST", "/registry/import", params={"name": name}, content=content,
            headers={"Content-Type": "application/octet-stream"},
        )  # fmt: skip
    for problem in answer["problems"]:
        errors.print(f"{problem['where']}: {problem['why']}", markup=False)
    if answer["problems"]:
        raise UserError(f"{len(answer['problems'])} rows are wrong; nothing was imported")
    typer.echo(", ".join(f"{n} {noun}" for noun, n in answer["saved"].items()) or "nothing new")


@registry_app.command("export")
def registry_export(
    target: Annotated[Path, typer.Argument(help="a folder for CSV files, or one .xlsx")],
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
) -> None:
    """Export the registry; what comes out can be imported."""
    from runtime.registry_transfer import unpack

    form = "xlsx" if target.suffix.lower() == ".xlsx" else "csv"
    with asking(settings_file, data_dir) as asker:
        content = asker.send("GET", "/registry/export", params={"form": form}).content
    for path in unpack(content, target):
        typer.echo(str(path))


def points(
    park: Annotated[int | None, typer.Option(help="number of a park")] = None,
    device: Annotated[int | None, typer.Option(help="number of a device")] = None,
    metric: Annotated[str | None, typer.Option()] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000)] = 100,
    as_json: JsonFlag = False,
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
) -> None:
    """List points with their newest values."""
    asked = {k: v for k, v in (("park", park), ("device", device), ("metric", metric)) if v is not None}
    with asking(settings_file, data_dir) as asker:
        rows = pages(asker, "/points", limit, latest=True, **asked)
    if not as_json:
        for row in rows:
            newest = row.get("latest") or {}
            row |= {"value": newest.get("value"), "quality": newest.get("quality"), "at": iso(newest.get("ts"))}
    show(
        rows, ("id", "park", "place", "device", "metric", "channel", "value", "unit", "quality", "at"), as_json=as_json
    )


def query(
    point: int,
    start: Annotated[str, typer.Option(help="ISO 8601, or like -6h")] = "-24h",
    end: Annotated[str, typer.Option(help="ISO 8601, now, or like -1h")] = "now",
    buckets: Annotated[int | None, typer.Option(min=1, help="windows at most; left out: readings as they came")] = None,
    limit: Annotated[int, typer.Option(min=1, max=20_000, help="raw readings at most")] = 1_000,
    as_json: JsonFlag = False,
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
) -> None:
    """Show the readings of a point."""
    now = clock.now()
    asked: dict[str, Any] = {"start": moment(start, now), "end": moment(end, now), "format": "json"}
    asked |= {"buckets": buckets} if buckets else {"limit": limit}
    with asking(settings_file, data_dir) as asker:
        answer = asker.call("GET", f"/points/{point}/readings", params=asked)
    columns = [name for name, values in answer.items() if isinstance(values, list)]
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*(answer[c] for c in columns), strict=True)]
    if not as_json:
        for row in rows:
            row |= {name: iso(row[name]) for name in ("ts", "received") if name in row}
    show(rows, columns, as_json=as_json)


def ledger(
    start: Annotated[str, typer.Option()] = "-24h",
    end: Annotated[str, typer.Option()] = "now",
    as_json: JsonFlag = False,
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
) -> None:
    """Show what was received and what became of it; exit code 1 if anything is unexplained."""
    now = clock.now()
    with asking(settings_file, data_dir) as asker:
        answer = asker.call("GET", "/ledger", params={"start": moment(start, now), "end": moment(end, now) + 1})
    rows = answer["items"]
    if not as_json:
        for row in rows:
            row["hour"] = iso(row["hour"])
    columns = ("gateway", "hour", "messages", "received", "stored", "duplicate", "rejected", "quarantined", "in_flight")
    show(rows, (*columns, "unexplained"), as_json=as_json)
    if answer["unexplained"]:
        raise typer.Exit(1)


@quarantine_app.command("list")
def quarantine_list(
    reason: Annotated[str | None, typer.Option()] = None,
    device_key: Annotated[str | None, typer.Option()] = None,
    limit: Annotated[int, typer.Option(min=1)] = 100,
    as_json: JsonFlag = False,
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
) -> None:
    """List refused messages that wait for a person, oldest first."""
    asked = {k: v for k, v in (("reason", reason), ("device_key", device_key)) if v}
    with asking(settings_file, data_dir) as asker:
        rows = pages(asker, "/quarantine", limit, **asked)
    if not as_json:
        for row in rows:
            row["received"] = iso(row["received"])
    show(rows, ("id", "received", "lane", "reason", "device_key", "topic", "size", "detail"), as_json=as_json)


@quarantine_app.command("show")
def quarantine_show(message: int, settings_file: SettingsFlag = None, data_dir: FolderFlag = None) -> None:
    """Show one refused message with its payload, as JSON."""
    with asking(settings_file, data_dir) as asker:
        answer = asker.call("GET", f"/quarantine/{message}")
    typer.echo(json.dumps(answer, ensure_ascii=False, indent=2))


def _move(verb: str, ids: list[int], everything: bool, settings_file: Path | None, data_dir: Path | None) -> None:
    with asking(settings_file, data_dir) as asker:
        if everything:
            ids = [row["id"] for row in pages(asker, "/quarantine", 1_000_000)]
        if not ids:
            raise NotFound("no message was named; give numbers, or --all")
        moved = 0
        for at in range(0, len(ids), 500):
            moved += asker.call("POST", f"/quarantine/{verb}", json={"ids": ids[at : at + 500]})["moved"]
    typer.echo(f"{moved} of {len(ids)}")


AllFlag = Annotated[bool, typer.Option("--all", help="every message that waits")]
Ids = Annotated[list[int] | None, typer.Argument(help="numbers of messages")]


@quarantine_app.command("retry")
def quarantine_retry(
    ids: Ids = None, everything: AllFlag = False, settings_file: SettingsFlag = None, data_dir: FolderFlag = None
) -> None:
    """Put refused messages back into the flow, with their old time of receipt."""
    _move("retry", ids or [], everything, settings_file, data_dir)


@quarantine_app.command("discard")
def quarantine_discard(
    ids: Ids = None, everything: AllFlag = False, settings_file: SettingsFlag = None, data_dir: FolderFlag = None
) -> None:
    """Set refused messages aside for good; they count as rejected."""
    _move("discard", ids or [], everything, settings_file, data_dir)


def _keys(settings_file: Path | None, data_dir: Path | None, work: Callable[[Any, int], None]) -> None:
    """Work on the table of keys itself: it can be shared with a running instance, and needs no key to begin with."""
    from runtime.house import open_keys

    with open_keys(settings_of(settings_file, data_dir=data_dir)) as keys:
        work(keys, clock.now())


@keys_app.command("create")
def keys_create(
    name: str,
    role: Annotated[str, typer.Option(help="viewer | operator | officer | admin | ingest")] = "viewer",
    park: Annotated[list[int] | None, typer.Option(help="parks it may see; left out: all")] = None,
    days: Annotated[int, typer.Option(min=1, max=3_650, help="until it expires")] = 365,
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
) -> None:
    """Make a key and print it, once."""
    from park.roles import Role

    if role not in set(Role):
        raise UserError(f"{role!r} is no role; there are {', '.join(Role)}")

    def work(keys: Any, now: int) -> None:
        token, _ = keys.make(
            name, Role(role), parks=frozenset(park) if park else None,
            expires=now + days * 86_400_000, now=now, actor="command line",
        )  # fmt: skip
        typer.echo(token)

    _keys(settings_file, data_dir, work)


@keys_app.command("list")
def keys_list(as_json: JsonFlag = False, settings_file: SettingsFlag = None, data_dir: FolderFlag = None) -> None:
    """List keys; none is shown in full, for none is kept."""

    def work(keys: Any, _now: int) -> None:
        rows = [
            {
                "id": k.id, "name": k.name, "role": str(k.role), "prefix": k.prefix,
                "parks": sorted(k.parks or []) or "all",
                "expires": iso(k.expires), "last_used": iso(k.last_used), "revoked": iso(k.revoked),
            }
            for k in keys.all()
        ]  # fmt: skip
        show(rows, ("id", "name", "role", "prefix", "parks", "expires", "last_used", "revoked"), as_json=as_json)

    _keys(settings_file, data_dir, work)


@keys_app.command("revoke")
def keys_revoke(key: int, settings_file: SettingsFlag = None, data_dir: FolderFlag = None) -> None:
    """Make a key worthless from now on."""
    _keys(settings_file, data_dir, lambda keys, now: keys.revoke(key, now=now, actor="command line"))


def backup(
    target: Annotated[Path, typer.Argument(help="a new .tar file")],
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
) -> None:
    """Write everything into one file; the platform may go on running."""
    if target.exists():
        raise UserError(f"{target} exists already")
    with errors.status("taking the backup"), asking(settings_file, data_dir) as asker:
        size = asker.save("/backup", target)
    typer.echo(f"{target}: {size / 1e6:.1f} MB")


def restore(
    source: Annotated[Path, typer.Argument(help="a file that `park backup` wrote")],
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
) -> None:
    """Fill an empty data folder from a backup."""
    from runtime.backup import read_backup
    from runtime.cli import bar

    with bar("restore") as progress:
        task = progress.add_task("restore", total=1.0)
        read_backup(settings_of(settings_file, data_dir=data_dir), source, lambda s: progress.update(task, completed=s))
    typer.echo("restored; start it with `park run`")
