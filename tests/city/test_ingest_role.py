"""The ingester: everything that devices say arrives in Kafka, in its park's partition, life safety first."""

import asyncio
import threading
from dataclasses import dataclass, replace

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from park.errors import MachineryError, SettingsError
from park.metrics import METRICS, Feed, Lane
from park.model import Device, Park, Point
from park.records import Batch, Config, Refusal
from park.settings import CitySettings, IngestSettings, Settings
from runtime import clock
from runtime.broker import Broker, Kind
from runtime.city_ingest import CityIngest
from runtime.kafka_client import KafkaClient
from runtime.kafka_log import KafkaLog
from runtime.role_ingest import run_ingest
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry
from runtime.topics import partition_of, prepare_topics, topic_of
from simulators.live import Live
from simulators.publish import publish
from simulators.registry import load, park_plan
from simulators.scenario import DAY, MINUTE, Scenario
from tests.city.ingest_city import Devices, Reading, fill
from tests.city.kafka import any_kafka
from tests.tools import until

pytestmark = [pytest.mark.server, pytest.mark.slow]
CODES = ("liuxi", "qinglong", "beihu", "nanshan", "xicheng", "dongpu")
N = 4


@dataclass
class Ground:
    """A city's engines, its registry, and what comes into Kafka."""

    settings: Settings
    database: Database
    mqtt: int
    reading: Reading

    @property
    def registry(self):
        """The parks."""
        return SqlRegistry(self.database)

    def ingest(self, share="0/1"):
        """Return an ingester that runs while we are inside."""
        city = replace(self.settings.city, share=share)
        return Running(CityIngest(replace(self.settings, city=city), self.database))

    def batches(self, lane):
        """Return (partition, batch) of what has come."""
        return list(self.reading.taken(lane).batches())

    def values(self, lane):
        """Return the values that have come."""
        return [value for _, _, value in self.reading.taken(lane).rows()]


class Running:
    """An ingester that runs while we are inside."""

    def __init__(self, ingest):
        self.ingest = ingest

    def __enter__(self):
        self.ingest.start()
        until(lambda: all(c.ready for c in self.ingest.components()), 60)
        return self.ingest

    def __exit__(self, *_):
        self.ingest.stop()


@pytest.fixture(scope="module")
def kafka_address():
    """Run a Kafka with the topics of a city."""
    with any_kafka() as address:
        asyncio.run(prepare_topics(CitySettings(kafka=address, partitions=N)))
        yield address


@pytest.fixture
def ground(tmp_path, kafka_address):
    """Run a broker beside it, over an empty registry."""
    yield from _ground(tmp_path, kafka_address)


@pytest.fixture
def ground_of_its_own(tmp_path):
    """Run a Kafka besides, whose topics may be deleted: the package's broker does not get over that."""
    with any_kafka() as address:
        asyncio.run(prepare_topics(CitySettings(kafka=address, partitions=N)))
        yield from _ground(tmp_path, address)


def _ground(tmp_path, kafka_address):
    city = CitySettings(kafka=kafka_address, partitions=N)
    broker = Broker.start(tmp_path / "broker", kind=Kind.MOSQUITTO)
    database = Database.open(tmp_path / "registry.db")
    ingest = IngestSettings(broker_host="127.0.0.1", broker_port=broker.port5)
    reading = Reading(city)
    yield Ground(Settings(data_dir=tmp_path, ingest=ingest, city=city), database, broker.port, reading)
    reading.close()
    database.close()
    broker.stop()


@pytest.fixture
def devices(ground):
    """Speak to the broker."""
    speaking = Devices(ground.mqtt)
    yield speaking
    speaking.close()


@pytest.fixture
def devices_of_its_own(ground_of_its_own):
    """Speak to the broker of that."""
    speaking = Devices(ground_of_its_own.mqtt)
    yield speaking
    speaking.close()


