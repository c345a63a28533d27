"""One lane's way to the broker: connect, subscribe, hand messages over, acknowledge in order.

```
 socket ──recv──> [tail|data] ──slice──> ready ──poll()──> the lane ──ack()──> one blob of PUBACKs
                        └── anything but a QoS 1 PUBLISH ──> paho (ingest/fast_client.py)
```
Nothing here has a thread: the lane calls `poll`, and an exception anywhere comes out of that call. This file and
`fast_client.py` alone know paho.
"""

import contextlib
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from paho.mqtt.client import Client
from paho.mqtt.enums import MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest.fast_client import FastClient
from ingest.message import Message
from park.errors import SettingsError
from park.metrics import Lane
from park.settings import IngestSettings

_RECEIVE_BUFFER = 4 << 20  # bytes asked of the kernel, so that a nap of ours does not stop the broker
_BACK_OFF = (0.1, 5.0)  # s between attempts to connect: first, longest
_FILTERS = 100  # in one SUBSCRIBE
_LIFE_AHEAD = 65_535  # messages of life safety that the broker may send ahead (MQTT 5, 3.1.2.11.3: two bytes)
_AT_LEAST = 10_000  # messages that may come beside the broker's answers while nobody takes any
_OK = MQTTErrorCode.MQTT_ERR_SUCCESS


def _checked(filters: Iterable[str]) -> list[str]:
    """Return topic filters; a wrong one is told to who brought it, not to the lane that would send it."""
    checked = list(filters)
    for name in checked:
        if Client._filter_wildcard_len_check(name.encode()) != _OK or "\0" in name:
            raise ValueError(f"{name!r} is no topic filter")
    return checked


@dataclass(slots=True)
class Counters:
    """What a reader has seen, for health pages."""

    messages: int = 0
    acknowledged: int = 0
    acks_dropped: int = 0  # of connections that were gone
    connections: int = 0
    resumed: int = 0  # connections for which the broker had kept our session


