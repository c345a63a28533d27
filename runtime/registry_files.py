"""The registry to files and back: a folder of CSV, one file a noun, or one XLSX, one sheet a noun.

An import says of every bad row where it is and why, and saves all or nothing. What the files do not
name stays as it is; what they name is found by its code or key and changed, or made.
"""

import csv
import io
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile, ZipFile

from park.apart import brought
from park.errors import NotFound, UserError
from park.model import Device
from runtime.registry_columns import BY_NAME, SHEETS, Cell, Sheet
from runtime.registry_reading import BadRow, Found, Reader, Row, Table
from runtime.registry_showing import shown
from runtime.storage.sql.registry import SqlRegistry

_MOST_BYTES = 256 << 20  # of one file
_MOST_UNPACKED = 512 << 20
_MOST_ROWS = 1_000_000  # of one noun
_FORMULA = "f"
# What reading a file that is no workbook, or half of one, ends in: at its opening or at any row.
_BROKEN = (BadZipFile, ParseError, zlib.error, KeyError, ValueError, OSError, EOFError)


@dataclass(frozen=True, slots=True)
class Report:
    """What an import did, or would do."""

    new: dict[str, int] = field(default_factory=dict)  # by sheet
    changed: dict[str, int] = field(default_factory=dict)
    same: dict[str, int] = field(default_factory=dict)
    problems: tuple[BadRow, ...] = ()
    saved: bool = False


def export_csv(registry: SqlRegistry, folder: Path) -> dict[str, int]:
    """Write one CSV a noun into a folder; return the rows of each. UTF-8 with a mark, so that Excel knows."""
    folder.mkdir(parents=True, exist_ok=True)
    counts = {}
    for sheet, rows in shown(registry):
        with (folder / f"{sheet.name}.csv").open("w", encoding="utf-8-sig", newline="") as out:
            writer = csv.writer(out)
            writer.writerow([column.name for column in sheet.columns])
            counts[sheet.name] = 0
            for row in rows:
                writer.writerow(["" if cell is None else cell for cell in row])
                counts[sheet.name] += 1
    return counts


