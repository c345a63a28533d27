"""`park report`: the figures of alarms of a month, as a page to be printed or as a table."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from park.errors import Conflict, UserError
from runtime.cli_flags import FolderFlag, SettingsFlag
from runtime.cli_words import ParkFlag, asking, moment, number_of_park

_MONTH = re.compile(r"20\d{2}-(0[1-9]|1[0-2])")


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(report)


def report(
    month: Annotated[str, typer.Option("--month", help="e.g. 2026-11, park time")],
    park: ParkFlag = None,
    out: Annotated[Path | None, typer.Option("--out", help="a new file; left out: printed", show_default=False)] = None,
    lang: Annotated[str, typer.Option("--lang", help="zh | en")] = "zh",
    as_csv: Annotated[bool, typer.Option("--csv", help="the figures as CSV instead of a page")] = False,
    positions: Annotated[int, typer.Option("--positions", min=1, max=100, help="officers who share the alarms")] = 1,
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
) -> None:
    """Write the report of a month: alarm figures beside their benchmarks (ISA-18.2, EEMUA 191, BS 5839-1)."""
    if not _MONTH.fullmatch(month):
        raise UserError(f"{month!r} is no month: give something like 2026-11")
    if lang not in {"zh", "en"}:
        raise UserError("a report is in zh or en")
    if out is not None and out.exists():
        raise Conflict(f"{out} exists already; give a new file")
    with asking(settings_file, data_dir) as asker:
        asked: dict[str, Any] = {"positions": positions}
        if park:
            asked["park"] = number_of_park(asker, park)
        if as_csv:
            year, number = int(month[:4]), int(month[5:])
            after = f"{year + number // 12}-{number % 12 + 1:02d}-01"
            asked |= {"start": moment(f"{month}-01", 0), "end": moment(after, 0)}
            text = asker.send("GET", "/kpi.csv", params=asked).text
        else:
            text = asker.send("GET", "/kpi/report", params={**asked, "month": month, "lang": lang}).text
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        with out.open("x", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as why:
        raise UserError(f"{out} cannot be written ({why.strerror})") from why
    typer.echo(str(out))
