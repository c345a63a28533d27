"""The data folder is its owner's: what stands in it is nobody else's to read."""

import gzip
import socket
import threading
import time
from pathlib import Path

import pytest

from park.alarms import DeliveryState, MessageKind
from park.delivery import Batch, Channel, Dispatch, Facts, Target
from park.errors import NotFound, UserError
from park.events import Severity
from park.metrics import Lane
from park.records import Tick
from park.roles import Purpose, Role
from park.settings import DeliverySettings, LogSettings, Settings
from runtime.backup import read_backup, write_backup
from runtime.house import House
from runtime.names import ATTACHMENTS, DATABASE, LINK_KEY
from tests.alerts.alarm_words import NOW, burns


def mode(path: Path) -> int:
    """Return who may do what with a file, as chmod says it."""
    return path.stat().st_mode & 0o777


def test_own_folder(tmp_path):
    """A new data folder is open to its owner only: it holds what people do, and the digests of keys."""
    with House.open(Settings(data_dir=tmp_path / "deep" / "data")):
        assert mode(tmp_path / "deep" / "data") == 0o700


def test_folder_of_a_person(tmp_path):
    """A folder that a person has made stays as open as it was made."""
    (tmp_path / "data").mkdir(mode=0o750)
    with House.open(Settings(data_dir=tmp_path / "data")):
        assert mode(tmp_path / "data") == 0o750


def test_closed(tmp_path):
    """With a house end its connections to receivers, which are kept while it is open."""
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        receiver.settimeout(10)
        with House.open(Settings(data_dir=tmp_path / "data")) as house:
            settings = DeliverySettings(loopback=True)
            courier = house.delivery.courier(settings, house.cases, time.monotonic, {})
            target = Target("desk", Channel.WEBHOOK, f"http://127.0.0.1:{receiver.getsockname()[1]}/")
            drill = Facts("x", 0, MessageKind.DRILL, Severity.LOW, life=False, at=1)
            batch = Batch("x", target, "", (Dispatch("x", "desk", "", drill, "", DeliveryState.SENDING),))
            sending = threading.Thread(target=courier.send, args=(batch, 1))
            sending.start()
            connection, _ = receiver.accept()
            connection.settimeout(10)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            sending.join()
        with connection:
            while connection.recv(65_536):  # to the end, which comes at once, or never
                pass


def test_backup_and_back(tmp_path):
    """A backup is its owner's too, and so is the folder that it is restored into."""
    tar = tmp_path / "park.tar.gz"
    with House.open(Settings(data_dir=tmp_path / "data")) as house:
        write_backup(house, tar)
    read_backup(Settings(data_dir=tmp_path / "back"), tar)

    assert (mode(tar), mode(tmp_path / "back")) == (0o600, 0o700)


def test_a_backup_revives_no_link(tmp_path):
    """A link or session of before is good for nothing in a restored folder, nor is the key of links there."""
    settings = Settings(data_dir=tmp_path / "data")
    with House.open(settings) as house:
        (case,) = house.cases.store.trigger([burns()], NOW)
        word = house.cases.links.make(case.id, "li", now=NOW, lasts=60_000)
        _, made = house.keys.make("li", Role.VIEWER, actor="li", now=NOW)
        session = house.keys.open(made.id, Purpose.SESSION, now=NOW, lasts=60_000)
        write_backup(house, tmp_path / "park.tar.gz")
        key = (settings.data_dir / LINK_KEY).read_bytes()
        assert case.id == house.cases.links.show(word, NOW)[0].id
    back = Settings(data_dir=tmp_path / "back")
    read_backup(back, tmp_path / "park.tar.gz")
    with House.open(back) as house:
        with pytest.raises(NotFound, match="not valid"):
            house.cases.links.show(word, NOW)
        assert house.keys.holds(made.id, NOW)
        assert house.keys.enter(session, Purpose.SESSION, NOW) is None
        assert key != (back.data_dir / LINK_KEY).read_bytes()


def test_backup_is_compressed(tmp_path):
    """Columns of zeros take no room in a backup; everything that people added is in it, and comes back."""
    settings = Settings(data_dir=tmp_path / "data")
    (tmp_path / "data" / ATTACHMENTS / "ab").mkdir(parents=True)
    (tmp_path / "data" / ATTACHMENTS / "ab" / "photo").write_bytes(bytes(5_000_000))
    with House.open(settings) as house:
        size = write_backup(house, tmp_path / "park.tar.gz")
    read_backup(Settings(data_dir=tmp_path / "back"), tmp_path / "park.tar.gz")

    assert size < 500_000
    assert bytes(5_000_000) == (tmp_path / "back" / ATTACHMENTS / "ab" / "photo").read_bytes()


def test_backup_of_before(tmp_path):
    """A backup that was not compressed is read as ever."""
    with House.open(Settings(data_dir=tmp_path / "data")) as house:
        write_backup(house, tmp_path / "park.tar.gz")
    with gzip.open(tmp_path / "park.tar.gz") as packed:
        (tmp_path / "park.tar").write_bytes(packed.read())
    read_backup(Settings(data_dir=tmp_path / "back"), tmp_path / "park.tar")

    assert (tmp_path / "back" / DATABASE).exists()


@pytest.mark.parametrize("damage", [lambda b: b[:-9_000], lambda b: b[:500] + b"?" * 40 + b[540:], lambda b: b"x" + b])
def test_a_broken_backup(tmp_path, damage):
    """What is no backup, or not all of one, is the person's to know: nothing is left of it."""
    with House.open(Settings(data_dir=tmp_path / "data")) as house:
        write_backup(house, tmp_path / "park.tar.gz")
    content = (tmp_path / "park.tar.gz").read_bytes()
    (tmp_path / "park.tar.gz").write_bytes(damage(content))

    with pytest.raises(UserError, match="is no backup"):
        read_backup(Settings(data_dir=tmp_path / "back"), tmp_path / "park.tar.gz")
    assert ["data", "park.tar.gz"] == sorted(p.name for p in tmp_path.iterdir())


@pytest.mark.parametrize("target", ["a-file/park.tar.gz", "no-folder/park.tar.gz", "n" * 300])
def test_a_place_that_cannot_be_written(tmp_path, target):
    """Where a backup cannot stand is said in one sentence, and nothing is left of it."""
    (tmp_path / "a-file").touch()
    with House.open(Settings(data_dir=tmp_path / "data")) as house:
        with pytest.raises(UserError, match="cannot be written"):
            write_backup(house, tmp_path / target)
        assert not (tmp_path / "data" / "backup.part").exists()


def test_a_place_that_cannot_be_read(tmp_path):
    """A name that no file can have is the person's to mend."""
    with pytest.raises(UserError):
        read_backup(Settings(data_dir=tmp_path / "back"), tmp_path / ("n" * 300))


def test_a_backup_holds_nothing(tmp_path):
    """While a backup is taken nothing of a log goes; once it is there the logs may let go as before."""
    with House.open(Settings(data_dir=tmp_path / "data", log=LogSettings(segment_bytes=4096, keep_bytes=0))) as house:
        begins = []
        log = house.logs[Lane.BULK]
        for n in range(300):
            log.append([Tick(n)])

        def told(share):
            if 0 < share < 1:
                log.trim(log.end)
                begins.append(log.begin)

        write_backup(house, tmp_path / "park.tar.gz", told)
        for n in range(300):
            log.append([Tick(n)])
        log.trim(log.end)

        assert {0} == set(begins)
        assert log.begin > 300 * 8
