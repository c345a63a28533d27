"""What every store of refused messages promises."""

import pytest

from park.errors import NotFound, UserError
from park.metrics import Lane
from park.records import Refusal, Refused
from runtime.storage.sql.quarantine import Bounds, SqlQuarantine

T0 = 1_760_000_000_000


@pytest.fixture
def quarantine(database):
    return SqlQuarantine(database)


def refused(key="native:p/-/d", payload=b"{}", reason=Refusal.UNKNOWN_DEVICE, received=T0, **more):
    return Refused(reason, "parks/p/bulk/-/d", payload, len(payload), received, key, **more)


def payloads(kept):
    return [k.refused.payload for k in kept]


def test_as_it_came(quarantine):
    """A message is kept to the byte, with all that is known of it."""
    message = refused(payload=bytes(range(256)), readings=3, detail="column 7", alarm="smoke", gateway=4, whole=False)
    quarantine.keep(Lane.LIFE, 1, [message])

    (kept,) = quarantine.waiting()

    assert (message, Lane.LIFE, "waiting") == (kept.refused, kept.lane, kept.state)
    assert kept == quarantine.show(kept.id)


def test_without_payloads(quarantine):
    """A list for people does not read the payloads, of which a thousand may be a gigabyte."""
    quarantine.keep(Lane.LIFE, 1, [refused(payload=b"x" * 100)])

    (kept,) = quarantine.waiting(payloads=False)

    assert (b"", 100, "native:p/-/d") == (kept.refused.payload, kept.refused.size, kept.refused.device_key)


def test_texts_that_databases_hate(quarantine):
    """A topic with half a character or a NUL is kept, legible."""
    quarantine.keep(Lane.BULK, 1, [Refused(Refusal.MALFORMED, "a/\udcff\0b", b"\0", 1, T0, detail="\ud800")])

    assert "a/?\ufffdb" == quarantine.waiting()[0].refused.topic


def test_once(quarantine):
    """The records of a log that is read again are kept once; lanes do not disturb each other."""
    for lane in (Lane.BULK, Lane.BULK, Lane.LIFE):
        quarantine.keep(lane, 5, [refused()])

    assert [Lane.BULK, Lane.LIFE] == [k.lane for k in quarantine.waiting()]
    assert (5, 5) == (quarantine.kept(Lane.BULK), quarantine.kept(Lane.LIFE))


def test_asked_for(quarantine):
    """Waiting messages are found by reason and device, in pages."""
    quarantine.keep(
        Lane.BULK,
        1,
        [refused("a:1", b"1"), refused("a:2", b"2"), refused("a:1", b"3"), refused("a:1", b"4", Refusal.MALFORMED)],
    )

    first = quarantine.waiting(device_key="a:1", limit=1)
    rest = quarantine.waiting(device_key="a:1", after=first[0].id)

    assert ([b"1"], [b"3", b"4"]) == (payloads(first), payloads(rest))
    assert [b"4"] == payloads(quarantine.waiting(reason=Refusal.MALFORMED))


def test_marked(quarantine):
    """A message that was retried waits no more, and is not retried twice; who did it is known."""
    quarantine.keep(Lane.BULK, 1, [refused(), refused()])
    first, second = (k.id for k in quarantine.waiting())

    assert (1, 0) == (quarantine.mark([first, 999], "retried", "li"), quarantine.mark([first], "discarded", "wang"))
    assert [second] == [k.id for k in quarantine.waiting()]
    assert ("retried", "li") == (quarantine.show(first).state, quarantine.show(first).actor)


def test_no_other_state(quarantine):
    """A state that is none is refused."""
    with pytest.raises(UserError):
        quarantine.mark([1], "forgotten", "li")


def test_no_such_message(quarantine):
    """What was never kept is not found."""
    with pytest.raises(NotFound, match="77"):
        quarantine.show(77)


def test_unknown_devices(quarantine):
    """Devices that wait to be claimed are told with how much waits and what they said last."""
    quarantine.keep(
        Lane.BULK,
        1,
        [
            refused("a:1", b"old", received=T0),
            refused("a:2", b"x", received=T0 + 5),
            refused("a:1", b"new", received=T0 + 9),
            refused("a:3", b"x", Refusal.MALFORMED),
        ],
    )

    assert [("a:1", 2, T0 + 9, b"new"), ("a:2", 1, T0 + 5, b"x")] == quarantine.devices()


class TestBounds:
    def test_rows(self, database):
        """When it is full the oldest goes, and is counted."""
        small = SqlQuarantine(database, Bounds(rows=10, share=0.1))

        small.keep(Lane.BULK, 1, [refused(payload=b"%d" % k) for k in range(25)])

        assert [b"%d" % k for k in range(15, 25)] == payloads(small.waiting())
        assert (10, 15) == (small.totals()[0], small.totals()[2])

    def test_bytes(self, database):
        """Large messages are bounded by their bytes."""
        small = SqlQuarantine(database, Bounds(rows=100, bytes=10_000, share=0.01))

        small.keep(Lane.BULK, 1, [refused(payload=bytes(4_000)) for _ in range(5)])

        assert (2, 3) == (small.totals()[0], small.totals()[2])
        assert small.totals()[1] <= 10_000

    def test_a_flood_pushes_nobody_out(self, database):
        """One device that floods loses its own messages, not those of others."""
        small = SqlQuarantine(database, Bounds(rows=20, share=0.1))
        small.keep(Lane.BULK, 1, [refused("quiet:1", b"keep me")])

        for position in range(2, 30):
            small.keep(Lane.BULK, position, [refused("loud:1") for _ in range(10)])

        assert [b"keep me"] == payloads(small.waiting(device_key="quiet:1"))
        assert small.totals()[0] <= 20

    def test_done_ones_go_first(self, database):
        """What was retried or discarded makes room before anything that waits, and is no loss."""
        small = SqlQuarantine(database, Bounds(rows=4, share=0.25))
        small.keep(Lane.BULK, 1, [refused(payload=b"%d" % k) for k in range(4)])
        small.mark([k.id for k in small.waiting()[2:]], "discarded", "li")

        small.keep(Lane.BULK, 2, [refused(payload=b"4"), refused(payload=b"5")])

        assert [b"0", b"1", b"4", b"5"] == payloads(small.waiting())
        assert 0 == small.totals()[2]
