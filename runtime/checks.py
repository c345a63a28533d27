"""What `park check` looks at before anything runs: settings, rules, the data folder, its registry."""

from collections.abc import Iterator
from dataclasses import asdict

from park.errors import UserError
from park.model import Device, Enterprise, Lease, Park, Place, Point
from park.settings import Settings
from runtime.house import DATABASE, make_folder
from runtime.serve import keys_needed
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry
from stream.rules import parse, shipped


def check_all(settings: Settings) -> Iterator[str]:
    """Yield a line for everything that is well. Raises UserError at the first thing that is not."""
    needed = "needed" if keys_needed(settings) else "off (loopback only)"
    yield f"settings: {sum(len(asdict(room)) for room in (settings.ingest, settings.log, settings.store, settings.api))} values; API keys {needed}"
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
        counts = {
            kind.__name__.lower(): registry.count(kind) for kind in (Park, Place, Enterprise, Lease, Device, Point)
        }
        problems = registry.check(
            [thing for kind in (Park, Place, Enterprise, Lease, Device, Point) for thing in _all(registry, kind)]
        )
    finally:
        database.close()
    for problem in problems:
        yield f"registry: {problem.sentence}"
    if problems:
        raise UserError(f"the registry has {len(problems)} faults")
    yield "registry: " + ", ".join(f"{n} {noun}s" for noun, n in counts.items())


def _all(registry: SqlRegistry, kind: type) -> list:  # type: ignore[type-arg]
    found: list = []  # type: ignore[type-arg]
    while page := registry.find(kind, after=found[-1].id if found else 0, limit=1_000):
        found += page
    return found
