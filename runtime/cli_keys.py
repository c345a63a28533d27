"""`park keys`: API keys, made and revoked on the table itself.

The table can be shared with a running instance, and needs no key to begin with: whoever may write the data
folder may make one; in a city (`[city] postgres_url_file`) whoever has the password of its database.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from park.errors import NotFound, UserError
from park.settings import Settings
from runtime import clock
from runtime.cli_flags import FolderFlag, SettingsFlag, settings_of
from runtime.cli_words import JsonFlag, iso, show
from runtime.names import DATABASE

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.storage.sql.database import Database

_DAY = 86_400_000  # ms
_ACTOR = "command line"


def add(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(no_args_is_help=True, help="API keys.")
    group.command("create")(create)
    group.command("list")(listed)
    group.command("revoke")(revoke)
    app.add_typer(group, name="keys")


def create(
    name: Annotated[str, typer.Argument(help="whose it is")],
    role: Annotated[str, typer.Option(help="viewer | operator | officer | admin | ingest")] = "viewer",
    park: Annotated[
        list[str] | None, typer.Option(help="code or number of a park it may see; left out: all", show_default=False)
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3_650, help="until it expires")] = 365,
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
) -> None:
    """Make a key and print it, once."""
    from park.model import Park
    from park.roles import Role
    from runtime.storage.sql.keys import SqlKeys
    from runtime.storage.sql.registry import SqlRegistry

    if role not in set(Role):
        raise UserError(f"{role!r} is no role; there are {', '.join(Role)}")
    settings = settings_of(settings_file, data_dir=data_dir)
    with _opened(settings) as database:
        known = {name: p.id for p in SqlRegistry(database).find(Park) for name in (p.code, str(p.id))} if park else {}
        for one in park or ():
            if one not in known:
                raise NotFound(f"there is no park {one!r}")
        now = clock.now()
        parks = frozenset(known[one] for one in park) if park else None
        token, _ = SqlKeys(database).make(
            name, Role(role), parks=parks, expires=now + days * _DAY, now=now, actor=_ACTOR
        )  # fmt: skip
    typer.echo(token)


def listed(
    everything: Annotated[bool, typer.Option("--all", help="also those that open nothing any more")] = False,
    as_json: JsonFlag = False,
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
) -> None:
    """List keys; none is shown in full, for none is kept."""
    from runtime.storage.sql.database import Database
    from runtime.storage.sql.keys import SqlKeys

    settings = settings_of(settings_file, data_dir=data_dir)
    rows = []
    if _there(settings):
        with _opened(settings, Database.look) as database:
            keys, now = SqlKeys(database), clock.now()
            rows = [
                {
                    "id": k.id, "name": k.name, "role": str(k.role), "prefix": k.prefix,
                    "parks": None if k.parks is None else sorted(k.parks),
                    "expires": k.expires, "last_used": k.last_used or None, "revoked": k.revoked,
                }
                for k in keys.all() if everything or k.holds(now)
            ]  # fmt: skip
    if not as_json:
        for row in rows:
            row |= {"parks": "all" if row["parks"] is None else row["parks"]}
            row |= {name: iso(row[name]) for name in ("expires", "last_used", "revoked")}  # type: ignore[arg-type]
    show(rows, ("id", "name", "role", "prefix", "parks", "expires", "last_used", "revoked"), as_json=as_json)


def revoke(
    key: Annotated[int, typer.Argument(help="its number")],
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
) -> None:
    """Make a key worthless from now on."""
    from runtime.storage.sql.keys import SqlKeys

    settings = settings_of(settings_file, data_dir=data_dir)
    if not _there(settings):
        raise NotFound(f"there is no key {key} in {settings.data_dir}")
    with _opened(settings) as database:
        gone = SqlKeys(database).revoke(key, now=clock.now(), actor=_ACTOR)
    typer.echo(f"{gone.name} ({gone.prefix}) opens nothing any more")


def _there(settings: Settings) -> bool:
    """Return whether there is a table of keys already: a look makes none."""
    return bool(settings.city.postgres_url_file) or (settings.data_dir / DATABASE).exists()


@contextmanager
def _opened(settings: Settings, way: "Callable[[Path | str], Database] | None" = None) -> Iterator["Database"]:
    """Open the database that holds the keys: the city's where there is one, else that of the data folder."""
    from runtime.storage.sql.database import Database

    where: Path | str = settings.data_dir / DATABASE
    if settings.city.postgres_url_file:
        from runtime.city_settings import postgres_url

        where = postgres_url(settings.city)
    else:
        from runtime.doors import make_folder

        make_folder(settings.data_dir)
    database = (way or Database.open)(where)
    try:
        yield database
    finally:
        database.close()
