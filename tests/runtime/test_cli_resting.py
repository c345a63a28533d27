"""The `park` command over a data folder on which no instance runs, and over files."""

import csv
import json
from contextlib import closing
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
from park_command import Park

from park.metrics import Lane
from park.model import Device, Enterprise, Place, PlaceKind, Point
from park.model import Park as ParkNoun
from park.ports import Chunk
from park.readings import batch_of
from park.records import Refusal, Refused
from park.settings import Settings
from runtime.cli_words import moment
from runtime.house import House
from runtime.storage.sql.database import Database
from tests.tools import free_port

NOW = 1_795_000_000_000
HOUR = 3_600_000


@pytest.fixture
def park(capfd, monkeypatch):
    """The command, away from the variables of who runs the tests."""
    for name in ("PARK_DATA_DIR", "PARK_SETTINGS", "PARK_HTTP_PORT", "PARK_MQTT_PORT", "PARK_HOST"):
        monkeypatch.delenv(name, raising=False)
    return Park(capfd)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A data folder with a park, three readings of a meter, and two refused messages."""
    path = tmp_path_factory.mktemp("resting") / "data"
    with House.open(replace(Settings(), data_dir=path)) as house:

        def save(*things):
            return house.registry.save(list(things), actor="test", reason="founded", now=1_000)

        (one,) = save(ParkNoun(0, "liuxi", "Liuxi [east]"))
        (building,) = save(Place(0, one.id, one.id, PlaceKind.BUILDING, "b1", "Building 1"))
        save(Place(0, one.id, building.id, PlaceKind.UNIT, "b1-101", "Unit 101"), Enterprise(0, one.id, "e1", "Firm"))
        (meter,) = save(Device(0, one.id, "native:liuxi/-/m1", "meter", "Meter", building.id, interval=HOUR))
        (power,) = save(Point(0, meter.id, "power", source_key="power", interval=HOUR))
        rows = [(power.id, NOW + n * HOUR, 1.5 * n, 0, NOW + n * HOUR) for n in range(3)]
        house.readings.write(Chunk(Lane.BULK, 100, batch_of(rows)))
        refused = [
            Refused(Refusal.MALFORMED, "parks/liuxi/bulk/-/x", b"{", 1, NOW),
            Refused(Refusal.UNKNOWN_DEVICE, "parks/liuxi/bulk/-/new", b'{"v":{"power":1}}', 17, NOW,
                    device_key="native:liuxi/-/new"),
        ]  # fmt: skip
        house.quarantine.keep(Lane.BULK, 100, refused)
    return path


class TestAsking:
    def test_points(self, park, folder):
        """Points are listed with their newest values, by the park's code, as a table or JSON."""
        rows = park.json("points", "--data-dir", folder, "--park", "liuxi", "--metric", "power")
        assert [3.0] == [row["latest"]["value"] for row in rows]

        assert 0 == park("points", "--data-dir", folder)
        assert "metric" in park.out.splitlines()[0]
        assert "power" in park.out
        assert "1 row" == park.err.strip()

    def test_no_such_park(self, park, folder):
        """A park that is not there is named, with those that are."""
        assert "there is no park 'x'; there are liuxi" == park.sentence("points", "--data-dir", folder, "--park", "x")

    def test_query(self, park, folder):
        """Readings of a span come raw, or in windows."""
        span = ("--start", "2026-11-18T09:00", "--end", "2026-11-19", "--data-dir", folder)

        assert [0.0, 1.5, 3.0] == [row["value"] for row in park.json("query", 1, *span)]
        assert [3] == [row["count"] for row in park.json("query", 1, *span, "--buckets", 1)][:1]

    def test_query_of_nothing(self, park, folder):
        """A point that is not there, a time that is none and a span that ends before it begins are one sentence."""
        assert "there is no point 99" == park.sentence("query", 99, "--data-dir", folder)
        assert "'noon' is no time" in park.sentence("query", 1, "--data-dir", folder, "--start", "noon")
        assert "-1h is not before -2h" == park.sentence("query", 1, "--data-dir", folder, "--start", "-1h",
                                                        "--end", "-2h")  # fmt: skip

    def test_ledger(self, park, folder):
        """Readings that nobody counted at the edge are unexplained, and that is exit code 1."""
        span = ("--start", "2026-11-18T09:00", "--end", "2026-11-19")

        assert 1 == park("ledger", "--data-dir", folder, *span, "--json")
        assert -3 == sum(row["unexplained"] for row in json.loads(park.out))

    def test_no_folder(self, park, tmp_path):
        """A folder that is not there is said to be so, and is not made by asking."""
        for command in (["points"], ["query", 1], ["ledger"], ["quarantine", "list"], ["devices", "waiting"]):
            assert "there is no data folder" in park.sentence(*command, "--data-dir", tmp_path / "none")

        assert not (tmp_path / "none").exists()

    def test_not_a_database(self, park, tmp_path):
        """A database that is none is one sentence and machinery's exit code."""
        (tmp_path / "park.db").write_text("I am a letter.")

        assert "not a database" in park.sentence("points", "--data-dir", tmp_path, code=1)