class Reader:
    """One lane's subscription: connects and reconnects, hands messages over, acknowledges in order.

    All methods but `subscribe`, `unsubscribe` and `wake` belong to one thread.
    """

    def __init__(self, settings: IngestSettings, lane: Lane, filters: Iterable[str]) -> None:
        """Take the settings, with files of secrets; nothing is connected yet. Raises SettingsError."""
        self._settings = settings
        self.lane = lane
        self._client = self._build()
        self._host = settings.broker_host or "127.0.0.1"  # none is named: our own
        self.counters = Counters()
        self.last_error = ""  # why there is no connection, or which filter the broker refused; for people
        self._filters = dict.fromkeys(_checked(filters))  # in order, once each
        self._changes: deque[tuple[bool, str]] = deque()  # (add it, filter), from other threads
        self._asked: dict[int, list[str]] = {}  # by packet id: subscriptions that the broker has not answered
        self._granted: frozenset[str] = frozenset()  # that it has said yes to, on this connection
        self._handed: deque[tuple[int, list[Message]]] = deque()
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._selector.register(self._wake_in, selectors.EVENT_READ)
        self._registered: Any = None
        self._events = 0
        self._retry_at = 0.0
        self._delay = _BACK_OFF[0]
        self._closed = threading.Event()

    def _build(self) -> FastClient:
        s = self._settings
        client = FastClient(
            f"{s.client_prefix}-{self.lane}",
            MQTTProtocolVersion(s.mqtt_version),
            s.max_payload,
        )
        try:
            if s.username:
                password = Path(s.password_file).read_text(encoding="utf-8").strip() if s.password_file else None
                client.username_pw_set(s.username, password)
            if s.tls:
                client.tls_set(s.tls_ca_file or None, s.tls_cert_file or None, s.tls_key_file or None)
        except (OSError, ValueError) as why:  # a fault of TLS is an OSError, too
            files = (s.password_file, s.tls_ca_file, s.tls_cert_file, s.tls_key_file)
            raise SettingsError(f"[ingest] one of {', '.join(filter(None, files))} cannot be read") from why
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_answer
        client.on_unsubscribe = self._on_answer
        return client

    # ── for the lane ─────────────────────────────────────────────────────────────────────────────

    def open(self) -> None:
        """Begin to connect; `poll` does the work, again and again."""
        s, host = self._settings, self._host
        if s.mqtt_version == MQTTProtocolVersion.MQTTv5:
            # The stubs of paho want its own enum here; False is what the documents promise.
            connect = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            connect.SessionExpiryInterval = s.session_expiry
            # While the log takes nothing no message is acknowledged; a fire behind so many of them would not come.
            connect.ReceiveMaximum = _LIFE_AHEAD if self.lane is Lane.LIFE else s.receive_maximum
            self._client.connect_async(
                host, s.broker_port, s.keepalive, clean_start=cast("Any", False), properties=connect
            )
        else:
            self._client.connect_async(host, s.broker_port, s.keepalive)

    def poll(self, timeout: float, limit: int | None = None) -> list[Message]:
        """Return messages in order of arrival, waiting up to `timeout` s for the first.

        With `limit` 0 it reads nothing and only keeps the connection alive: so a lane that cannot store
        stops the flow, and the broker keeps what comes. Each list must be given to `ack`, in order.
        """
        limit = self._settings.batch_messages if limit is None else limit
        self._turn(0.0 if limit and (self._client.ready or self._client.stale) else timeout, limit)
        if not limit:
            return []
        epoch, messages = self._client.take(limit)
        if messages:
            self._handed.append((epoch, messages))
            self.counters.messages += len(messages)
        return messages

    def ack(self, messages: list[Message]) -> None:
        """Acknowledge a list that `poll` returned, the oldest first. Dropped if its connection is gone."""
        if not messages:
            return
        if not self._handed or self._handed[0][1] is not messages:
            raise ValueError("messages must be acknowledged in the order in which they were handed over")
        epoch, _ = self._handed.popleft()
        if epoch == self._client.epoch and self._client.socket() is not None:
            self._client.acknowledge(messages)
            self.counters.acknowledged += len(messages)
        else:
            self.counters.acks_dropped += len(messages)

    def subscribe(self, filters: Iterable[str]) -> None:
        """Add topic filters; from any thread. Raises ValueError for what is no filter."""
        filters = _checked(filters)
        self._changes.extend((True, f) for f in filters)
        self.wake()

    def unsubscribe(self, filters: Iterable[str]) -> None:
        """Take topic filters back; from any thread."""
        self._changes.extend((False, f) for f in filters)
        self.wake()

    def wake(self) -> None:
        """End the waiting of `poll`; from any thread."""
        with contextlib.suppress(BlockingIOError, OSError):
            self._wake_out.send(b"!")

    @property
    def connected(self) -> bool:
        """Whether the broker has said yes and the connection stands."""
        return self._client.socket() is not None and self._client.is_connected()

    @property
    def subscribed(self) -> bool:
        """Whether the broker has answered for every topic filter, so that nothing is missed from now on."""
        return self.connected and not self._asked and not self._changes

    def hears(self, name: str) -> bool:
        """Tell whether a topic filter is subscribed to for certain, so that nobody else must listen; from any thread.

        While there is no connection it is not: the broker may keep what comes, or it may not.
        """
        return name in self._granted and self.connected

    @property
    def unacknowledged(self) -> int:
        """Messages handed over and not acknowledged yet."""
        return sum(len(messages) for _, messages in self._handed)

    def close(self) -> None:
        """Say good-bye, keeping the session at the broker."""
        if self._closed.is_set():
            return
        self._closed.set()
        if self._client.socket() is not None:
            with contextlib.suppress(OSError):
                self._client.disconnect()
                deadline = time.monotonic() + 1.0
                while self._client.want_write() and time.monotonic() < deadline:
                    self._selector.select(0.01)
                    self._client.loop_write()
        self._client._sock_close()
        self._selector.close()
        self._wake_in.close()
        self._wake_out.close()

    # ── the loop ─────────────────────────────────────────────────────────────────────────────────

    def _turn(self, timeout: float, limit: int) -> None:
        client = self._client
        if client.socket() is None:
            wait = self._retry_at - time.monotonic()
            if wait > 0:
                self._register(0)
                self._select(min(wait, timeout))
                if time.monotonic() < self._retry_at:
                    return
            self._connect()
            if client.socket() is None:
                return
        self._apply_changes()
        # Even who wants no messages reads the broker's answers to what we asked of it.
        client.limit = limit if self.subscribed or limit else min(len(client.ready) + 1, _AT_LEAST)
        reading = len(client.ready) < client.limit
        events = (selectors.EVENT_READ if reading else 0) | (selectors.EVENT_WRITE if client.want_write() else 0)
        self._register(events)
        seen = self._select(0.0 if client.pending() else timeout)
        if reading and (seen & selectors.EVENT_READ or client.pending()):
            client.loop_read()
        if client.socket() is not None and client.want_write():
            client.loop_write()
        if not reading:
            client.hold()
        if client.socket() is not None:
            client.loop_misc()

    def _select(self, timeout: float) -> int:
        seen = 0
        for key, events in self._selector.select(max(0.0, timeout)):
            if key.fileobj is self._wake_in:
                with contextlib.suppress(BlockingIOError):
                    self._wake_in.recv(4096)
            else:
                seen = events
        return seen

    def _register(self, events: int) -> None:
        """Watch the socket of now for some events; 0: for none."""
        sock = self._client.socket()
        if sock is self._registered and events == self._events:
            return
        if self._registered is not None and (sock is not self._registered or not events):
            # The socket may be closed by now: selectors then knows it by identity only.
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(self._registered)
            self._registered = None
        if sock is not None and events:
            if self._registered is None:
                self._selector.register(sock, events)
                self._registered = sock
            else:
                self._selector.modify(sock, events)
        self._events = events

    def _connect(self) -> None:
        self._retry_at = time.monotonic() + self._delay
        self._delay = min(2 * self._delay, _BACK_OFF[1])
        try:
            self._client.reconnect()
        except OSError as why:  # refused, unreachable, no such name, TLS: all may pass
            self.last_error = f"{self._host}:{self._settings.broker_port}: {why}"
            self._client._sock_close()
            return
        sock = self._client.socket()
        raw = getattr(sock, "setsockopt", None)
        if raw is not None:
            raw(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
            raw(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _apply_changes(self) -> None:
        if not self._changes:
            return
        added: list[str] = []
        while self._changes:
            add, name = self._changes.popleft()
            if add and name not in self._filters:
                self._filters[name] = None
                added.append(name)
            elif not add and name in self._filters:
                del self._filters[name]
                if name in added:
                    added.remove(name)
                elif self.connected:
                    self._granted -= {name}
                    self._ask(self._client.unsubscribe(name)[1], [])
        if self.connected:
            self._send_filters(added)

    def _send_filters(self, filters: list[str]) -> None:
        for i in range(0, len(filters), _FILTERS):
            part = filters[i : i + _FILTERS]
            if self._settings.mqtt_version == MQTTProtocolVersion.MQTTv5:
                self._ask(self._client.subscribe([(f, self._options(f)) for f in part])[1], part)
            else:
                self._ask(self._client.subscribe([(f, 1) for f in part])[1], part)

    def _options(self, name: str) -> SubscribeOptions:
        """Return how we hear a topic filter.

        Retained messages come when a subscription is new, not at each reconnect; and the RETAIN flag then means "old
        state", never "somebody published with retain". But of a detector of a foreign dialect they come each time:
        what it said at QoS 0 while we were away no broker keeps for us otherwise (Zigbee2MQTT's default).
        """
        each_time = self.lane is Lane.LIFE and not name.startswith("parks/")
        handling = SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE if each_time else SubscribeOptions.RETAIN_SEND_IF_NEW_SUB
        return SubscribeOptions(qos=1, retainAsPublished=False, retainHandling=handling)

    def _ask(self, mid: int | None, filters: list[str]) -> None:
        """Remember a question to the broker; None: the connection is gone, and all is asked again."""
        if mid is not None:
            self._asked[mid] = filters

    # ── paho's callbacks, on our own thread ──────────────────────────────────────────────────────

    def _on_connect(self, client: Client, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        del client, userdata, properties
        if reason.is_failure:
            self.last_error = f"the broker refused us: {reason}"
            return
        self.last_error = ""
        self._delay = _BACK_OFF[0]
        self._asked.clear()
        self._granted = frozenset()
        self.counters.connections += 1
        self.counters.resumed += bool(flags.session_present)
        self._send_filters(list(self._filters))

    def _on_disconnect(self, client: Client, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        del client, userdata, flags, properties
        if not self._closed.is_set() and not self.last_error:
            self.last_error = f"connection lost: {reason}"

    def _on_answer(self, client: Client, userdata: Any, mid: int, reasons: Any, properties: Any) -> None:
        del client, userdata, properties
        asked = self._asked.pop(mid, [])
        self._granted |= {name for name, reason in zip(asked, reasons, strict=False) if not reason.is_failure}
        refused = [str(r) for r in reasons if r.is_failure]
        if refused:
            self.last_error = f"the broker refused a subscription: {refused[0]}"
