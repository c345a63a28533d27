"""`make scoreboard`: fill docs/scoreboard.md and bench/results/scoreboard.json from the labelled sets.

`python -m bench.scoreboard [SET ...] [--check]`; a set is a module beside this file whose `figures()` returns
its rows. `--check` writes nothing and ends with 1 where a figure fell by more than its noise. Deterministic:
the same commit gives the same figures.
"""

import argparse
import importlib
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench.scoreboard.words import DATA, Figure

SETS: tuple[str, ...] = (
    "fires",
    "room",
    "nuisances",
    "lead",
    "dodgers",
    "collapse",
    "simulator",
    "parks",
    "week",
    "nab",
    "injected",
    "amounts",
)
RESULTS = Path(__file__).parents[1] / "results" / "scoreboard.json"
PAGE = Path(__file__).parents[2] / "docs" / "scoreboard.md"


def main() -> int:
    """Measure the sets asked for, all by default; rows of the others stay as they were."""
    ask = argparse.ArgumentParser()
    ask.add_argument("sets", nargs="*", choices=[*SETS, []], default=[])
    ask.add_argument("--check", action="store_true")
    args = ask.parse_args()
    if not DATA.is_dir():
        print(f"no labelled data at {DATA} (PARK_SHARED_DATA): nothing measured")
        return 0
    committed = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    rows: dict[str, dict[str, object]] = dict(committed)
    fallen = []
    sets = args.sets or SETS
    with ProcessPoolExecutor(min(len(sets), os.cpu_count() or 1)) as pool:
        measured = list(pool.map(_measured, sets))
    for name, figures in zip(sets, measured, strict=True):
        rows = {key: row for key, row in rows.items() if not key.startswith(f"{name}.")}
        for figure in figures:
            if figure.key in committed and figure.worse_than(committed[figure.key]["value"]):
                fallen.append(f"{figure.key}: {committed[figure.key]['value']:.4g} -> {figure.value:.4g}")
            rows[figure.key] = {
                "value": round(figure.value, 4), "floor": figure.floor, "aim": figure.aim, "note": figure.note,
            }  # fmt: skip
    for line in fallen:
        print(f"fell: {line}")
    if args.check:
        return 1 if fallen else 0
    RESULTS.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    PAGE.write_text(page(rows))
    return 0


def _measured(name: str) -> list[Figure]:
    """Return the figures of a set; a set is a process's own, so that each core has one."""
    began = time.process_time()
    figures = importlib.import_module(f"bench.scoreboard.{name}").figures()
    print(f"{name}: {len(figures)} figures, {time.process_time() - began:.0f} CPU-s", flush=True)
    return figures


def page(rows: dict[str, dict[str, object]]) -> str:
    """Return the scoreboard as Markdown."""
    lines = [
        "# Scoreboard", "",
        "Made by `make scoreboard` from labelled sets; figures are of the product's own settings unless a",
        "note says otherwise. One parameter set for all: a metric's kind may choose a detector, a file never.", "",
        "| figure | value | naive floor | aim | note |", "| --- | ---: | --- | --- | --- |",
    ]  # fmt: skip
    lines += [
        f"| `{key}` | {row['value']:g} | {row['floor']} | {row['aim']} | {row['note']} |" for key, row in rows.items()
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
