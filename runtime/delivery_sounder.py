"""Sounders and lights over MQTT: a command at QoS 1, believed only when the device itself says that it is on.

A broker that took a command is no sounder that sounds: the receipt is the device's own state.
"""

import json
import threading
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from alerts.targets import topics
from park.alarms import MessageKind
from park.delivery import Message, Outcome, Target, Verdict
from park.settings import IngestSettings

_CLIENT = "sounder"
_PATIENCE = 8.0  # s until the device has said that it is on
_ON = frozenset({"on", "true", "1", "alarm", "warning"})
_SILENT = frozenset({MessageKind.RETURNED, MessageKind.SUMMARY, MessageKind.HAZARD})
_STATE_MOST = 10_000  # bytes of what a device says of itself


class Sounder:
    """Speaks to sounders by the broker that the platform itself hears; a connection for each command."""

    def __init__(self, settings: Callable[[], IngestSettings], patience: float = _PATIENCE) -> None:
        self._settings = settings
        self._patience = patience

    def __call__(self, message: Message, target: Target, address: str) -> Verdict:
        """Turn a sounder on and wait for its state. Raises OSError: the broker is away.

        What is over turns nothing off: silence is a person's to give, at the place (GB/T 45839-2025, 5.8.1).
        """
        del address
        facts = message.facts[0]
        if facts.kind in _SILENT:
            return Verdict(Outcome.DELIVERED, "nothing to sound")
        command, state = topics(target)
        heard, subscribed, on = threading.Event(), threading.Event(), threading.Event()
        client = self._client(message.id)

        def connected(client: Client, *_: Any) -> None:
            client.subscribe(state, 1)

        def told(client: Client, userdata: Any, got: MQTTMessage) -> None:
            del client, userdata
            # What the broker kept is what was, not what our command made of it.
            if not got.retain and is_on(bytes(got.payload[:_STATE_MOST])):
                on.set()
            heard.set()

        client.on_connect = connected
        client.on_subscribe = lambda *_: subscribed.set()
        client.on_message = told
        settings = self._settings()
        client.connect(settings.broker_host, settings.broker_port, keepalive=30)
        client.loop_start()
        try:
            if not subscribed.wait(self._patience):
                raise ConnectionError("the broker does not answer")
            body = {"state": "ON", "alarm": facts.family, "case": facts.case, "id": message.id}
            client.publish(command, json.dumps(body), qos=1).wait_for_publish(self._patience)
            if on.wait(self._patience):
                return Verdict(Outcome.DELIVERED, "the device says that it is on")
            said = "the device says that it is not on" if heard.is_set() else "the device says nothing"
            return Verdict(Outcome.LATER, said)
        finally:
            client.disconnect()
            client.loop_stop()

    def _client(self, key: str) -> Client:
        settings = self._settings()
        client = Client(CallbackAPIVersion.VERSION2, f"{settings.client_prefix}-{_CLIENT}-{key[:12]}")
        if settings.username:
            with open(settings.password_file, encoding="utf-8") as file:  # noqa: PTH123 - as the reader does
                client.username_pw_set(settings.username, file.read().strip())
        if settings.tls:
            client.tls_set(settings.tls_ca_file or None, settings.tls_cert_file or None, settings.tls_key_file or None)
        return client


def is_on(payload: bytes) -> bool:
    """Tell whether a device says that it is on: a word, or an object with `state`, `alarm` or `on`."""
    try:
        content = json.loads(payload)
    except (ValueError, RecursionError):
        content = payload.decode(errors="replace")
    if isinstance(content, dict):
        content = next((content[k] for k in ("state", "alarm", "on") if k in content), "")
    return str(content).strip().lower() in _ON
