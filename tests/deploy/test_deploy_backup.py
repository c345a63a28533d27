"""deploy/backup.sh and deploy/restore.sh against a real PostgreSQL: everything comes back, or nothing is changed."""

import hashlib
import subprocess

import pytest

from park.model import Park
from park.series import BUCKETS
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry
from tests.deploy.city_postgres import DEPLOY, city_postgres, programs
from tests.deploy.docker_here import Docker

pytestmark = pytest.mark.server


@pytest.fixture(scope="module")
def server():
    """Run a server, with a database of the platform that holds a park to copy from."""
    with city_postgres() as running:
        put(running, "liuxi", "柳溪园区 'quoted' \\ {}")
        running.psql("ALTER DATABASE park RENAME TO whole")
        yield running


@pytest.fixture
def city(server):
    """Give the server with the platform's database as it was first."""
    old = server.psql("SELECT datname FROM pg_database WHERE datname LIKE 'park%'").split()
    for name in old:
        server.psql(f"DROP DATABASE {name} WITH (FORCE)")
    server.psql("CREATE DATABASE park OWNER park TEMPLATE whole")
    return server


@pytest.fixture
def docker(city, tmp_path):
    """Give a docker whose containers are this machine."""
    made = Docker(tmp_path / "docker", city.environment())
    for name in BUCKETS:
        (made.influx / "buckets" / name).write_text(f"rows of {name}")
    (made.files / "attachments").mkdir()
    (made.files / "attachments" / "photo.jpg").write_bytes(bytes(range(256)))
    return made


def put(city, code, name):
    database = Database.open(city.url())
    SqlRegistry(database).save([Park(0, code, name)], actor="test", reason="test", now=1)
    database.close()


def grant(city):
    """Give Grafana's user its rights, as the container `reader` does."""
    script = ("-f", str(DEPLOY / "postgres" / "reader.sql"))
    city.psql("", *script, user="park", secret="postgres_park_password", database="park")


def rows(city, database="park"):
    """Return every row of every table, and what stands before and after them."""
    dump = subprocess.run(
        [programs() / "pg_dump", "-U", "postgres", "--no-owner", "--no-privileges", database],
        env=city.environment(PGPASSWORD=city.password("postgres_password")), capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [line for line in dump.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]


def but_numbers(lines):
    """Return rows without those that say which numbers were given out."""
    start = next(n for n, line in enumerate(lines) if line.startswith("COPY public.numbers "))
    return lines[:start] + lines[lines.index("\\.", start) :]


def given(city):
    """Return the last number that was given out, by space."""
    told = city.psql("SELECT space, last FROM numbers", database="park").split()
    return {space: int(last) for space, _, last in (line.partition("|") for line in told)}


def saved(docker, tmp_path):
    """Make a backup; return its folder."""
    done = docker.script("backup.sh", str(tmp_path / "backups"))
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "backups").iterdir()
    return folder


def summed(folder):
    """Write the sums of a backup anew, as somebody would who changed it on purpose."""
    lines = [f"{hashlib.sha256((folder / n).read_bytes()).hexdigest()}  {n}\n" for n in PARTS]
    (folder / "SHA256SUMS").write_text("".join(lines))


PARTS = ("postgres.dump", "influx.tar", "files.tar")


