#!/usr/bin/env python3
"""Make what a city needs before its first start: passwords, certificates, and who may say what over MQTT.

```
 deploy/prepare.py                          secrets and certificates, once; what is there stays
 deploy/prepare.py --demo                   and the simulated devices' own user
 deploy/prepare.py gateway liuxi b1         a gateway of a park: its name and password, printed once
 deploy/prepare.py device plug-7 'tele/plug-7/#'   a device of a foreign dialect, with the topics it may write
 deploy/prepare.py remove liuxi@b1          ... and gone;  `list` shows who there is
```
It runs on the host, where the platform is not installed: Python's standard library and the `openssl` command, no
more. Every secret is a file of mode 0600 in a folder of mode 0700, of the user whom the containers run as: compose
binds such files as they are, so another user could not read them (decision 059).
"""

import argparse
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # it is no package: the host may have no place to install one

from mqtt_clients import HEALTH, INGEST, SIMULATOR, Clients, Refused, device, gateway

HERE = Path(__file__).resolve().parent
NOBODY = 10_001  # user and group of the containers where root prepares for nobody in particular
CA_DAYS, CERTIFICATE_DAYS, RENEW_DAYS = 3_650, 397, 30
NAMES = ("mosquitto", "localhost", "127.0.0.1")  # by which the platform and the health check know the broker

Made = Callable[[], str]


def token() -> str:
    """Return 256 bits of chance that need no escaping in a URL, a file of options or a header."""
    text = secrets.token_urlsafe(32)
    return text if text[0].isalnum() else token()  # nor can it be taken for an option


SECRETS: Mapping[str, Made] = {
    "postgres_password": token,  # of the superuser, for backup and upgrade
    "postgres_park_password": token,  # of the owner of the platform's tables
    "postgres_reader_password": token,  # of Grafana, who reads what its dashboards ask for
    "influx_admin_password": token,
    "influx_admin_token": token,  # makes buckets and the two tokens below; no role is given it
    "influx_token": str,  # of the roles; empty until the container `influx-setup` has asked InfluxDB for it
    "influx_read_token": str,  # of Grafana; likewise
    "grafana_admin_password": token,
    "mqtt_ingest_password": token,
    "mqtt_health_password": token,
}


