"""deploy/prepare.py: secrets nobody else can read, certificates that last, clients with no right too many."""

import base64
import json
import ssl
import stat
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.mqtt_clients import Client, Clients, Refused, device, gateway, hashed, matches
from tests.deploy.prepared import ROOT, password_of, prepare

NAMES = st.text(st.characters(codec="utf-8"), max_size=70)


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """Give a folder that was prepared once."""
    folder = tmp_path_factory.mktemp("ready")
    prepare(folder)
    return folder


def contents(folder):
    """Return every file by its path, with its mode."""
    return {p.relative_to(folder): (p.read_bytes(), p.stat().st_mode) for p in folder.rglob("*") if p.is_file()}


def openssl(*arguments):
    return subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=True).stdout


class TestSecrets:
    def test_modes(self, ready):
        """Files are their owner's to read and nobody else's, and so are the folders."""
        modes = {stat.S_IMODE(p.stat().st_mode) for p in (ready / "secrets").rglob("*") if p.is_file()}
        folders = {stat.S_IMODE(p.stat().st_mode) for p in (ready / "secrets", ready / "secrets" / "mosquitto")}

        assert ({0o600}, {0o700}) == (modes, folders)

    def test_twice(self, ready):
        """A second time changes nothing."""
        before = contents(ready)
        prepare(ready)

        assert before == contents(ready)

    def test_all_that_compose_names(self, ready):
        """Every secret of docker-compose.yml is made, but the simulator's."""
        from tests.deploy.compose_file import compose

        files = {s["file"].rpartition("/")[2] for s in compose()["secrets"].values()}
        there = {p.name for p in (ready / "secrets").iterdir()}

        assert {"mqtt_simulator_password"} == files - there

    def test_none_is_another(self, ready):
        """No two secrets are the same."""
        texts = [p.read_text() for p in (ready / "secrets").glob("*_password")]
        texts.append((ready / "secrets" / "influx_admin_token").read_text())

        assert len(texts) == len(set(texts))
        assert min(len(t) for t in texts) >= 43  # 256 bits

    def test_address_of_the_database(self, ready):
        """The roles' address of PostgreSQL holds the owner's password."""
        password = (ready / "secrets" / "postgres_park_password").read_text()

        assert (
            f"postgresql+psycopg://park:{password}@postgres:5432/park"
            == (ready / "secrets" / "postgres_url").read_text()
        )

    def test_empty_secret(self, tmp_path):
        """A secret that somebody emptied is told of, and not taken for one."""
        prepare(tmp_path)
        (tmp_path / "secrets" / "postgres_password").write_text("")
        done = prepare(tmp_path, check=False)

        assert done.returncode == 1
        assert "postgres_password is empty" in done.stderr

    def test_variables_stay(self, tmp_path):
        """Lines of .env that are there stay; what lacks is added, and never root as the user of containers."""
        (tmp_path / ".env").write_text("PARK_MQTT_ADDRESS=10.0.0.5\nPARK_GID=77")
        prepare(tmp_path)
        lines = dict(line.split("=") for line in (tmp_path / ".env").read_text().splitlines())

        assert ("10.0.0.5", "77") == (lines["PARK_MQTT_ADDRESS"], lines["PARK_GID"])
        assert lines["PARK_UID"] != "0"
        assert len(lines["KAFKA_CLUSTER_ID"]) == 22

    def test_variables_stay_secret(self, tmp_path):
        """A .env that only its owner may read stays so: people keep words of their own in it."""
        (tmp_path / ".env").touch(0o600)
        prepare(tmp_path)

        assert 0o600 == stat.S_IMODE((tmp_path / ".env").stat().st_mode)

    def test_no_openssl(self, tmp_path):
        """Without openssl it says so, and what it has made so far is of use the next time."""
        done = prepare(tmp_path, check=False, environ={"PATH": str(tmp_path)})
        prepare(tmp_path)

        assert (1, "prepare: the command openssl is not installed") == (done.returncode, done.stderr.strip())


