"""Whoever decodes beside the ingesters learns of a device once the logs know it."""

from ingest.resolver import Resolver
from park.model import Device, Park, Point
from park.settings import IngestSettings
from runtime.settled_bindings import SETTLE, SettledBindings
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry

NOW = 1_790_000_000_000


def register(registry, park, name):
    """Register a meter with one point."""
    device = Device(-1, park, f"native:east/-/{name}", "meter", name)
    registry.save([device, Point(0, -1, "power", source_key="power")], actor="test", reason="test", now=NOW)


def test_a_change_is_learned_when_it_has_settled(tmp_path):
    """What is there at the start is known at once, what comes later after a while, each change by itself."""
    at = 0.0
    database = Database.open(tmp_path / "park.db")
    registry, resolver = SqlRegistry(database), Resolver(IngestSettings())
    park = registry.save([Park(0, "east", "East")], actor="test", reason="test", now=NOW)[0].id
    register(registry, park, "old")
    bindings = SettledBindings(registry, resolver, lambda: at)

    def known():
        bindings.look()
        return [name for name in ("old", "new", "newer") if resolver.known(f"native:east/-/{name}") is not None]

    steps = [known()]
    register(registry, park, "new")
    steps.append(known())
    at = SETTLE - 1
    register(registry, park, "newer")
    steps.append(known())
    at = SETTLE
    steps.append(known())
    at = 2 * SETTLE
    steps.append(known())
    database.close()

    assert [["old"], ["old"], ["old"], ["old", "new"], ["old", "new", "newer"]] == steps
