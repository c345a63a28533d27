"""Normal life in an office (UCI occupancy, 20,560 minutes): every fire and gas alarm is false.

Through the real replay, with the rules as shipped, the thermometer once as a heat detector of its own and once as
part of a room sensor. The recording holds neither smoke nor CO; so a second run puts a good smoke meter and a
good CO cell beside it, with noise of a seed, and lets the real course of the temperature work against them.
"""

import csv
import tempfile
from pathlib import Path

import numpy as np

from bench.scoreboard.words import DATA, Figure
from runtime.recordings import cells_of
from runtime.replay import replay_map

FOLDER = DATA / "occupancy_room"
FILES = ("datatest", "datatest2", "datatraining")
COLUMNS = (("Temperature", "temperature"), ("Humidity", "humidity"), ("Light", "light"), ("CO2", "co2"))
_BESIDE = (("Smoke", "smoke_obscuration"), ("CO", "co"))
_WORDS = ("fire", "smoke", "gas")


def alarms(name: str, folder: Path, *, beside: bool = False, one_device: bool = False) -> tuple[int, int]:
    """Return (minutes, false alarms) of one recording."""
    names = [column for column, _ in COLUMNS]
    rows = [cells for _, cells in cells_of(FOLDER / f"{name}.txt", ["date", *names])]
    chance = np.random.default_rng(7)
    smoke, co = np.abs(chance.normal(0.2, 0.1, len(rows))), np.abs(chance.normal(2, 3, len(rows)))
    with (folder / "room.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["date", *names, "Smoke", "CO"])
        for n, row in enumerate(rows):
            writer.writerow([*row, f"{smoke[n]:.3f}", f"{co[n]:.2f}"])
    text = '[park]\nid = "office"\n[[file]]\npath = "room.csv"\ntime = "date"\n'
    for column, metric in (*COLUMNS, *(_BESIDE if beside else ())):
        device = "sensor" if one_device and (column, metric) in COLUMNS else f"d-{metric}"
        text += f'[[file.point]]\ncolumn = "{column}"\ndevice = "{device}"\nmetric = "{metric}"\nzone = "office"\n'
    (folder / "map.toml").write_text(text)
    replay_map(folder / "map.toml", folder / "out", lambda _: None)
    with (folder / "out" / "alarms.csv").open() as file:
        told = {a["alarm_id"] for a in csv.DictReader(file) if any(word in a["rule"] for word in _WORDS)}
    return len(rows), len(told)


def figures() -> list[Figure]:
    """Return the rows of the scoreboard."""
    with tempfile.TemporaryDirectory() as folder:
        bare = [alarms(name, Path(folder)) for name in FILES]
        whole = [alarms(name, Path(folder), one_device=True) for name in FILES]
        beside = [alarms(name, Path(folder), beside=True) for name in FILES]
    minutes = sum(m for m, _ in bare)
    false = sum(n for _, n in (*bare, *whole))
    return [
        Figure("room.false_alarms", false, 0, "0", "0", up=False, note=f"{minutes} minutes"),
        Figure(
            "room.false_alarms_beside_smoke_and_co", sum(n for _, n in beside), 0, aim="0", up=False,
            note="real temperature, made smoke and CO",
        ),
    ]  # fmt: skip
