"""What only one of many processes does goes to the next when its holder falls silent, and never to two."""

from contextlib import closing, suppress

import psycopg
import pytest
from sqlalchemy import QueuePool, create_engine, make_url, select, text
from sqlalchemy.exc import OperationalError

from park.errors import Superseded, Unavailable
from runtime.storage.sql.assignments import holders, take
from runtime.storage.sql.database import Database
from runtime.storage.sql.leadership import Leadership, sign_of
from runtime.storage.sql.sleepers import end_sleepers
from runtime.storage.sql.tables_city import assignments
from tests.servers import postgresql
from tests.tools import until

PATIENCE = 4.0


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self):
        self.at = 0.0
        self.meanwhile = []  # what happens while somebody looks at it

    def __call__(self):
        """Return the time."""
        if self.meanwhile:
            self.meanwhile.pop()()
        return self.at


@pytest.fixture
def clock():
    """Return a clock of seconds that all share."""
    return Clock()


@pytest.fixture
def join(database, clock):
    """Return what makes one more process that would lead."""
    return lambda owner: Leadership(database, "alarms", owner, now=lambda: 0, elapsed=clock, patience=PATIENCE)


def test_the_first_holds_and_the_second_waits(join):
    """Who comes first has it; the other sees by whom it is held."""
    one, two = join("one"), join("two")

    assert (True, False, "one") == (one.turn() is not None, two.turn() is not None, two.holder)


def test_who_speaks_keeps_it(join, clock):
    """However long it is held: as long as the holder says so nobody takes it."""
    one, two = join("one"), join("two")
    one.turn()
    for _ in range(20):
        clock.at += PATIENCE / 2
        assert (True, False) == (one.turn() is not None, two.turn() is not None)


def test_the_silent_one_is_followed(join, clock):
    """Who says nothing for the patience of the others is followed, under a higher epoch."""
    one, two = join("one"), join("two")
    first = one.turn()
    two.turn()
    clock.at += PATIENCE - 0.1
    assert two.turn() is None
    clock.at += 0.1
    second = two.turn()

    assert (1, 2) == (first.epoch, second.epoch)


def test_the_paused_one_is_refused(join, clock):
    """Who wakes up and still believes writes nothing any more, and learns of it in his next turn."""
    one, two = join("one"), join("two")
    first = one.turn()
    two.turn()
    clock.at += PATIENCE
    two.turn()

    with pytest.raises(Superseded), first.database.write() as connection:
        connection.execute(text("DELETE FROM assignments"))
    assert (None, "two", True) == (one.turn(), one.holder, first.lost.is_set())


def test_who_gives_it_back_is_followed_at_once(join):
    """An ordered stop costs nobody the patience."""
    one, two = join("one"), join("two")
    one.turn()
    two.turn()
    one.give()

    assert two.turn() is not None


def test_who_is_not_able_offers_it(join):
    """It goes on until one takes it who is able; one who is not leaves it where it is."""
    one, two, three = join("one"), join("two"), join("three")
    held = one.turn()
    two.turn()

    assert (held, None) == (one.turn(able=False), two.turn(able=False))
    assert (held, 2) == (one.turn(able=False), three.turn().epoch)
    assert (None, "three") == (one.turn(), one.holder)


def test_who_is_able_again_keeps_it(join):
    """What was offered, and nobody took, is its holder's again."""
    one, two = join("one"), join("two")
    held = one.turn()
    one.turn(able=False)

    assert (held, None, "one") == (one.turn(), two.turn(), two.holder)


def test_what_nobody_holds_is_taken_by_who_is_there(join, clock):
    """Who is not able takes it all the same where its holder is silent, and where there never was one."""
    one, two = join("one"), join("two")

    assert 1 == one.turn(able=False).epoch
    assert two.turn(able=False) is None
    clock.at += PATIENCE
    assert 2 == two.turn(able=False).epoch


def test_a_pause_shorter_than_the_patience_costs_nothing(join, clock):
    """A holder that comes back in time goes on under its epoch."""
    one, two = join("one"), join("two")
    held = one.turn()
    two.turn()
    clock.at += PATIENCE - 0.5
    assert two.turn() is None

    assert (held, None) == (one.turn(), two.turn())


def test_who_speaks_at_the_last_moment_keeps_it(join, clock):
    """A holder that says something between the look of another and his hand on it is not followed."""
    one, two = join("one"), join("two")
    held = one.turn()
    two.turn()
    clock.at += PATIENCE
    clock.meanwhile = [one.turn]

    assert (None, held, "one") == (two.turn(), one.turn(), two.holder)


