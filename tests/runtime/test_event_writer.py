"""The writer of events goes on whatever the database says, and ends when it is told to."""

import threading

import pytest
from lane_parts import until

from park.errors import Conflict, Unavailable
from park.events import DeviceStatus, Reason, Status
from park.metrics import Lane
from runtime.event_writer import EventWriter

EVENT = DeviceStatus(1, Status.ONLINE, 1, 1, Reason.BACK)


class Store:
    """A store of events that fails while it is told to."""

    def __init__(self, why=None):
        self.why = why
        self.asked = threading.Event()
        self.taken = []

    def applied(self, lane):
        """Return where it stands: at the beginning."""
        del lane
        return 0

    def apply(self, lane, position, events):
        """Take events, or fail."""
        self.asked.set()
        if self.why:
            raise self.why
        self.taken.append((lane, position, list(events)))


@pytest.mark.parametrize("why", [Unavailable("locked"), Conflict("refused"), ValueError("a fault of ours")])
def test_a_store_that_fails(why):
    """The thread says what is wrong and asks again: whatever it was, a fire may wait behind it."""
    store = Store(why)
    writer = EventWriter(store)
    writer.start()
    writer.put(Lane.LIFE, 8, [EVENT])
    until(lambda: writer.troubles.newest)
    store.why = None
    until(lambda: store.taken)
    writer.stop()

    assert ([(Lane.LIFE, 8, [EVENT])], 8, 0) == (store.taken, writer.applied(Lane.LIFE), writer.waiting)


def test_a_store_that_fails_to_the_end():
    """A writer that is told to stop while the store takes nothing ends; a replay finds the events again."""
    store = Store(Unavailable("locked"))
    writer = EventWriter(store)
    writer.start()
    writer.put(Lane.LIFE, 8, [EVENT])
    assert store.asked.wait(10)
    writer.stop(10)

    assert not writer._thread.is_alive()
    assert 0 == writer.applied(Lane.LIFE)