class TestCertificates:
    def test_verified(self, ready):
        """The broker's certificate is of our authority, for the names that it is reached by, strictly checked."""
        own = ready / "secrets" / "mosquitto" / "mqtt.crt"
        ca = ready / "secrets" / "ca.crt"

        assert "OK" in openssl("verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", str(ca), str(own))
        text = openssl("x509", "-in", str(own), "-noout", "-ext", "subjectAltName")
        assert {"DNS:mosquitto", "DNS:localhost", "IP Address:127.0.0.1"} == {
            n.strip() for n in text.splitlines()[1].split(",")
        }
        assert 1 == len(ssl.create_default_context(cafile=ca).get_ca_certs())

    def test_names_are_added(self, tmp_path):
        """A name that is added later is in the certificate beside those before it, and stays."""
        prepare(tmp_path, "--name", "mqtt.city.example")
        own = tmp_path / "secrets" / "mosquitto" / "mqtt.crt"
        first = own.read_bytes()
        prepare(tmp_path, "--name", "10.0.0.5")
        second = own.read_bytes()
        prepare(tmp_path)
        text = openssl("x509", "-in", str(own), "-noout", "-ext", "subjectAltName")

        assert first != second
        assert second == own.read_bytes()
        assert "DNS:mqtt.city.example, IP Address:10.0.0.5" in text

    def test_near_its_end(self, tmp_path):
        """A certificate that ends within a month is made anew, of the same authority."""
        prepare(tmp_path)
        folder = tmp_path / "secrets"
        own, ca = folder / "mosquitto" / "mqtt.crt", (folder / "ca.crt").read_bytes()
        request = tmp_path / "request"
        openssl("req", "-new", "-key", str(folder / "mosquitto" / "mqtt.key"), "-subj", "/CN=m", "-out", str(request))
        openssl(
            "x509", "-req", "-in", str(request), "-CA", str(folder / "ca.crt"), "-CAkey", str(folder / "ca.key"),
            "-set_serial", "7", "-days", "29", "-out", str(own),
        )  # fmt: skip
        prepare(tmp_path)

        assert ca == (folder / "ca.crt").read_bytes()
        assert "will not expire" in openssl("x509", "-in", str(own), "-noout", "-checkend", str(300 * 86_400))

    @pytest.mark.parametrize("name", ["a b", "x,DNS:evil", "", "a/b", "é"])
    def test_no_name(self, tmp_path, name):
        """What is no name of a machine is refused, and the certificate that is there stays."""
        prepare(tmp_path)
        own = tmp_path / "secrets" / "mosquitto" / "mqtt.crt"
        before = own.read_bytes()
        done = prepare(tmp_path, "--name", name, check=False)

        assert (1, before) == (done.returncode, own.read_bytes())
        assert "is no name of a machine" in done.stderr


