"""The fast client and stock paho: the same messages, whatever the wire does."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.fast_client import FastClient

V5, V4 = MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311
LIMIT = 2_000  # bytes of the largest payload in these tests


def varint(n):
    out = bytearray()
    while True:
        n, low = divmod(n, 128)
        out.append(low | (128 if n else 0))
        if not n:
            return bytes(out)


def packet(command, body):
    return bytes((command,)) + varint(len(body)) + body


def publish(version, topic, payload, qos, mid, flags=0, notes=()):
    """Return a PUBLISH; `notes` become user properties."""
    head = len(topic).to_bytes(2) + topic + (mid.to_bytes(2) if qos else b"")
    if version == V5:
        properties = Properties(PacketTypes.PUBLISH)
        if notes:
            properties.UserProperty = list(notes)
        head += properties.pack()
    return packet(0x30 | flags | qos << 1, head + payload)


def release(version, mid):
    del version
    return packet(0x62, mid.to_bytes(2))


class Link:
    """A client whose broker is this test."""

    def __init__(self, client):
        self.client = client
        self.ours, theirs = socket.socketpair()
        theirs.setblocking(False)
        self.ours.setblocking(False)
        client._sock = theirs
        client._host = "nowhere"

    def send(self, pieces):
        """Send bytes piece by piece; return the last code of the client."""
        rc = MQTTErrorCode.MQTT_ERR_SUCCESS
        for piece in pieces:
            try:
                self.ours.sendall(piece)
            except OSError:  # the client has had enough
                return rc
            for _ in range(2 * len(piece) + 2):  # stock paho reads a packet a call
                if rc or self.client.socket() is None:
                    return rc
                rc = self.client.loop_read()
                if isinstance(self.client, FastClient):
                    break
        return rc

    def answers(self):
        """Return what the client has sent."""
        try:
            return self.ours.recv(1 << 20)
        except (BlockingIOError, ConnectionResetError):
            return b""

    def close(self):
        """End both sides."""
        self.client._sock_close()
        self.ours.close()


def fast(version):
    return FastClient("t", version, LIMIT)


def stock(version):
    client = Client(
        CallbackAPIVersion.VERSION2, "t", clean_session=None if version == V5 else False, protocol=version,
        manual_ack=True,
    )  # fmt: skip
    client.got = []
    client.on_message = keep
    return client


def keep(client, userdata, m):
    mid = m.mid.to_bytes(2) if m.qos else b""
    client.got.append((bytes(m._topic), bytes(m.payload), mid, m.dup << 3 | m.qos << 1 | m.retain))


def cut(wire, places):
    places = sorted(p % (len(wire) + 1) for p in places)
    return [wire[a:b] for a, b in zip([0, *places], [*places, len(wire)], strict=True) if a < b]


topics = st.text(st.characters(codec="utf-8", exclude_characters="\0+#"), min_size=1, max_size=12).map(str.encode)
some_messages = st.lists(
    st.tuples(
        topics,
        st.binary(max_size=40) | st.sampled_from([b"x" * 200, b"y" * 1_500]),
        st.sampled_from([0, 1, 1, 1, 2]),
        st.sampled_from([0, 0, 1, 8, 9]),
        st.lists(
            st.tuples(st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=70), st.just("v")),
            max_size=3,
        ),
    ),
    max_size=12,
)


def wire_of(version, messages):
    out = bytearray()
    for mid, (topic, payload, qos, flags, notes) in enumerate(messages, 1):
        out += publish(version, topic, payload, qos, mid, flags & (9 if qos else 1), notes)
        if qos == 2:
            out += release(version, mid)
        if mid % 3 == 0:
            out += packet(0xD0, b"")  # PINGRESP between them
    return bytes(out)


class TestSameAsStock:
    @pytest.mark.parametrize("version", [V5, V4])
    @given(messages=some_messages, places=st.lists(st.integers(0, 5_000), max_size=8))
    def test_fragments(self, version, messages, places):
        """However the wire cuts packets, the fast client gives what stock paho gives, and answers alike."""
        wire = wire_of(version, messages)
        one, other = Link(fast(version)), Link(stock(version))
        try:
            assert one.send(cut(wire, places)) == other.send(cut(wire, places))
            assert other.client.got == one.client.take(1 << 20)[1]
            assert other.answers() == one.answers()
        finally:
            one.close()
            other.close()

    @pytest.mark.parametrize("version", [V5, V4])
    def test_byte_by_byte(self, version):
        """A wire that gives a byte at a time loses nothing."""
        wire = wire_of(version, [(b"a/b", b"hello" * 50, q, 0, [("k", "v" * 200)]) for q in (0, 1, 2, 1)])
        link = Link(fast(version))

        link.send([wire[i : i + 1] for i in range(len(wire))])

        assert [b"hello" * 50] * 4 == [m[1] for m in link.client.take(10)[1]]
        link.close()

    @pytest.mark.parametrize("version", [V5, V4])
    @given(wire=st.binary(max_size=120), places=st.lists(st.integers(0, 120), max_size=4))
    def test_any_bytes(self, version, wire, places):
        """Whatever a broker sends, the client reads on or says that the connection is broken."""
        link = Link(fast(version))
        try:
            assert isinstance(link.send(cut(wire, places)), MQTTErrorCode)
        finally:
            link.close()

    @pytest.mark.parametrize("version", [V5, V4])
    @given(messages=some_messages, at=st.integers(0, 5_000), byte=st.integers(0, 255))
    def test_one_wrong_byte(self, version, messages, at, byte):
        """A wrong byte anywhere never leads to an exception."""
        wire = bytearray(wire_of(version, messages) or b"\xd0\x00")
        wire[at % len(wire)] = byte
        link = Link(fast(version))
        try:
            assert isinstance(link.send([bytes(wire)]), MQTTErrorCode)
        finally:
            link.close()


class TestTooLarge:
    @pytest.mark.parametrize("version", [V5, V4])
    @given(size=st.integers(LIMIT + 1, 400_000), places=st.lists(st.integers(0, 400_000), max_size=6))
    def test_cut(self, version, size, places):
        """Of a packet that is too large the beginning is kept, its size is told, and the next one is whole."""
        wire = (
            publish(version, b"big", b"z" * size, 1, 7)
            + publish(version, b"big", b"z" * size, 0, 0)
            + publish(version, b"small", b"ok", 1, 8)
        )
        link = Link(fast(version))
        client = link.client
        for piece in cut(wire, places):
            client.feed(piece)
        big, again, small = client.take(10)[1]

        assert (b"big", b"\0\7", 2) == (big[0], big[2], big[3])
        assert len(big[1]) > LIMIT
        assert size == getattr(big[1], "size", len(big[1])) == getattr(again[1], "size", len(again[1]))
        assert (b"small", b"ok", b"\0\x08", 2) == small
        link.close()

    def test_memory(self):
        """A packet of 200 MB passes by without being held."""
        link = Link(fast(V5))
        client = link.client
        size = 200_000_000
        head = bytes((0x32,)) + varint(size + 10) + b"\0\5topic\0\1\0"
        client.feed(head)
        piece = bytes(1_000_000)
        for _ in range(size // len(piece)):
            client.feed(piece)
            assert len(client._slicer._tail) < 1_200_000

        assert size == client.take(1)[1][0][1].size
        link.close()


class TestAcks:
    def test_one_blob_in_order(self):
        """Acknowledgements go out in the order of arrival, whatever their kind."""
        link = Link(fast(V5))
        link.send([publish(V5, b"t", b"", 1, 5) + publish(V5, b"t", b"", 0, 0) + publish(V5, b"t", b"", 1, 4)])
        messages = link.client.take(10)[1]

        link.client.acknowledge(messages)

        assert b"\x40\x02\x00\x05\x40\x02\x00\x04" == link.answers()
        link.close()

    def test_old_connection(self):
        """What was read of a connection that is gone is still handed over, in an epoch of its own."""
        link = Link(fast(V5))
        link.send([publish(V5, b"t", b"1", 1, 5)])
        link.client._sock_close()

        epoch, messages = link.client.take(10)

        assert (-1, [b"1"]) == (epoch, [m[1] for m in messages])
        link.close()
