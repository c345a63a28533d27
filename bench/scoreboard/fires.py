"""Real room fires (NIST TN 1455): seconds from ignition to the first alarm and to confirmation.

Through the real replay, at every ceiling station: one smoke, one heat and one CO detector a place. A station
without a CO analyser borrows that of the hall. The first alarm anywhere counts, as it does in a park. No threshold
was picked on these files: each is a row of stream/rules.toml with its basis.
"""

import csv
import math
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from statistics import median

from bench.scoreboard.words import DATA, Figure
from runtime.replay import replay_map

FOLDER = DATA / "nist_smoke"
FIRES = ("SDC02", "SDC07", "SDC33", "SDC38")
STATIONS = "ABCDEF"
_GAS = {"A": "A", "B": "B", "C": "C", "F": "F"}  # analysers; other stations borrow that of the hall, F
_PACES = (10, 30)  # s between readings, as of detectors on radio
_NEVER = 10_000.0  # s, in place of "not found"
# s by which a heat detector's element and a smoke detector's chamber follow the air: first-order lags, of a fast
# element in a ceiling jet of 1 m/s (RTI 20 (m s)^0.5) and of a chamber's entry. Bare thermocouples and smoke
# meters, as recorded, are faster than any detector.
_LAGS: Mapping[str, float] = {"TC": 20.0, "SM": 10.0}
_SETS: Mapping[str, frozenset[str]] = {
    "heat": frozenset({"temperature"}),
    "smoke": frozenset({"smoke_obscuration"}),
    "co": frozenset({"co"}),
    "heat_smoke": frozenset({"temperature", "smoke_obscuration"}),
    "all": frozenset({"temperature", "smoke_obscuration", "co"}),
}


@dataclass(frozen=True, slots=True)
class Found:
    """When a fire was told, in seconds after ignition."""

    first: float
    confirmed: float
    rule: str
    reason: str
    place: str


def map_of(fire: str, metrics: frozenset[str] = _SETS["all"], stations: str = STATIONS, folder: Path = FOLDER) -> str:
    """Return the map of a recording: a place a station, a device a sensor."""
    path = folder / f"NIST_Smoke_Alarms_{fire}.csv"
    with path.open() as file:
        columns = set(next(csv.reader(file)))
    text = f'[park]\nid = "nist"\n[[file]]\npath = "{path}"\ntime = "TIME"\ntime_unit = "s"\n'
    for station in stations:
        gas = f"GAS{_GAS.get(station, 'F')}_1"
        for column, metric, unit in (
            (f"TC{station}_1", "temperature", "degC"), (f"SM{station}_1", "smoke_obscuration", "1/m"), (gas, "co", "%"),
        ):  # fmt: skip
            if column in columns and metric in metrics:
                text += (
                    f'[[file.point]]\ncolumn = "{column}"\ndevice = "{metric} {station}"\nmetric = "{metric}"\n'
                    f'unit = "{unit}"\nzone = "{station}"\n'
                )
    return text


def lagged(fire: str, folder: Path) -> None:
    """Write a recording as detectors would have told it, that follow the air of the room with a lag."""
    with (FOLDER / f"NIST_Smoke_Alarms_{fire}.csv").open() as file:
        header, *rows = csv.reader(file)
    seconds = [float(row[0]) for row in rows]
    for column, name in enumerate(header):
        lag = next((lag for word, lag in _LAGS.items() if name.startswith(word)), 0.0)
        if not lag:
            continue
        told = float(rows[0][column])
        for n in range(1, len(rows)):
            told += (float(rows[n][column]) - told) * -math.expm1((seconds[n - 1] - seconds[n]) / lag)
            rows[n][column] = repr(told)
    with (folder / f"NIST_Smoke_Alarms_{fire}.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def thinned(fire: str, folder: Path, pace: int, since: int) -> None:
    """Write a recording as detectors would have told it, that speak every so many seconds from one on."""
    with (FOLDER / f"NIST_Smoke_Alarms_{fire}.csv").open() as file:
        header, *rows = csv.reader(file)
    kept: dict[int, list[str]] = {}  # the first row of each pace
    for row in rows:
        if float(row[0]) >= since:
            kept.setdefault(int(float(row[0]) - since) // pace, row)
    with (folder / f"NIST_Smoke_Alarms_{fire}.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *kept.values()])


def found(
    fire: str, metrics: frozenset[str] = _SETS["all"], stations: str = STATIONS,
    changed: Callable[[str, Path], None] | None = None,
) -> Found:  # fmt: skip
    """Return when one recording is told, as it is or `changed`; only fire alarms count, a gas alarm is no fire."""
    with tempfile.TemporaryDirectory() as folder:
        plan = Path(folder) / "map.toml"
        if changed is not None:
            changed(fire, Path(folder))
        plan.write_text(map_of(fire, metrics, stations, FOLDER if changed is None else Path(folder)))
        replay_map(plan, Path(folder), lambda _: None)
        with (Path(folder) / "alarms.csv").open() as file:
            alarms = [a for a in csv.DictReader(file) if a["rule"].startswith("fire.") and a["state"] == "active"]
    if not alarms:
        return Found(_NEVER, _NEVER, "", "", "")
    confirmed = [a for a in alarms if a["rule"] == "fire.confirmed"]
    one = alarms[0]
    return Found(
        _seconds(one["at"]), _seconds(confirmed[0]["at"]) if confirmed else _NEVER, one["rule"], one["reason"],
        one["zone"],
    )  # fmt: skip


def _seconds(at: str) -> float:
    return datetime.fromisoformat(at).timestamp() - datetime.fromisoformat("2000-01-01T00:00:00Z").timestamp()


def figures() -> list[Figure]:
    """Return the rows of the scoreboard."""
    rows = []
    for name, metrics in _SETS.items():
        told = [found(fire, metrics) for fire in FIRES]
        each = ", ".join(f"{fire} {t.first:.0f}" for fire, t in zip(FIRES, told, strict=True))
        rows.append((name, told, each))
    whole = rows[-1][1]
    note = "first alarm anywhere, s after ignition: " + rows[-1][2]
    out = [
        Figure("fires.found", sum(t.first < _NEVER for t in whole), 0, "4", "4", note="of 4"),
        Figure("fires.first_s", median(t.first for t in whole), 2, "52", "< 45", up=False, note=note),
        Figure("fires.confirmed_s", median(t.confirmed for t in whole), 2, "60", "< 60", up=False),
    ]
    slow = [found(fire, changed=lagged) for fire in FIRES]
    out += [
        Figure(
            "fires.slow_sensors_first_s", median(t.first for t in slow), 2, up=False, note="heat lags 20 s, smoke 10 s"
        ),
        Figure("fires.slow_sensors_confirmed_s", median(t.confirmed for t in slow), 2, up=False),
    ]
    for pace in _PACES:
        some = [found(fire, changed=partial(thinned, pace=pace, since=s)) for fire in FIRES for s in range(0, pace, 2)]
        for what, at in (("first", [t.first for t in some]), ("confirmed", [t.confirmed for t in some])):
            note = f"told every {pace} s, from each second second on; the last of {len(some)}: {max(at):.0f}"
            out.append(Figure(f"fires.every_{pace}_s_{what}_s", median(at), 2, up=False, note=note))
    return out + [
        Figure(f"fires.{name}_alone_first_s", median(t.first for t in told), 2, up=False, note=each)
        for name, told, each in rows[:-1]
    ]


if __name__ == "__main__":
    for fire in FIRES:
        for station in STATIONS:
            print(fire, station, found(fire, stations=station))
    for figure in figures():
        print(figure)
