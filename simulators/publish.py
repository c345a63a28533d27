"""Send a simulated park to a real broker, as its devices would: the only socket of this room."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf
from threading import Event

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from park.errors import SettingsError, Unavailable, UserError
from simulators.dialects import Message
from simulators.live import Live

NAP = 0.25  # s between looks at what is due
IN_FLIGHT = 200  # messages that wait for their acknowledgement


@dataclass(slots=True)
class Sent:
    """What has been sent so far, and up to which moment of the park's time."""

    messages: int = 0
    connected: bool = False
    now: int = 0  # epoch ms


def publish(
    live: Live,
    *,
    host: str,
    port: int,
    now: Callable[[], int],
    stop: Event,
    speed: float = 1.0,
    until: int | None = None,
    sent: Sent | None = None,
    ask: Callable[[], Iterator[tuple[str, int]]] | None = None,
    username: str = "",
    password: str = "",
    client_id: str = "park-simulator",
    tls: bool = False,
    tls_ca_file: str = "",
    patience: float = inf,
) -> Sent:
    """Publish until `stop` is set or the park's time has reached `until`; return what was sent.

    The park's time starts at `live.now`. What lies before the clock is told `speed` times as fast as it
    happened (up to 1: at once, as fast as the broker takes it); once caught up it goes with the clock.
    While the broker is away nothing is lost: devices speak later, with their own times. `ask` is called
    between two looks and may yield (unit code, curve) to set on fire. With `tls` the broker must be who it says, by
    the system's authorities or the one of `tls_ca_file`. A broker that was never there is waited for `patience`
    seconds; one that went away, as long as it takes. Raises UserError where no broker came, Unavailable if it
    refuses us, SettingsError for a file that holds no authority.
    """
    sent = sent or Sent()
    refused: list[str] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id)  # 3.1.1, as most devices speak
    client.max_inflight_messages_set(IN_FLIGHT)
    client.reconnect_delay_set(min_delay=1, max_delay=10)
    if username:
        client.username_pw_set(username, password)
    if tls:
        try:
            client.tls_set(tls_ca_file or None)
        except OSError as why:  # ssl.SSLError is one
            raise SettingsError(f"tls_ca_file: {tls_ca_file} holds no authority that can be read") from why

    def greet(
        client: mqtt.Client, _user: object, _flags: mqtt.ConnectFlags, reason: ReasonCode, _props: Properties | None
    ) -> None:
        if reason.is_failure:
            refused.append(str(reason))
            return
        for message in live.greetings():
            client.publish(message.topic, message.payload, message.qos, message.retain)

    client.on_connect = greet
    client.connect_async(host, port, keepalive=30)
    client.loop_start()
    try:
        began, first, waited, came = now(), live.now, 0.0, False
        while not stop.is_set():
            if refused:
                raise Unavailable(f"the broker at {host}:{port} refuses the simulator: {refused[0]}")
            sent.connected = client.is_connected()
            came |= sent.connected
            if not came and waited >= patience:
                raise UserError(f"no broker answers at {host}:{port}")
            if sent.connected:
                for unit, curve in ask() if ask else ():
                    live.ignite(unit, live.now, curve)
                clock = now()
                reached = clock if speed <= 1.0 else first + int((clock - began) * speed)
                target = min(clock, reached)
                target = target if until is None else min(target, until)
                _send(client, live.due(target), sent, stop)
                sent.now = live.now
                if until is not None and live.now >= until:
                    break
            stop.wait(NAP)
            waited += NAP
        _settle(client, stop)
    finally:
        client.disconnect()
        client.loop_stop()
    return sent


def _send(client: mqtt.Client, messages: Iterator[Message], sent: Sent, stop: Event) -> None:
    """Hand messages to the client, never more than a thousand ahead of the broker's acknowledgements."""
    for message in messages:
        told = client.publish(message.topic, message.payload, message.qos, message.retain)
        sent.messages += 1
        if sent.messages % 1_000 == 0:
            while not told.is_published() and not stop.is_set():
                stop.wait(0.005)


def _settle(client: mqtt.Client, stop: Event) -> None:
    """Wait a moment for the last acknowledgements, so that `until` means: the broker has it."""
    for _ in range(200):
        if not client.want_write() and not client._out_messages:
            return
        stop.wait(0.02)
