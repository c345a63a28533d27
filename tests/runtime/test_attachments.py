"""What people attach is bounded: for each thing, for each park, and by what is left of the disk."""

from concurrent.futures import ThreadPoolExecutor, wait
from hashlib import sha256

import pytest

from park.alarms import Attachment
from park.errors import Conflict, Full, NotFound, Unavailable
from park.governance import Done, OfficeFile, Round
from park.settings import Settings, StoreSettings
from runtime.attachments import EACH, AttachmentFiles
from runtime.house import House
from runtime.storage.sql.attached import attached
from tests.alerts.alarm_words import NOW, burns

PARK = 1
TEXT = "text/plain"


def keep(files, content, park=PARK, beside=0):
    """Keep a text; return its digest."""
    with files.keeping(content, TEXT, park, beside) as digest:
        return digest


def test_each_has_so_many(tmp_path):
    """Where a hundred files hang, no more are taken."""
    files = AttachmentFiles(tmp_path, lambda _: 0, 1_000)
    with pytest.raises(Conflict, match="100 files"):
        keep(files, b"x", beside=EACH)

    assert [] == list(tmp_path.iterdir())
    assert keep(files, b"x", beside=EACH - 1)


@pytest.mark.parametrize(
    ("why", "there"), [(Conflict("100 by now"), False), (NotFound("gone"), False), (Unavailable("maybe"), True)]
)
def test_refused_after_it_is_written(tmp_path, why, there):
    """A file that hangs nowhere goes again; not where that is unsure, nor one that hung somewhere before."""
    files = AttachmentFiles(tmp_path, lambda _: 0, 1_000)
    known = keep(files, b"known")
    for content in (b"new", b"known"):
        with pytest.raises(type(why)), files.keeping(content, TEXT, PARK, 0):
            raise why

    assert {known} | ({sha256(b"new").hexdigest()} if there else set()) == {
        path.name for path in tmp_path.rglob("*") if path.is_file()
    }


def test_counted_one_after_the_other(tmp_path):
    """Who attaches while another does is counted after him, in whichever process: together they pass no bound."""
    noted = []
    one, other = (AttachmentFiles(tmp_path, lambda _: sum(noted), 10) for _ in range(2))
    with ThreadPoolExecutor(1) as pool:
        with one.keeping(b"123456", TEXT, PARK, 0):
            second = pool.submit(keep, other, b"abcdef")
            wait([second], 0.2)  # where nobody waits for anybody it is through by now
            noted.append(6)
        with pytest.raises(Conflict, match=r"store\.attachment_bytes"):
            second.result()

    assert [sha256(b"123456").hexdigest()] == [path.name for path in tmp_path.rglob("*") if path.is_file()]


def test_half_written(tmp_path):
    """What a crash left in the middle of being written goes with what is old; whole files stay."""
    with House.open(Settings(data_dir=tmp_path)) as house:
        digest = keep(house.cases.files, b"whole")
        folder = tmp_path / "attachments" / digest[:2]
        (folder / f"{'0' * 64}.part").write_bytes(b"hal")
        house.cases.trim(0)

        assert [digest] == [path.name for path in folder.iterdir()]


def test_the_disk_is_not_theirs(tmp_path):
    """The room that logs need is not taken by photographs."""
    files = AttachmentFiles(tmp_path / "files", lambda _: 0, 1_000, spare=1 << 60)
    with pytest.raises(Full, match="the room that the logs need"):
        keep(files, b"x")

    assert [] == [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_park_has_so_much(tmp_path):
    """What hangs on alarms and on the office's things counts together, by park; beyond it the setting is named."""
    with House.open(Settings(data_dir=tmp_path, store=StoreSettings(attachment_bytes=10))) as house:
        (case,) = house.cases.store.trigger([burns(park=PARK)], NOW)
        digest = keep(house.cases.files, b"1234")
        house.cases.store.attach(Attachment(case.id, "a.txt", TEXT, 4, digest, 0, "li"), NOW)
        visit = house.office.store.add(Round(PARK, "daily_patrol", "", "2026-11-21", NOW), actor="li", now=NOW)
        kept = OfficeFile("b.txt", TEXT, 5, digest, 0, "li")
        house.office.store.attach(Round, visit.id, kept, lambda v: Done(v, "attach"), actor="li", now=NOW)

        assert (9, 0) == (attached(house.database, PARK), attached(house.database, PARK + 1))
        with pytest.raises(Conflict, match=r"store\.attachment_bytes"):
            keep(house.cases.files, b"12")
        assert keep(house.cases.files, b"12", PARK + 1)
