"""Replays of recorded tables: formats, order, and what is found in them."""

import csv
import os
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from park.errors import UserError
from runtime.replay import replay_map
from runtime.score import score_series

SHARED = Path(os.environ.get("PARK_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
real = pytest.mark.skipif(not SHARED.is_dir(), reason="recordings of others are not here (PARK_SHARED_DATA)")


def table(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def read(path):
    """Return the rows of a file."""
    return list(csv.DictReader(path.read_text("utf-8").splitlines()))


def replayed(folder, text, name="map.toml"):
    """Return the rows of the three files of a map."""
    (folder / name).write_text(text)
    out = folder / "out"
    replay_map(folder / name, out, lambda _: None)
    return {f.stem: read(f) for f in sorted(out.iterdir())}


def point(column, device, metric, unit="", **more):
    lines = {"column": column, "device": device, "metric": metric, "unit": unit, **more}
    return "[[file.point]]\n" + "".join(f"{k} = {v!r}\n" for k, v in lines.items() if v != "")


FIRE = """
[park]
id = "demo"
start = "2000-01-01T00:00:00Z"
[[file]]
path = "fire.csv"
time = "Time"
time_unit = "s"
skip_rows = [1]
""" + point("TC1", "heat-1", "temperature", "degC", zone="bedroom") + point(
    "SM1", "smoke-1", "smoke_obscuration", "1/m", zone="bedroom"
)  # fmt: skip


def fire_rows(seconds=200):
    return [["s", "degC", "1/m"]] + [
        [t, 22 + max(0, t - 60) * 0.5, max(0.0, t - 40) * 0.001] for t in range(0, seconds, 4)
    ]


class TestFormats:
    def test_fire(self, tmp_path):
        """A fire becomes one alarm: the same id from pre-alarm to confirmed, in words others rely on."""
        table(tmp_path / "fire.csv", ["Time", "TC1", "SM1"], fire_rows())

        alarms = replayed(tmp_path, FIRE)["alarms"]

        assert ["at", "alarm_id", "rule", "severity", "state", "zone", "device", "metric", "value", "reason"] == list(
            alarms[0]
        )
        assert {alarms[0]["alarm_id"]} == {a["alarm_id"] for a in alarms}
        assert ["fire.pre_alarm", "fire.confirmed"] == list(dict.fromkeys(a["rule"] for a in alarms))
        assert [("high", "active", "bedroom")] == list({(a["severity"], a["state"], a["zone"]) for a in alarms[:1]})
        assert alarms[0]["at"].startswith("2000-01-01T00:0")
        assert alarms[0]["at"].endswith("Z")

    def test_no_zone(self, tmp_path):
        """A map that names no zone is of one room: its devices confirm each other."""
        table(tmp_path / "fire.csv", ["Time", "TC1", "SM1"], fire_rows())

        alarms = replayed(tmp_path, FIRE.replace("zone = 'bedroom'\n", ""))["alarms"]

        assert [("fire.pre_alarm", ""), ("fire.confirmed", "")] == list(
            dict.fromkeys((a["rule"], a["zone"]) for a in alarms)
        )

    def test_same_bytes(self, tmp_path):
        """The same recording gives the same bytes, and a longer one only adds rows."""
        texts = []
        for seconds in (200, 200, 80):
            table(tmp_path / "fire.csv", ["Time", "TC1", "SM1"], fire_rows(seconds))
            replayed(tmp_path, FIRE)
            texts.append((tmp_path / "out" / "alarms.csv").read_text())

        assert texts[0] == texts[1]
        assert texts[0].startswith(texts[2])
        assert len(texts[2]) < len(texts[0])

    def test_activity(self, tmp_path):
        """A tenant that stops is told as stopped within five days; only closed days are judged."""
        begin = datetime(2025, 3, 3)  # noqa: DTZ001 (park time)
        chance = np.random.default_rng(1)
        rows, total = [], 1000.0
        for n in range(24 * 60):
            at = begin + timedelta(hours=n)
            busy = at.weekday() < 6 and 8 <= at.hour < 18 and n < 24 * 49
            total += chance.uniform(8, 12) if busy else 0.5
            rows.append([at.isoformat(sep=" "), f"{total:.3f}"])
        table(tmp_path / "load.csv", ["when", "kWh"], rows)
        text = '[park]\nid = "p"\ncalendar = "none"\n[[file]]\npath = "load.csv"\ntime = "when"\n' + point(
            "kWh", "m-1", "energy", "kWh", tenant="t-1"
        )

        activity = replayed(tmp_path, text)["activity"]
        states = {a["day"]: a["state"] for a in activity}

        assert ["day", "tenant", "state", "ratio", "score", "reasons"] == list(activity[0])
        assert "active" == states["2025-04-19"]
        assert "stopped" == states["2025-04-25"]
        assert "2025-05-01" not in states
        assert "2025-04-30" in states

    def test_paper(self, tmp_path):
        """A paper on file explains silence, and is named."""
        rows = [[f"2025-03-{d:02d}T{h:02d}:00:00", 1.0] for d in range(1, 32) for h in range(24)]
        table(tmp_path / "load.csv", ["when", "kWh"], rows)
        text = (
            '[park]\nid = "p"\ncalendar = "none"\n[[file]]\npath = "load.csv"\ntime = "when"\n'
            + point("kWh", "m-1", "energy", tenant="t-1")
            + '[[paper]]\ntenant = "t-1"\ntype = "supply_pause"\nfrom = "2025-03-29"\nto = "2025-03-30"\n'
        )

        last = {a["day"]: a for a in replayed(tmp_path, text)["activity"]}["2025-03-29"]

        assert ("unknown", True) == (last["state"], "pause of supply" in last["reasons"])


BROKEN = {
    "no such map": (None, "No such file"),
    "no toml": ("[park", "TOML"),
    "no file": ('[park]\nid = "x"\n', "[[file]]"),
    "metric": (FIRE.replace("'temperature'", "'warmth'"), "warmth"),
    "unit": (FIRE.replace("'degC'", "'furlong'"), "furlong"),
    "column": (FIRE.replace("'TC1'", "'TC9'"), "line 1: has no column 'TC9'"),
    "time unit": (FIRE.replace('"s"', '"h"'), "time_unit"),
    "number": (FIRE, "line 4: TC1 'hot'"),
    "time": (FIRE.replace('"s"', '"iso"'), "line 3: Time '0'"),
}


@pytest.mark.parametrize(("text", "words"), BROKEN.values(), ids=BROKEN)
def test_broken_map(tmp_path, text, words):
    """What is wrong with a map or a table is one sentence that names file and line."""
    table(tmp_path / "fire.csv", ["Time", "TC1", "SM1"], [["s", "degC", "1/m"], [0, 20, 0], [4, "hot", 0]])
    if text is not None:
        (tmp_path / "map.toml").write_text(text)

    with pytest.raises(UserError) as why:
        replay_map(tmp_path / "map.toml", tmp_path / "out", lambda _: None)

    assert words in str(why.value)


class TestScore:
    def scored(self, folder, rows, **more):
        """Return the rows that a series is given."""
        table(folder / "in.csv", ["timestamp", "value"], rows)
        score_series(folder / "in.csv", "timestamp", "value", folder / "out.csv", **more)
        return read(folder / "out.csv")

    def series(self, hours=24 * 40):
        """Return an hourly load, high by day."""
        begin = datetime(2025, 3, 3)  # noqa: DTZ001 (park time)
        chance = np.random.default_rng(1)
        return [
            [str(begin + timedelta(hours=n)), f"{(50 if 8 <= n % 24 < 18 else 8) + chance.normal():.3f}"]
            for n in range(hours)
        ]

    def test_rows(self, tmp_path):
        """Every row comes back, in order, as it came; what is missing has no score."""
        rows = self.series(300)
        rows[50][1], rows[60][1] = "", "NaN"

        out = self.scored(tmp_path, rows)

        assert rows == [[r["timestamp"], r["value"]] for r in out]
        assert [50, 60] == [n for n, r in enumerate(out) if r["score"] == ""]
        assert {"0", "1"} >= {r["anomaly"] for r in out}
        assert all(0 <= float(r["score"]) <= 1 for r in out if r["score"])

    def test_finds(self, tmp_path):
        """The load of noon at midnight is an anomaly; nothing is while it learns."""
        rows = self.series()
        rows[24 * 30 + 2][1] = "50"
        rows[5][1] = "5000"

        out = self.scored(tmp_path, rows)

        assert "1" == out[24 * 30 + 2]["anomaly"]
        assert 0.0 == float(out[5]["score"])

    def test_no_look_ahead(self, tmp_path):
        """A longer file never changes an earlier row."""
        rows = self.series()

        assert self.scored(tmp_path, rows)[:500] == self.scored(tmp_path, rows[:500])

    def test_register(self, tmp_path):
        """A register is judged by what was used."""
        rows = self.series()
        rows[24 * 30 + 2][1] = "80"
        total = np.cumsum([float(v) for _, v in rows])

        out = self.scored(
            tmp_path, [[t, repr(float(x))] for (t, _), x in zip(rows, total, strict=True)], kind="energy_total"
        )

        assert "1" == out[24 * 30 + 2]["anomaly"]

    @pytest.mark.parametrize(("row", "words"), [(["soon", "1"], "line 3"), (["2025-03-03", "many"], "line 3: value")])
    def test_bad_row(self, tmp_path, row, words):
        """A row that cannot be read is named by its line."""
        with pytest.raises(UserError) as why:
            self.scored(tmp_path, [["2025-03-03", "1"], row])

        assert words in str(why.value)


def nist_map(number, place):
    """Return a map of a room with a smoke, a heat and a CO detector."""
    return (
        f'[park]\nid = "nist"\n[[file]]\npath = "{SHARED}/nist_smoke/NIST_Smoke_Alarms_SDC{number}.csv"\n'
        'time = "TIME"\ntime_unit = "s"\n'
        + point(f"TC{place}_1", "heat", "temperature", "degC", zone="room")
        + point(f"SM{place}_1", "smoke", "smoke_obscuration", "1/m", zone="room")
        + point(f"GAS{place}_1", "co", "co", "%", zone="room")
    )


@real
@pytest.mark.parametrize("number", ["02", "07", "33", "38"])
def test_room_fires(tmp_path, number):
    """A real room fire is found, and confirmed by a second device, within two minutes."""
    alarms = [a for a in replayed(tmp_path, nist_map(number, "F"))["alarms"] if a["rule"].startswith("fire.")]
    confirmed = [a for a in alarms if a["rule"] == "fire.confirmed"]

    assert alarms[0]["at"] < "2000-01-01T00:01:45Z"
    assert confirmed[0]["at"] < "2000-01-01T00:02:00Z"


@real
def test_ordinary_office(tmp_path):
    """Days of an ordinary office raise no fire and no gas alarm; `make figures` asks it of weeks, in three ways."""
    columns = (("Temperature", "temperature"), ("Humidity", "humidity"), ("Light", "light"), ("CO2", "co2"))
    text = f'[park]\nid = "office"\n[[file]]\npath = "{SHARED}/occupancy_room/datatest.txt"\ntime = "date"\n' + "".join(
        point(column, f"d-{metric}", metric, zone="office") for column, metric in columns
    )

    alarms = replayed(tmp_path, text)["alarms"]

    assert [] == [a for a in alarms if "fire" in a["rule"] or "gas" in a["rule"]]
