"""The registry goes to files and comes back; what is wrong with a file is told to the line."""

import csv
import os
from dataclasses import asdict, replace
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from park.cells import guarded, unguarded
from park.errors import NotFound, UserError
from park.metrics import Lane
from park.model import Device, DeviceMode, Enterprise, Lease, Park, Place, PlaceKind, Point
from runtime.registry_columns import SHEETS
from runtime.registry_files import export_csv, export_xlsx, import_files
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry

T0 = 1_760_000_000_000
DAY = 86_400_000
FORMULAS = "\uff1d\uff0b\uff0d\uff20"  # = + - @ as wide as Chinese letters
WHO = {"actor": "li", "reason": "import", "now": T0}

PLAN = [
    Park(-1, "north", "北园", area_mu=30.5, outline=((0, 0), (100.5, 0), (100, -20)), contracted_demand=1_250),
    Park(-9, "south", "South", "Europe/Berlin"),
    Place(-2, -1, -1, PlaceKind.BUILDING, "A", "Hall A"),
    Place(-3, -1, -2, PlaceKind.UNIT, "A-101", '=Unit "101", north', area=120.25, floor=-1, contracted_demand=80.5),
    Place(-4, -9, -9, PlaceKind.ZONE, "007", "Yard"),
    Enterprise(-1, -1, "91310000MA1K4XXX0X", "+Firm One, Ltd.", headcount=12, contact="@Li 138"),
    Lease(0, -3, -1, 1_740_758_400_000, 1_772_294_400_123, agreed_output=0.1),
    Device(-1, -1, "native:north/-/gw1", "gateway", place=-1),
    Device(-2, -1, "native:north/gw1/m1", "meter", place=-3, gateway=-1, interval=1_500, mode=DeviceMode.TEST),
    Device(-3, -9, "z2m:hall smoke", "smoke_detector", "-Smoke"),
    Device(-4, -1, "native:north/-/door", "door_counter", place=-3, lane=Lane.LIFE),
    Point(-1, -2, "energy", source_key="energy", modulus=1e6, ratio=40, effective=T0 - DAY),
    Point(-2, -2, "voltage", "a", "voltage.a", scale=0.1, offset=-5),
    Point(-3, -4, "people_in", source_key="people_in"),
]


def opened(path):
    return SqlRegistry(Database.open(path))


@pytest.fixture
def registry(tmp_path):
    made = opened(tmp_path / "park.sqlite")
    yield made
    made._database.close()


@pytest.fixture
def planned(registry):
    registry.save(PLAN, **WHO)
    return registry


@pytest.fixture
def other(tmp_path):
    made = opened(tmp_path / "other.sqlite")
    yield made
    made._database.close()


def lines(folder):
    return {file.name: file.read_text("utf-8-sig").splitlines() for file in sorted(folder.iterdir())}


def written(folder, **files):
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, "utf-8")
    return folder


def told(report):
    return [(bad.file, bad.line, bad.column) for bad in report.problems]


PARKS = "code,name\nnorth,North\n"


class TestRoundTrip:
    def test_csv(self, planned, other, tmp_path):
        """What was exported and imported elsewhere is exported alike again."""
        counts = export_csv(planned, tmp_path / "first")

        report = import_files(other, tmp_path / "first", **WHO)
        export_csv(other, tmp_path / "second")

        assert ((), True) == (report.problems, report.saved)
        assert {k: v for k, v in counts.items() if v} == report.new
        assert lines(tmp_path / "first") == lines(tmp_path / "second")

    def test_things(self, planned, other, tmp_path):
        """Every field of every thing comes back, derived points and counters too."""
        export_csv(planned, tmp_path / "files")
        import_files(other, tmp_path / "files", **WHO)

        def flat(registry):
            """Return all fields but numbers, and keys that hold numbers."""
            numbers = {"id", "park", "place", "parent", "enterprise", "device", "gateway", "source"}
            return {
                kind.__name__: sorted(
                    str({k: v for k, v in asdict(t).items() if k not in numbers and not str(v).startswith("virtual:")})
                    for t in things.values()
                )
                for kind, things in registry.everything().items()
            }

        assert flat(planned) == flat(other)

    def test_xlsx(self, planned, other, tmp_path):
        """A workbook comes back as well, and is the same as the folder."""
        export_xlsx(planned, tmp_path / "park.xlsx")
        export_csv(planned, tmp_path / "first")

        report = import_files(other, tmp_path / "park.xlsx", **WHO)
        export_csv(other, tmp_path / "second")

        assert () == report.problems
        assert lines(tmp_path / "first") == lines(tmp_path / "second")

    def test_again(self, planned, tmp_path):
        """An import of what is there already changes nothing."""
        export_csv(planned, tmp_path / "files")
        version = planned.version

        report = import_files(planned, tmp_path / "files", **WHO)

        assert ({}, {}, version) == (report.new, report.changed, planned.version)
        assert 4 == report.same["devices"]

    def test_a_change(self, planned, tmp_path):
        """A changed cell changes that thing; what the file does not name stays."""
        written(tmp_path / "files", enterprises="park,code,name\nnorth,91310000MA1K4XXX0X,New Name\n")
        before = planned.find(Enterprise)[0]

        report = import_files(planned, tmp_path / "files", **WHO)

        assert {"enterprises": 1} == report.changed
        assert [replace(before, name="New Name")] == planned.find(Enterprise)


