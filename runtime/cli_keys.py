"""`park keys`: API keys, made and revoked on the table itself.

The table can be shared with a running instance, and needs no key to begin with: whoever may write the data
folder may make one.
"""

from typing import Annotated

import typer

from park.errors import NotFound, UserError
from runtime import clock
from runtime.cli import FolderFlag, SettingsFlag, settings_of
from runtime.cli_words import JsonFlag, iso, show
from runtime.names import DATABASE

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
    from runtime.doors import make_folder
    from runtime.storage.sql.database import Database
    from runtime.storage.sql.keys import SqlKeys
    from runtime.storage.sql.registry import SqlRegistry

    if role not in set(Role):
        raise UserError(f"{role!r} is no role; there are {', '.join(Role)}")
    settings = settings_of(settings_file, data_dir=data_dir)
    make_folder(settings.data_dir)
    database = Database.open(settings.data_dir / DATABASE)
    try:
        known = {name: p.id for p in SqlRegistry(database).find(Park) for name in (p.code, str(p.id))} if park else {}
        for one in park or ():
            if one not in known:
                raise NotFound(f"there is no park {one!r}")
        now = clock.now()
        parks = frozenset(known[one] for one in park) if park else None
        token, _ = SqlKeys(database).make(
            name, Role(role), parks=parks, expires=now + days * _DAY, now=now, actor=_ACTOR
        )  # fmt: skip
    finally:
        database.close()
    typer.echo(token)


def listed(
    everything: Annotated[bool, typer.Option("--all", help="also those that open nothing any more")] = False,
    as_json: JsonFlag = False,
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
) -> None:
    """List keys; none is shown in full, for none is kept."""
    from runtime.house import open_keys

    settings = settings_of(settings_file, data_dir=data_dir)
    rows = []
    if (settings.data_dir / DATABASE).exists():
        with open_keys(settings) as keys:
            now = clock.now()
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
    from runtime.house import open_keys

    settings = settings_of(settings_file, data_dir=data_dir)
    if not (settings.data_dir / DATABASE).exists():
        raise NotFound(f"there is no key {key} in {settings.data_dir}")
    with open_keys(settings) as keys:
        gone = keys.revoke(key, now=clock.now(), actor=_ACTOR)
    typer.echo(f"{gone.name} ({gone.prefix}) opens nothing any more")
