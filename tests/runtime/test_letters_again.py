"""Dead letters of a city: shown to people with the reason, and taken in again when a person says so."""

import json

import pytest

from park.errors import Unavailable
from park.events import AlarmState, ConditionChange, Reason, Severity
from park.metrics import Lane
from park.records import Refusal, Refused
from park.told import Told, encode_told
from runtime.dead_reading import letter_of
from runtime.kafka_log import Entry
from runtime.letters_again import LettersAgain
from runtime.storage.sql.database import Database
from runtime.storage.sql.events import SqlEvents
from runtime.storage.sql.quarantine import SqlQuarantine

T0 = 1_790_000_000_000


def fire(number=1, *, state=AlarmState.ACTIVE, later=0):
    """Return what a worker says of the fire of a place."""
    return ConditionChange(
        "fire.pre_alarm", "fire", f"place:{number}", T0, T0 + later, T0, state, Severity.CRITICAL,
        Reason.DETECTOR_ALARM, park=1, place=number,
    )  # fmt: skip


FIRE = encode_told(Told("life-1", 7, 40, (fire(),)))
QUIET = encode_told(Told("bulk-1", 7, 40, ()))


def letter(source="park.events-2", value=FIRE, **more):
    """Return a dead letter as it stands in Kafka."""
    key = {"from": source, "position": 9, "bytes": len(value), "why": "epoch 7 was never given out"} | more
    return Entry(5, json.dumps(key).encode(), value, T0)


@pytest.mark.parametrize(
    ("entry", "lane", "alarm", "detail"),
    [
        (letter(), Lane.LIFE, "fire", "message before 9: epoch 7 was never given out"),
        (letter(value=QUIET), Lane.BULK, "", "message before 9: epoch 7 was never given out"),
        (letter("influx:raw", b"power value=1 1"), Lane.BULK, "", "message before 9: epoch 7 was never given out"),
        (letter(position="x"), Lane.LIFE, "fire", "a dead letter without a word about where it comes from"),
        (Entry(5, b"\xff", b"?", T0), Lane.BULK, "", "a dead letter without a word about where it comes from"),
    ],
    ids=["a fire", "nothing of life safety", "a line", "a key of another program", "a key that is none"],
)
def test_how_people_see_it(entry, lane, alarm, detail):
    """Its lane, the fire in it, and why it is there are told."""
    found, refused = letter_of(entry)

    assert (lane, alarm, detail, entry.value) == (found, refused.alarm, refused.detail, refused.payload)


@pytest.mark.parametrize("source", ["park.life-3", "park.bulk-0"])
def test_a_log_tells_its_own(source):
    """A message of a log is left out: it is in the quarantine by its log."""
    assert letter_of(letter(source)) is None


class Series:
    """An InfluxDB that takes lines, refuses them, or is away."""

    def __init__(self, set_aside, answer):
        self._set_aside, self._answer = set_aside, answer

    def write(self, bucket, line, precision):
        """Answer as told to."""
        if self._answer == "away":
            raise Unavailable("InfluxDB does not answer")
        if self._answer == "refuse":
            self._set_aside(bucket, line, "422: another type")
        else:
            self._answer.append((bucket, line, precision))

    def close(self):
        """Let go."""


class Ground:
    """A quarantine, a store of events, and what takes again; messages of devices are noted."""

    def __init__(self, database):
        self.quarantine, self.events = SqlQuarantine(database), SqlEvents(database)
        self.series, self.devices = [], []
        self.again = LettersAgain(
            self.quarantine, self.events, lambda set_aside: Series(set_aside, self.series), self._device
        )

    def _device(self, keys, _actor):
        self.devices += keys
        return len(keys)

    def keep(self, topic, payload, size=None):
        """Keep a message; return its number."""
        refused = Refused(Refusal.MALFORMED, topic, payload, size or len(payload), T0)
        self.quarantine.keep("life-dead", len(self.quarantine.waiting()) + 1, [refused])
        return self.quarantine.waiting()[-1].id

    def standing(self):
        """Return the subjects of what stands."""
        return [c.subject for c in self.events.conditions(standing=True)]


@pytest.fixture
def ground(tmp_path):
    """Return one over a database of its own."""
    database = Database.open(tmp_path / "park.db")
    yield Ground(database)
    database.close()


