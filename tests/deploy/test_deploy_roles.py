"""Every role with the shipped settings, on engines with the shipped configuration: from a device to the page.

As docker compose runs them, but for docker: the very city.toml, secrets of deploy/prepare.py, TLS and rights at the
broker, a database of two users. InfluxDB is the stand-in over a real 1.x.
"""

import os
import subprocess
import sys
from contextlib import ExitStack

import httpx
import pytest

from tests.city.kafka import any_kafka
from tests.deploy.city_mosquitto import PROGRAM, Broker, Device
from tests.deploy.city_postgres import city_postgres
from tests.deploy.compose_file import compose
from tests.deploy.prepared import ROOT, password_of, prepare
from tests.influx_v2 import influx_v2
from tests.tools import free_port, until

pytestmark = [
    pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(480),
    pytest.mark.skipif(not os.environ.get("PARK_LONG"), reason="a whole city takes a minute or more: PARK_LONG=1"),
]  # fmt: skip
SERVICES = compose()["services"]
ROLES = ("ingest", "worker", "alarms", "api")
TOKEN = "token-of-the-roles"
WAIT = 120.0  # s: everything starts on two busy cores


class Role:
    """One container's command, as a process."""

    def __init__(self, city, name, *more):
        self.name, self.port = name, free_port()
        service = SERVICES[name]
        environ = {k: v.replace("/run/secrets", str(city.secrets)) for k, v in service["environment"].items()}
        environ |= {
            "PARK_SETTINGS": str(city.settings), "PARK_CITY_ROLE_PORT": str(self.port),
            "PARK_DATA_DIR": str(city.folder / "data" / name),
        }  # fmt: skip
        keep = {k: v for k, v in os.environ.items() if not k.startswith("PARK_")}
        self.log = city.folder / f"{name}.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "runtime", *service["command"], *more],
                cwd=ROOT, env={**keep, **environ}, stdout=log, stderr=log,
            )  # fmt: skip

    def well(self):
        """Return whether the container's health check would say so."""
        assert self.process.poll() is None, f"{self.name} ended:\n{self.log.read_text()[-2000:]}"
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/health", timeout=4).status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self):
        """Stop it as docker does; return the exit code."""
        self.process.terminate()
        try:
            return self.process.wait(45)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


class City:
    """Engines and roles."""

    def __init__(self, folder, secrets, stack):
        self.folder, self.secrets, self.stack = folder, secrets, stack
        self.settings = folder / "city.toml"
        self.http = free_port()
        self.roles = {}

    def configure(self, places):
        """Take the shipped settings, with this machine's places in those of compose's network."""
        text = (ROOT / "deploy" / "city.toml").read_text("utf-8")
        for theirs, ours in {**places, "port = 8080": f"port = {self.http}", "0.0.0.0": "127.0.0.1"}.items():
            assert theirs in text
            text = text.replace(theirs, ours)
        self.settings.write_text(text)

    def start(self, name, *more):
        """Start a role; it is stopped at the end."""
        self.roles[name] = role = Role(self, name, *more)
        self.stack.callback(role.stop)
        return role

    def park(self, *arguments):
        """Run a command with the roles' settings; return what it printed."""
        environ = {k: v for k, v in os.environ.items() if not k.startswith("PARK_")}
        environ |= {"PARK_SETTINGS": str(self.settings), "PARK_DATA_DIR": str(self.folder / "data" / "simulate")}
        done = subprocess.run(
            [sys.executable, "-m", "runtime", *arguments],
            cwd=ROOT,
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """Start the engines, then the roles, in compose's order."""
    if PROGRAM is None:
        pytest.skip("Mosquitto is not installed")
    folder = tmp_path_factory.mktemp("city")
    with ExitStack() as stack:
        postgres = stack.enter_context(city_postgres())
        prepare(postgres.folder, "--demo")
        made = City(folder, postgres.secrets, stack)
        (made.secrets / "postgres_url").write_text(postgres.url())
        (made.secrets / "ca").write_text((made.secrets / "ca.crt").read_text())
        (made.secrets / "influx_token").write_text(TOKEN)
        broker = Broker(postgres.folder, user=postgres.user)
        broker.start()
        stack.callback(broker.stop)
        made.broker = broker
        kafka = stack.enter_context(any_kafka())
        influx = stack.enter_context(influx_v2(folder, TOKEN))
        made.configure({
            'broker_host = "mosquitto"': 'broker_host = "localhost"', "port = 8884": f"port = {broker.platform}",
            "kafka:9092": kafka, "http://influxdb:8086": influx.url, "/run/secrets": str(made.secrets),
            "partitions = 4": "partitions = 2",
        })  # fmt: skip
        for name in ROLES:
            made.start(name)
        for role in made.roles.values():
            until(role.well, WAIT, 0.5)
        yield made


@pytest.fixture(scope="module")
def desk(city):
    """Give a client of the API with a key that was made by command."""
    key = city.park("keys", "create", "admin", "--role", "admin").strip()
    with httpx.Client(
        base_url=f"http://127.0.0.1:{city.http}/api/v1", headers={"Authorization": f"Bearer {key}"}, timeout=20
    ) as client:
        yield client


def test_a_fire_from_a_gateway_to_the_desk(city, desk):
    """A gateway of a park, with a password and rights of its own, tells of a fire over TLS: the desk has an alarm."""
    park = desk.post("/parks", json={"code": "liuxi", "name": "柳溪"}).raise_for_status().json()["id"]
    city.broker.passwords["liuxi@b1"] = password_of(prepare(city.broker.folder, "gateway", "liuxi", "b1").stdout)
    city.broker.tell()

    def come_in():
        gateway = Device(city.broker, "liuxi@b1")
        if not gateway.reason.is_failure:
            return gateway
        gateway.close()
        return None

    gateway = until(come_in, WAIT, 0.5)
    told = gateway.client.publish("parks/liuxi/life/b1/smoke-1", b'{"v": {"smoke": true}}', qos=1)
    told.wait_for_publish(20)
    gateway.close()

    def alarms():
        return desk.get("/alarms", params={"park": park}).raise_for_status().json()["items"]

    (alarm,) = until(alarms, WAIT, 0.2)
    assert ("fire", "unclaimed:native:liuxi/b1/smoke-1") == (alarm["family"], alarm["subject"])


def test_nobody_without_a_key(city, desk):
    """The pages' data are for keys only, though everything is on one machine."""
    del desk

    assert 401 == httpx.get(f"http://127.0.0.1:{city.http}/api/v1/parks").status_code


def test_ordered_stop(city, desk):
    """Each role ends by itself, and well, when docker stops it."""
    del desk
    codes = {name: role.stop() for name, role in reversed(city.roles.items())}

    assert dict.fromkeys(codes, 0) == codes