def test_a_simulated_park(ground):
    """All seven feeds of a simulated park arrive, every message counted, each in the park's partition."""
    now = clock.now()
    plan = park_plan(Scenario(now - 2 * DAY, enterprises=12))
    load(plan, ground.registry, now=now - DAY)
    live = Live(plan, now - 20 * MINUTE)
    with ground.ingest():
        sent = publish(
            live, host="127.0.0.1", port=ground.mqtt, now=clock.now, stop=threading.Event(), until=now
        )  # fmt: skip

        def counted():
            return sum(ground.reading.taken(lane).counted()[0] for lane in Lane)

        assert sent.messages > 100
        until(lambda: counted() >= sent.messages, 60)

    feeds, home = set(), partition_of("liuxi", N)
    for lane in Lane:
        found = ground.reading.taken(lane)
        found.in_order()
        points = found.points()
        for partition, batch in found.batches():
            feeds |= {METRICS[points[p]].feed for p in set(batch.readings.point.tolist())}
            assert home == partition or not len(batch.readings)
        rows = found.rows()
        assert len(set(rows)) == len(rows)
    assert set(Feed) == feeds


def test_parks_and_strangers(ground, devices):
    """Each park's readings stand in its partition; what nobody has claimed stands where its topic says."""
    fill(ground.registry, CODES)
    with ground.ingest():
        for n, code in enumerate(CODES):
            devices.say(f"parks/{code}/bulk/g/m1", {"power": n, "energy": 100 + n})
            devices.say(f"parks/{code}/life/-/smoke", {"smoke": "alarm"})
        devices.say("parks/nowhere/bulk/g/x", {"power": 1})
        until(lambda: len(ground.values(Lane.BULK)) == 2 * len(CODES), 30)
        until(lambda: len(ground.values(Lane.LIFE)) == len(CODES), 30)
        until(lambda: any(b.refused for _, b in ground.batches(Lane.BULK)), 30)

    wanted = {float(v): partition_of(code, N) for n, code in enumerate(CODES) for v in (n, 100 + n)}
    assert wanted == {v: partition for partition, b in ground.batches(Lane.BULK) for v in b.readings.value.tolist()}
    assert sorted(partition_of(code, N) for code in CODES) == sorted(
        partition for partition, b in ground.batches(Lane.LIFE) for _ in range(len(b.readings))
    )
    ((partition, refused),) = [(p, r) for p, b in ground.batches(Lane.BULK) for r in b.refused]
    assert (partition_of("nowhere", N), Refusal.UNKNOWN_DEVICE) == (partition, refused.reason)


def test_fire_before_the_rest(ground, devices):
    """A fire is in Kafka before the heap of other messages that the broker holds."""
    fill(ground.registry, CODES)
    with ground.ingest():
        pass  # sessions of ours, for which the broker now keeps what comes
    for n in range(30_000):
        devices.say(f"parks/liuxi/bulk/g/m{n % 4}", {"power": n})
    devices.say("parks/liuxi/life/-/smoke", {"smoke": "alarm"})
    devices.settle()
    with ground.ingest():
        until(lambda: ground.values(Lane.LIFE) == [1.0], 30)
        until(lambda: len(ground.values(Lane.BULK)) == 30_000, 60)

    (fire,) = (b.readings.received[0] for _, b in ground.batches(Lane.LIFE) if len(b.readings))
    assert fire < max(b.readings.received.max() for _, b in ground.batches(Lane.BULK) if len(b.readings))
    assert list(range(30_000)) == ground.values(Lane.BULK)


def test_gigantic_half_and_garbage(ground, devices):
    """What is no message of a device is kept with its reason, and hinders no other."""
    fill(ground.registry, CODES)
    with ground.ingest():
        for n in range(6):
            devices.send(f"parks/liuxi/bulk/g/m{n % 4}", b'{"v": {"power": ' + b"1" * (3 << 20))
        devices.send("parks/liuxi/bulk/g/m1", b'{"v": {"power": 1')
        devices.send("parks/liuxi/bulk/g/m1", bytes(range(256)))
        devices.send("parks/liuxi/life/-/smoke", b"")
        devices.say("parks/liuxi/bulk/g/m1", {"power": 7, "energy": "much"})
        devices.say("parks/liuxi/life/-/smoke", {"smoke": "alarm"})
        until(lambda: ground.values(Lane.LIFE) == [1.0] and ground.values(Lane.BULK) == [7.0], 60)

    reasons = [r.reason for _, b in ground.batches(Lane.BULK) for r in b.refused]
    assert 6 == reasons.count(Refusal.TOO_LARGE)
    assert 2 == reasons.count(Refusal.MALFORMED)
    assert 1 == reasons.count(Refusal.WRONG_TYPE)
    assert [1] == [1 for _, b in ground.batches(Lane.LIFE) for r in b.refused]
    assert (9, 2) == ground.reading.taken(Lane.BULK).counted()


