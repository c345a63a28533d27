"""What `park check` looks at before anything runs: settings, rules, the data folder, its registry."""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from park.errors import UserError
from park.model import Device, Enterprise, Lease, Park, Place, Point
from park.ports import Noun, T
from park.settings import Settings
from runtime.lock import holder
from runtime.names import DATABASE
from runtime.serve import keys_needed
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry
from runtime.storage.sql.rules import SqlRules
from stream.rules import parse, shipped


def check_all(settings: Settings) -> Iterator[str]:
    """Yield a line for everything that is well; nothing is made or changed. Raises UserError at what is not."""
    needed = "needed" if keys_needed(settings) else "off (loopback only)"
    rooms = (settings.ingest, settings.log, settings.store, settings.api)
    yield f"settings: {2 + sum(len(asdict(room)) for room in rooms)} values; API keys {needed}"
    yield from _files(settings)
    rules = parse(shipped())
    yield f"rules: {len(rules)}, each with its basis"
    yield _folder(settings.data_dir)
    if not (settings.data_dir / DATABASE).exists():
        yield "registry: none yet"
        return
    database = Database.look(settings.data_dir / DATABASE)
    try:
        if (changed := SqlRules(database).newest()) is not None:
            yield f"rules: version {changed.version} of this folder holds, with {len(parse(changed.text))}"
        registry = SqlRegistry(database)
        found: dict[tuple[str, str], Sequence[Noun]] = {
            ("park", "parks"): _all(registry, Park), ("place", "places"): _all(registry, Place),
            ("enterprise", "enterprises"): _all(registry, Enterprise), ("lease", "leases"): _all(registry, Lease),
            ("device", "devices"): _all(registry, Device), ("point", "points"): _all(registry, Point),
        }  # fmt: skip
        problems = registry.check([thing for things in found.values() for thing in things])
    finally:
        database.close()
    for problem in problems:
        yield f"registry: {problem.sentence}"
    if problems:
        raise UserError(f"the registry has {len(problems)} fault{'s' if len(problems) > 1 else ''}")
    counts = ", ".join(f"{len(things)} {one if len(things) == 1 else many}" for (one, many), things in found.items())
    yield f"registry: {counts}"


def _files(settings: Settings) -> Iterator[str]:
    """See that files which settings name can be read."""
    ingest = settings.ingest
    named = (ingest.password_file, ingest.tls_ca_file, ingest.tls_cert_file, ingest.tls_key_file)
    for name in filter(None, named):
        if not os.access(name, os.R_OK) or not Path(name).is_file():
            raise UserError(f"the file {name} that the settings name cannot be read")
        yield f"file: {name}"


def _folder(folder: Path) -> str:
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise UserError(f"the data folder {folder} cannot be written")
    free = f"{shutil.disk_usage(there).free / 1e9:.0f} GB free"
    if there != folder:
        return f"data folder: {folder} will be made, {free}"
    pid = holder(folder)
    return f"data folder: {folder}, {free}, " + (f"an instance runs on it (process {pid})" if pid else "at rest")


def _all(registry: SqlRegistry, kind: type[T]) -> Sequence[Noun]:
    found: list[T] = []
    while page := registry.find(kind, after=found[-1].id if found else 0, limit=1_000):
        found += page
    return found