def test_a_fire_is_believed(ground):
    """What a worker told is stored, how far its log was read stays as it is, and the message waits no more."""
    ground.events.apply("life-1", 30, [])
    key = ground.keep("park.events-2", FIRE)

    assert 1 == ground.again.retry([key], "chen")
    assert (["place:1"], 30) == (ground.standing(), ground.events.applied("life-1"))
    assert ("retried", "chen") == (ground.quarantine.show(key).state, ground.quarantine.show(key).actor)
    assert 0 == ground.again.retry([key], "chen")


def test_it_ends_no_fire(ground):
    """The end of a fire that nobody could believe is not taken from there, whoever says so."""
    ground.events.apply("life-1", 30, [fire()])
    over = encode_told(Told("life-1", 7, 40, (fire(state=AlarmState.CLEARED, later=60_000),)))

    assert 1 == ground.again.retry([ground.keep("park.events-2", over)], "chen")
    assert ["place:1"] == ground.standing()


class Moving(SqlEvents):
    """Events whose log goes on between any question about it and what is stored next."""

    def applied(self, stream):
        """Answer, and let the log go on."""
        found = super().applied(stream)
        self.apply(stream, found + 10, [])
        return found

    def history(self, condition):
        """Answer, and let the log go on."""
        self.applied("bulk-1")
        return super().history(condition)


def test_its_log_goes_on(ground, tmp_path):
    """What is said to have been taken in is stored, though its log is read on meanwhile."""
    hot = ConditionChange(
        "limit.1", "limit", "device:1", T0, T0, T0, AlarmState.ACTIVE, Severity.LOW, Reason.ABOVE_LIMIT, park=1
    )
    database = Database.open(tmp_path / "park.db")
    again = LettersAgain(ground.quarantine, Moving(database), None, lambda keys, _actor: len(keys))
    moved = again.retry([ground.keep("park.events-2", encode_told(Told("bulk-1", 7, 40, (hot,))))], "chen")
    database.close()

    assert (1, ["device:1"]) == (moved, ground.standing())


def test_what_came_later_stays(ground):
    """A fire that is over by now does not stand again."""
    ground.events.apply("life-1", 30, [fire(state=AlarmState.CLEARED, later=60_000)])

    assert 1 == ground.again.retry([ground.keep("park.events-2", FIRE)], "chen")
    assert [] == ground.standing()


@pytest.mark.parametrize(
    ("topic", "payload", "size"),
    [("park.events-2", b"no such thing", None), ("park.events-2", FIRE, 9_999_999), ("", FIRE, None),
     ("influx:nowhere", b"power value=1 1", None)],
    ids=["garbage", "a part of a message", "from nowhere", "a bucket that there is not"],
)  # fmt: skip
def test_what_cannot_be_believed(ground, topic, payload, size):
    """It stays where it is, and nothing is stored."""
    key = ground.keep(topic, payload, size)

    assert 0 == ground.again.retry([key], "chen")
    assert ([], [], "waiting") == (ground.standing(), ground.devices, ground.quarantine.show(key).state)


def test_a_line(ground):
    """A line goes into its bucket with that bucket's precision."""
    keys = [ground.keep("influx:raw", b"power value=1 1"), ground.keep("influx:minutes", b"power count=1i 1")]

    assert 2 == ground.again.retry(keys, "chen")
    assert [("raw", b"power value=1 1", "ms"), ("minutes", b"power count=1i 1", "ns")] == ground.series


@pytest.mark.parametrize("answer", ["refuse", "away"])
def test_a_line_that_is_not_taken(ground, answer):
    """It stays where it is, whether InfluxDB refuses it or does not answer."""
    key = ground.keep("influx:raw", b"power value=1 1")
    ground.series = answer
    try:
        moved = ground.again.retry([key], "chen")
    except Unavailable:
        moved = 0

    assert (0, "waiting") == (moved, ground.quarantine.show(key).state)


def test_messages_of_devices(ground):
    """They are left to whoever decodes them."""
    keys = [
        ground.keep("parks/liuxi/bulk/-/m1", b"{"),
        ground.keep("life-2", b"\x09"),
        ground.keep("park.events-2", FIRE),
    ]

    assert 3 == ground.again.retry(keys, "chen")
    assert keys[:2] == ground.devices