def test_what_changes_is_heard(ground, devices):
    """A park and a device that are registered while we run are heard; the partition knows them before they speak."""
    fill(ground.registry, CODES[:1])
    with ground.ingest() as ingest:
        fill(ground.registry, CODES[1:2])
        ingest._sync()
        devices.say(f"parks/{CODES[1]}/bulk/g/m0", {"power": 5})
        # Once: whoever was registered before he spoke is known, and need not say it twice.
        until(lambda: ground.values(Lane.BULK) == [5.0], 30)

    found = ground.reading.taken(Lane.BULK)
    for records in found.records.values():
        known = set()
        for _, record in records:
            known |= {p.point for p in getattr(record, "points", ())}
            readings = getattr(record, "readings", None)
            assert readings is None or set(readings.point.tolist()) <= known


def homed(code, other):
    """Return those of some codes whose park is of another partition than a first."""
    return next(c for c in other if partition_of(c, N) != partition_of(code, N))


@pytest.mark.parametrize("meanwhile", [False, True], ids=["running", "not running"])
def test_a_device_that_moves(ground, meanwhile):
    """A device that moved to a park of another partition is gone from the first one, also if nobody ran meanwhile."""
    fill(ground.registry, CODES)
    parks = {p.code: p.id for p in ground.registry.find(Park)}
    to = homed(CODES[0], CODES)
    smoke = next(d for d in ground.registry.find(Device, park=parks[CODES[0]]) if d.kind == "smoke_detector")

    def move():
        ground.registry.save([replace(smoke, park=parks[to])], actor="t", reason="t", now=2)

    def told(code):
        records = ground.reading.taken(Lane.LIFE).records[partition_of(code, N)]
        return [d.retired for _, r in records for d in getattr(r, "devices", ()) if d.device == smoke.id]

    with ground.ingest() as ingest:
        until(lambda: told(CODES[0]), 30)
        ingest._sync()  # what was told is written down
        if not meanwhile:
            move()
            ingest._sync()
            until(lambda: told(to), 30)
    if meanwhile:
        move()
        with ground.ingest():
            until(lambda: told(to), 30)

    assert ([False, True], [False]) == (told(CODES[0]), told(to))


def test_topics_that_are_made_anew(ground_of_its_own, devices_of_its_own):
    """A running ingester makes topics that are gone, and tells them again what is registered."""
    ground, devices = ground_of_its_own, devices_of_its_own
    fill(ground.registry, CODES[:1])
    home = partition_of(CODES[0], N)
    with ground.ingest() as ingest:
        devices.say(f"parks/{CODES[0]}/bulk/g/m0", {"power": 5})
        until(lambda: ground.values(Lane.BULK) == [5.0], 30)
        ground.reading.close()
        asyncio.run(deleted(ground.settings.city))
        client = KafkaClient(ground.settings.city, "anew")
        log = KafkaLog(client, topic_of(Lane.BULK), home)

        def heard():
            devices.say(f"parks/{CODES[0]}/bulk/g/m0", {"power": 6})
            try:
                ingest._sync()
                records = [r for _, r in log.read(0)]
            except MachineryError:
                return False
            configs = [r for r in records if isinstance(r, Config) and r.points]
            return configs and any(isinstance(r, Batch) and len(r.readings) for r in records)

        until(heard, 60, 0.5)
        client.close()


async def deleted(city):
    """Delete the topics of the lanes."""
    admin = AIOKafkaAdminClient(bootstrap_servers=city.kafka)
    await admin.start()
    await admin.delete_topics([topic_of(lane) for lane in Lane])
    await admin.close()


