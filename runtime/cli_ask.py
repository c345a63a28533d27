"""Commands that ask what is known: points, their readings, the loss ledger."""

from typing import Annotated, Any

import typer

from park.errors import UserError
from runtime import clock
from runtime.cli_flags import FolderFlag, SettingsFlag
from runtime.cli_words import JsonFlag, ParkFlag, asking, iso, moment, number_of_park, pages, show


def add(app: typer.Typer) -> None:
    """Add these commands."""
    for command in (points, query, ledger):
        app.command()(command)


def points(
    park: ParkFlag = None,
    device: Annotated[int | None, typer.Option(help="number of a device", show_default=False)] = None,
    metric: Annotated[str | None, typer.Option(help="e.g. power", show_default=False)] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000)] = 100,
    as_json: JsonFlag = False,
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
) -> None:
    """List points with their newest values."""
    with asking(settings_file, data_dir) as asker:
        asked: dict[str, Any] = {"device": device, "metric": metric}
        asked["park"] = number_of_park(asker, park) if park else None
        rows = pages(asker, "/points", limit, latest=True, **{k: v for k, v in asked.items() if v is not None})
    if not as_json:
        for row in rows:
            newest = row.get("latest") or {}
            value = newest.get("state") or newest.get("value")
            row |= {"value": value, "quality": newest.get("quality"), "at": iso(newest.get("ts"))}
    show(
        rows, ("id", "park", "place", "device", "metric", "channel", "value", "unit", "quality", "at"), as_json=as_json
    )


def query(
    point: Annotated[int, typer.Argument(help="number of a point, as `park points` lists them")],
    start: Annotated[str, typer.Option(help="ISO 8601 (park time where no zone is said), or like -6h, -3d")] = "-24h",
    end: Annotated[str, typer.Option(help="the same, or now")] = "now",
    buckets: Annotated[
        int | None, typer.Option(min=1, help="windows at most; left out: readings as they came", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=20_000, help="raw readings at most")] = 1_000,
    as_json: JsonFlag = False,
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
) -> None:
    """Show the readings of a point."""
    now = clock.now()
    asked: dict[str, Any] = {"start": moment(start, now), "end": moment(end, now), "format": "json"}
    if asked["start"] >= asked["end"]:
        raise UserError(f"{start} is not before {end}")
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
    start: Annotated[str, typer.Option(help="ISO 8601 (park time where no zone is said), or like -6h, -3d")] = "-24h",
    end: Annotated[str, typer.Option(help="the same, or now")] = "now",
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
