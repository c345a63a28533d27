"""API keys open what they should, for as long as they should, and are nowhere to be read."""

import pytest

from park.errors import NotFound, UserError
from park.roles import Permission, Principal, Role
from runtime.storage.sql.database import Database
from runtime.storage.sql.keys import SqlKeys

T0 = 1_760_000_000_000
DAY = 86_400_000


@pytest.fixture
def path(tmp_path):
    return tmp_path / "park.sqlite"


@pytest.fixture
def keys(path):
    database = Database.open(path)
    yield SqlKeys(database)
    database.close()


def test_opens(keys):
    """A key that was made says who holds it."""
    token, _ = keys.make("desk", Role.OPERATOR, actor="admin", now=T0, parks=frozenset({3, 1}))

    assert Principal("desk", Role.OPERATOR, frozenset({1, 3})) == keys.check(token, T0)


def test_every_park(keys):
    """A key without parks is one of every park, and one of no park sees none."""
    everywhere, _ = keys.make("chief", Role.ADMIN, actor="admin", now=T0)
    nowhere, _ = keys.make("new", Role.VIEWER, actor="admin", now=T0, parks=frozenset())

    assert keys.check(everywhere, T0).sees(9)
    assert not keys.check(nowhere, T0).sees(9)
    assert keys.check(everywhere, T0).may(Permission.KEYS)


@pytest.mark.parametrize("spoil", [lambda t: t[:-1], lambda t: t + "x", lambda t: t.swapcase(), lambda t: t[5:]])
def test_wrong(keys, spoil):
    """What is not the key to the last letter opens nothing."""
    token, _ = keys.make("desk", Role.VIEWER, actor="admin", now=T0)

    assert None is keys.check(spoil(token), T0)


@pytest.mark.parametrize("token", ["", "park", "park__", "park_abc_def", "x" * 10_000, "park_\u00fc_ä", "a_b_c", "\0"])
def test_nonsense(keys, token):
    """What is no key at all opens nothing, and breaks nothing."""
    assert None is keys.check(token, T0)


def test_expires(keys):
    """A key opens until it expires, and no longer."""
    token, _ = keys.make("guest", Role.VIEWER, actor="admin", now=T0, expires=T0 + DAY)

    assert "guest" == keys.check(token, T0 + DAY - 1).name
    assert None is keys.check(token, T0 + DAY)


def test_revoked(keys):
    """A revoked key opens nothing from then on."""
    token, key = keys.make("lost", Role.VIEWER, actor="admin", now=T0)

    keys.revoke(key.id, actor="admin", now=T0 + 1)

    assert None is keys.check(token, T0 + 2)


def test_nowhere_to_be_read(keys, path):
    """No file of the database holds a key."""
    token, key = keys.make("desk", Role.VIEWER, actor="admin", now=T0)
    keys.check(token, T0)

    stored = b"".join(file.read_bytes() for file in path.parent.iterdir())

    assert key.prefix.encode() in stored
    assert token.encode() not in stored
    assert token.rpartition("_")[2].encode() not in stored


def test_last_used(keys):
    """When a key was last used is known to the minute."""
    token, _ = keys.make("desk", Role.VIEWER, actor="admin", now=T0)
    for at in (T0, T0 + 59_999, T0 + 60_000):
        keys.check(token, at)

    assert [T0 + 60_000] == [k.last_used for k in keys.all()]


def test_audit(keys):
    """Who made and revoked which key is known; revoking twice is once."""
    _, key = keys.make("desk", Role.VIEWER, actor="chief", now=T0)
    for _ in range(2):
        keys.revoke(key.id, actor="deputy", now=T0 + 5)

    assert [("chief", "made", key.id), ("deputy", "revoked", key.id)] == [
        (c.actor, c.verb, c.key) for c in keys.changes()
    ]


def test_bad_wishes(keys):
    """A key without a name, one that has expired already and one that is not there are refused."""
    with pytest.raises(UserError, match="name"):
        keys.make("", Role.VIEWER, actor="admin", now=T0)
    with pytest.raises(UserError, match="expired"):
        keys.make("x", Role.VIEWER, actor="admin", now=T0, expires=T0)
    with pytest.raises(NotFound):
        keys.revoke(5, actor="admin", now=T0)


def test_reserved_name(keys):
    """The name of the platform's own key is given to nobody else: its keys are revoked at each start."""
    with pytest.raises(UserError, match="the platform's own"):
        keys.make("instance", Role.ADMIN, actor="admin", now=T0)

    assert [] == keys.all()
    keys.make("instance", Role.ADMIN, actor="instance", now=T0)
    assert ["instance"] == [key.name for key in keys.all()]
