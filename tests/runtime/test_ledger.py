"""The loss ledger closes when nothing is lost, and tells when something is."""

import shutil
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from park.events import Counted
from park.metrics import Lane
from park.ports import Chunk, LedgerRow
from park.readings import ReadingBatch, batch_of
from park.records import Batch, Edge, Refusal, Refused
from park.settings import LogSettings, Settings
from runtime.house import House
from runtime.log import SegmentLog
from runtime.loss import WholeLedger
from runtime.storage.memory import MemoryStore
from runtime.storage.sql.database import Database
from runtime.storage.sql.ledger import HOUR, EdgeRow, SqlLedger, unexplained
from runtime.storage.sql.ledger_waiting import WaitingLedger

T0 = 1_760_000_400_000  # an hour's start
DAY = 24 * HOUR


@pytest.fixture(params=[SqlLedger, WaitingLedger], ids=["at once", "waiting"])
def ledger(request, tmp_path):
    database = Database.open(tmp_path / "park.sqlite")
    yield request.param(database)
    database.close()


def refused(reason, readings, gateway=0, received=T0):
    return Refused(reason, "t", b"", 0, received, "", gateway, readings)


def counted(gateway, hour, duplicates):
    return Counted(
        np.array([gateway], np.int32), np.array([hour]), np.array([duplicates], np.int32), np.array([0], np.int32)
    )


def test_a_row(ledger):
    """Both counts of a gateway's hour stand side by side."""
    ledger.add(
        Lane.BULK,
        1,
        [EdgeRow(7, T0, 3, 20)],
        [
            refused(Refusal.UNKNOWN_DEVICE, 4, 7, T0 + 5),
            refused(Refusal.WRONG_TYPE, 1, 7, T0 + HOUR - 1),
            refused(Refusal.MALFORMED, 0, 7),
        ],
        [counted(7, T0, 2)],
    )

    (row,) = ledger.rows(T0, T0 + HOUR, {(7, T0): 12}, {(7, T0): 1})

    assert LedgerRow(7, T0, 3, 20, 12, 2, 1, 4, 1) == row
    assert 0 == row.unexplained


def test_what_is_lost(ledger):
    """A reading that is nowhere is unexplained, and so is one that came from nowhere."""
    ledger.add(Lane.BULK, 1, [EdgeRow(1, T0, 1, 10)])

    rows = ledger.rows(T0, T0 + HOUR, {(1, T0): 9, (2, T0): 1})

    assert [1, -1] == [row.unexplained for row in rows]
    assert 2 == unexplained(rows)


def test_once(ledger):
    """The records of a log that is read again are counted once, by lane."""
    for lane in (Lane.BULK, Lane.BULK, Lane.LIFE):
        ledger.add(lane, 5, [EdgeRow(1, T0, 1, 10)])

    assert [20] == [row.received for row in ledger.rows(T0, T0 + HOUR, {})]
    assert (5, 5) == (ledger.reached(Lane.BULK), ledger.reached(Lane.LIFE))