def test_who_was_quicker_is_not_followed(join, clock):
    """Of two that find it silent at one moment the second leaves it to the first."""
    one, two, three = join("one"), join("two"), join("three")
    one.turn()
    two.turn()
    three.turn()
    clock.at += PATIENCE
    clock.meanwhile = [two.turn]

    assert (None, "two", 2) == (three.turn(), three.holder, two.turn().epoch)


def test_who_was_followed_without_a_sign_lets_go(join, database, clock):
    """A program of before there were signs took it: who is refused for that holds nothing, and waits his patience."""
    one = join("one")
    held = one.turn()
    take(database, "alarms", "older program", 0)
    with pytest.raises(Superseded), held.database.write():
        pass
    refused = one.turn()
    clock.at += PATIENCE
    again = one.turn()

    assert (None, held.epoch + 2) == (refused, again.epoch)


def test_two_that_wait_are_not_both_followed(join, database, clock):
    """Of two that find it silent at once one has it in the end, and both know which."""
    one, two, three = join("one"), join("two"), join("three")
    one.turn()
    two.turn()
    three.turn()
    clock.at += PATIENCE
    two.turn()
    three.turn()
    found = [each.turn() is not None for each in (two, three)]

    assert [True] == [held for held in found if held]
    assert {"two": True, "three": False}[holders(database)["alarms"][1]] == found[0]


@pytest.mark.server
def test_a_storm_of_writes_takes_nothing_from_its_holder():
    """However long transactions of its work lock the epoch, its sign of life is said at once."""
    with postgresql() as url, closing(Database.open(url)) as database:
        one = Leadership(database, "alarms", "one", now=lambda: 0, elapsed=lambda: 0.0, patience=PATIENCE)
        held = one.turn()
        with held.database.write() as connection:
            connection.execute(text("SELECT 1"))
            before = sign_of(database, "alarms")
            said = [one.turn() for _ in range(3)]
        after = sign_of(database, "alarms")

    assert ([held] * 3, 3) == (said, after[2] - before[2])


@pytest.mark.server
def test_a_process_that_sleeps_within_a_transaction_holds_nobody_up():
    """PostgreSQL lets go of the locks of whoever begins a transaction of ours and says nothing more."""
    with postgresql() as url:
        database = Database.open(url)
        with database.read() as connection:
            said = connection.execute(text("SHOW idle_in_transaction_session_timeout")).scalar()
            alive = connection.execute(text("SHOW tcp_keepalives_idle")).scalar()
            connection.execute(select(assignments.c.epoch)).all()
        database.close()

    assert ("15s", "5") == (said, alive)


def _in_the_middle(stopped):
    """Stop between statements that go together."""
    with suppress(psycopg.Error), stopped.pipeline():
        stopped.execute(_LOCK)
        stopped.pgconn.send_flush_request()
        stopped.pgconn.flush()
        yield "active"


def _behind(stopped):
    """Stop behind statements that went together: PostgreSQL's own bound does not hold there."""
    stopped.execute("SET idle_in_transaction_session_timeout = '1s'")
    stopped.cursor().executemany(_LOCK, [(), ()])
    yield "idle in transaction"


_LOCK = "SELECT epoch FROM assignments WHERE stream = 'alarms' FOR SHARE"


@pytest.mark.server
@pytest.mark.parametrize("stop", [_in_the_middle, _behind], ids=["in the middle", "behind"])
def test_stopped_in_a_transaction(stop):
    """Who holds the epoch and was stopped is cut off by whoever follows him; who only writes elsewhere is not yet."""
    with postgresql() as url, closing(Database.open(url)) as database:
        take(database, "alarms", "one", 0)
        take(database, "life-0", "one", 0)
        address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        stopped, slow = psycopg.connect(address), psycopg.connect(address)
        with closing(stopped), closing(slow):
            slow.execute("INSERT INTO signs (name, epoch, owner, said) VALUES ('x', 1, 'y', 0)")
            for state in stop(stopped):
                until(lambda state=state: _waits(database, stopped.info.backend_pid, state))

                def followed():
                    with suppress(Unavailable):
                        return take(database, "alarms", "two", 0)

                assert 2 == until(followed, 30).epoch
            slow.commit()


def test_no_connection_to_end_him_with():
    """Where all connections are in use who waited in vain is told of the lock, and of nothing else."""
    engine = create_engine("sqlite://", poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=0.01)
    with closing(engine.connect()):
        end_sleepers(engine, OperationalError("", {}, psycopg.errors.LockNotAvailable()))
    engine.dispose()


def _waits(database, pid, state):
    """Tell whether a session is silent in this state."""
    asked = text("SELECT state, wait_event FROM pg_stat_activity WHERE pid = :pid").bindparams(pid=pid)
    with database.read() as connection:
        return (state, "ClientRead") == tuple(connection.execute(asked).one())