class TestSafety:
    @given(st.text(max_size=6), st.sampled_from(["", "=", "+", "-", "@", "'", "''", "'=", *FORMULAS]))
    def test_guard(self, text, start):
        """No text begins like a formula once guarded, and every one comes back."""
        whole = start + text

        assert whole == unguarded(guarded(whole))
        assert guarded(whole)[:1] not in {*"=+-@\t\r\n", *FORMULAS}

    def test_no_formula_in_files(self, planned, tmp_path):
        """Neither CSV nor workbook holds anything a spreadsheet would work out."""
        export_csv(planned, tmp_path / "files")
        export_xlsx(planned, tmp_path / "park.xlsx")

        with (tmp_path / "files" / "places.csv").open(encoding="utf-8-sig", newline="") as file:
            names = [row["name"] for row in csv.DictReader(file)]
        book = load_workbook(tmp_path / "park.xlsx")

        assert '\'=Unit "101", north' in names
        assert "f" not in {c.data_type for page in book for row in page.iter_rows() for c in row}

    def test_excel_knows_the_encoding(self, planned, tmp_path):
        """A CSV starts with the mark by which Excel knows UTF-8."""
        export_csv(planned, tmp_path / "files")

        assert (tmp_path / "files" / "parks.csv").read_bytes().startswith(b"\xef\xbb\xbf")

    def test_formulas_are_refused(self, registry, tmp_path):
        """A formula in a workbook is told, not taken for a value."""
        book = Workbook()
        page = book.active
        page.title = "parks"
        page.append(["code", "name"])
        page.append(["north", "=1+1"])
        book.save(tmp_path / "park.xlsx")

        report = import_files(registry, tmp_path / "park.xlsx", **WHO)

        assert [("park.xlsx:parks", 2, "")] == told(report)


