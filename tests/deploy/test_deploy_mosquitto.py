"""The city's broker: the shipped configuration, run by a real Mosquitto, with TLS, passwords and rights.

What runs here is Debian's 2.0; the image is 2.1, which reads the same options (deploy/mosquitto/mosquitto.conf).
"""

import json
import shutil
import socket
import ssl
import subprocess
import threading
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.dialects import subscriptions
from ingest.mqtt import Reader
from park.errors import SettingsError
from park.metrics import Lane
from runtime.settings_file import read_settings
from simulators.live import Live
from simulators.publish import publish
from simulators.registry import park_plan
from simulators.scenario import Scenario
from tests.deploy.city_mosquitto import PROGRAM, Broker, Device
from tests.deploy.prepared import ROOT, others_folder, password_of, plain_user, prepare
from tests.tools import until

pytestmark = pytest.mark.server
START, MINUTE = 1_760_000_400_000, 60_000
NOON = START + 12 * 60 * MINUTE


@pytest.fixture(scope="class")
def broker():
    """Run a broker with a gateway in each of two parks, and a smart plug."""
    if PROGRAM is None:
        pytest.skip("Mosquitto is not installed")
    with others_folder(plain_user()) as folder:
        prepare(folder, "--demo")
        running = Broker(folder)
        for verb in (("gateway", "liuxi", "b1"), ("gateway", "dongqiao", "b1"), ("device", "plug-7", "tele/plug-7/#")):
            running.passwords["@".join(verb[1:]) if verb[0] == "gateway" else verb[1]] = password_of(
                prepare(folder, *verb).stdout
            )
        for name in ("ingest", "simulator"):
            running.passwords[f"park-{name}"] = (folder / "secrets" / f"mqtt_{name}_password").read_text()
        running.start()
        try:
            yield running
        finally:
            running.stop()


@contextmanager
def device(*arguments, **named):
    made = Device(*arguments, **named)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="class")
def reader(broker, tmp_path_factory):
    """Give the platform's own reader of the bulk lane, with the settings that roles are given."""
    settings = read_settings(ROOT / "deploy" / "city.toml", {}, {
        "ingest.broker_port": broker.platform, "ingest.broker_host": "localhost",
    }).ingest  # fmt: skip
    from dataclasses import replace

    settings = replace(
        settings,
        password_file=str(broker.secrets / "mqtt_ingest_password"), tls_ca_file=str(broker.secrets / "ca.crt"),
    )  # fmt: skip
    reader = Reader(settings, Lane.BULK, (*subscriptions(Lane.BULK), *subscriptions(Lane.LIFE)))
    reader.open()
    until(lambda: (reader.poll(0.05), reader.subscribed)[1])
    yield reader
    reader.close()


def topics(reader):
    """Return what the platform hears now."""
    messages = reader.poll(0.05)
    reader.ack(messages)
    return [topic.decode() for topic, *_ in messages]


def heard(reader, topic):
    """Return once the platform hears of a topic."""
    return until(lambda: topic in topics(reader))


ACCEPTED = ("Success", "No matching subscribers")  # whether or not the platform listens at the moment


class TestRights:
    @pytest.mark.parametrize(
        ("name", "topic"),
        [
            ("liuxi@b1", "parks/liuxi/bulk/b1/meter-1"), ("liuxi@b1", "parks/liuxi/life/b1/smoke-1"),
            ("liuxi@b1", "parks/liuxi/bulk/-/b1"), ("dongqiao@b1", "parks/dongqiao/life/b1/smoke-1"),
            ("plug-7", "tele/plug-7/SENSOR"), ("park-simulator", "parks/any/life/any/smoke"),
        ],
    )  # fmt: skip
    def test_allowed(self, broker, reader, name, topic):
        """Who may say a thing is heard by the platform."""
        with device(broker, name) as speaker:
            assert "Success" == speaker.says(topic)
        assert heard(reader, topic)

    @pytest.mark.parametrize(
        ("name", "topic"),
        [
            ("liuxi@b1", "parks/dongqiao/life/b1/smoke-1"), ("liuxi@b1", "parks/liuxi/life/b2/smoke-1"),
            ("liuxi@b1", "parks/liuxi/life/-/b2"), ("liuxi@b1", "parks/liuxi/other/b1/x"),
            ("liuxi@b1", "tele/plug-7/SENSOR"), ("plug-7", "tele/plug-8/SENSOR"),
            ("plug-7", "parks/liuxi/life/b1/smoke-1"), ("park-ingest", "parks/liuxi/life/b1/smoke-1"),
        ],
    )  # fmt: skip
    def test_refused(self, broker, reader, name, topic):
        """Who may not is told so, and the platform hears nothing of it."""
        seen = []
        with device(broker, "park-simulator") as other:
            other.says("parks/liuxi/bulk/-/the-first")
            heard(reader, "parks/liuxi/bulk/-/the-first")  # and with it what was said before
            with device(broker, name) as speaker:
                assert "Not authorized" == speaker.says(topic)
            other.says("parks/liuxi/bulk/-/the-last")
            until(lambda: (seen.extend(topics(reader)), "parks/liuxi/bulk/-/the-last" in seen)[1])

        assert topic not in seen

    def test_gateways_hear_nothing(self, broker):
        """A gateway that subscribes to everything hears nobody, not itself either."""
        with device(broker, "liuxi@b1") as listener, device(broker, "park-simulator") as speaker:
            listener.client.subscribe([("#", 1), ("$SYS/#", 1)])
            until(listener.client.is_connected)
            speaker.says("parks/liuxi/life/b1/smoke-1")
            listener.says("parks/liuxi/bulk/b1/meter-1")

            assert [] == listener.heard


