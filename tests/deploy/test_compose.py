"""docker-compose.yml: what the specification asks, and what this project asks of every container."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from deploy.mqtt_clients import INGEST
from park.metrics import Lane
from runtime.settings_file import read_settings
from tests.deploy.compose_file import FILE, ROOT, VARIABLES, compose, filled, texts

HERE = Path(__file__).parent
SPEC = json.loads((HERE / "compose-spec" / "compose-spec.json").read_text("utf-8"))
CITY = compose()
SERVICES = CITY["services"]
ONCE = {"volumes", "influx-setup", "reader"}  # that end
OURS = {name for name, service in SERVICES.items() if "build" in service}
PROFILES = ("demo", "prod")
SECRET = re.compile(r"password|token|secret|credential", re.IGNORECASE)


def running(profile):
    """Return the services that a profile starts."""
    return {name: s for name, s in SERVICES.items() if not s.get("profiles") or profile in s["profiles"]}


def mounts(service):
    """Return (source, target, options) of every mount."""
    return [(source, target, rest) for source, target, *rest in (v.split(":") for v in service.get("volumes", ()))]


class TestSpecification:
    def test_schema(self):
        """The file is what the compose specification's own schema asks for."""
        assert [] == [e.message for e in Draft202012Validator(SPEC).iter_errors(CITY)]

    def test_the_schema_refuses(self):
        """The schema is one that refuses: a misspelt key is found."""
        broken = {**CITY, "services": {**SERVICES, "kafka": {**SERVICES["kafka"], "helthcheck": {}}}}

        assert not Draft202012Validator(SPEC).is_valid(broken)

    @pytest.mark.parametrize("missing", ["PARK_UID", "PARK_GID", "KAFKA_CLUSTER_ID"])
    def test_not_prepared(self, missing):
        """Without what deploy/prepare.py makes, compose stops and says how to make it."""
        lines = [line for line in FILE.read_text("utf-8").splitlines() if f"${{{missing}" in line]

        assert lines
        assert all(f"${{{missing}:?run python3 deploy/prepare.py first}}" in line for line in lines)

    def test_names(self):
        """Networks, volumes and secrets that containers name are there, and all that are there are named."""
        used = {"networks": set(), "volumes": set(), "secrets": set()}
        for service in SERVICES.values():
            used["networks"] |= set(service.get("networks", ()))
            used["secrets"] |= set(service.get("secrets", ()))
            used["volumes"] |= {source for source, *_ in mounts(service) if not source.startswith(".")}

        assert {kind: set(CITY[kind]) for kind in used} == used

    @pytest.mark.parametrize("profile", PROFILES)
    def test_start_order(self, profile):
        """What a container waits for is started by the same profile, and there is no circle."""
        services = running(profile)
        waits = {name: set(s.get("depends_on", ())) for name, s in services.items()}
        started = set()
        while ready := {name for name, needed in waits.items() if name not in started and needed <= started}:
            started |= ready

        assert set(services) == started

    @pytest.mark.parametrize("name", sorted(SERVICES))
    def test_waits_until_it_is_well(self, name):
        """A container waits until others are well, or have ended well if they end."""
        for needed, how in SERVICES[name].get("depends_on", {}).items():
            expected = "service_completed_successfully" if needed in ONCE else "service_healthy"

            assert (needed, expected) == (needed, how["condition"])


@pytest.mark.parametrize("name", sorted(SERVICES))
class TestEveryContainer:
    def test_image_is_pinned(self, name):
        """Its image has a whole version, and names no registry."""
        image = SERVICES[name]["image"]

        assert re.fullmatch(r"[a-z-]+(/[a-z-]+)?:\d+\.\d+(\.\d+)?(-[a-z]+)?", image)

    def test_limits(self, name):
        """Its memory and processes are limited, its log is, and it gains no rights."""
        service = SERVICES[name]

        assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
        assert {"pids_limit", "logging"} <= set(service)
        assert (["no-new-privileges:true"], ["ALL"]) == (service["security_opt"], service["cap_drop"])

    def test_health(self, name):
        """It says whether it is well, or ends."""
        service = SERVICES[name]
        check = service.get("healthcheck", {})

        assert (name in ONCE) == ("test" not in check or bool(check.get("disable")))
        assert (name in ONCE) == (service["restart"] == "no")

    def test_ports(self, name):
        """What it publishes is on loopback, unless somebody says otherwise."""
        for port in SERVICES[name].get("ports", ()):
            assert port.startswith("127.0.0.1:")

    def test_no_secret_in_the_environment(self, name):
        """No variable holds a secret: where one is named for it, it is the name of a file."""
        for variable, value in SERVICES[name].get("environment", {}).items():
            if SECRET.search(variable):
                assert variable.endswith("_FILE")
                assert value.startswith("/run/secrets/")

    def test_mounts(self, name):
        """What it mounts is in the repository, or made by deploy/prepare.py; it cannot change the former."""
        for source, _, options in mounts(SERVICES[name]):
            if source.startswith("./deploy/secrets/"):
                continue
            if source.startswith("."):
                assert (ROOT / source).exists(), source
                assert ["ro"] == options

    def test_user(self, name):
        """It runs as the owner of the secrets; as root none but the one that gives volumes to that owner."""
        service = SERVICES[name]
        own_user_in_the_image = {"kafka"}  # who reads no secret

        if name == "volumes":
            assert ("0:0", "none", []) == (service["user"], service["network_mode"], service.get("secrets", []))
        elif name not in own_user_in_the_image:
            assert "1000:1000" == service["user"]

    def test_secrets_are_mounted_where_they_are_read(self, name):
        """Every secret that its words name is given to it, and none that it does not need is."""
        service = SERVICES[name]
        words = " ".join(texts({k: v for k, v in service.items() if k not in {"secrets", "depends_on"}}))
        for mounted, _, options in mounts(service):
            if options and mounted.startswith("./") and (ROOT / mounted).exists():
                paths = [ROOT / mounted] if (ROOT / mounted).is_file() else sorted((ROOT / mounted).rglob("*.yaml"))
                words += "".join(p.read_text("utf-8") for p in paths)
        named = set(re.findall(r"/run/secrets/(\w+)|PARK_SECRETS:-/run/secrets\}/(\w+)", words))
        needed = {a or b for a, b in named}

        # One file of settings serves all roles: each is given those of its own.
        given = set(service.get("secrets", ()))
        assert given <= needed | {"postgres_password"} | ({"mqtt_simulator_password"} if name == "simulate" else set())
        if name not in OURS:
            assert needed <= given