class TestReading:
    def test_chinese(self, registry, tmp_path):
        """Chinese headings, sheets and words are read, in the encoding of a Chinese Excel as well."""
        folder = tmp_path / "files"
        folder.mkdir()
        files = {
            "园区": "编码,名称,面积亩\nbei,北园,120\n",
            "场所": "园区,编码,类型,名称\nbei,A,楼栋,甲楼\n",
            "设备": "设备键,园区,类型,场所,通道\nnative:bei/-/m,bei,meter,A,普通\n",
            "测点": "设备键,报文键,指标,间隔秒\nnative:bei/-/m,p,有功功率,15\n",
        }
        for name, text in files.items():
            (folder / f"{name}.csv").write_bytes(text.encode("gb18030"))

        report = import_files(registry, folder, **WHO)

        assert ((), True) == (report.problems, report.saved)
        assert ("甲楼", PlaceKind.BUILDING) == (registry.find(Place)[0].name, registry.find(Place)[0].kind)
        assert ("power", 15_000) == (registry.find(Point)[0].metric, registry.find(Point)[0].interval)

    @pytest.mark.parametrize("delimiter", [";", "\t"])
    def test_delimiters(self, registry, tmp_path, delimiter):
        """Semicolons and tabs are understood."""
        folder = written(tmp_path / "files", parks=PARKS.replace(",", delimiter))

        assert {"parks": 1} == import_files(registry, folder, **WHO).new

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("2026-03-01", 1_772_294_400_000),
            ("2026/03/01", 1_772_294_400_000),
            ("2026-03-01T00:00:00+00:00", 1_772_323_200_000),
            ("2026-03-01 08:00", 1_772_323_200_000),
        ],
    )
    def test_times(self, registry, tmp_path, text, expected):
        """A day begins at midnight of the park; a time may carry its own zone."""
        folder = written(
            tmp_path / "files",
            parks=PARKS,
            places="park,code,kind\nnorth,A,unit\n",
            enterprises="park,code,name\nnorth,E,Firm\n",
            leases=f"park,place,enterprise,valid_from\nnorth,A,E,{text}\n",
        )

        report = import_files(registry, folder, **WHO)

        assert () == report.problems
        assert expected == registry.find(Lease)[0].valid_from

    def test_order_does_not_matter(self, registry, tmp_path):
        """A row may refer to one that comes later."""
        folder = written(
            tmp_path / "files",
            parks=PARKS,
            places="park,code,kind,parent\nnorth,A-1,unit,A\nnorth,A,building,\n",
            devices="key,park,kind,gateway\nnative:m,north,meter,native:g\nnative:g,north,gateway,\n",
        )

        report = import_files(registry, folder, **WHO)

        assert ((), 2) == (report.problems, report.new["places"])

    def test_dry(self, registry, tmp_path):
        """A dry import tells what it would do, and does nothing."""
        report = import_files(registry, written(tmp_path / "files", parks=PARKS), dry=True, **WHO)

        assert ({"parks": 1}, False, []) == (report.new, report.saved, registry.find(Park))

    def test_fire_detectors(self, registry, tmp_path):
        """A smoke detector is of the life-safety lane without a word."""
        folder = written(tmp_path / "files", parks=PARKS, devices="key,park,kind\nz2m:s,north,smoke_detector\n")
        import_files(registry, folder, **WHO)

        assert Lane.LIFE is registry.find(Device)[0].lane


BAD = [
    ("an unknown column", {"parks": "code,name,colour\nnorth,North,red\n"}, [("parks.csv", 1, "colour")]),
    ("a missing column", {"parks": "code\nnorth\n"}, [("parks.csv", 1, "name")]),
    ("a column twice", {"parks": "code,name,编码\nnorth,North,n\n"}, [("parks.csv", 1, "code")]),
    ("a missing cell", {"parks": "code,name\n,North\n"}, [("parks.csv", 2, "code")]),
    ("no number", {"parks": "code,name,area_mu\nnorth,North,big\n"}, [("parks.csv", 2, "area_mu")]),
    ("no finite number", {"parks": "code,name,area_mu\nnorth,North,inf\n"}, [("parks.csv", 2, "area_mu")]),
    ("too many cells", {"parks": "code,name\nnorth,North,x\n"}, [("parks.csv", 2, "")]),
    ("twins", {"parks": "code,name\nnorth,A\nsouth,B\nnorth,C\n"}, [("parks.csv", 4, "")]),
    ("what only the registry knows", {"parks": "code,name\nBad Code,x\n"}, [("parks.csv", 2, "")]),
    ("an open quote", {"parks": 'code,name\nnorth,"North\n'}, [("parks.csv", 2, "")]),
    ("no noun", {"parks": PARKS, "cars": "code\nx\n"}, [("cars.csv", 0, "")]),
    ("no park", {"enterprises": "park,code,name\nmoon,E,x\n"}, [("enterprises.csv", 2, "park")]),
    ("no kind", {"parks": PARKS, "places": "park,code,kind\nnorth,A,castle\n"}, [("places.csv", 2, "kind")]),
    ("no parent", {"parks": PARKS, "places": "park,code,kind,parent\nnorth,A,unit,B\n"}, [("places.csv", 2, "parent")]),
    (
        "each row by itself",
        {
            "parks": PARKS,
            "devices": "key,park,kind,interval_s\nnative:a,north,meter,x\nnative:b,north,meter,60\nm3,north,meter,1\n",
            "points": "device,source_key,metric\nnative:b,p,power\nnative:b,q,joy\nnative:c,p,power\nnative:b,p,co\n",
        },
        [
            ("devices.csv", 2, "interval_s"),
            ("devices.csv", 4, ""),
            ("points.csv", 3, "metric"),
            ("points.csv", 4, "device"),
            ("points.csv", 5, ""),
        ],
    ),
    (
        "a bad row and those that stand on it",
        {"parks": "code,name,area_mu\nnorth,North,x\n", "places": "park,code,kind\nnorth,A,unit\n"},
        [("parks.csv", 2, "area_mu")],
    ),
    (
        "lines of many lines",
        {"parks": 'code,name,district\nnorth,North,"a"\nsouth,"South",b\n\neast,East,"a\nb"\nwest,,x\n'},
        [("parks.csv", 5, ""), ("parks.csv", 7, "name")],
    ),
]


