"""A paho client that reads fast.

paho 2.2 spends 20-50 µs on a message: three reads of the socket, a message object, a callback. Here one
read takes up to 256 KiB, and every QoS 1 PUBLISH in it is sliced out; all other packets go to paho's own
`_packet_handle`, so that the protocol stays paho's business. This leans on private names: paho is pinned,
and tests hold both readers to the same messages for any fragmentation.
"""

import time
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.exception import MalformedPacket

from ingest.message import Message
from ingest.slicing import Slicer

_READ = 256 * 1024  # bytes; one read empties a busy loopback socket
_BOUND = 32 << 20  # bytes of messages taken in at once, whatever their number
_CONNECT_TIMEOUT = 3.0  # s
_PUBACK, _PUBCOMP = 0x40, 0x70
_OK = MQTTErrorCode.MQTT_ERR_SUCCESS
_BROKEN = MQTTErrorCode.MQTT_ERR_PROTOCOL


class FastClient(Client):
    """A paho client that slices messages out of big reads into `ready`."""

    def __init__(self, client_id: str, protocol: MQTTProtocolVersion, max_payload: int, *, clean: bool = False) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id,
            clean_session=None if protocol == MQTTProtocolVersion.MQTTv5 else clean,
            protocol=protocol,
            manual_ack=True,
        )
        self.stale: list[Message] = []  # of connections that are gone: good to read, too late to acknowledge
        self.epoch = 0  # rises with every connection that ends
        self.limit = 1 << 30  # messages in `ready` beyond which the socket is left alone
        self._max_payload = max_payload
        self._slicer = self._new_slicer()
        self._rc = _OK
        self._connect_timeout = _CONNECT_TIMEOUT
        self.on_message = self._put

    # ── what paho calls ──────────────────────────────────────────────────────────────────────────

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        """Read until the socket is empty or enough is ready. `max_packets` is paho's and means nothing."""
        del max_packets
        while len(self.ready) < self.limit and self._slicer.taken < _BOUND:
            if self._sock is None:
                return MQTTErrorCode.MQTT_ERR_NO_CONN
            try:
                got = self._sock_recv(_READ)
            except BlockingIOError:
                return _OK
            except OSError:
                got = b""
            if not got:
                return self._loop_rc_handle(MQTTErrorCode.MQTT_ERR_CONN_LOST)
            self._last_bytes_received = time.monotonic()
            rc = self.feed(got)
            if rc:
                return self._loop_rc_handle(rc)
        return _OK

    def _sock_close(self) -> None:
        """Forget what belongs to the connection."""
        if self._sock is not None:
            self.epoch += 1
        self.stale += self._slicer.take(len(self.ready))
        self._slicer = self._new_slicer()
        super()._sock_close()

    def _put(self, client: Client, userdata: Any, message: MQTTMessage) -> None:
        """Take a message that went paho's way: QoS 0 or 2."""
        del client, userdata
        flags = message.dup << 3 | message.qos << 1 | message.retain
        payload = bytes(message.payload)
        mid = message.mid.to_bytes(2) if message.qos else b""
        self.ready.append((bytes(message._topic), payload, mid, flags))

    def _new_slicer(self) -> Slicer:
        return Slicer(self._others, self._max_payload, v5=self._protocol == MQTTProtocolVersion.MQTTv5)

    def feed(self, got: bytes) -> MQTTErrorCode:
        """Take bytes off the wire; all whole packets in them are dealt with. Return paho's code."""
        self._rc = _OK
        whole = self._slicer.feed(got)
        return _BROKEN if not whole and self._rc == _OK and self._sock is not None else self._rc

    def _others(self, command: int, packet: bytes) -> bool:
        """Let paho deal with a whole packet."""
        self._in_packet["command"] = command
        self._in_packet["remaining_length"] = len(packet)
        self._in_packet["packet"] = bytearray(packet)
        self._in_packet["pos"] = 0
        epoch = self.epoch
        try:
            self._rc = self._packet_handle()
        except (MalformedPacket, OSError):  # of a 3.1.1 broker that refuses the version paho connects anew, right here
            self._rc = _BROKEN
        return self._rc == _OK and self.epoch == epoch

    # ── what the reader asks ─────────────────────────────────────────────────────────────────────

    @property
    def ready(self) -> list[Message]:
        """Messages that have come and were not taken."""
        return self._slicer.messages

    def take(self, limit: int) -> tuple[int, list[Message]]:
        """Return (epoch they can be acknowledged in, up to `limit` messages) in order of arrival."""
        if self.stale:
            some, self.stale = self.stale[:limit], self.stale[limit:]
            return -1, some
        return self.epoch, self._slicer.take(limit)

    def acknowledge(self, messages: list[Message]) -> None:
        """Send the acknowledgements of messages, in this order, in one piece."""
        blob = b"".join([_ACKS[m[3] & 6] + m[2] for m in messages if m[2]])
        if blob:
            self._packet_queue(_PUBACK, blob, 0, 0)

    def hold(self) -> None:
        """Say that the broker is not to blame for silence: it is us who do not read."""
        self._last_bytes_received = time.monotonic()
        self._ping_t = 0.0

    def pending(self) -> bool:
        """Tell whether TLS holds bytes that the socket no longer shows."""
        waiting = getattr(self._sock, "pending", None)
        return waiting is not None and waiting() > 0


_ACKS = {2: bytes((_PUBACK, 2)), 4: bytes((_PUBCOMP, 2))}  # by QoS bits
