"""The live feed of many processes that relay the same events."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from park.errors import Corrupt
from park.events import DeviceStatus, Reason, Status
from park.settings import ApiSettings
from park.told import Told
from runtime.city_live import OVERLAP, CityFeed, decode_live, encode_live

T = 1_800_000_000_000  # epoch ms


def feed(started=T):
    """Return the feed of a process that began at a time."""
    return CityFeed(ApiSettings(), started)


def told(number, *, epoch=1, stream="life-0"):
    """Return what a worker tells of one device."""
    return Told(stream, epoch, number, (DeviceStatus(number, Status.ONLINE, number, number, Reason.BACK, park=2),))


def devices(found):
    """Return the devices that some events are of, in order."""
    return [int(event.body.split(b'"device":')[1].split(b",")[0]) for event in found]


def test_a_page_that_comes_back_elsewhere_misses_nothing():
    """Numbers of one process are understood by another that heard the same events in another order."""
    one, two = feed(), feed()
    events = [(told(n), T + 100 * n) for n in range(1, 60)]
    for said, at in events:
        one.relay_told(said, at)
    for said, at in sorted(events, key=lambda pair: pair[0].position % 2):  # two partitions, one after the other
        two.relay_told(said, at)
    seen = 40
    last = one.since(0)[0][seen - 1].id

    again, whole = two.since(last)

    assert whole
    assert set(range(seen + 1, 60)) <= set(devices(again))


def test_little_is_told_again():
    """What came more than the overlap before is not told a second time."""
    one = feed()
    for n in range(1, 60):
        one.relay_told(told(n), T + 1_000 * n)
    found, whole = one.since((T + 50_000) * 1_000)

    assert (whole, 50 - OVERLAP // 1_000 + 1) == (True, devices(found)[0])


def test_what_is_told_twice_is_shown_once():
    """A worker that takes over tells again what the one before has told."""
    one = feed()
    one.relay_told(told(1), T)
    one.relay_told(told(1, epoch=2), T + 5)
    one.relay_told(told(2, epoch=2), T + 6)

    assert [1, 2] == devices(one.since(0)[0])


def test_epochs_of_a_restored_database():
    """Epochs begin lower in a database that was restored, and in one that somebody forged they are higher: all is told.

    Whether a fire in it is believed is found out by `park alarms`, who can ask.
    """
    one = feed()
    one.relay_told(told(1, epoch=1 << 60), T)
    one.relay_told(told(2, epoch=1), T + 1)

    assert [1, 2] == devices(one.since(0)[0])


def test_a_number_of_nobody_is_not_believed():
    """A number far ahead of all is answered with what there is, and the word that it may not be all."""
    one = feed()
    one.relay_told(told(1), T)

    assert not one.since(1 << 60)[1]


@given(st.sampled_from(["alarm", "condition"]), st.integers(0, 2**31), st.dictionaries(st.text(), st.text()))
def test_what_is_published_comes_out_alike(event, park, body):
    """An event for live pages keeps its name, its park and its body through the topic."""
    text = msgspec.json.encode(body)
    assert (event, park, text) == decode_live(encode_live(event, park, text))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b'{"event":"a\\nid: 7","park":1,"body":{}}',
        b'{"event":"alarm","park":"1","body":{}}',
        b"\xff",
    ],
)
def test_anything_else_is_corrupt(content):
    """What is no event for live pages is refused; above all a name that would break the stream's lines."""
    with pytest.raises(Corrupt):
        decode_live(content)
