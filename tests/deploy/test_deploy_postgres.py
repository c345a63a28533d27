"""The city's PostgreSQL: the shipped configuration and first steps, run by a real server, and what each user may do."""

import pytest
from sqlalchemy import create_engine, exc, text

from dashboards import rows
from dashboards.queries import filled_sql
from runtime import clock
from runtime.cli import main
from runtime.storage.sql.database import Database
from runtime.storage.sql.keys import SqlKeys
from tests.deploy.city_postgres import DEPLOY, city_postgres

pytestmark = pytest.mark.server
START, VALUES = 1_760_000_400_000, {"park": "x", "level": "hours", "points": "(7|8)", "enterprise": "3"}
READER = ("park_reader", "postgres_reader_password")


@pytest.fixture(scope="module")
def city():
    """Run a server with the platform's tables, and Grafana's rights on them."""
    with city_postgres() as running:
        Database.open(running.url()).close()
        reader = ("-f", str(DEPLOY / "postgres" / "reader.sql"))
        running.psql("", *reader, user="park", secret="postgres_park_password", database="park")
        yield running


@pytest.fixture(scope="module")
def reading(city):
    """Give a connection of Grafana's user."""
    engine = create_engine(city.url(*READER))
    yield engine
    engine.dispose()


def refused(engine, statement):
    """Return what the server says to a statement that it refuses."""
    with engine.connect() as connection, pytest.raises(exc.DBAPIError) as why:
        connection.execute(text(statement))
    return str(why.value.orig)


class TestServer:
    def test_configuration(self, city):
        """The server runs with the shipped file, and every line of it holds."""
        wrong = "SELECT count(*) FROM pg_file_settings WHERE NOT applied AND name NOT IN ('listen_addresses', 'port')"

        assert "0" == city.psql(wrong)
        assert "scram-sha-256|on|1min|on" == city.psql(
            "SELECT current_setting('password_encryption'), current_setting('synchronous_commit'),"
            " current_setting('idle_in_transaction_session_timeout'), current_setting('data_checksums')"
        )

    def test_connections(self, city):
        """There are connections for two of every role, each with as many as it may hold."""
        pools = 2 * 2 * (8 + 40)  # api and alarms: runtime/storage/sql/database.py

        assert pools <= int(city.psql("SHOW max_connections"))

    def test_nobody_without_a_password(self, city):
        """No way in is open to who has no password."""
        ways = set(city.psql("SELECT DISTINCT auth_method FROM pg_hba_file_rules").split())

        assert {"scram-sha-256"} == ways

    def test_passwords_are_in_no_log(self, city):
        """What the first steps set stands in no line of the server's log."""
        log = (city.folder / "log").read_text()

        assert [] == [p.name for p in city.secrets.glob("postgres_*password") if p.read_text() in log]


class TestPlatform:
    def test_owns_its_tables_and_no_more(self, city):
        """The platform's user is no superuser, makes no databases or users, and owns its own."""
        assert "f|f|f" == city.psql("SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = 'park'")
        assert "park" == city.psql(
            "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'", database="park"
        )

    def test_opened_again(self, city):
        """A database that is there is opened, and its migrations are done."""
        database = Database.open(city.url())
        with database.read() as connection:
            assert 0 == connection.execute(text("SELECT count(*) FROM parks")).scalar()
        database.close()


class TestKeys:
    def test_life_of_a_key(self, city, capsys):
        """Keys of a city are made, listed and revoked in its database, by who has its password."""
        url = city.folder / "url"
        url.write_text(city.url())
        settings = city.folder / "city.toml"
        settings.write_text(f'data_dir = "{city.folder}/none"\n[city]\npostgres_url_file = "{url}"\n')

        def park(*arguments):
            with pytest.raises(SystemExit) as ended:
                main(["keys", *arguments, "--settings", str(settings)])
            return ended.value.code or 0, capsys.readouterr().out

        made, token = park("create", "desk", "--role", "admin")
        database = Database.open(city.url())
        held = SqlKeys(database).check(token.strip(), clock.now())
        number = SqlKeys(database).all()[0].id
        listed, table = park("list")
        revoked, _ = park("revoke", str(number))
        gone = SqlKeys(database).check(token.strip(), clock.now())
        database.close()

        assert (0, 0, 0) == (made, listed, revoked)
        assert ("desk", "admin", None) == (held.name, held.role, gone)
        assert "desk" in table
        assert not (city.folder / "none").exists()


class TestReader:
    @pytest.mark.parametrize("name", rows.names())
    def test_dashboards(self, reading, name):
        """Grafana's user may ask what the dashboards ask."""
        asked = filled_sql(rows.query(name), VALUES, start=START, end=START + 3_600_000)
        with reading.connect() as connection:
            connection.exec_driver_sql(asked.replace("%", "%%"))

    @pytest.mark.parametrize(
        "statement",
        [
            "SELECT * FROM api_keys", "SELECT contact FROM enterprises", "SELECT payload FROM quarantine",
            "SELECT * FROM findings", "SELECT * FROM enterprises", "SELECT pg_read_file('/etc/passwd')",
        ],
    )  # fmt: skip
    def test_secrets(self, reading, statement):
        """It may not see keys, people, payloads, nor what no dashboard asks."""
        assert "permission denied" in refused(reading, statement)

    def test_targets_of_messages(self, city, reading):
        """It may not see tables of keys, targets, deliveries, officers and duty: they hold secrets and people."""
        names = city.psql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database="park").split()
        private = [n for n in names if any(w in n for w in ("target", "officer", "deliver", "outbox", "duty", "key"))]

        assert private
        assert {True} == {"permission denied" in refused(reading, f'SELECT * FROM "{n}"') for n in private}

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE parks SET name = 'x'", "DELETE FROM cases", "CREATE TABLE mine (x int)",
            "SET default_transaction_read_only = off; DELETE FROM cases", "CREATE TEMP TABLE mine (x int)",
        ],
    )  # fmt: skip
    def test_writes_nothing(self, reading, statement):
        """It changes nothing, whatever it sets for itself."""
        said = refused(reading, statement)

        assert "permission denied" in said or "read-only transaction" in said
