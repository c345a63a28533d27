"""`park devices`: those that speak and are not known yet, and making them ours."""

from typing import Annotated, Any

import typer

from park.errors import NotFound
from runtime.cli_flags import FolderFlag, SettingsFlag
from runtime.cli_words import JsonFlag, asking, iso, number_of_park, pages, show
from runtime.client import Asker

_PLACES = ("units", "zones", "buildings")
_NEWEST = 60  # characters of the newest message in a table


def add(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(no_args_is_help=True, help="Devices that speak and wait to be claimed.")
    group.command("waiting")(waiting)
    group.command("claim")(claim)
    app.add_typer(group, name="devices")


def waiting(as_json: JsonFlag = False, settings_file: SettingsFlag = None, data_dir: FolderFlag = None) -> None:
    """List devices that speak and are in no registry yet, with their newest message."""
    with asking(settings_file, data_dir) as asker:
        rows = asker.call("GET", "/waiting")
    if not as_json:
        for row in rows:
            text = row["text"] if row["text"] is not None else row["base64"]
            row |= {"last": iso(row["newest"]), "says": text if len(text) <= _NEWEST else text[: _NEWEST - 1] + "…"}
    show(rows, ("device_key", "messages", "last", "says"), as_json=as_json)


def claim(
    device_key: Annotated[str, typer.Argument(help="as `park devices waiting` names it")],
    park: Annotated[str, typer.Option(help="code or number of its park")],
    kind: Annotated[str, typer.Option(help="e.g. meter, smoke_detector, gateway")],
    place: Annotated[
        str | None, typer.Option(help="code of the unit, zone or building; left out: the park", show_default=False)
    ] = None,
    name: Annotated[str, typer.Option(help="what people call it", show_default=False)] = "",
    gateway: Annotated[
        str | None, typer.Option(help="key of the gateway that speaks for it", show_default=False)
    ] = None,
    interval: Annotated[int, typer.Option(min=1, max=3_456_000, help="seconds between two messages")] = 60,
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
) -> None:
    """Say what a waiting device is; its points are those that its dialect names, its kept messages are taken in."""
    with asking(settings_file, data_dir) as asker:
        at = number_of_park(asker, park)
        body: dict[str, Any] = {
            "device_key": device_key,
            "park": at,
            "place": _place(asker, at, place) if place else at,
            "kind": kind,
            "name": name or device_key.rpartition("/")[2],
            "gateway": _gateway(asker, at, gateway) if gateway else 0,
            "interval": interval * 1_000,
        }
        device = asker.call("POST", "/waiting/claim", json=body)
        found = pages(asker, "/points", 1_000, device=device["id"])
    metrics = ", ".join(p["metric"] + (f".{p['channel']}" if p["channel"] else "") for p in found)
    typer.echo(f"device {device['id']}: {metrics}")


def _place(asker: Asker, park: int, code: str) -> int:
    for path in _PLACES:
        for found in pages(asker, f"/{path}", 1, park=park, code=code):
            return int(found["id"])
    raise NotFound(f"there is no unit, zone or building {code!r} in that park")


def _gateway(asker: Asker, park: int, key: str) -> int:
    for found in pages(asker, "/gateways", 1, park=park, key=key):
        return int(found["id"])
    raise NotFound(f"there is no gateway {key!r} in that park")