class TestSimulatedDevices:
    def test_over_tls(self, broker, reader):
        """Simulated devices speak to the city's broker as real ones do, and the platform hears them."""
        live = Live(park_plan(Scenario(START, enterprises=4)), NOON)
        sent = publish(
            live, host="localhost", port=broker.devices, now=lambda: NOON + MINUTE, stop=threading.Event(),
            until=NOON + MINUTE, username="park-simulator", password=broker.passwords["park-simulator"],
            tls=True, tls_ca_file=str(broker.secrets / "ca.crt"),
        )  # fmt: skip

        assert sent.messages
        seen = []
        until(lambda: (seen.extend(topics(reader)), sum(t.startswith("parks/") for t in seen) >= 10)[1])

    def test_no_authority(self, broker, tmp_path):
        """A file that holds no authority is told of in one sentence."""
        live = Live(park_plan(Scenario(START, enterprises=4)), NOON)
        (tmp_path / "ca").write_text("nothing")
        with pytest.raises(SettingsError, match="holds no authority"):
            publish(
                live, host="localhost", port=broker.devices, now=lambda: NOON, stop=threading.Event(), tls=True,
                tls_ca_file=str(tmp_path / "ca"),
            )  # fmt: skip


class TestDoors:
    @pytest.mark.parametrize(
        ("name", "password"), [("liuxi@b1", "wrong"), ("nobody", "x"), ("", None), ("liuxi@b1", "")]
    )
    def test_who_is_it(self, broker, name, password):
        """Nobody gets in without a name that is known and its password."""
        with device(broker, name, password, client_id="somebody") as stranger:
            assert stranger.reason.is_failure

    def test_not_without_tls(self, broker):
        """Plain MQTT gets no answer on either port."""
        for port in (broker.devices, broker.platform):
            client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="plain")
            client.username_pw_set("liuxi@b1", broker.passwords["liuxi@b1"])
            answered = []
            client.on_connect = lambda *_, to=answered: to.append(1)
            client.connect("127.0.0.1", port)
            until(lambda c=client: c.loop(0.1) != mqtt.MQTT_ERR_SUCCESS)

            assert [] == answered

    def test_not_with_old_tls(self, broker):
        """TLS 1.1 is refused."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(broker.secrets / "ca.crt")
        done = subprocess.run(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{broker.devices}", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
            input=b"", capture_output=True, check=False,
        )  # fmt: skip

        assert b"Cipher is (NONE)" in done.stdout

    def test_the_broker_is_who_it_says(self, broker, tmp_path):
        """A device knows the broker by our authority, under its name in the network; by another it does not."""
        prepare(tmp_path)
        for ca, trusted in ((broker.secrets / "ca.crt", True), (tmp_path / "secrets" / "ca.crt", False)):
            context = ssl.create_default_context(cafile=ca)
            with socket.create_connection(("127.0.0.1", broker.devices), 5) as link:
                if trusted:
                    with context.wrap_socket(link, server_hostname="mosquitto") as spoken:
                        assert "TLSv1.3" == spoken.version()
                else:
                    with (
                        pytest.raises(ssl.SSLCertVerificationError),
                        context.wrap_socket(link, server_hostname="mosquitto"),
                    ):
                        pass

    def test_nobody_takes_the_platforms_session(self, broker, reader):
        """A gateway that calls itself what the platform's client is called takes nothing from it."""
        connections = reader.counters.connections
        with device(broker, "liuxi@b1", client_id="park-bulk") as thief:
            assert thief.says("parks/liuxi/bulk/b1/meter-1") in ACCEPTED
        assert heard(reader, "parks/liuxi/bulk/b1/meter-1")
        assert (connections, True) == (reader.counters.connections, reader.connected)

    def test_nobody_takes_another_gateways_session(self, broker):
        """A gateway that calls itself another does not end that one's connection."""
        with device(broker, "dongqiao@b1") as rightful:
            with device(broker, "liuxi@b1", client_id="dongqiao@b1") as thief:
                thief.says("parks/liuxi/bulk/b1/meter-1")
            assert rightful.says("parks/dongqiao/bulk/b1/meter-1") in ACCEPTED
            assert 0 == rightful.ended

    def test_too_large(self, broker):
        """A message far beyond what the platform takes is refused at the door."""
        with device(broker, "liuxi@b1") as speaker:
            speaker.client.publish("parks/liuxi/bulk/b1/meter-1", bytes(3 << 20), qos=1)

            assert until(lambda: speaker.ended)


