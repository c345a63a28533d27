"""Snapshots are whole or absent, and the one before the newest is there to fall back on."""

import os
import tracemalloc

import numpy as np
import pytest

from park.errors import Conflict, SettingsError
from runtime.lock import FolderLock, holder
from runtime.storage.snapshots import FileSnapshots


def states(n):
    return {"quality": {"version": np.array(1), "seen": np.arange(n)}, "directory": {"config": np.arange(3)}}


class TestFileSnapshots:
    @pytest.mark.parametrize("harm", ["cut", "flip", "empty", "foreign"])
    def test_a_broken_newest(self, tmp_path, harm):
        """A snapshot that cannot be read is passed over and told; the one before it serves."""
        store = FileSnapshots(tmp_path)
        store.save("bulk", 8, states(2))
        store.save("bulk", 16, states(4))
        newest = max(tmp_path.glob("*.snapshot"))
        content = bytearray(newest.read_bytes())
        content[len(content) // 2] ^= 1
        newest.write_bytes(
            {"cut": newest.read_bytes()[:-9], "flip": bytes(content), "empty": b"", "foreign": b"x" * 50}[harm]
        )

        again = FileSnapshots(tmp_path)
        position, found = again.load("bulk")

        assert (8, [0, 1]) == (position, found["quality"]["seen"].tolist())
        assert 1 == len(again.notices)
        again.save("bulk", 24, states(1))
        assert (24, 8) == (again.load("bulk")[0], again.oldest("bulk"))

    def test_it_is_written_as_it_is_made(self, tmp_path):
        """A snapshot needs no second copy of the state: a city's lane has half a gigabyte."""
        columns = {f"c{n}": np.zeros(1 << 20, np.uint8) for n in range(24)}
        store = FileSnapshots(tmp_path)

        tracemalloc.start()
        try:
            store.save("bulk", 8, {"quality": columns})
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert most < 8 << 20
        assert 24 == len(store.load("bulk")[1]["quality"])

    def test_a_draft_is_no_snapshot(self, tmp_path):
        """What was being written when the machine stopped is forgotten."""
        (tmp_path / "bulk.00000000000000000008.draft").write_bytes(b"half")

        assert FileSnapshots(tmp_path).load("bulk") is None
        assert [] == list(tmp_path.iterdir())


class TestFolderLock:
    def test_a_second_instance_is_refused(self, tmp_path):
        """Two instances never share a folder; the second is told who has it."""
        with FolderLock(tmp_path / "park"):
            assert os.getpid() == holder(tmp_path / "park")
            with pytest.raises(Conflict, match=f"another instance \\(process {os.getpid()}\\) is running"):
                FolderLock(tmp_path / "park")

        assert 0 == holder(tmp_path / "park")
        FolderLock(tmp_path / "park").release()

    def test_a_folder_that_cannot_be_made(self, tmp_path):
        """One clear sentence says which folder, and why."""
        (tmp_path / "file").write_text("in the way")

        with pytest.raises(SettingsError, match="cannot be written: Not a directory"):
            FolderLock(tmp_path / "file" / "park")