class Folder:
    """The folder of secrets, and the user who owns what is in it."""

    def __init__(self, path: Path, owner: tuple[int, int]) -> None:
        self.path, self.owner = path, owner

    def make(self) -> None:
        """Make the folders. Raises Refused where they cannot be, or belong to somebody else."""
        for folder in (self.path, self.mosquitto):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            self._own(folder)

    @property
    def mosquitto(self) -> Path:
        """What the broker reads: a folder, so that a file that is replaced is seen within the container."""
        return self.path / "mosquitto"

    def write(self, path: Path, text: str) -> None:
        """Write a file that is the old one or the new one, and never anybody else's to read; the same stays."""
        if path.exists() and path.read_text(encoding="utf-8") == text:
            path.chmod(0o600)
            self._own(path)
            return
        part = path.with_name(path.name + ".part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        self._own(part)
        part.rename(path)

    def once(self, name: str, made: Made) -> str:
        """Return a secret, made where it is not there yet. Raises Refused for a file that holds none."""
        path = self.path / name
        if not path.exists():
            self.write(path, made())
        path.chmod(0o600)
        self._own(path)
        text = path.read_text(encoding="utf-8").strip()
        if not text and made is token:
            raise Refused(f"{path} is empty; delete it to have it made anew")
        return text

    def take(self, part: Path, path: Path) -> None:
        """Put a file that a program wrote in its place."""
        part.chmod(0o600)
        self._own(part)
        part.rename(path)

    def _own(self, path: Path) -> None:
        if os.geteuid() == 0:
            os.chown(path, *self.owner)


def prepare(folder: Folder, names: Sequence[str], *, demo: bool) -> Clients:
    """Make secrets, certificates and the platform's own users; return who may connect."""
    folder.make()
    for name, made in SECRETS.items():
        folder.once(name, made)
    password = folder.once("postgres_park_password", token)
    url = f"postgresql+psycopg://park:{password}@postgres:5432/park"
    folder.write(folder.path / "postgres_url", url)
    certificates(folder, names)
    clients = Clients.read(folder.path / "mqtt_clients.json")
    health = folder.once("mqtt_health_password", token)
    clients.own(INGEST, folder.once("mqtt_ingest_password", token), read=("#",))
    clients.own(HEALTH, health, read=("$SYS/broker/uptime",))
    if demo:
        clients.own(SIMULATOR, folder.once("mqtt_simulator_password", token), write=("#",))
    elif SIMULATOR in clients:
        clients.remove(SIMULATOR)  # it may speak for every device: not where real ones are
    # What mosquitto_sub is told, where nobody who lists processes sees it.
    options = ("-h localhost", "-p 8884", "--cafile /mosquitto/secrets/ca.crt", "-u park-health", f"-P {health}")
    folder.write(folder.mosquitto / "mosquitto_sub", "\n".join(options) + "\n")
    store(folder, clients)
    return clients


def store(folder: Folder, clients: Clients) -> None:
    """Write who may connect: for us, and for the broker."""
    folder.write(folder.path / "mqtt_clients.json", clients.text())
    folder.write(folder.mosquitto / "passwords", clients.passwords())
    folder.write(folder.mosquitto / "acl", clients.acl())


# ── certificates ─────────────────────────────────────────────────────────────────────────────────────


def certificates(folder: Folder, names: Sequence[str]) -> None:
    """Make our own authority once, and the broker's certificate where it is missing, near its end or lacks a name."""
    ca, key = folder.path / "ca.crt", folder.path / "ca.key"
    if not (ca.exists() and key.exists()):
        _made(
            folder, (key, ca),
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", str(CA_DAYS), "-subj", "/CN=Park city", "-addext", "basicConstraints=critical,CA:TRUE,pathlen:0",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", f"{key}.part", "-out", f"{ca}.part",
        )  # fmt: skip
    folder.write(folder.mosquitto / "ca.crt", ca.read_text("ascii"))
    own, secret = folder.mosquitto / "mqtt.crt", folder.mosquitto / "mqtt.key"
    wanted = ",".join(_named(name) for name in dict.fromkeys((*NAMES, *_before(own), *names)))
    if _holds(own, ca) and secret.exists() and wanted == ",".join(_named(n) for n in _before(own)):
        return
    request, extensions = folder.path / "mqtt.csr", folder.path / "mqtt.ext"
    try:
        folder.write(
            extensions,
            f"subjectAltName={wanted}\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"
            "extendedKeyUsage=serverAuth\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n",
        )
        _openssl(
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-subj", "/CN=mosquitto", "-keyout", f"{secret}.part", "-out", str(request),
        )  # fmt: skip
        _made(
            folder, (secret, own),
            "x509", "-req", "-in", str(request), "-CA", str(ca), "-CAkey", str(key), "-set_serial",
            str(secrets.randbits(120)), "-days", str(CERTIFICATE_DAYS), "-extfile", str(extensions),
            "-out", f"{own}.part",
        )  # fmt: skip
    finally:
        request.unlink(missing_ok=True)
        extensions.unlink(missing_ok=True)


def _made(folder: Folder, files: tuple[Path, ...], *arguments: str) -> None:
    _openssl(*arguments)
    for path in files:
        folder.take(path.with_name(path.name + ".part"), path)


def _openssl(*arguments: str) -> str:
    before = os.umask(0o077)
    try:
        done = subprocess.run(["openssl", *arguments], check=False, capture_output=True, text=True)  # noqa: S603, S607
    except FileNotFoundError as why:
        raise Refused("the command openssl is not installed") from why
    finally:
        os.umask(before)
    if done.returncode:
        raise Refused(f"openssl {arguments[0]}: {done.stderr.strip()[-300:]}")
    return done.stdout


def _holds(certificate: Path, ca: Path) -> bool:
    """Tell whether a certificate is there, of this authority, and for a while yet."""
    if not certificate.exists():
        return False
    lasts = ("x509", "-in", str(certificate), "-noout", "-checkend", str(RENEW_DAYS * 86_400))
    try:
        _openssl(*lasts)
        _openssl("verify", "-CAfile", str(ca), str(certificate))
    except Refused:
        return False
    return True


def _before(certificate: Path) -> list[str]:
    """Return the names that a certificate holds; they stay when it is renewed."""
    if not certificate.exists():
        return []
    text = _openssl("x509", "-in", str(certificate), "-noout", "-ext", "subjectAltName")
    listed = text.partition("\n")[2].replace("IP Address:", "DNS:").split(",")
    return [name.strip().removeprefix("DNS:") for name in listed if name.strip()]


def _named(name: str) -> str:
    """Return a name as a certificate says it. Raises Refused for what is none."""
    if not name or not name.isascii() or not all(c.isalnum() or c in ".-:*" for c in name):
        raise Refused(f"{name!r} is no name of a machine")
    address = ":" in name or name.replace(".", "").isdigit()
    return f"IP:{name}" if address else f"DNS:{name}"


# ── the environment of compose ───────────────────────────────────────────────────────────────────────


def environment(path: Path, owner: tuple[int, int]) -> None:
    """Add to compose's .env what it lacks; lines that are there stay as they are."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    there = {line.partition("=")[0].strip() for line in text.splitlines()}
    cluster = ""
    while not cluster[:1].isalnum():
        cluster = secrets.token_urlsafe(16)  # 22 characters, as kafka-storage makes them
    wanted = {"PARK_UID": str(owner[0]), "PARK_GID": str(owner[1]), "KAFKA_CLUSTER_ID": cluster}
    missing = [f"{name}={value}\n" for name, value in wanted.items() if name not in there]
    if missing:
        part = path.with_name(path.name + ".part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text + ("\n" if text and not text.endswith("\n") else "") + "".join(missing))
        # Nothing of ours in it is secret, but people keep words of their own there: it stays as closed as it was.
        before = path.stat() if path.exists() else None
        part.chmod(before.st_mode & 0o777 if before else 0o644)
        if before and os.geteuid() == 0:
            os.chown(part, before.st_uid, before.st_gid)
        part.rename(path)


def owner_of(folder: Path) -> tuple[int, int]:
    """Return user and group of the containers, never root: who calls; of root, whose the folder or what holds it is."""
    if os.getuid():
        return os.getuid(), os.getgid()
    for place in (folder, folder.parent):
        if place.exists() and place.stat().st_uid:
            return place.stat().st_uid, place.stat().st_gid
    named = tuple(int(os.environ.get(name, "0")) for name in ("SUDO_UID", "SUDO_GID"))
    return (named[0], named[1]) if named[0] else (NOBODY, NOBODY)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; always ends by SystemExit."""
    parser = argparse.ArgumentParser(prog="prepare.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=HERE / "secrets", help="of the secrets")
    parser.add_argument("--env", type=Path, default=HERE.parent / ".env", help="compose's file of variables")
    parser.add_argument("--name", action="append", default=[], help="by which devices know this machine; repeat it")
    parser.add_argument("--demo", action="store_true", help="with a user who speaks for every simulated device")
    verbs = parser.add_subparsers(dest="verb")
    one = verbs.add_parser("gateway", help="add a gateway of a park, or give it a new password")
    one.add_argument("park")
    one.add_argument("gateway")
    one = verbs.add_parser("device", help="add a device of a foreign dialect, or one without a gateway")
    one.add_argument("device")
    one.add_argument("topics", nargs="+", metavar="TOPIC")
    one = verbs.add_parser("remove", help="take a client's password and rights")
    one.add_argument("client")
    verbs.add_parser("list", help="show who may connect, and what they may say")
    given = parser.parse_args(arguments)
    try:
        _done(given)
    except Refused as why:
        sys.exit(f"prepare: {why}")
    except OSError as why:
        sys.exit(f"prepare: {why.filename}: {why.strerror}")
    sys.exit(0)


def _done(given: argparse.Namespace) -> None:
    folder = Folder(given.folder, owner_of(given.folder))
    clients_file = given.folder / "mqtt_clients.json"
    if given.verb is None:
        prepare(folder, given.name, demo=given.demo)
        environment(given.env, folder.owner)
        print(f"{given.folder}: ready; containers run as {folder.owner[0]}:{folder.owner[1]}")  # noqa: T201
        return
    if not clients_file.exists():
        raise Refused(f"{clients_file} is not there; run deploy/prepare.py first")
    clients = Clients.read(clients_file)
    if given.verb == "list":
        print(clients.shown(), end="")  # noqa: T201
        return
    if given.verb == "remove":
        if given.client in {INGEST, HEALTH}:
            raise Refused(f"{given.client} is the platform's own")
        clients.remove(given.client)
        store(folder, clients)
        print(f"{given.client} is gone; " + HUP)  # noqa: T201
        return
    password = token()
    made = gateway(given.park, given.gateway, password) if given.verb == "gateway" else device(
        given.device, given.topics, password
    )  # fmt: skip
    clients.put(made)
    store(folder, clients)
    print(f"user {made.name}\npassword {password}\nIt is not kept anywhere else; " + HUP)  # noqa: T201


HUP = "tell the broker: docker compose kill -s HUP mosquitto"

if __name__ == "__main__":
    main()