class TestRunning:
    def test_health(self, broker):
        """The container's health check answers, with no password in its command line."""
        from tests.deploy.compose_file import compose

        check = compose()["services"]["mosquitto"]["healthcheck"]["test"]
        options = (broker.secrets / "mosquitto" / "mosquitto_sub").read_text()
        shared = broker.folder / "check"
        shared.mkdir(exist_ok=True)
        there = options.replace("-p 8884", f"-p {broker.platform}").replace("/mosquitto/secrets", f"{broker.secrets}")
        (shared / "mosquitto_sub").write_text(there)
        done = subprocess.run(
            [shutil.which(check[1]), *check[2:-1], "15"],
            env={"XDG_CONFIG_HOME": str(shared)}, capture_output=True, text=True, check=False,
        )  # fmt: skip

        assert (0, True) == (done.returncode, "seconds" in done.stdout), done.stderr

    def test_added_and_removed_while_it_runs(self, broker):
        """A gateway that is added comes in after a signal; one that is removed does not come in any more."""
        password = password_of(prepare(broker.folder, "gateway", "liuxi", "b9").stdout)
        broker.passwords["liuxi@b9"] = password
        broker.tell()

        def comes_in():
            with device(broker, "liuxi@b9") as new:
                return not new.reason.is_failure

        assert until(comes_in)
        prepare(broker.folder, "remove", "liuxi@b9")
        broker.tell()
        assert until(lambda: not comes_in())

    def test_kept_for_a_reader_that_is_away(self, broker):
        """More than a thousand messages wait for the platform over a restart of the broker."""
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3_600

        def reader():
            client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="park-away", protocol=mqtt.MQTTv5)
            client.username_pw_set("park-ingest", broker.passwords["park-ingest"])
            client.tls_set(str(broker.secrets / "ca.crt"))
            got, ready = [], threading.Event()
            client.on_message = lambda _c, _u, message: got.append(json.loads(message.payload))
            client.on_connect = lambda c, *_: c.subscribe("parks/liuxi/bulk/b1/#", 1)
            client.on_subscribe = lambda *_: ready.set()
            client.connect("127.0.0.1", broker.platform, clean_start=False, properties=properties)
            client.loop_start()
            assert ready.wait(10)
            return client, got

        client, _ = reader()
        client.disconnect()
        client.loop_stop()
        with device(broker, "liuxi@b1") as speaker:
            told = [speaker.client.publish("parks/liuxi/bulk/b1/m", str(n), qos=1) for n in range(1_500)]
            until(told[-1].is_published, 30)
        broker.stop()
        broker.start()
        client, got = reader()
        until(lambda: len(got) >= 1_500, 30)
        client.disconnect()
        client.loop_stop()

        assert list(range(1_500)) == got

    def test_it_has_nothing_to_complain_of(self, broker):
        """It read the shipped file without a warning: no option is unknown, no file is open to others."""
        complaints = [
            line for line in broker.said().splitlines()
            if any(word in line for word in ("Warning", "Unknown", "world readable", "deprecated"))
        ]  # fmt: skip

        assert [] == complaints


def test_the_shipped_file_is_what_compose_mounts():
    """The container reads this file, and the folder of secrets where it says."""
    from tests.deploy.compose_file import compose

    mounted = dict(v.split(":")[:2] for v in compose()["services"]["mosquitto"]["volumes"])

    assert "/mosquitto/config/mosquitto.conf" == mounted["./deploy/mosquitto/mosquitto.conf"]
    assert "/mosquitto/secrets" == mounted["./deploy/secrets/mosquitto"]
    assert Path("/mosquitto/data/") == Path(mounted["mosquitto-data"])