def test_hours_asked_for(ledger):
    """Rows are those of the hours asked for, by hour and gateway."""
    ledger.add(Lane.BULK, 1, [EdgeRow(g, T0 + h * HOUR, 1, 1) for g in (2, 1) for h in range(4)])

    rows = ledger.rows(T0 + HOUR, T0 + 3 * HOUR, {(9, T0): 1})

    assert [(1, 1), (2, 1), (1, 2), (2, 2)] == [(r.gateway, (r.hour - T0) // HOUR) for r in rows]


fates = st.sampled_from(["stored", "duplicate", "rejected", "quarantined", "in_flight"])
flow = st.lists(
    st.tuples(st.sampled_from(Lane), st.integers(0, 3), st.integers(0, 2 * HOUR - 1), st.lists(fates, max_size=6)),
    max_size=25,
)


@settings(max_examples=40, deadline=None)
@given(
    messages=flow, again=st.integers(0, 25), lost=st.integers(0, 2), kind=st.sampled_from([SqlLedger, WaitingLedger]),
    flushed=st.integers(0, 25), forgets=st.booleans(),
)  # fmt: skip
def test_closes(messages, again, lost, kind, flushed, forgets, file, tmp_path_factory):
    """Whatever becomes of the readings of any messages, the ledger closes; what is lost, it tells."""
    database = Database.open(shutil.copy(file, tmp_path_factory.mktemp("ledger") / "park.sqlite"))
    ledger = kind(database)
    stored, in_flight = Counter(), Counter()
    told = []
    for position, (lane, gateway, at, readings) in enumerate(messages, 1):
        hour, received = T0 + at - at % HOUR, T0 + at
        count = Counter(readings)
        stored[gateway, hour] += count["stored"]
        in_flight[gateway, hour] += count["in_flight"]
        away = [
            refused(Refusal.NOT_FINITE, count["rejected"], gateway, received),
            refused(Refusal.UNKNOWN_DEVICE, count["quarantined"], gateway, received),
        ]
        told.append(
            (
                lane,
                position,
                [EdgeRow(gateway, hour, 1, len(readings))],
                away,
                [counted(gateway, hour, count["duplicate"])],
            )
        )
    for n, record in enumerate(told):
        ledger.add(*record)
        if n == flushed and kind is WaitingLedger:
            ledger.flush()
    if forgets:  # a crash: what waited is gone, and the log is read again from what lasts
        ledger, again = kind(database), 0
    for record in told[-again:]:  # all for 0
        ledger.add(*record)
    if lost:
        stored[0, T0] -= lost

    rows = ledger.rows(T0, T0 + DAY, stored, in_flight)
    database.close()

    assert lost == unexplained(rows)
    assert len(messages) == sum(row.messages for row in rows)


def test_what_waits(tmp_path):
    """What waits is nothing to the database before it is written, and is asked for like the rest."""
    database = Database.open(tmp_path / "park.sqlite")
    waiting, written = WaitingLedger(database), SqlLedger(database)

    waiting.add(Lane.BULK, 5, [EdgeRow(1, T0, 1, 10)])
    before = written.rows(T0, T0 + HOUR, {}), written.reached(Lane.BULK)
    waiting.flush()
    waiting.add(Lane.BULK, 6, [EdgeRow(1, T0, 1, 3)])
    (now,) = waiting.rows(T0, T0 + HOUR, {})
    (lasting,) = written.rows(T0, T0 + HOUR, {})
    database.close()

    assert ([], 0) == before
    assert (13, 10) == (now.received, lasting.received)


def test_before_the_readings(tmp_path):
    """Whenever a data folder makes readings lasting, what was counted of them lasts already."""
    with House.open(Settings(data_dir=tmp_path)) as house:
        house.ledger.add(Lane.BULK, 5, [EdgeRow(1, T0, 1, 10)])
        house.readings.write(Chunk(Lane.BULK, 5, batch_of([])))
        house.readings.flush()
        lasting = SqlLedger(house.database).reached(Lane.BULK), house.readings.position(Lane.BULK)

    assert (5, 5) == lasting


@pytest.mark.parametrize(("counts", "stores"), [(0, 0), (0, 1), (1, 0), (1, 1), (2, 1), (1, 2), (2, 2)])
def test_either_is_ahead(tmp_path, counts, stores):
    """Whichever of counts and readings lasts further, as in a backup, the log says the rest: nothing is unexplained."""
    database = Database.open(tmp_path / "park.sqlite")
    log = SegmentLog(tmp_path / "log", LogSettings(), Lane.BULK)
    ledger, store = SqlLedger(database), MemoryStore(gateway_of=lambda: np.array([0, 7], np.int32))
    for n in range(2):
        ts, away = np.array([T0 + n]), (refused(Refusal.WRONG_TYPE, 1, 7, T0 + n),)
        readings = ReadingBatch(np.ones(1, np.int32), ts, np.ones(1), np.zeros(1, np.uint8), ts)
        position = log.append([Batch(readings, Edge(*(np.array([x], np.int32) for x in (7, 1, 2))), away)])
        if n < counts:
            ledger.add(Lane.BULK, position, [EdgeRow(7, T0, 1, 2)], away)
        if n < stores:
            store.write(Chunk(Lane.BULK, position, readings))
            store.flush()

    (row,) = WholeLedger(ledger, store, {Lane.BULK: log}).rows(T0, T0 + HOUR)
    log.close()
    database.close()

    assert (2, 4, stores, 0) == (row.messages, row.received, row.stored, row.unexplained)