class TestQuarantine:
    def test_list_and_show(self, park, folder):
        """Refused messages are listed with their reason, and shown with their payload."""
        rows = park.json("quarantine", "list", "--data-dir", folder, "--reason", "malformed")
        assert ["parks/liuxi/bulk/-/x"] == [row["topic"] for row in rows]

        assert 0 == park("quarantine", "show", rows[0]["id"], "--data-dir", folder)
        assert "{" == json.loads(park.out)["text"]

    def test_wrong_words(self, park, folder):
        """A reason that is none, a message that is none, and no message at all are one sentence."""
        assert "'odd' is no reason" in park.sentence("quarantine", "list", "--reason", "odd", "--data-dir", folder)
        assert "message 99" in park.sentence("quarantine", "show", 99, "--data-dir", folder)
        assert "numbers, or --all" in park.sentence("quarantine", "discard", "--data-dir", folder)
        assert "numbers, or --all" in park.sentence("quarantine", "retry", 1, "--all", "--data-dir", folder)

    def test_needs_an_instance(self, park, folder):
        """What flows back into the lanes needs a running instance."""
        assert "no instance runs" in park.sentence("quarantine", "retry", "--all", "--data-dir", folder)
        claim = ("devices", "claim", "native:liuxi/-/new", "--park", "liuxi", "--kind", "meter")
        assert "no instance runs" in park.sentence(*claim, "--data-dir", folder)

    def test_waiting_devices(self, park, folder):
        """Devices that wait are listed with what they said."""
        (row,) = park.json("devices", "waiting", "--data-dir", folder)
        assert ("native:liuxi/-/new", 1, '{"v":{"power":1}}') == (row["device_key"], row["messages"], row["text"])

    def test_claim_names_what_is_missing(self, park, folder):
        """A claim to a place or a gateway that is not there says so."""
        claim = ("devices", "claim", "native:liuxi/-/new", "--park", "liuxi", "--kind", "meter", "--data-dir", folder)

        assert "there is no unit, zone or building 'b9'" in park.sentence(*claim, "--place", "b9")
        assert "there is no gateway 'g'" in park.sentence(*claim, "--gateway", "g")

    def test_discard(self, park, folder):
        """A discarded message does not wait any more."""
        (row,) = park.json("quarantine", "list", "--data-dir", folder, "--reason", "malformed")
        try:
            assert 0 == park("quarantine", "discard", row["id"], "--data-dir", folder)
            assert "1 of 1 moved" == park.out.strip()
            assert [] == park.json("quarantine", "list", "--data-dir", folder, "--reason", "malformed")
        finally:
            with House.open(replace(Settings(), data_dir=folder)) as house:
                refused = Refused(Refusal.MALFORMED, "parks/liuxi/bulk/-/x", b"{", 1, NOW)
                house.quarantine.keep(Lane.BULK, house.quarantine.kept(Lane.BULK) + 1, [refused])