class TestClients:
    def test_gateway(self, tmp_path):
        """A gateway is told its password once; only a hash of it is kept, and the rights are its own topics."""
        prepare(tmp_path)
        password = password_of(prepare(tmp_path, "gateway", "liuxi", "b1").stdout)
        kept = {c["name"]: c for c in json.loads((tmp_path / "secrets" / "mqtt_clients.json").read_text())}

        assert matches(kept["liuxi@b1"]["hashed"], password)
        own = [t for lane in ("life", "bulk") for t in (f"parks/liuxi/{lane}/b1/#", f"parks/liuxi/{lane}/-/b1")]
        assert ([], own) == (kept["liuxi@b1"]["read"], kept["liuxi@b1"]["write"])
        assert not [p for p in tmp_path.rglob("*") if p.is_file() and password in p.read_text()]

    def test_preparing_again_keeps_clients(self, tmp_path):
        """Gateways that were added stay when everything is prepared again."""
        prepare(tmp_path)
        prepare(tmp_path, "gateway", "liuxi", "b1")
        before = contents(tmp_path)
        prepare(tmp_path)

        assert before == contents(tmp_path)

    def test_removed(self, tmp_path):
        """A client that was removed is in no file; who is not there cannot be removed, nor the platform."""
        prepare(tmp_path)
        prepare(tmp_path, "device", "plug-7", "tele/plug-7/#")
        prepare(tmp_path, "remove", "plug-7")

        assert b"plug-7" not in b"".join(body for body, _ in contents(tmp_path).values())
        assert "there is no client 'plug-7'" in prepare(tmp_path, "remove", "plug-7", check=False).stderr
        assert "is the platform's own" in prepare(tmp_path, "remove", "park-ingest", check=False).stderr

    def test_simulator(self, tmp_path):
        """Who speaks for every device is there for a demonstration, and gone when it is over."""
        prepare(tmp_path, "--demo")
        shown = prepare(tmp_path, "list").stdout
        prepare(tmp_path)

        assert ("park-simulator" in shown, "park-simulator" in prepare(tmp_path, "list").stdout) == (True, False)

    def test_before_all(self, tmp_path):
        """Without anything prepared a client cannot be added, and it says what to do."""
        done = prepare(tmp_path, "gateway", "liuxi", "b1", check=False)

        assert (1, True) == (done.returncode, "run deploy/prepare.py first" in done.stderr)

    def test_another_file(self, tmp_path):
        """A list that is none is told of, and stays."""
        prepare(tmp_path)
        path = tmp_path / "secrets" / "mqtt_clients.json"
        path.write_text('[{"name": 1}]')
        done = prepare(tmp_path, "gateway", "liuxi", "b1", check=False)

        assert (1, '[{"name": 1}]') == (done.returncode, path.read_text())

    @given(NAMES, NAMES)
    def test_names_write_no_lines(self, park, name):
        """Whatever a gateway is called, it is refused, or its rights are four lines of its own topics."""
        try:
            made = gateway(park, name, "secret")
        except Refused:
            return
        lines = Clients([made]).acl().splitlines()

        assert ["user " + made.name, 6] == [lines[2], len(lines) - 1]
        assert all(f"topic write parks/{park}/" in line and "+" not in line for line in lines[3:])
        assert 1 == len(Clients([made]).passwords().splitlines())

    @pytest.mark.parametrize(
        "topic",
        ["#", "+/x", "parks/#/x", "parks", "$SYS/broker", "a/b\nuser x", " a/b", "a//b", "a/+/b", "x" * 201, "/#"],
    )
    def test_no_topic_of_a_device(self, topic):
        """A device of its own may not be given everybody's topics, nor lines of rights."""
        with pytest.raises(Refused):
            device("plug", [topic], "secret")

    def test_own_names(self):
        """No device takes the name of a user of the platform."""
        with pytest.raises(Refused):
            device("park-ingest", ["a/b"], "secret")

    def test_hash_is_mosquittos(self):
        """A hash is what mosquitto_passwd of 2.0.11 wrote for this password and salt."""
        written = (
            "$7$101$k1Oa6HZ0Hy3vMSNG$zWkkn2FivXy0Tfs+GTFb/sT582KzT5r76Kul"
            "SwdAtnN7/pL7VmA0YDV/L0fZKtZ35Cvqrkynss/kBYN3Fwofjg=="
        )

        assert written == hashed("secret", base64.b64decode(written.split("$")[3]))
        assert matches(hashed("secret"), "secret")
        assert not matches(hashed("secret"), "other")
        assert not matches("", "")

    def test_kept_hash(self):
        """A user of the platform whose password is the same keeps its line."""
        clients = Clients([Client("a", hashed("secret"))])
        before = clients.passwords()
        clients.own("a", "secret", read=("#",))

        assert (before, "user a\ntopic read #" in clients.acl()) == (clients.passwords(), True)


def test_only_the_standard_library():
    """It runs where nothing is installed: isolated, without site packages."""
    done = subprocess.run(
        ["/usr/bin/env", "python3", "-S", str(ROOT / "deploy" / "prepare.py"), "--help"],
        capture_output=True,
        check=False,
    )

    assert done.returncode == 0
