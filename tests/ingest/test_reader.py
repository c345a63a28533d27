"""The reader against a real broker: sessions, cuts, order, and what it does when we cannot keep up."""

import contextlib
import shutil
import subprocess

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from ingest.mqtt import Reader
from park.metrics import Lane
from park.settings import IngestSettings
from runtime.broker import Broker, Kind, installed
from tests.tools import free_port, until, until_open

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    """Run one broker for all tests of this file; each test has topics and client names of its own."""
    kind = Kind.MOSQUITTO if installed(Kind.MOSQUITTO) else Kind.IOTCORE
    running = Broker.start(tmp_path_factory.mktemp("broker"), kind=kind)
    yield running
    running.stop()


def settings(broker, name, **more):
    return IngestSettings(broker_port=broker.port5, client_prefix=name, **more)


@contextlib.contextmanager
def reader(broker, name, filters=None, lane=Lane.BULK, **more):
    """Open a reader and wait until its subscriptions stand."""
    r = Reader(settings(broker, name, **more), lane, filters or [f"{name}/#"])
    r.open()
    try:
        settle(r)
        yield r
    finally:
        r.close()


def settle(r):
    """Wait until the subscriptions stand."""
    until(lambda: r.poll(0.02, 0) or r.subscribed)


def publish(broker, topic, payloads, qos=1, **more):
    """Send messages with a stock client, and wait until the broker has them."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(1_000)
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    sent = [client.publish(topic, p, qos=qos, **more) for p in payloads]
    for s in sent:
        s.wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


def take(r, n, *, ack=True):
    """Poll until n messages have come; return their payloads."""
    got = []

    def enough():
        some = r.poll(0.05)
        got.extend(some)
        if ack:
            r.ack(some)
        return len(got) >= n

    until(enough)
    return [m[1] for m in got]


def numbers(n, start=0):
    return [b"%d" % i for i in range(start, start + n)]


class TestReading:
    @pytest.mark.parametrize("qos", [0, 1, 2])
    def test_in_order(self, broker, qos):
        """Messages come in the order in which they were sent, at any QoS."""
        with reader(broker, f"order{qos}") as r:
            publish(broker, f"order{qos}/a", numbers(500), qos)

            assert numbers(500) == take(r, 500)

    def test_at_most(self, broker):
        """A poll returns no more than it was asked for, and nothing is lost by it."""
        with reader(broker, "atmost", batch_messages=7) as r:
            publish(broker, "atmost/a", numbers(100))
            got = []
            while len(got) < 100:
                some = r.poll(0.5)
                assert len(some) <= 7
                got += [m[1] for m in some]
                r.ack(some)

            assert numbers(100) == got

    def test_hears(self, broker):
        """A topic is heard once the broker has said so, and not while there is no connection."""
        with reader(broker, "hears") as r:
            r.subscribe(["other/one"])
            before = r.hears("other/one")
            until(lambda: r.poll(0.02, 0) or r.hears("other/one"))
            r.unsubscribe(["other/one"])
            settle(r)

            assert (False, True, False) == (before, r.hears("hears/#"), r.hears("other/one"))
        assert not r.hears("hears/#")

    def test_retained(self, broker):
        """A retained message is marked when it is replayed, and not when it is news."""
        publish(broker, "kept/a", [b"old"], retain=True)
        with reader(broker, "kept") as r:
            old = until(lambda: r.poll(0.05))
            publish(broker, "kept/a", [b"new"], retain=True)
            new = until(lambda: r.poll(0.05))

            assert [(b"old", 1), (b"new", 0)] == [(m[1], m[3] & 1) for m in old + new]

    @pytest.mark.parametrize(
        ("lane", "topic", "heard"), [(Lane.LIFE, "{}/hall", [(b"fire", 1)]), (Lane.LIFE, "parks/{}/life/-/s", []),
                                     (Lane.BULK, "{}/hall", [])],
    )  # fmt: skip
    def test_retained_when_we_come_back(self, broker, lane, topic, heard):
        """What the broker keeps of a detector of a foreign dialect is heard each time: it may be of meanwhile."""
        if broker.kind is Kind.IOTCORE:
            pytest.skip("the broker from a Python package knows no retain handling")
        name = f"away{lane}{len(topic)}"
        topic = topic.format(name)
        publish(broker, topic, [b"fire"], retain=True)
        with reader(broker, name, [topic], lane) as r:
            assert [b"fire"] == take(r, 1)
        with reader(broker, name, [topic], lane) as r:
            publish(broker, topic, [b"after"])
            got = []
            until(lambda: got.extend(r.poll(0.05)) or (got and got[-1][1] == b"after"))

            assert [*heard, (b"after", 0)] == [(m[1], m[3] & 1) for m in got]

    @pytest.mark.parametrize(("lane", "heard"), [(Lane.LIFE, 100), (Lane.BULK, 10)])
    def test_ahead_of_our_acknowledgements(self, broker, lane, heard):
        """While nothing can be acknowledged a fire is heard behind many messages; of bulk the broker keeps them."""
        if broker.kind is Kind.IOTCORE:
            pytest.skip("the broker from a Python package sends ahead what it likes")
        with reader(broker, f"ahead{lane}", lane=lane, receive_maximum=10) as r:
            publish(broker, f"ahead{lane}/a", numbers(100))
            got = []
            until(lambda: got.extend(r.poll(0.05)) or len(got) >= heard)
            got += r.poll(0.5)

            assert heard == len(got)

    def test_large(self, broker):
        """A message of 3 MB arrives cut, with its size, and the next one is whole."""
        if broker.kind is Kind.IOTCORE:
            pytest.skip("the broker from a Python package takes no message of that size")
        with reader(broker, "large") as r:
            publish(broker, "large/a", [b"x" * 3_000_000, b"after"])
            got = []
            until(lambda: got.extend(r.poll(0.05)) or len(got) == 2)

            assert ((1 << 20) + 1, 3_000_000, b"after") == (len(got[0][1]), got[0][1].size, got[1][1])

    def test_subscribe_later(self, broker):
        """Topics can be added and taken back while it runs."""
        with reader(broker, "later") as r:
            r.subscribe(["elsewhere/#"])
            settle(r)
            publish(broker, "elsewhere/a", [b"1"])
            first = take(r, 1)
            r.unsubscribe(["elsewhere/#"])
            settle(r)
            publish(broker, "elsewhere/a", [b"2"])
            publish(broker, "later/a", [b"3"])

            assert ([b"1"], [b"3"]) == (first, take(r, 1))


class TestAcknowledging:
    def test_not_acknowledged(self, broker):
        """What was not acknowledged comes again to the next session of the same name, in order."""
        with reader(broker, "again") as r:
            publish(broker, "again/a", numbers(50))
            first = r.poll(1.0)
            more = take(r, 50 - len(first), ack=False) if len(first) < 50 else []
            r.ack(first)
        with reader(broker, "again") as r:
            expected = numbers(50)[len(first) :]

            assert 50 == len(first) + len(more)
            assert 1 == r.counters.resumed
            assert expected == take(r, len(expected)) if expected else True

    def test_while_away(self, broker):
        """What is sent while we are away waits for us."""
        with reader(broker, "away"):
            pass
        publish(broker, "away/a", numbers(3_000))
        with reader(broker, "away") as r:
            assert numbers(3_000) == take(r, 3_000)

    def test_order_is_law(self, broker):
        """Acknowledging out of order is a mistake of ours, and told."""
        with reader(broker, "law", batch_messages=1) as r:
            publish(broker, "law/a", numbers(2))
            one, two = until(lambda: r.poll(0.05)), until(lambda: r.poll(0.05))

            with pytest.raises(ValueError, match="order"):
                r.ack(two)
            r.ack(one)
            r.ack(two)
            assert (2, 0) == (r.counters.acknowledged, r.unacknowledged)

    def test_holding(self, broker):
        """A lane that cannot store polls for nothing: the connection lives, and all comes later."""
        with reader(broker, "hold", keepalive=2) as r:
            publish(broker, "hold/a", numbers(2_000))
            connections = r.counters.connections
            for _ in range(120):  # three keep-alives
                assert [] == r.poll(0.05, 0)

            assert (True, connections) == (r.connected, r.counters.connections)
            assert numbers(2_000) == take(r, 2_000)


class TestTrouble:
    def test_nobody_there(self):
        """Without a broker it says why and goes on trying."""
        r = Reader(IngestSettings(broker_port=free_port()), Lane.LIFE, ["a/#"])
        r.open()
        assert [] == r.poll(0.05)
        assert [] == r.poll(0.05)
        assert (False, True) == (r.connected, "refused" in r.last_error)
        r.close()
        r.close()

    def test_broker_is_killed(self, tmp_path):
        """A broker that is killed and comes back is found again; acknowledgements of the old connection are dropped."""
        kind = Kind.MOSQUITTO if installed(Kind.MOSQUITTO) else Kind.IOTCORE
        broker = Broker.start(tmp_path, kind=kind)
        try:
            with reader(broker, "killed") as r:
                publish(broker, "killed/a", numbers(5))
                some = until(lambda: r.poll(0.05))
                broker.kill()
                until(lambda: r.poll(0.02) or not r.connected)
                broker.restart()
                settle(r)
                r.ack(some)
                publish(broker, "killed/a", [b"last"])

                assert len(some) == r.counters.acks_dropped
                until(lambda: b"last" in take(r, 1))
        finally:
            broker.stop()

    def test_no_filter(self, broker):
        """What is no topic filter is told to who asks for it, and harms nothing."""
        with reader(broker, "nofilter") as r:
            for bad in ("a/#/b", "", "a+", "x" * 70_000):
                with pytest.raises(ValueError, match="no topic filter"):
                    r.subscribe([bad])
            publish(broker, "nofilter/a", [b"1"])

            assert [b"1"] == take(r, 1)

    def test_session_taken(self, broker):
        """A second client of the same name takes over, and the first says so."""
        with reader(broker, "taken") as r, reader(broker, "taken"):
            until(lambda: r.poll(0.02) or r.last_error)

            assert r.last_error

    def test_tls(self, tmp_path):
        """Over TLS nothing stays behind in what was decrypted already."""
        if not (shutil.which("openssl") and installed(Kind.MOSQUITTO)):
            pytest.skip("openssl or Mosquitto is not installed")
        key, cert, port = tmp_path / "key.pem", tmp_path / "cert.pem", free_port()
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, "-days", "1",
             "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
            check=True, capture_output=True,
        )  # fmt: skip
        plain = free_port()
        (tmp_path / "m.conf").write_text(
            f"allow_anonymous true\nlistener {plain} 127.0.0.1\n"
            f"listener {port} 127.0.0.1\ncertfile {cert}\nkeyfile {key}\nuser root\n"
        )
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        with subprocess.Popen([program, "-c", tmp_path / "m.conf"], stderr=subprocess.DEVNULL) as process:
            try:
                until_open(port)
                ask = IngestSettings(broker_port=port, client_prefix="tls", tls=True, tls_ca_file=str(cert))
                r = Reader(ask, Lane.BULK, ["tls/#"])
                r.open()
                settle(r)
                client = mqtt.Client(CallbackAPIVersion.VERSION2)
                client.max_inflight_messages_set(1_000)
                client.connect("127.0.0.1", plain)
                client.loop_start()
                for s in [client.publish("tls/a", b"x" * i, qos=1) for i in range(1_000)]:
                    s.wait_for_publish(10)
                client.disconnect()
                client.loop_stop()

                assert list(range(1_000)) == [len(p) for p in take(r, 1_000)]
                r.close()
            finally:
                process.kill()

    def test_wake(self, broker):
        """Another thread can end the waiting."""
        with reader(broker, "wake") as r:
            r.wake()

            assert [] == r.poll(60.0)

    def test_two_lanes(self, broker):
        """The lanes are two clients of two names, and each has what it asked for."""
        filters = {Lane.LIFE: ["two/life/#"], Lane.BULK: ["two/bulk/#"]}
        readers = [Reader(settings(broker, "two"), lane, f) for lane, f in filters.items()]
        for r in readers:
            r.open()
            settle(r)
        publish(broker, "two/bulk/a", [b"bulk"])
        publish(broker, "two/life/a", [b"life"])

        assert [[b"life"], [b"bulk"]] == [take(r, 1) for r in readers]
        for r in readers:
            r.close()
