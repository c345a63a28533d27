"""PostgreSQL with the city's own configuration, first steps and passwords, on a free port."""

import os
import shlex
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deploy.compose_file import compose
from tests.deploy.prepared import ROOT, others_folder, prepare
from tests.tools import free_port, until

DEPLOY = ROOT / "deploy"


def programs():
    """Return where PostgreSQL's programs are."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin")) if Path("/usr/lib/postgresql").is_dir() else []
    if not found:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql)")
    return found[-1]


class City:
    """One running server."""

    def __init__(self, folder, port, user):
        self.folder, self.port, self.secrets, self.user = folder, port, folder / "secrets", user

    def password(self, name):
        """Return what a file of secrets holds."""
        return (self.secrets / name).read_text()

    def url(self, user="park", secret="postgres_park_password", database="park"):
        """Return an address for SQLAlchemy."""
        return f"postgresql+psycopg://{user}:{self.password(secret)}@127.0.0.1:{self.port}/{database}"

    def environment(self, **more):
        """Return what is set within the container, for a command that runs here."""
        own = {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PARK_SECRETS": str(self.secrets)}
        return {**os.environ, **own, "PATH": f"{programs()}:{os.environ['PATH']}", **more}

    def psql(self, text="", *options, user="postgres", secret="postgres_password", database="postgres"):
        """Run statements; return what they answer."""
        done = subprocess.run(
            ["psql", "--no-psqlrc", "-qtA", "--set=ON_ERROR_STOP=1", "-U", user, "-d", database, *options],
            input=text, text=True, capture_output=True, check=True,
            env=self.environment(PGPASSWORD=self.password(secret)),
        )  # fmt: skip
        return done.stdout.strip()


@contextmanager
def city_postgres():
    """Start a server as the container of compose does: its options, its configuration, its first steps."""
    service = compose()["services"]["postgres"]
    user = "postgres" if os.geteuid() == 0 else None
    with others_folder(user) as folder:
        prepare(folder)
        city = City(folder, free_port(), user)
        data = folder / "pgdata"
        options = shlex.split(service["environment"]["POSTGRES_INITDB_ARGS"])
        secret = city.secrets / "postgres_password"
        subprocess.run(
            [programs() / "initdb", "-D", data, "-U", "postgres", f"--pwfile={secret}", *options, "-N"],
            user=user, cwd=folder, check=True, capture_output=True,
        )  # fmt: skip
        with (data / "pg_hba.conf").open("a") as file:
            file.write("host all all all scram-sha-256\n")  # as the image does
        program, *arguments = service["command"]
        arguments = [a.replace("/etc/postgresql/", f"{DEPLOY}/postgres/") for a in arguments]
        here = ["-p", str(city.port), "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
        with (folder / "log").open("w") as log:
            child = subprocess.Popen(
                [programs() / program, "-D", data, *arguments, *here], user=user, cwd=folder, stdout=log, stderr=log
            )
        try:
            ready = [programs() / "pg_isready", "-h", "127.0.0.1", "-p", str(city.port), "-q"]
            until(lambda: subprocess.run(ready, check=False).returncode == 0)
            first = city.environment(PGPASSWORD=city.password("postgres_password"), POSTGRES_USER="postgres")
            subprocess.run([DEPLOY / "postgres" / "10-roles.sh"], env=first, check=True, capture_output=True)
            yield city
        finally:
            child.send_signal(signal.SIGINT)
            child.wait()