@pytest.mark.parametrize(("files", "expected"), [b[1:] for b in BAD], ids=[b[0] for b in BAD])
def test_bad_rows(registry, tmp_path, files, expected):
    """Every bad row is told by file, line and column, and nothing is half-imported."""
    report = import_files(registry, written(tmp_path / "files", **files), **WHO)

    assert expected == told(report)
    assert (False, 0) == (report.saved, registry.version)


def test_a_sentence(registry, tmp_path):
    """A bad row reads as a sentence."""
    folder = written(tmp_path / "files", enterprises="park,code,name\nmoon,E,x\n")

    (bad,) = import_files(registry, folder, **WHO).problems

    assert "enterprises.csv, line 2, park: there is no park 'moon'" == str(bad)


def test_no_such_place(registry, tmp_path):
    """A path that is not there, an empty folder and a file of another kind are told as such."""
    with pytest.raises(NotFound):
        import_files(registry, tmp_path / "nowhere", **WHO)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no CSV"):
        import_files(registry, tmp_path / "empty", **WHO)
    (tmp_path / "park.pdf").write_bytes(b"")
    with pytest.raises(UserError, match="neither"):
        import_files(registry, tmp_path / "park.pdf", **WHO)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 nonsense", b"code,name\n"])
def test_no_workbook(registry, tmp_path, content):
    """A broken workbook is told as such."""
    (tmp_path / "park.xlsx").write_bytes(content)

    assert [("park.xlsx", 0, "")] == told(import_files(registry, tmp_path / "park.xlsx", **WHO))


def test_swollen_workbook(registry, tmp_path):
    """A workbook that unpacks to more than anybody's registry is refused before it is unpacked."""
    with ZipFile(tmp_path / "park.xlsx", "w", ZIP_DEFLATED) as book, book.open("xl/sharedStrings.xml", "w") as part:
        for _ in range(513):
            part.write(bytes(1 << 20))

    (bad,) = import_files(registry, tmp_path / "park.xlsx", **WHO).problems

    assert "MiB" in bad.reason


@pytest.mark.parametrize("content", [b"\xff\xfe\xff", b"code,name\n\0,\0\n", b"\x81", b"\n\n\n"])
def test_any_bytes(registry, tmp_path, content):
    """No bytes of a file break the import."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "parks.csv").write_bytes(content)

    import_files(registry, folder, **WHO)

    assert 0 == registry.version


def test_columns_have_both_names():
    """Every sheet and column has an English and a Chinese name, each once in its sheet."""
    for sheet in SHEETS:
        names = [n for c in sheet.columns for n in (c.name, c.zh)]
        assert len(names) == len(set(names)), sheet.name


def test_columns_are_documented():
    """The page of the files names every sheet and column; `make golden` rewrites it."""
    page = Path(__file__).parents[2] / "docs" / "registry-files.md"
    mark = "<!-- columns: written by tests/runtime/test_registry_files.py -->\n"
    lines = ["| file or sheet | columns (those in bold must be there) |", "| --- | --- |"]
    for sheet in SHEETS:
        names = ", ".join(f"**{c.name}** {c.zh}" if c.needed else f"{c.name} {c.zh}" for c in sheet.columns)
        lines.append(f"| {sheet.name} {sheet.zh} | {names} |")
    text = page.read_text("utf-8")
    expected = text.partition(mark)[0] + mark + "\n".join(lines) + "\n"

    if os.environ.get("GOLDEN"):
        page.write_text(expected, "utf-8")

    assert expected == page.read_text("utf-8")
