"""Words that stand for keys, a browser's session and a ticket of a live stream: alike on both databases."""

import pytest
from sqlalchemy import func, insert, select

from park.errors import Unavailable
from park.roles import Purpose, Role
from runtime.storage.sql.database import Database
from runtime.storage.sql.keys import SESSIONS_MOST, SqlKeys
from runtime.storage.sql.tables import sessions

T0 = 1_760_000_000_000
DAY = 86_400_000


@pytest.fixture
def keys(database):
    """The keys over it."""
    return SqlKeys(database)


@pytest.fixture
def key(keys):
    """A key of the desk."""
    return keys.make("desk", Role.OPERATOR, actor="admin", now=T0)[1].id


def test_in_every_process(keys, key, where):
    """A word is good wherever the table is, until it ends or is closed."""
    words = [keys.open(key, Purpose.SESSION, now=T0, lasts=DAY) for _ in range(2)]
    keys.close(words[1])
    elsewhere = Database.open(where)
    other = SqlKeys(elsewhere)
    found = [other.enter(word, Purpose.SESSION, at) for word in words for at in (T0, T0 + DAY)]
    elsewhere.close()

    assert ["desk", None, None, None] == [p and p.name for p in found]


def test_a_ticket_is_used_once(keys, key):
    """A ticket lets in once, and is no session; a session is no ticket."""
    ticket, word = (keys.open(key, purpose, now=T0, lasts=DAY) for purpose in (Purpose.TICKET, Purpose.SESSION))
    wrong = [keys.enter(ticket, Purpose.SESSION, T0), keys.enter(word, Purpose.TICKET, T0)]
    found = [keys.enter(ticket, Purpose.TICKET, T0) for _ in range(2)]

    assert [None, None] == wrong
    assert [key, None] == [p and p.key for p in found]


def test_falls_with_its_key(keys, key):
    """Behind a revoked key a word is good for nothing."""
    word = keys.open(key, Purpose.SESSION, now=T0, lasts=DAY)
    before = keys.holds(key, T0)
    keys.revoke(key, actor="admin", now=T0)

    assert (True, False, None) == (before, keys.holds(key, T0), keys.enter(word, Purpose.SESSION, T0))


def test_what_is_kept(keys, key, database):
    """No table holds a word."""
    word = keys.open(key, Purpose.SESSION, now=T0, lasts=DAY)
    with database.read() as connection:
        (row,) = connection.execute(select(sessions)).all()

    assert word not in str(row)


def test_a_strangers_word_waits_for_nobody(database):
    """A word that was never given is looked up where nothing can be written: a flood of them delays no alarm."""

    def busy(connection):
        raise Unavailable("others write")

    keys = SqlKeys(database.guarded(busy))
    keys.close("never given")

    assert [None, None] == [keys.enter("never given", purpose, T0) for purpose in Purpose]


def test_bounded(keys, key, database):
    """Of very many words of a key the oldest go, and those that ended go first of all; of other keys none goes."""
    desk = keys.open(keys.make("night", Role.OPERATOR, actor="admin", now=T0)[1].id, Purpose.SESSION, now=T0, lasts=9)
    keys.open(key, Purpose.SESSION, now=T0 - DAY, lasts=1)
    first = keys.open(key, Purpose.SESSION, now=T0, lasts=DAY)
    row = {"purpose": "session", "key": key, "expires": T0 + 2 * DAY}
    with database.write() as connection:
        rows = [{"digest": str(n), **row} for n in range(SESSIONS_MOST)]
        connection.execute(insert(sessions), rows)
    keys.open(key, Purpose.SESSION, now=T0, lasts=3 * DAY)
    with database.read() as connection:
        count = connection.execute(select(func.count()).where(sessions.c.key == key)).scalar()

    assert (SESSIONS_MOST, None) == (count, keys.enter(first, Purpose.SESSION, T0))
    assert "night" == keys.enter(desk, Purpose.SESSION, T0).name
