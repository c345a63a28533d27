"""What commands that ask have in common: the way to the API, times, rows and pages."""

import json
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from park.errors import NotFound, UserError
from runtime.cli_flags import errors, settings_of
from runtime.client import Asker, open_asker

JsonFlag = Annotated[bool, typer.Option("--json", help="print JSON, for scripts")]
ParkFlag = Annotated[str | None, typer.Option("--park", help="code or number of a park", show_default=False)]

_PARK_TIME = timezone(timedelta(hours=8))  # China keeps one time
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_WIDE = 10_000  # columns of output that is no terminal: no cell is cut
_PAGE = 1_000


class _Sentence(logging.Formatter):
    """A line of the log without where it happened."""

    def format(self, record: logging.LogRecord) -> str:
        why = record.exc_info[1] if record.exc_info else None
        return f"park: {why or record.getMessage()}"


@contextmanager
def asking(settings_file: Path | None, data_dir: Path | None) -> Iterator[Asker]:
    """Open the way to a data folder's API."""
    # Over the files of a resting folder, what the API logs is for the person: a sentence, no traceback.
    sentences = logging.StreamHandler()
    sentences.setFormatter(_Sentence())
    logging.basicConfig(handlers=[sentences])
    asker = open_asker(settings_of(settings_file, data_dir=data_dir))
    try:
        yield asker
    finally:
        asker.close()


def show(rows: Sequence[Mapping[str, Any]], columns: Iterable[str], *, as_json: bool) -> None:
    """Print rows as a table, or as JSON with all they hold; how many goes to the error stream."""
    if as_json:
        sys.stdout.write(json.dumps(list(rows), ensure_ascii=False) + "\n")
        return
    terminal = sys.stdout.isatty()
    out = Console(highlight=False, width=None if terminal else _WIDE)
    table = Table(box=None, pad_edge=False, header_style="bold")
    columns = list(columns)
    for column in columns:
        numbers = all(isinstance(row.get(column), int | float) for row in rows)
        table.add_column(column, justify="right" if numbers and rows else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(c)) for c in columns))
    with out.capture() as captured:
        out.print(table)
    for line in captured.get().splitlines():
        sys.stdout.write(line.rstrip() + "\n")
    errors.print("1 row" if len(rows) == 1 else f"{len(rows)} rows")


def _cell(value: Any) -> str:
    """Return a value as people read it; brackets of texts are no markup."""
    if value is None:
        return ""
    text = f"{value:.6g}" if isinstance(value, float) and abs(value) < 1e6 else str(value)
    return text.removesuffix(".0").replace("[", "\\[")


def pages(asker: Asker, path: str, limit: int, **asked: Any) -> list[dict[str, Any]]:
    """Return the rows of a paged list, up to a number of them."""
    rows: list[dict[str, Any]] = []
    after = 0
    while len(rows) < limit:
        page = asker.call("GET", path, params={**asked, "after": after, "limit": min(_PAGE, limit - len(rows))})
        rows += page["items"]
        if not page["next"]:
            break
        after = page["next"]
    return rows


def number_of_park(asker: Asker, park: str) -> int:
    """Return the number of a park that a person names by code or number. Raises NotFound."""
    found = pages(asker, "/parks", 100_000)
    for thing in found:
        if park in {thing["code"], str(thing["id"])}:
            return int(thing["id"])
    raise NotFound(f"there is no park {park!r}; there are {', '.join(t['code'] for t in found) or 'none yet'}")


def moment(text: str, now: int) -> int:
    """Return a time in epoch ms from ISO 8601 (park time where no zone is said), "now" or "-6h", "-3d", "-90m"."""
    if text == "now":
        return now
    if text.startswith("-") and text[-1:] in _UNITS and text[1:-1].isdecimal() and len(text) < 12:
        return max(0, now - int(text[1:-1]) * _UNITS[text[-1]] * 1_000)
    try:
        at = datetime.fromisoformat(text)
        return int((at if at.tzinfo else at.replace(tzinfo=_PARK_TIME)).timestamp() * 1_000)
    except (ValueError, OverflowError) as why:
        raise UserError(f"{text!r} is no time: give ISO 8601, now, or something like -6h") from why


def iso(ts: int | None) -> str:
    """Return a time for people: ISO 8601 in park time; "" for none."""
    if not ts:
        return ""
    return datetime.fromtimestamp(ts / 1_000, UTC).astimezone(_PARK_TIME).isoformat(timespec="seconds")
