"""Registry files as strangers send them: what is wrong with them is said, and nothing of ours with it."""

import io
import tempfile
import zipfile

import pytest
from openpyxl import Workbook

from park.errors import UserError
from runtime.registry_transfer import taken_in
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry


@pytest.fixture
def registry(tmp_path):
    database = Database.open(tmp_path / "park.db")
    yield SqlRegistry(database)
    database.close()


def archive(content, name="parks.csv"):
    """Return a zip with one file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(name, content)
    return out.getvalue()


def broken_zip():
    """Return a zip whose file does not unpack."""
    whole = bytearray(archive(b"code,name\n" + bytes(range(256)) * 20))
    start = 30 + len("parks.csv")
    whole[start : start + 20] = b"\xff" * 20
    return bytes(whole)


def broken_workbook():
    """Return a workbook whose sheet is no XML."""
    book, out, cut = Workbook(), io.BytesIO(), io.BytesIO()
    book.active.title = "parks"
    book.active.append(["code", "name"])
    book.save(out)
    with zipfile.ZipFile(out) as whole, zipfile.ZipFile(cut, "w") as packed:
        for name in whole.namelist():
            content = whole.read(name)
            packed.writestr(name, content[:-40] + b"<<<" if "sheet1" in name else content)
    return cut.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a\0.csv", b"x"),
        ("园" * 200 + ".csv", b"x"),
        ("..", b"x"),
        ("x.zip", b"no zip"),
        ("x.zip", archive(b"x", "readme.txt")),
        ("x.zip", archive(b"x", "a\n.csv")),
        ("x.zip", archive(b"x", "n" * 300 + ".csv")),
        ("x.zip", broken_zip()),
        ("x.xlsx", broken_workbook()),
        ("x.xlsx", archive(b"x", "xl/workbook.xml")),
        ("x.txt", b"x"),
    ],
)
def test_strange_files(registry, name, content):
    """A file that is none of ours is refused with a sentence that names no folder of this machine."""
    try:
        outcome = taken_in(registry, name, content, "test", 0)
    except UserError as why:
        said = [str(why)]
    else:
        said = [f"{where} {reason}" for where, reason in outcome.problems]

    assert said
    assert not [words for words in said if tempfile.gettempdir() in words]


def test_folders_in_a_zip(registry, tmp_path):
    """A name in a zip that leads elsewhere leads nowhere."""
    taken_in(registry, "x.zip", archive("code,name\na,A\n", f"../../..{tmp_path}/parks.csv"), "test", 0)

    assert not (tmp_path / "parks.csv").exists()
