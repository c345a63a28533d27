"""Readings out of the store: to one Parquet file, or whole, as a copy that can be opened."""

# ruff: noqa: S608 - names in the SQL are made here and values set into it are ints

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from park.errors import Conflict
from runtime.lasting import sync_folder
from runtime.storage.files import File
from runtime.storage.period_files import PeriodFiles

ROWS = 500_000  # of a row group: 20 MB while it is written

FIELDS: list[tuple[str, pa.DataType]] = [
    ("point", pa.int32()),
    ("ts", pa.timestamp("ms", "UTC")),
    ("value", pa.float64()),
    ("quality", pa.uint8()),
    ("received", pa.timestamp("ms", "UTC")),
]
SCHEMA = pa.schema(FIELDS)

Progress = Callable[[int, int], None]  # (files done, files in all)


def to_parquet(files: PeriodFiles, run: int, start: int, end: int, path: Path, progress: Progress) -> int:
    """Write readings of flushes up to `run` with start <= ts < end, by day, point and ts; return how many.

    The file appears when it is whole.
    """
    draft = path.with_name(path.name + ".tmp")
    periods = files.periods(start, end) if start < end else []
    rows = 0
    with pq.ParquetWriter(draft, SCHEMA, compression="zstd") as out:
        for done, period in enumerate(periods):
            progress(done, len(periods))
            with files.lend(period) as file:
                if file is not None:
                    rows += _write(files, file, run, start, end, out)
    progress(len(periods), len(periods))
    draft.replace(path)
    return rows


def _write(files: PeriodFiles, file: File, run: int, start: int, end: int, out: pq.ParquetWriter) -> int:
    rows = 0
    for n in sorted({int(name[1:]) for name in file.tables if name[0] in "hr"}):
        several = " UNION ALL ".join(
            f"SELECT point, ts, value, quality, ts + lag AS received FROM {file.alias}.{letter}{n} WHERE {which}"
            for letter, which in (("r", "true"), ("h", f"run <= {run}"))
            if f"{letter}{n}" in file.tables
        )
        query = f"SELECT * FROM ({several}) WHERE ts >= {start} AND ts < {end} ORDER BY point, ts"
        with files.engine.cursor() as c:
            for batch in c.execute(query).to_arrow_reader(ROWS):
                out.write_table(pa.Table.from_batches([batch]).cast(SCHEMA))
                rows += batch.num_rows
    return rows


def copy(kinds: Sequence[PeriodFiles], others: Sequence[Path], target: Path, progress: Progress) -> None:
    """Copy every file of some kinds, and others beside them, into a folder that is empty.

    Nothing may write meanwhile. Raises Conflict.
    """
    if target.exists() and any(target.iterdir()):
        raise Conflict(f"{target} is not empty")
    todo = [(files, period) for files in kinds for period in files.periods()]
    for done, (files, period) in enumerate(todo):
        progress(done, len(todo))
        with files.lend(period) as file:
            if file is None:
                continue
            with files.engine.cursor() as c:
                c.execute(f"CHECKPOINT {file.alias}")  # all of it in one file, nothing in its log
            (target / files.kind.name).mkdir(parents=True, exist_ok=True)
            shutil.copy2(file.path, target / files.kind.name / file.path.name)
    target.mkdir(parents=True, exist_ok=True)
    for path in others:
        if path.exists():
            shutil.copy2(path, target / path.name)
    sync_folder(target)
    progress(len(todo), len(todo))
