"""Versions of the rule table: kept for ever, one after the other."""

import pytest

from park.errors import Conflict
from park.rulebook import RuleSet
from runtime.storage.sql.rules import SqlRules

NOW = 1_795_219_200_000


@pytest.fixture
def store(database):
    """An empty store."""
    return SqlRules(database)


def draft(text, **more):
    return RuleSet(0, NOW, "officer", "a reason", text, 1, **more)


def test_nothing_yet(store):
    """Where nobody has changed the rules there is no version."""
    assert (None, None, []) == (store.newest(), store.get(1), list(store.history()))


def test_versions_rise_by_one(store):
    """Each change is a version of its own, and the newest holds."""
    one, two = store.add(draft("a"), 0), store.add(draft("b", life_safety=True, rolled_back_to=1), 1)

    assert (1, 2) == (one.version, two.version)
    assert (two, one) == (store.newest(), store.get(1))
    assert ("b", True, 1, "officer", "a reason", NOW) == (
        two.text, two.life_safety, two.rolled_back_to, two.actor, two.reason, two.at,
    )  # fmt: skip


def test_a_change_of_an_older_version_is_refused(store):
    """Who changes what somebody else has changed meanwhile is told so, and nothing is kept."""
    store.add(draft("a"), 0)

    with pytest.raises(Conflict, match="version 1 by officer"):
        store.add(draft("b"), 0)

    assert "a" == store.newest().text


def test_history(store):
    """History comes newest first, in pages, without texts."""
    for n in range(5):
        store.add(draft(f"text {n}"), n)

    assert [(5, ""), (4, "")] == [(r.version, r.text) for r in store.history(limit=2)]
    assert [3, 2, 1] == [r.version for r in store.history(before=4)]
