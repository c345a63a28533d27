"""Resolvers that begin with the same bindings go on by themselves."""

import pytest

from ingest.resolver import Binding, Resolver
from park.settings import IngestSettings

KEY, OTHER = "native:p1/g1/m1", "native:p1/g1/m2"
POWER = Binding(KEY, "power", 1, metric="power", device=1)


@pytest.fixture
def resolvers():
    """Two resolvers, the second of which has taken the bindings of the first."""
    first, second = (Resolver(IngestSettings()) for _ in range(2))
    first.bind([POWER])
    second.adopt(first)
    return first, second


def test_adopted(resolvers):
    """What one knows the other knows, from the same object."""
    first, second = resolvers

    assert first.known(KEY) is second.known(KEY)


def test_a_change_of_one_is_none_of_the_other(resolvers):
    """A binding that only one is told of, and a device that only one forgets, stay as they were for the other."""
    first, second = resolvers
    second.bind([Binding(KEY, "voltage", 2, metric="voltage", device=1), Binding(OTHER, "power", 3, device=2)])
    first.forget([KEY])

    assert first.known(KEY) is first.known(OTHER) is None
    assert {"power": 1, "voltage": 2} == {name: b.point for name, b in second.known(KEY).points.items()}


def test_adopting_voids_what_was_made_before(resolvers):
    """Whoever kept something of the bindings learns that they are others."""
    _, second = resolvers
    before = second.version
    second.adopt(Resolver(IngestSettings()))

    assert second.version > before
    assert second.known(KEY) is None
