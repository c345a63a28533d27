"""What every store of snapshots does: files of one machine, rows of a city."""

import numpy as np
import pytest
from sqlalchemy import select, update

from park.errors import Superseded
from runtime.storage.snapshots import FileSnapshots
from runtime.storage.sql.assignments import take
from runtime.storage.sql.database import Database
from runtime.storage.sql.snapshots import SqlSnapshots
from runtime.storage.sql.tables_city import snapshot_parts, snapshots
from tests.contracts.conftest import DATABASES

FILES = "files"
everywhere = pytest.mark.parametrize("where", [FILES, *DATABASES], indirect=True)


def states(n):
    """Return states of two stages that differ by `n`."""
    return {"quality": {"version": np.array(1), "seen": np.arange(n)}, "directory": {"config": np.arange(3)}}


class Files:
    """Snapshots in a folder, opened anew each time."""

    def __init__(self, folder):
        self.folder = folder

    def open(self):
        """Return a store as another process would open it."""
        return FileSnapshots(self.folder)

    def harm(self):
        """Flip a bit of the newest."""
        newest = max(self.folder.glob("*.snapshot"))
        content = bytearray(newest.read_bytes())
        content[len(content) // 2] ^= 1
        newest.write_bytes(content)

    def close(self):
        """Release nothing."""


class Rows:
    """Snapshots in a database; whoever opens them takes the log over."""

    def __init__(self, where):
        self.database = Database.open(where)

    def open(self, part=1 << 20):
        """Return a store as another process would open it."""
        return SqlSnapshots(take(self.database, "bulk", "a test", 0), part)

    def harm(self):
        """Flip a bit of the newest."""
        with self.database.write() as connection:
            c = snapshot_parts.c
            row = connection.execute(select(snapshot_parts).order_by(c.position.desc())).first()
            body = bytearray(row.body)
            body[len(body) // 2] ^= 1
            mine = (c.position == row.position) & (c.part == row.part)
            connection.execute(update(snapshot_parts).where(mine).values(body=bytes(body)))

    def close(self):
        """Release the database."""
        self.database.close()


@pytest.fixture
def shelf(where, tmp_path):
    """Return where snapshots lie."""
    made = Files(tmp_path / "snapshots") if where == FILES else Rows(where)
    yield made
    made.close()


@everywhere
def test_nothing_saved(shelf):
    """Where there are none, none is loaded, and the log is needed from its beginning."""
    store = shelf.open()

    assert (None, 0) == (store.load("bulk"), store.oldest("bulk"))


@everywhere
def test_the_newest_is_loaded(shelf):
    """The newest state comes back, with its position, to another process as well."""
    store = shelf.open()
    for position in (8, 900, 10_000):
        store.save("bulk", position, states(position % 7))

    position, found = shelf.open().load("bulk")

    assert 10_000 == position
    assert states(10_000 % 7)["quality"]["seen"].tolist() == found["quality"]["seen"].tolist()
    assert {"quality", "directory"} == set(found)


@everywhere
def test_two_are_kept(shelf):
    """The last two stay, and the log must reach back to the older of them; one alone falls back on its beginning."""
    store = shelf.open()
    store.save("store-bulk", 5, states(1))
    for position in (8, 900, 10_000):
        store.save("bulk", position, states(1))

    assert (900, 0) == (store.oldest("bulk"), store.oldest("store-bulk"))


@everywhere
def test_the_same_again(shelf):
    """A snapshot of a position that has one takes its place."""
    store = shelf.open()
    store.save("bulk", 8, states(2))
    store.save("bulk", 8, states(4))

    assert [0, 1, 2, 3] == shelf.open().load("bulk")[1]["quality"]["seen"].tolist()


@everywhere
def test_a_broken_newest(shelf):
    """A snapshot that cannot be read is passed over and told; the one before it serves."""
    store = shelf.open()
    store.save("bulk", 8, states(2))
    store.save("bulk", 16, states(4))
    shelf.harm()

    again = shelf.open()
    position, found = again.load("bulk")

    assert (8, [0, 1]) == (position, found["quality"]["seen"].tolist())
    assert 1 == len(again.notices)
    again.save("bulk", 24, states(1))
    assert (24, 8) == (again.load("bulk")[0], again.oldest("bulk"))


class TestRows:
    @pytest.fixture
    def rows(self, where):
        """Return snapshots in a database."""
        made = Rows(where)
        yield made
        made.close()

    def test_taken_over(self, rows):
        """Whoever lost the log saves nothing any more; what the new holder saved stays."""
        before, after = rows.open(), rows.open()
        after.save("bulk", 8, states(2))

        with pytest.raises(Superseded, match="taken over"):
            before.save("bulk", 16, states(4))
        assert 8 == rows.open().load("bulk")[0]

    def test_many_parts(self, rows):
        """A snapshot of many parts comes back whole, and leaves no part behind when it goes."""
        store = rows.open(part=1_000)
        noise = np.random.default_rng(1).random(1_000)
        for position in (8, 16, 24):
            store.save("bulk", position, {"quality": {"seen": noise + position}})

        assert (noise + 24).tolist() == rows.open().load("bulk")[1]["quality"]["seen"].tolist()
        with rows.database.read() as connection:
            kept = connection.execute(select(snapshot_parts.c.position).distinct()).scalars().all()
            whole = connection.execute(select(snapshots.c.position)).scalars().all()
        assert [16, 24] == sorted(kept) == sorted(whole)

    def test_of_a_log_that_is_gone(self, rows):
        """A snapshot of an earlier position is newer than what a lost log left behind it."""
        store = rows.open()
        store.save("bulk", 900, states(2))
        store.save("bulk", 8, states(4))

        assert 8 == rows.open().load("bulk")[0]
