"""Mosquitto with the city's own configuration and rights, on free ports; and devices that speak to it."""

import shutil
import signal
import subprocess
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.deploy.prepared import ROOT, plain_user
from tests.tools import free_port, until, until_open

PROGRAM = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
CONFIG = (ROOT / "deploy" / "mosquitto" / "mosquitto.conf").read_text("utf-8")


class Broker:
    """A running broker of the shipped configuration."""

    def __init__(self, folder, user=None):
        self.folder, self.secrets = folder, folder / "secrets"
        self.user = user or plain_user()
        self.devices, self.platform = free_port(), free_port()
        self.passwords = {}
        self.process = None

    def configuration(self):
        """Return the shipped file with this machine's paths and ports in the place of the container's."""
        text = CONFIG.replace("/mosquitto/secrets/", f"{self.secrets}/mosquitto/")
        text = text.replace("/mosquitto/data/", f"{self.folder}/data/")
        return text.replace("listener 8883", f"listener {self.devices}").replace(
            "listener 8884", f"listener {self.platform}"
        )

    def start(self):
        """Run it as a user who is not root, and return once it listens."""
        config = self.folder / "mosquitto.conf"
        config.write_text(self.configuration())
        (self.folder / "data").mkdir(exist_ok=True)
        if self.user:
            for path in (config, self.folder / "data", self.secrets, *self.secrets.rglob("*")):
                shutil.chown(path, self.user)
        with (self.folder / "mosquitto.log").open("a") as log:
            self.process = subprocess.Popen([PROGRAM, "-c", str(config)], user=self.user, stderr=log, stdout=log)
        until_open(self.devices)
        until_open(self.platform)

    def stop(self):
        """Let it save its queues and end."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)

    def tell(self):
        """Let it read passwords and rights again, as `docker compose kill -s HUP mosquitto` does."""
        self.process.send_signal(signal.SIGHUP)

    def said(self):
        """Return its log."""
        return (self.folder / "mosquitto.log").read_text()


class Device:
    """A client that knows what the broker answered."""

    def __init__(self, broker, name, password=None, client_id=None, port=0, ca=None):
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=name if client_id is None else client_id, protocol=mqtt.MQTTv5
        )
        if name:
            self.client.username_pw_set(name, broker.passwords[name] if password is None else password)
        if ca is not False:
            self.client.tls_set(str(ca or broker.secrets / "ca.crt"))
        self.answers, self.heard, self.reason = {}, [], None
        self.answered, self.ended = threading.Event(), 0
        self.client.on_connect = self._connected
        self.client.on_disconnect = self._gone
        self.client.on_publish = lambda _c, _u, mid, reason, _p: self.answers.setdefault(mid, reason)
        self.client.on_message = lambda _c, _u, message: self.heard.append(message.topic)
        self.client.connect("127.0.0.1", port or broker.devices, clean_start=True)
        self.client.loop_start()
        assert self.answered.wait(10)

    def _connected(self, _client, _user, _flags, reason, _properties):
        self.reason = reason
        self.answered.set()

    def _gone(self, *_):
        self.ended += 1

    def says(self, topic):
        """Publish; return what the broker answered."""
        told = self.client.publish(topic, b'{"v": {"temperature": 21}}', qos=1)
        return str(until(lambda: self.answers.get(told.mid)))

    def close(self):
        """Leave."""
        self.client.disconnect()
        self.client.loop_stop()
