"""What people attach is bounded: for each thing, for each park, and by what is left of the disk."""

import pytest

from park.alarms import Attachment
from park.errors import Conflict, Full
from park.governance import Done, OfficeFile, Round
from park.settings import Settings, StoreSettings
from runtime.attachments import EACH, AttachmentFiles
from runtime.house import House
from runtime.storage.sql.attached import attached
from tests.alerts.alarm_words import NOW, burns

PARK = 1
TEXT = "text/plain"


def test_each_has_so_many(tmp_path):
    """Where a hundred files hang, no more are taken."""
    files = AttachmentFiles(tmp_path, lambda _: 0, 1_000)
    with pytest.raises(Conflict, match="100 files"):
        files.keep(b"x", TEXT, PARK, EACH)

    assert [] == list(tmp_path.iterdir())
    assert files.keep(b"x", TEXT, PARK, EACH - 1)


def test_the_disk_is_not_theirs(tmp_path):
    """The room that logs need is not taken by photographs."""
    files = AttachmentFiles(tmp_path / "files", lambda _: 0, 1_000, spare=1 << 60)
    with pytest.raises(Full, match="the room that the logs need"):
        files.keep(b"x", TEXT, PARK, 0)

    assert [] == [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_park_has_so_much(tmp_path):
    """What hangs on alarms and on the office's things counts together, by park; beyond it the setting is named."""
    with House.open(Settings(data_dir=tmp_path, store=StoreSettings(attachment_bytes=10))) as house:
        (case,) = house.cases.store.trigger([burns(park=PARK)], NOW)
        digest = house.cases.files.keep(b"1234", TEXT, case.park, case.attachments)
        house.cases.store.attach(Attachment(case.id, "a.txt", TEXT, 4, digest, 0, "li"), NOW)
        visit = house.office.store.add(Round(PARK, "daily_patrol", "", "2026-11-21", NOW), actor="li", now=NOW)
        kept = OfficeFile("b.txt", TEXT, 5, digest, 0, "li")
        house.office.store.attach(Round, visit.id, kept, lambda v: Done(v, "attach"), actor="li", now=NOW)

        assert (9, 0) == (attached(house.database, PARK), attached(house.database, PARK + 1))
        with pytest.raises(Conflict, match=r"store\.attachment_bytes"):
            house.cases.files.keep(b"12", TEXT, PARK, 0)
        assert house.cases.files.keep(b"12", TEXT, PARK + 1, 0)
