"""Who holds a log: an epoch that rises, and nothing is written by whoever held it before."""

import threading

import numpy as np
import pytest

from park.errors import Superseded, Unavailable
from park.records import Refusal, Refused
from runtime.journal import Cut
from runtime.storage.sql.assignments import holders, take
from runtime.storage.sql.cuts import SqlJournal, SqlPositions
from runtime.storage.sql.ledger import EdgeRow, SqlLedger
from runtime.storage.sql.quarantine import SqlQuarantine
from runtime.storage.sql.tables_city import assignments
from tests.contracts.conftest import DATABASES

STREAM = "bulk-3"
NOTHING = np.zeros(0, np.bool_)


def test_it_rises(database):
    """Each one who takes a log raises its epoch; other logs keep theirs."""
    epochs = [take(database, STREAM, f"worker {n}", n).epoch for n in range(3)]
    take(database, "life-0", "worker 9", 9)

    assert [1, 2, 3] == epochs
    assert {STREAM: (3, "worker 2", 2), "life-0": (1, "worker 9", 9)} == holders(database)


WRITES = {
    "ledger": lambda held: SqlLedger(held.database).add(STREAM, 5, [EdgeRow(1, 0, 1, 1)]),
    "quarantine": lambda held: SqlQuarantine(held.database).keep(
        STREAM, 5, [Refused(Refusal.MALFORMED, "park.bulk", b"x", 1, 0)]
    ),
    "cuts": lambda held: SqlJournal(held).append(Cut(0, 5, NOTHING)),
    "positions": lambda held: SqlPositions(held).write(STREAM, 5),
}


@pytest.mark.parametrize("write", WRITES)
def test_refused_to_who_lost_it(database, write):
    """Whoever held it before writes nothing any more, and knows it from then on; the new holder writes."""
    before, after = take(database, STREAM, "a", 0), take(database, STREAM, "b", 0)
    with pytest.raises(Superseded):
        WRITES[write](before)
    WRITES[write](after)

    assert (True, False) == (before.lost.is_set(), after.lost.is_set())
    assert (False, True) == (before.still(), after.still())
    assert (5 if write == "positions" else 0) == SqlPositions(after).read(STREAM)


def test_reads_are_free(database):
    """Who lost it may look."""
    before, after = take(database, STREAM, "a", 0), take(database, STREAM, "b", 0)
    SqlJournal(after).append(Cut(0, 5, NOTHING))

    assert [5] == [cut.position for cut in SqlJournal(before).after(0)]


@pytest.mark.parametrize("where", DATABASES[1:], indirect=True)
def test_a_holder_that_stands_still(database):
    """One who is stopped in the middle of a transaction holds nobody up for long, and what he began is undone."""
    before = take(database, STREAM, "a", 0)
    inside, go = threading.Event(), threading.Event()
    ended = []

    def hold():
        try:
            with before.database.write() as connection:
                connection.execute(assignments.insert().values(stream="x", epoch=1, owner="a", taken=0))
                inside.set()
                go.wait(30)
        except Unavailable as why:
            ended.append(why)

    thread = threading.Thread(target=hold)
    thread.start()
    assert inside.wait(10)
    after = take(database, STREAM, "b", 0)
    go.set()
    thread.join(10)

    assert (2, 1) == (after.epoch, len(ended))
    assert {STREAM} == set(holders(database))


class TestCuts:
    def test_come_back(self, database):
        """Cuts come back as they were, to another process, from a position on."""
        known = np.array([True, False, True] * 5)
        held = take(database, STREAM, "a", 0)
        journal = SqlJournal(held)
        for cut in (Cut(0, 5, NOTHING), Cut(5, 9, known), Cut(9, 12, ~known)):
            journal.append(cut)
        found = SqlJournal(take(database, STREAM, "b", 0)).after(5)

        assert [(5, 9), (9, 12)] == [(c.start, c.position) for c in found]
        assert [known.tolist(), (~known).tolist()] == [c.known.tolist() for c in found]

    def test_written_once(self, database):
        """A cut that is there stays as it is."""
        journal = SqlJournal(take(database, STREAM, "a", 0))
        journal.append(Cut(0, 5, NOTHING))
        again = SqlJournal(take(database, STREAM, "a", 0))
        again.after(0)
        again.append(Cut(3, 5, np.array([True])))

        assert [(0, 5, 0)] == [(c.start, c.position, len(c.known)) for c in again.after(0)]

    def test_forgotten(self, database):
        """Cuts that no snapshot needs are dropped; those of other logs stay."""
        journal = SqlJournal(take(database, STREAM, "a", 0))
        other = SqlJournal(take(database, "bulk-4", "a", 0))
        for one in (journal, other):
            one.append(Cut(0, 5, NOTHING))
        journal.append(Cut(5, 9, NOTHING))
        journal.forget(5)

        assert [9] == [c.position for c in journal.after(0)]
        assert [5] == [c.position for c in other.after(0)]
