"""A log that gave positions out again is noticed, however far it has grown since; one that did not is believed."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from park.errors import Corrupt
from runtime.kafka_log import Entry
from runtime.log_marks import LogMarks, mark_of, packed, sound, unpacked

COUNT = 40


@dataclass
class Log:
    """A partition in memory."""

    values: list[bytes]
    begin: int = 0
    gone: bool = False

    @property
    def end(self):
        """Position after the newest."""
        return len(self.values)

    def read(self, position, end=None):
        """Yield messages."""
        if self.gone or position < self.begin:
            raise Corrupt("gone")
        yield from (self.entry(n) for n in range(position + 1, min(self.end if end is None else end, self.end) + 1))

    def entry(self, position):
        """Return the message before a position."""
        return Entry(position, b"", self.values[position - 1], 7)


def values(first, count, of="old"):
    """Return messages that are like no others."""
    return [f"{of} {n}".encode() for n in range(first, first + count)]


def read(log, through, looked=0):
    """Return the marks of who has read a log so far, and compared it so far."""
    marks = LogMarks()
    for position in range(1, through + 1):
        marks.saw(log.entry(position))
        if position == looked:
            assert marks.changed(log) is None
    return marks


@given(st.data())
def test_cut_and_grown(data):
    """Wherever it was cut, whatever was read on of it since: it is noticed, and where it is another is known."""
    ran = data.draw(st.integers(1, COUNT))
    looked = data.draw(st.integers(0, ran))
    cut = data.draw(st.integers(0, ran - 1))
    on = data.draw(st.integers(0, 10))
    log = Log(values(0, COUNT))
    marks = read(log, ran, looked)
    log.values[cut:] = values(cut, ran - cut + on, "new")
    for position in range(ran + 1, log.end + 1):
        marks.saw(log.entry(position))

    assert cut == marks.changed(log)
    assert cut == marks.changed(log)


@given(st.integers(0, COUNT), st.integers(0, COUNT), st.integers(0, COUNT))
def test_the_same(ran, looked, begin):
    """A log that only grew, and whatever it let go of at its beginning, is the same."""
    log = Log(values(0, COUNT))
    marks = read(log, ran, min(looked, ran))
    log.begin = begin

    assert marks.changed(log) is None
    assert marks.changed(log) is None


@given(st.integers(1, COUNT), st.integers(0, COUNT), st.integers(0, COUNT), st.integers(0, COUNT))
def test_beside_a_snapshot(position, looked, cut, ran):
    """What stands beside a snapshot tells of every cut since the look before it, and that there was an earlier one."""
    log = Log(values(0, COUNT))
    ran = max(position, ran)
    kept = unpacked(packed(read(log, ran, min(looked, position)).before(position)))
    log.values[cut:] = values(cut, COUNT, "new")
    through = sound(kept, log)

    assert kept[-1][0] == position
    if cut >= position:
        assert through is None
    else:
        assert through == (cut if cut >= kept[0][0] else 0)


def test_between_two_snapshots():
    """Messages between the marks of two snapshots are not read again."""
    log = Log(values(0, 500))
    asked = []

    class Asked(Log):
        def read(self, position, end=None):
            asked.append((position, end))
            return super().read(position, end)

    marks = [(n, mark_of(log.entry(n))) for n in (1, 2, 300, 301)]

    assert sound(marks, Asked(log.values)) is None
    assert [(0, 2), (299, 301)] == asked


def test_an_end_before_all_of_it():
    """A log that ends before what was read is the same up to its end."""
    log = Log(values(0, 10))
    marks = read(log, 10)
    del log.values[6:]

    assert 6 == marks.changed(log)


def test_gone_at_this_moment():
    """Of a log that lets go of what was to be compared nothing is said: it is asked again."""
    log = Log(values(0, 10))
    marks = read(log, 10)
    log.gone = True

    assert marks.changed(log) is None


@pytest.mark.parametrize("content", [None, b"", b"half a mark"], ids=str)
def test_no_marks(content):
    """A snapshot of an older program says nothing of its log."""
    assert [] == unpacked(content)
