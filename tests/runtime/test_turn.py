"""Who asks first for the writer's turn has it first."""

import threading

from runtime.storage.sql.turn import Turn
from tests.tools import until


def asks(turn, name, order):
    """Ask for the turn in a thread, and wait until it stands in the queue."""
    before = len(turn._waiting)

    def run():
        assert turn.take(20)
        order.append(name)
        turn.give()

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: len(turn._waiting) > before or not thread.is_alive())
    return thread


def test_in_order():
    """The turn goes to those who wait in the order in which they came, also before whoever has just had it."""
    turn, order = Turn(), []
    assert turn.take(1)
    threads = [asks(turn, n, order) for n in range(5)]
    turn.give()
    assert turn.take(20)
    order.append("again")
    turn.give()
    for thread in threads:
        thread.join()

    assert [0, 1, 2, 3, 4, "again"] == order


def test_only_if_free():
    """Who does not want to wait has it only while nobody has it."""
    turn = Turn()

    assert [True, False] == [turn.take(0), turn.take(0)]
    turn.give()
    assert turn.take(0)


def test_too_long():
    """Who gives up is passed over, and the turn is not lost with him."""
    turn, order = Turn(), []
    assert turn.take(1)
    late = [turn.take(0.05) for _ in range(3)]
    thread = asks(turn, "next", order)
    turn.give()
    thread.join()

    assert ([False] * 3, ["next"], True) == (late, order, turn.take(0))


def test_one_at_a_time():
    """Whatever many threads do, one has the turn at a time, and every one of them has it in the end."""
    turn, inside, most, had = Turn(), [0], [0], []

    def work(n):
        for _ in range(50):
            if not turn.take(20):
                continue
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            had.append(n)
            inside[0] -= 1
            turn.give()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (1, 400) == (most[0], len(had))
