"""Bring a database to the tables of this program."""

from pathlib import Path
from threading import Lock

from sqlalchemy import Connection, func, inspect, select, text

from park.errors import Corrupt, UserError

HEAD = "0016"  # newest migration; a test holds it to the files
_TURN = 0x7061726B  # key of the lock that whoever migrates holds: "park"
_ALONE = Lock()  # Alembic keeps what it migrates in globals of its modules: one thread of a process at a time
_FOLDER = Path(__file__).with_name("migrations")


def upgrade(connection: Connection) -> None:
    """Run the migrations that a database lacks. Raises Corrupt for one of a newer program.

    Within the caller's transaction: it has all of the tables, or stays as it was.
    """
    if current(connection) == HEAD:
        return  # Alembic takes a third of a second to import
    if connection.dialect.name == "postgresql":
        # Several processes of a city begin at once: one makes the tables, the others wait, and look again.
        connection.execute(select(func.pg_advisory_xact_lock(_TURN)))
        if current(connection) == HEAD:
            return
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        with _ALONE:
            command.upgrade(config, "head")
    except CommandError as why:
        raise Corrupt(f"database of another version of this program: {why}") from why


def same(connection: Connection) -> None:
    """See that a database has the tables of this program. Raises UserError for any other."""
    found = current(connection)
    if found != HEAD:
        raise UserError(
            f"the database has the tables of version {found or 'none'}, this program those of {HEAD}: "
            "the platform's next start brings an older one up to date; nothing was changed"
        )


def current(connection: Connection) -> str:
    """Return the newest migration that a database has; "" for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")
