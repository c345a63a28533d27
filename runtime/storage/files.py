"""A DuckDB file of one period: what is known of it, and the few things done to files.

```
 a file           h<n>  recent runs, as they were flushed, each sorted by (point, time)
  by partition n  r<n>  long sorted runs, made of h<n> when it has grown; in a closed period one run
                  t<n>  readings of r<n> counted by point and hour of receipt, from the rows themselves
                  meta  the last run in it, how many, and the bounds of receipt
```
A partition is 4,096 points, so that sorting and rewriting happen in steps of a second and a query
looks at one table of a few million rows.
"""

# ruff: noqa: S608 - names in the SQL are made here and values set into it are ints

from dataclasses import dataclass
from pathlib import Path

import duckdb

PARTITION = 12  # bits of a point number inside a partition
ROW_GROUP = 20_480  # measured: 1-min windows of 50 points twice as fast as with 122,880, at 0.4 B/row
HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes of the steps in which a store works."""

    merge_rows: int = 1_000_000  # of h<n> before it is sorted into r<n>
    merge_budget: int = 4_000_000  # rows sorted so in one flush: under a second
    slice_rows: int = 2_000_000  # rewritten at once in a closed period: about half a second, 100 MB
    open_files: int = 128  # of a kind, attached at most while nobody reads the others
    row_on_disk: int = 40  # bytes that a flushed row may need at worst, with its log; 7 to 11 were measured
    spare: int = 16 << 20  # bytes of disk that a flush leaves free


@dataclass(slots=True)
class File:
    """A period's file, while it is attached."""

    period: int
    path: Path
    alias: str
    run: int  # the last flush that wrote to it
    runs: int  # sorted runs written since it was one run
    low: int  # bounds of `received`, of raw readings
    high: int
    tables: frozenset[str]
    recent: dict[int, int]  # partition -> rows of h
    readers: int = 0
    retired: bool = False


def attach(c: duckdb.DuckDBPyConnection, path: Path, alias: str) -> None:
    """Attach a file, or make it."""
    name = str(path).replace("'", "''")
    c.execute(f"ATTACH '{name}' AS {alias} (ROW_GROUP_SIZE {ROW_GROUP})")


def make_meta(c: duckdb.DuckDBPyConnection, alias: str) -> None:
    """Make the table about a file, where it lacks it."""
    c.execute(f"CREATE TABLE IF NOT EXISTS {alias}.meta (run BIGINT, runs BIGINT, low BIGINT, high BIGINT)")


def counted_by_hour(table: str, where: str = "true") -> str:
    """Return SQL that counts a table's readings by point and hour of receipt."""
    return (
        f"SELECT point, (ts + lag) - (ts + lag) % {HOUR} AS hour, count(*) AS readings "
        f"FROM {table} WHERE {where} GROUP BY point, hour"
    )


def unlink(path: Path) -> None:
    """Delete a DuckDB file and its write-ahead log."""
    path.unlink(missing_ok=True)
    path.with_name(path.name + ".wal").unlink(missing_ok=True)
