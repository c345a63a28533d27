"""`park simulate --parks`: the simulated parks of a city, in its database and at its broker."""

import json
import os
import signal
import subprocess
import sys

import httpx
import pytest

from park.errors import UserError
from park.model import Device, Park
from runtime.city_devices import light
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry
from tests.deploy.city_mosquitto import PROGRAM, Broker
from tests.deploy.city_mosquitto import Device as Client
from tests.deploy.city_postgres import city_postgres
from tests.deploy.compose_file import compose
from tests.deploy.prepared import ROOT, prepare
from tests.tools import free_port, until

pytestmark = pytest.mark.server
SERVICE = compose()["services"]["simulate"]


@pytest.fixture(scope="module")
def city():
    """Run a broker and a database as compose does."""
    if PROGRAM is None:
        pytest.skip("Mosquitto is not installed")
    with city_postgres() as postgres:
        prepare(postgres.folder, "--demo")
        broker = Broker(postgres.folder, user=postgres.user)
        broker.passwords["park-ingest"] = (broker.secrets / "mqtt_ingest_password").read_text()
        broker.start()
        (broker.secrets / "postgres_url").write_text(postgres.url())
        (broker.secrets / "ca").write_text((broker.secrets / "ca.crt").read_text())
        yield broker, postgres
        broker.stop()


class Devices:
    """The command of compose's container, as a process."""

    def __init__(self, city, folder):
        broker, _ = city
        self.port, self.folder = free_port(), folder / "simulator"
        settings = folder / "city.toml"
        text = (ROOT / "deploy" / "city.toml").read_text("utf-8").replace("/run/secrets", str(broker.secrets))
        settings.write_text(
            text.replace('"mosquitto"', '"localhost"').replace("port = 8884", f"port = {broker.platform}")
        )
        own = {k: v.replace("/run/secrets", str(broker.secrets)) for k, v in SERVICE["environment"].items()}
        own |= {
            "PARK_SETTINGS": str(settings), "PARK_DATA_DIR": str(self.folder),
            "PARK_CITY_ROLE_PORT": str(self.port), "PARK_CITY_ROLE_HOST": "127.0.0.1",
        }  # fmt: skip
        command = [{"20": "2"}.get(word, word) for word in SERVICE["command"]]
        keep = {k: v for k, v in os.environ.items() if not k.startswith("PARK_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "runtime", *command],
            cwd=ROOT,
            env={**keep, **own},
            stderr=subprocess.PIPE,
            text=True,
        )

    def well(self):
        """Return whether its health check would say so."""
        assert self.process.poll() is None, self.process.stderr.read()
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/health").status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self):
        """Stop it as docker does; return the exit code and what it said."""
        self.process.send_signal(signal.SIGTERM)
        said = self.process.stderr.read()
        self.process.stderr.close()
        return self.process.wait(30), said


def test_two_parks(city, tmp_path):
    """Parks are registered, their devices speak as what they are registered as, and a start after a stop finds them."""
    broker, postgres = city
    platform = Client(broker, "park-ingest", port=broker.platform)
    platform.client.subscribe("#", 1)
    numbers = []
    for _ in range(2):
        devices = Devices(city, tmp_path)
        until(devices.well, 60, 0.2)
        until(lambda: {t.split("/")[1] for t in platform.heard if t.startswith("parks/")} == {"park-01", "park-02"}, 90)
        assert "b1-101 burns within a second" in light(devices.folder, "park-01.b1-101")
        with pytest.raises(UserError, match="there is no unit 'b1-101'"):
            light(devices.folder, "b1-101")
        until(lambda folder=devices.folder: not list((folder / "fires").glob("park-*")))
        code, _ = devices.stop()
        platform.heard.clear()
        database = Database.open(postgres.url())
        registry = SqlRegistry(database)
        parks = registry.find(Park)
        numbers.append(([(p.id, p.code) for p in parks], len(registry.find(Device, limit=10_000))))
        database.close()

        assert 0 == code
    platform.close()

    assert ["park-01", "park-02"] == [code for _, code in numbers[0][0]]
    assert numbers[0] == numbers[1]
    assert 2 == len(json.loads((tmp_path / "simulator" / "parks.json").read_text()))


def test_wrong_password(city, tmp_path):
    """Where the broker refuses the devices, the command ends with one sentence, and shows no password."""
    broker, _ = city
    right = broker.secrets / "mqtt_simulator_password"
    held = right.read_text()
    right.write_text("wrong-one")
    try:
        devices = Devices(city, tmp_path)
        said = devices.process.stderr.read()
        devices.process.stderr.close()
        code = devices.process.wait(60)
    finally:
        right.write_text(held)

    assert code != 0
    assert "refuses the simulator" in said.splitlines()[-1]
    assert "wrong-one" not in said