class TestDoors:
    def test_what_leaves_this_machine(self):
        """Devices' TLS, the pages and Grafana are published; engines are not, and nothing without a password."""
        published = {name: s["ports"] for name, s in SERVICES.items() if "ports" in s}

        assert {
            "mosquitto": ["127.0.0.1:8883:8883"],
            "api": ["127.0.0.1:8080:8080"],
            "grafana": ["127.0.0.1:3000:3000"],
        } == published

    def test_devices_may_come_from_elsewhere(self):
        """The address that devices reach is one variable, and only theirs."""
        opened = compose({**VARIABLES, "PARK_MQTT_ADDRESS": "10.0.0.5"})
        changed = {n: s["ports"] for n, s in opened["services"].items() if s.get("ports") != SERVICES[n].get("ports")}

        assert {"mosquitto": ["10.0.0.5:8883:8883"]} == changed

    def test_engines_have_no_way_out(self):
        """Kafka, PostgreSQL and InfluxDB are on the network that leads nowhere, alone."""
        assert CITY["networks"]["inner"]["internal"]
        for name in ("kafka", "postgres", "influxdb", "ingest", "worker", "worker-life", "worker-bulk"):
            assert ["inner"] == SERVICES[name]["networks"]

    @pytest.mark.parametrize("name", ["ingest", "worker", "worker-life", "alarms", "api"])
    def test_fire_waits_for_no_history(self, name):
        """No role on a fire's way, from device to person, needs InfluxDB to be well before it starts."""
        needed = [name]
        while more := [n for one in needed for n, how in SERVICES[one].get("depends_on", {}).items()
                       if how.get("required", True) and n not in needed]:  # fmt: skip
            needed += more

        assert set() == {"influxdb", "influx-setup", "grafana", "reader"} & set(needed)

    def test_the_simulator_is_no_part_of_production(self):
        """Who may speak for every device is started by the demonstration only."""
        assert ["demo"] == SERVICES["simulate"]["profiles"]
        assert "mqtt_simulator_password" not in {n for s in running("prod").values() for n in s.get("secrets", ())}


class TestRoles:
    @pytest.mark.parametrize("profile", PROFILES)
    def test_lanes(self, profile):
        """A profile's workers take each lane once."""
        lanes = []
        for name, service in running(profile).items():
            if name.startswith("worker"):
                _, *options = service["command"]
                lanes += options[1:] or list(Lane)

        assert sorted(Lane) == sorted(lanes)

    def test_settings(self):
        """Settings that roles are given are settings; secrets that they name are mounted where they are read."""
        settings = read_settings(ROOT / "deploy" / "city.toml", {}, {})
        city = settings.city

        assert (INGEST, True, "mosquitto", 8884) == (
            settings.ingest.username, settings.ingest.tls, settings.ingest.broker_host, settings.ingest.broker_port
        )  # fmt: skip
        assert ("kafka:9092", "http://influxdb:8086", 9100) == (city.kafka, city.influx_url, city.role_port)
        assert settings.api.require_keys
        for file in (city.postgres_url_file, city.influx_token_file, settings.ingest.password_file):
            assert Path(file).name in CITY["secrets"]

    def test_image_version(self):
        """The image is called by the version of the program within."""
        version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]

        assert {f"park-platform:{version}"} == {SERVICES[name]["image"] for name in OURS}


def test_variables_are_filled_as_compose_does():
    """`$$` is a dollar, `:-` a default, `:?` asks."""
    assert ("$x", "d", "1") == (filled("$$x"), filled("${NONE:-d}"), filled("${A:?why}", {"A": "1"}))
    with pytest.raises(KeyError):
        filled("${NONE:?why}")