class TestRegistry:
    @pytest.mark.parametrize("name", ["files", "registry.xlsx"])
    def test_there_and_back(self, park, folder, tmp_path, name):
        """What comes out of one folder can be imported into another, that may not be there yet."""
        assert 0 == park("registry", "export", tmp_path / name, "--data-dir", folder)
        assert 0 == park("registry", "import", tmp_path / name, "--data-dir", tmp_path / "new"), park.err
        assert "parks: 1" in park.out

        assert ["power"] == [row["metric"] for row in park.json("points", "--data-dir", tmp_path / "new")]
        assert 0 == park("registry", "import", tmp_path / name, "--data-dir", tmp_path / "new")
        assert "nothing new" == park.out.strip()

    def test_bad_rows(self, park, folder, tmp_path):
        """Every bad row is named by line and reason, and nothing is imported."""
        assert 0 == park("registry", "export", tmp_path / "files", "--data-dir", folder)
        path = tmp_path / "files" / "points.csv"
        rows = list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))
        with path.open("a", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writerow({**rows[0], "metric": "colour", "source_key": "c"})
            writer.writerow({**rows[0], "device": "nobody", "source_key": "d"})

        assert 2 == park("registry", "import", tmp_path / "files", "--data-dir", tmp_path / "new")

        assert "points.csv:3" in park.err
        assert "points.csv:4" in park.err
        assert "nothing was imported" in park.err
        assert [] == park.json("points", "--data-dir", tmp_path / "new")

    def test_no_such_file(self, park, tmp_path):
        """A file that is not there, or is none of the forms, is one sentence, and makes no folder."""
        (tmp_path / "x.doc").write_text("x")

        said = park.sentence("registry", "import", tmp_path / "none", "--data-dir", tmp_path / "d")
        assert f"there is no file or folder {tmp_path / 'none'}" == said
        assert not (tmp_path / "d").exists()
        assert "neither CSV nor XLSX" in park.sentence("registry", "import", tmp_path / "x.doc", "--data-dir", tmp_path)


class TestFiles:
    def test_export(self, park, folder, tmp_path):
        """Readings of a span go to a Parquet file, once."""
        command = ("export", tmp_path / "x.parquet", "--start", "2026-11-18T09:00", "--end", "2026-11-19")

        assert 0 == park(*command, "--data-dir", folder)
        table = pq.read_table(tmp_path / "x.parquet")

        assert [0.0, 1.5, 3.0] == table["value"].to_pylist()
        assert f"{tmp_path / 'x.parquet'} exists already" == park.sentence(*command, "--data-dir", folder)

    def test_unwritable(self, park, folder):
        """A target that cannot be made is refused before anything long begins."""
        for command in ("export", "backup"):
            assert "cannot be written" in park.sentence(command, "/proc/x", "--data-dir", folder)

    def test_simulate_to_files(self, park, tmp_path):
        """A simulated park goes to files that `park replay` reads; old files are left alone."""
        out, none = tmp_path / "out", tmp_path / "none"
        command = ("simulate", "--out", out, "--days", 2, "--enterprises", 3, "--data-dir", none)

        assert 0 == park(*command), park.err
        names = {path.name for path in out.iterdir()}
        before = {path.name: path.read_bytes() for path in out.iterdir()}

        assert {"map.toml", "labels.jsonl", "meters.csv", "fire.csv"} <= names
        assert not [name for name in names if name.endswith(".part")]
        assert "exists already; give a new folder" in park.sentence(*command)
        assert before == {path.name: path.read_bytes() for path in out.iterdir()}
        assert not none.exists()

        assert 0 == park("replay", out / "map.toml", "--out", tmp_path / "results"), park.err
        assert {"alarms.csv", "anomalies.csv", "activity.csv"} <= {p.name for p in (tmp_path / "results").iterdir()}

    def test_simulate_without_a_broker(self, park, tmp_path):
        """Devices that find no broker say so, and for how long they wait; then they end, and say how to mend it."""
        command = ("simulate", "--data-dir", tmp_path / "none", "--enterprises", 1, "--port", free_port())

        assert 2 == park(*command, "--wait", 0.5)
        lines = park.err.splitlines()

        assert "no broker listens at" in lines[1]
        assert "they wait 0.5 s" in lines[1]
        assert f"no broker answers at 127.0.0.1:{command[-1]}: `park run` starts one" in "".join(lines[2:])
        assert "" == park.out

    def test_fire_needs_a_park(self, park, tmp_path):
        """A fire needs a simulated park."""
        assert "no simulated park lives" in park.sentence("simulate", "--fire", "b1-101", "--data-dir", tmp_path)

    def test_score(self, park, tmp_path):
        """One series in, its scores out; a column that is not there is named."""
        rows = "".join(f"2026-01-01T{h:02d}:00,{h}\n" for h in range(24))
        (tmp_path / "in.csv").write_text("t,v\n" + rows)
        command = ("score", tmp_path / "in.csv", "--time", "t", "--out", tmp_path / "out.csv")

        assert 0 == park(*command, "--value", "v")
        assert 25 == len((tmp_path / "out.csv").read_text().splitlines())
        assert "has no column 'w'" in park.sentence(*command, "--value", "w")
        assert "is none of" in park.sentence(*command, "--value", "v", "--kind", "odd")

    def test_replay_without_a_map(self, park, tmp_path):
        """A map that is not there is named."""
        assert "none.toml" in park.sentence("replay", tmp_path / "none.toml", "--out", tmp_path / "out")


class TestKeys:
    def test_life_of_a_key(self, park, tmp_path):
        """A key is shown once, listed without its secret, and gone from the list once it is revoked."""
        assert 0 == park("keys", "create", "console", "--role", "operator", "--data-dir", tmp_path)
        token = park.out.strip()
        (row,) = park.json("keys", "list", "--data-dir", tmp_path)

        assert token.startswith(f"park_{row['prefix']}_")
        assert token not in park.out
        assert ("console", "operator", None) == (row["name"], row["role"], row["parks"])
        assert 0 == park("keys", "revoke", row["id"], "--data-dir", tmp_path)
        assert [] == park.json("keys", "list", "--data-dir", tmp_path)
        assert [row["id"]] == [k["id"] for k in park.json("keys", "list", "--all", "--data-dir", tmp_path)]

    def test_of_a_park(self, park, folder):
        """A key may be for one park, named by its code."""
        assert 0 == park("keys", "create", "shop", "--park", "liuxi", "--data-dir", folder)
        assert [[1]] == [k["parks"] for k in park.json("keys", "list", "--data-dir", folder)]
        assert "there is no park 'x'" == park.sentence("keys", "create", "y", "--park", "x", "--data-dir", folder)

    def test_wrong_words(self, park, tmp_path):
        """A role that is none and a key that is none are one sentence; asking makes no folder."""
        none = tmp_path / "none"

        assert "'king' is no role" in park.sentence("keys", "create", "x", "--role", "king", "--data-dir", none)
        assert "there is no key 3" in park.sentence("keys", "revoke", 3, "--data-dir", none)
        assert [] == park.json("keys", "list", "--data-dir", none)
        assert not none.exists()


@pytest.mark.parametrize("command", [("keys", "list"), ("check",)])
def test_a_look_changes_no_tables(park, tmp_path, command):
    """A database with an older program's tables is left as it is by commands that only read, and they say so."""
    with closing(Database.open(tmp_path / "park.db")) as database, database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    before = (tmp_path / "park.db").read_bytes()

    assert 2 == park(*command, "--data-dir", tmp_path)
    assert "has the tables of version 0001" in park.err
    assert before == (tmp_path / "park.db").read_bytes()


class TestCheck:
    def test_all_is_well(self, park, folder):
        """Settings, rules, folder and registry are looked at, and told."""
        assert 0 == park("check", "--data-dir", folder)

        heads = [line.partition(":")[0] for line in park.out.splitlines()]
        assert ["settings", "rules", "data folder", "registry"] == heads
        assert "1 park, 2 places, 1 enterprise, 0 leases, 1 device, 1 point" in park.out

    def test_makes_nothing(self, park, tmp_path):
        """A folder that is not there is not made by looking."""
        assert 0 == park("check", "--data-dir", tmp_path / "none")
        assert "will be made" in park.out
        assert not (tmp_path / "none").exists()

    def test_keys_off_for_the_world(self, park, tmp_path):
        """Keys cannot be turned off on an address that others reach."""
        file = tmp_path / "park.toml"
        file.write_text('[api]\nhost = "0.0.0.0"\nrequire_keys = false\n')

        assert "loopback" in park.sentence("check", "--settings", file, "--data-dir", tmp_path)

    def test_files_that_settings_name(self, park, tmp_path):
        """A password file that is not there is named."""
        file = tmp_path / "park.toml"
        file.write_text(f'[ingest]\npassword_file = "{tmp_path}/none"\n')

        assert 2 == park("check", "--settings", file, "--data-dir", tmp_path)
        assert f"{tmp_path}/none" in park.err


class TestWords:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("now", NOW),
            ("-90m", NOW - 90 * 60_000),
            ("-3d", NOW - 72 * HOUR),
            ("2026-01-01", 1_767_196_800_000),  # midnight of the park
            ("2026-01-01T00:00:00Z", 1_767_225_600_000),
        ],
    )
    def test_moments(self, text, expected):
        """Times are said as ISO 8601, in park time where no zone is named, or as a span before now."""
        assert expected == moment(text, NOW)

    def test_help_of_everything(self, park):
        """Every command and group has a help."""
        for words in ([], ["registry"], ["quarantine"], ["keys"], ["devices"], ["run"], ["simulate"], ["query"]):
            assert 0 == park(*words, "--help")
            assert "Usage: park" in park.out