class TestThereAndBack:
    def test_everything_comes_back(self, city, docker, tmp_path):
        """Rows, series and files are as they were when they were saved, whatever happened since."""
        before = rows(city)
        backup = saved(docker, tmp_path)
        put(city, "dongqiao", "after the backup")
        city.psql("DROP TABLE ledger CASCADE", database="park")
        (docker.influx / "buckets" / "hours").write_text("broken")
        (docker.files / "attachments" / "photo.jpg").unlink()
        done = docker.script("restore.sh", str(backup), "--yes")

        assert 0 == done.returncode, done.stderr
        assert but_numbers(before) == but_numbers(rows(city))
        assert {f"rows of {n}" for n in BUCKETS} == {p.read_text() for p in (docker.influx / "buckets").iterdir()}
        assert bytes(range(256)) == (docker.files / "attachments" / "photo.jpg").read_bytes()

    def test_the_platform_opens_it(self, city, docker, tmp_path):
        """The platform's own user works on what was restored, and owns it."""
        docker.script("restore.sh", str(saved(docker, tmp_path)), "--yes")
        put(city, "dongqiao", "after the restore")

        assert "park" == city.psql(
            "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname='public'", database="park"
        )
        assert ["dongqiao", "liuxi"] == city.psql("SELECT code FROM parks ORDER BY 1", database="park").split()

    def test_no_link_is_revived(self, city, docker, tmp_path):
        """A link, used since or sent to one who has gone, and a session are good for nothing afterwards."""
        link = "INSERT INTO alarm_links (digest, \"case\", actor, expires, version) VALUES ('d', 1, 'li', 1, 1)"
        city.psql(link, database="park")
        city.psql("INSERT INTO sessions (digest, key, expires) VALUES ('d', 1, 1)", database="park")
        docker.script("restore.sh", str(saved(docker, tmp_path)), "--yes")
        left = "SELECT (SELECT count(*) FROM alarm_links) + (SELECT count(*) FROM sessions)"

        assert "0" == city.psql(left, database="park").strip()

    def test_no_number_is_given_again(self, city, docker, tmp_path):
        """Of what was registered after the backup the logs know: its numbers and versions are not another's."""
        backup = saved(docker, tmp_path)
        put(city, "dongqiao", "after the backup")
        before = given(city)
        docker.script("restore.sh", str(backup), "--yes")
        after = given(city)

        assert before.keys() == after.keys()
        assert all(after[space] > last for space, last in before.items())

    def test_grafana_reads_it(self, city, docker, tmp_path):
        """Grafana's user has its rights on what was restored, and no others."""
        docker.script("restore.sh", str(saved(docker, tmp_path)), "--yes")
        grant(city)
        reader = {"user": "park_reader", "secret": "postgres_reader_password", "database": "park"}

        assert "liuxi" == city.psql("SELECT code FROM parks", **reader)
        with pytest.raises(subprocess.CalledProcessError):
            city.psql("SELECT * FROM api_keys", **reader)

    def test_roles_stand_still_meanwhile(self, docker, tmp_path):
        """Roles that ran are stopped first and started at the end; engines run on."""
        docker.script("restore.sh", str(saved(docker, tmp_path)), "--yes")
        calls = [c for c in docker.calls() if not c.startswith("influx")]

        assert ["stop ingest worker alarms api grafana", "start ingest worker alarms api grafana"] == calls[:2]
        assert ["up --detach --no-deps reader"] == calls[2:]

    def test_the_old_database_stays(self, city, docker, tmp_path):
        """What a restored database takes the place of is kept until somebody drops it."""
        backup = saved(docker, tmp_path)
        put(city, "dongqiao", "after the backup")
        now = rows(city)
        docker.script("restore.sh", str(backup), "--yes")
        (old,) = city.psql("SELECT datname FROM pg_database WHERE datname LIKE 'park_before_%'").split()

        assert now == rows(city, old)

    def test_every_bucket(self, docker, tmp_path):
        """Each bucket of the platform is restored."""
        docker.script("restore.sh", str(saved(docker, tmp_path)), "--yes")
        named = [c.split("--bucket ")[1].split()[0] for c in docker.calls() if c.startswith("influx restore")]

        assert sorted(BUCKETS) == sorted(named)

    def test_private(self, docker, tmp_path):
        """A backup is its owner's to read, and nobody else's."""
        folder = saved(docker, tmp_path)

        assert {0o600} == {p.stat().st_mode & 0o777 for p in folder.iterdir()}
        assert 0o700 == folder.stat().st_mode & 0o777


class TestNothingHalf:
    @pytest.mark.parametrize("part", PARTS)
    def test_damaged(self, city, docker, tmp_path, part):
        """A backup that is not what was saved is refused before anything is touched, the roles neither."""
        backup = saved(docker, tmp_path)
        content = bytearray((backup / part).read_bytes())
        content[len(content) // 2] ^= 1
        (backup / part).write_bytes(content)
        before, calls = rows(city), docker.calls()
        done = docker.script("restore.sh", str(backup), "--yes")

        assert (1, before, calls) == (done.returncode, rows(city), docker.calls())
        assert "nothing was changed" in done.stderr

    def test_missing(self, docker, tmp_path):
        """A folder that lacks a part is no backup, and nothing is touched."""
        backup = saved(docker, tmp_path)
        (backup / "influx.tar").unlink()
        done = docker.script("restore.sh", str(backup), "--yes")

        assert (1, []) == (done.returncode, [c for c in docker.calls() if c.startswith("stop")])

    def test_a_dump_that_cannot_be_read(self, city, docker, tmp_path):
        """A dump that breaks off in the middle leaves the database that is there, and the roles run on."""
        backup = saved(docker, tmp_path)
        whole = (backup / "postgres.dump").read_bytes()
        (backup / "postgres.dump").write_bytes(whole[: len(whole) * 3 // 4])
        summed(backup)
        put(city, "dongqiao", "after the backup")
        before = rows(city)
        done = docker.script("restore.sh", str(backup), "--yes")

        assert (True, before) == (done.returncode != 0, rows(city))
        assert "not restored" in done.stderr
        assert [c for c in docker.calls() if c.startswith("start ")]

    def test_not_asked_twice(self, city, docker, tmp_path):
        """Without --yes nothing happens."""
        backup, before = saved(docker, tmp_path), rows(city)
        done = docker.script("restore.sh", str(backup))

        assert (1, before) == (done.returncode, rows(city))

    @pytest.mark.parametrize("broken", ["pg_dump", "influx", "tar", "sha256sum"])
    def test_a_backup_that_fails(self, docker, tmp_path, broken):
        """A backup that fails anywhere ends with an error and leaves nothing that looks like one."""
        (docker.programs / broken).write_text("#!/bin/sh\nexit 3\n")
        (docker.programs / broken).chmod(0o755)
        done = docker.script("backup.sh", str(tmp_path / "backups"))

        assert done.returncode != 0
        assert [] == list((tmp_path / "backups").iterdir())

    def test_another_database(self, city, docker, tmp_path):
        """A dump in which the platform's tables are not is no backup."""
        city.psql("DROP DATABASE park WITH (FORCE)")
        city.psql("CREATE DATABASE park OWNER park TEMPLATE template0")
        done = docker.script("backup.sh", str(tmp_path / "backups"))

        assert (1, []) == (done.returncode, list((tmp_path / "backups").iterdir()))
        assert "no tables of the platform" in done.stderr
