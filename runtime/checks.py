"""What `park check` looks at before anything runs: settings, rules, the data folder, its registry."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from park.errors import UserError
from park.model import Device, Enterprise, Lease, Park, Place, Point
from park.ports import Noun, T
from park.settings import Settings
from runtime.house import make_folder
from runtime.names import DATABASE
from runtime.serve import keys_needed
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry
from stream.rules import parse, shipped


def check_all(settings: Settings) -> Iterator[str]:
    """Yield a line for everything that is well. Raises UserError at the first thing that is not."""
    needed = "needed" if keys_needed(settings) else "off (loopback only)"
    rooms = (settings.ingest, settings.log, settings.store, settings.api)
    yield f"settings: {sum(len(asdict(room)) for room in rooms)} values; API keys {needed}"
    for port in (settings.api.port, settings.ingest.broker_port):
        if not 0 <= port <= 65_535:
            raise UserError(f"there is no port {port}")
    rules = parse(shipped())
    yield f"rules: {len(rules)}, each with its basis"
    make_folder(settings.data_dir)
    if not (settings.data_dir / DATABASE).exists():
        yield f"registry: none yet in {settings.data_dir}"
        return
    database = Database.open(settings.data_dir / DATABASE)
    try:
        registry = SqlRegistry(database)
        found = {
            "park": _all(registry, Park), "place": _all(registry, Place), "enterprise": _all(registry, Enterprise),
            "lease": _all(registry, Lease), "device": _all(registry, Device), "point": _all(registry, Point),
        }  # fmt: skip
        problems = registry.check([thing for things in found.values() for thing in things])
    finally:
        database.close()
    for problem in problems:
        yield f"registry: {problem.sentence}"
    if problems:
        raise UserError(f"the registry has {len(problems)} faults")
    yield "registry: " + ", ".join(f"{len(things)} {noun}s" for noun, things in found.items())


def _all(registry: SqlRegistry, kind: type[T]) -> Sequence[Noun]:
    found: list[T] = []
    while page := registry.find(kind, after=found[-1].id if found else 0, limit=1_000):
        found += page
    return found