def export_xlsx(registry: SqlRegistry, path: Path) -> dict[str, int]:
    """Write one workbook, a sheet a noun; return the rows of each."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    counts = {}
    for sheet, rows in shown(registry):
        page = book.create_sheet(sheet.name)
        page.freeze_panes = "A2"
        page.append([column.name for column in sheet.columns])
        counts[sheet.name] = 0
        for row in rows:
            cells = []
            for value in row:
                cell: Any = WriteOnlyCell(page, value)  # type: ignore[arg-type]
                if isinstance(value, str):
                    cell.data_type = "s"  # never a formula
                cells.append(cell)
            page.append(cells)
            counts[sheet.name] += 1
    book.save(path)
    return counts


def import_files(registry: SqlRegistry, path: Path, *, actor: str, reason: str, now: int, dry: bool = False) -> Report:
    """Read a folder of CSV, one CSV named after its noun, or an XLSX; save all, or nothing and say why."""
    tables, problems = _tables(path)
    reader = Reader(registry)
    for sheet in SHEETS:
        for table in tables:
            if table.sheet is sheet:
                reader.read(table)
    problems += reader.problems
    reader.found[:] = [_apart(found, now, problems) for found in reader.found]
    things = [found.thing for found in reader.found]
    if problems or dry:
        refused = registry.check(things)
    else:
        _, refused = registry.try_save(things, actor=actor, reason=reason, now=now)
    problems += [reader.found[p.index].bad(p.sentence) for p in refused]
    order = {table.name: n for n, table in enumerate(tables)}
    problems.sort(key=lambda bad: (order.get(bad.file, -1), bad.line))
    report = Report(problems=tuple(problems), saved=not problems and not dry)
    for found in reader.found:
        counts = report.new if found.before is None else report.same if found.same else report.changed
        counts[found.sheet.name] = counts.get(found.sheet.name, 0) + 1
    return report


def _apart(found: Found, now: int, problems: list[BadRow]) -> Found:
    """Return a row whose device, if it is set apart, is so for a time that ends; what the registry has stays."""
    if not isinstance(found.thing, Device) or found.same:
        return found
    try:
        before = found.before if isinstance(found.before, Device) else None
        return replace(found, thing=brought(found.thing, before, now))
    except UserError as why:
        problems.append(found.bad(str(why)))
        return found


# ── reading files ────────────────────────────────────────────────────────────────────────────────


def _tables(path: Path) -> tuple[list[Table], list[BadRow]]:
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix.lower() == ".csv")
    elif path.is_file():
        files = [path]
    else:
        raise NotFound(f"there is no file or folder {path}")
    if not files:
        raise UserError(f"there is no CSV file in {path}")
    tables: list[Table] = []
    problems: list[BadRow] = []
    for file in files:
        if file.stat().st_size > _MOST_BYTES:
            problems.append(BadRow(file.name, 0, "", f"is larger than {_MOST_BYTES >> 20} MiB"))
        elif file.suffix.lower() == ".xlsx":
            _read_xlsx(file, tables, problems)
        elif file.suffix.lower() == ".csv":
            _read_csv(file, tables, problems)
        else:
            raise UserError(f"{file.name} is neither CSV nor XLSX")
    return tables, problems


def _read_csv(file: Path, tables: list[Table], problems: list[BadRow]) -> None:
    sheet = BY_NAME.get(file.stem.lower())
    if not sheet:
        listed = ", ".join(f"{s.name}.csv" for s in SHEETS)
        problems.append(BadRow(file.name, 0, "", f"is none of {listed}"))
        return
    content = file.read_bytes()
    text = None
    for encoding in ("utf-8-sig", "gb18030"):  # the second is what a Chinese Excel writes when not told otherwise
        try:
            text = content.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    if text is None:
        problems.append(BadRow(file.name, 0, "", "is neither UTF-8 nor GB 18030"))
        return
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)

    def rows() -> Iterator[tuple[int, Sequence[Cell]]]:
        before = 0
        try:
            for cells in lines:
                yield before + 1, cells
                before = lines.line_num
        except csv.Error as why:
            problems.append(BadRow(file.name, before + 1, "", f"is no CSV: {why}"))

    _table(file.name, sheet, rows(), tables, problems)


def _read_xlsx(file: Path, tables: list[Table], problems: list[BadRow]) -> None:
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    broken = (*_BROKEN, InvalidFileException)
    try:
        with ZipFile(file) as packed:
            size = sum(part.file_size for part in packed.infolist())
        if size > _MOST_UNPACKED:
            problems.append(BadRow(file.name, 0, "", f"unpacks to more than {_MOST_UNPACKED >> 20} MiB"))
            return
        book = load_workbook(file, read_only=True)
    except broken as why:
        problems.append(BadRow(file.name, 0, "", f"is no workbook: {why}"))
        return
    try:
        for page in book.worksheets:
            name = f"{file.name}:{page.title}"
            sheet = BY_NAME.get(page.title.strip().lower())
            if not sheet:
                listed = ", ".join(s.name for s in SHEETS)
                problems.append(BadRow(name, 0, "", f"is none of the sheets {listed}"))
                continue

            def rows(page: Any = page, name: str = name) -> Iterator[tuple[int, Sequence[Cell]]]:
                try:
                    for line, cells in enumerate(page.iter_rows(), 1):
                        if any(cell.data_type == _FORMULA for cell in cells):
                            problems.append(BadRow(name, line, "", "holds a formula; values are expected"))
                            continue
                        yield line, [cell.value for cell in cells]
                except broken as why:
                    problems.append(BadRow(name, 0, "", f"is no sheet: {why}"))

            _table(name, sheet, rows(), tables, problems)
    finally:
        book.close()


def _table(
    name: str,
    sheet: Sheet,
    lines: Iterable[tuple[int, Sequence[Cell]]],
    tables: list[Table],
    problems: list[BadRow],
) -> None:
    """Take the header and the rows that hold anything."""
    columns = {c.name: c for c in sheet.columns} | {c.zh: c for c in sheet.columns}
    places: list[Any] | None = None
    rows: list[Row] = []
    for line, cells in lines:
        texts = ["" if cell is None else str(cell).strip() for cell in cells]
        if not any(texts):
            continue
        if places is None:
            places = [columns.get(text.lower()) for text in texts]
            bad = [text for text, place in zip(texts, places, strict=True) if text and place is None]
            problems += [BadRow(name, line, text, "there is no such column") for text in bad]
            named = [c.name for c in places if c]
            problems += [BadRow(name, line, n, "stands there twice") for n in {n for n in named if named.count(n) > 1}]
            lacking = [c.name for c in sheet.columns if c.needed and c.name not in named]
            problems += [BadRow(name, line, n, "this column is missing") for n in lacking]
            if bad or lacking:
                return
            continue
        if any(texts[len(places) :]):
            problems.append(BadRow(name, line, "", f"has {len(texts)} cells under {len(places)} headings"))
            continue
        if len(rows) >= _MOST_ROWS:
            problems.append(BadRow(name, line, "", f"more than {_MOST_ROWS} rows"))
            break
        given = {c.name: cell for c, cell in zip(places, cells, strict=False) if c and cell is not None and cell != ""}
        rows.append(Row(line, given))
    tables.append(Table(name, sheet, rows, frozenset(c.name for c in places or () if c)))
