"""The data folder is its owner's: what stands in it is nobody else's to read."""

from pathlib import Path

from park.settings import Settings
from runtime.backup import read_backup, write_backup
from runtime.house import House, open_keys


def mode(path: Path) -> int:
    """Return who may do what with a file, as chmod says it."""
    return path.stat().st_mode & 0o777


def test_own_folder(tmp_path):
    """A new data folder is open to its owner only: it holds what people do, and the digests of keys."""
    with open_keys(Settings(data_dir=tmp_path / "deep" / "data")):
        assert mode(tmp_path / "deep" / "data") == 0o700


def test_folder_of_a_person(tmp_path):
    """A folder that a person has made stays as open as it was made."""
    (tmp_path / "data").mkdir(mode=0o750)
    with open_keys(Settings(data_dir=tmp_path / "data")):
        assert mode(tmp_path / "data") == 0o750


def test_backup_and_back(tmp_path):
    """A backup is its owner's too, and so is the folder that it is restored into."""
    tar = tmp_path / "park.tar"
    with House.open(Settings(data_dir=tmp_path / "data")) as house:
        write_backup(house, tar)
    read_backup(Settings(data_dir=tmp_path / "back"), tar)

    assert (mode(tar), mode(tmp_path / "back")) == (0o600, 0o700)