def test_rules_are_carried(ground):
    """Rules that hold reach every partition of both lanes with the start."""
    fill(ground.registry, CODES)
    with ground.ingest():
        for lane in Lane:

            def told(lane=lane):
                records = ground.reading.taken(lane).records.values()
                return all(any(getattr(r, "limits", None) for _, r in of) for of in records)

            until(told, 30)


def test_time_goes_on(ground, devices):
    """An ingester that starts again begins with the time that the logs have reached, whatever its clock says."""
    fill(ground.registry, CODES)
    with ground.ingest():
        devices.say("parks/liuxi/bulk/g/m1", {"power": 1})
        until(lambda: ground.values(Lane.BULK), 30)
    with ground.ingest() as again:
        assert again.lanes[Lane.BULK].runner.tick > clock.now() - 10 * MINUTE
        devices.say("parks/liuxi/bulk/g/m1", {"power": 2})
        until(lambda: len(ground.values(Lane.BULK)) == 2, 30)

    ground.reading.taken(Lane.BULK).in_order()


class TestSharing:
    def test_each_once(self, ground, devices):
        """Two ingesters hear every park, known or not, and every foreign device, and nothing twice."""
        fill(ground.registry, CODES)
        foreign = ground.registry.save(
            [Device(0, p.id, f"z2m:room-{p.code}", "climate", "c") for p in ground.registry.find(Park)],
            actor="t", reason="t", now=1,
        )  # fmt: skip
        ground.registry.save(
            [Point(0, d.id, "temperature", source_key="temperature") for d in foreign], actor="t", reason="t", now=1
        )
        with ground.ingest("0/2") as one, ground.ingest("1/2") as other:
            for n, code in enumerate(CODES):
                devices.say(f"parks/{code}/bulk/g/m1", {"power": n})
                devices.say(f"parks/{code}/life/-/smoke", {"smoke": "alarm"})
                devices.send(f"zigbee2mqtt/room-{code}", b'{"temperature": %d}' % (50 + n))
                devices.send(f"zigbee2mqtt/stranger-{code}", b'{"temperature": 1}')
                devices.say(f"parks/un{code}/life/-/smoke", {"smoke": "alarm"})
            devices.settle()
            until(lambda: len(ground.values(Lane.BULK)) >= 2 * len(CODES), 30)
            until(lambda: len(ground.values(Lane.LIFE)) >= len(CODES), 30)
            until(lambda: len(_strangers(ground, Lane.BULK)) >= len(CODES), 30)
            until(lambda: len(_strangers(ground, Lane.LIFE)) >= len(CODES), 30)
            both = [i.lanes[Lane.BULK].state.readings for i in (one, other)]

        assert sorted([*range(len(CODES)), *range(50, 50 + len(CODES))]) == sorted(ground.values(Lane.BULK))
        assert len(CODES) == len(ground.values(Lane.LIFE))
        assert len(CODES) == len(_strangers(ground, Lane.BULK))
        assert len(CODES) == len(_strangers(ground, Lane.LIFE))
        assert min(both) > 0

    def test_ticks_of_its_own(self, ground):
        """An ingester writes to its own partitions only: two clocks in one log would tear its time."""
        fill(ground.registry, CODES)
        with ground.ingest("1/2"):
            until(lambda: ground.reading.taken(Lane.BULK).records[1], 30)

        assert {1, 3} == {p for p, records in ground.reading.taken(Lane.BULK).records.items() if records}

    @pytest.mark.parametrize("share", ["2/2", "1", "a/b", "-1/2", "0/9", "0/0"])
    def test_no_share(self, tmp_path, share):
        """A share that is none is one sentence."""
        (tmp_path / "url").write_text("postgresql://park@127.0.0.1:1/park")
        city = CitySettings(share=share, postgres_url_file=str(tmp_path / "url"))
        with pytest.raises(SettingsError, match="share"):
            run_ingest(Settings(data_dir=tmp_path, city=city), threading.Event())


def _strangers(ground, lane):
    """Return the refused messages of a lane."""
    return [r.topic for _, b in ground.batches(lane) for r in b.refused]
