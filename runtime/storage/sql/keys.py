"""API keys: made once, shown once, kept as a hash.

A key reads `park_<prefix>_<secret>`: the prefix finds its row, and the SHA-256 of the whole, compared
in constant time, tells whether it is the one. A slow hash would add nothing: the secret is 32 random
bytes, not a person's password (OWASP Password Storage Cheat Sheet speaks of what people choose).

A browser's session, or a ticket, is another word of 32 random bytes, kept as its hash beside the key's number: any
process lets it in, a revoked key ends it, and who reads the table can open nothing with it.
"""

import hmac
import secrets
from dataclasses import dataclass
from hashlib import sha256

import msgspec
from sqlalchemy import Connection, Row, and_, delete, insert, select, update

from park.errors import NotFound, UserError
from park.roles import Principal, Purpose, Role
from runtime.storage.sql.database import Database
from runtime.storage.sql.tables import api_keys, key_changes, sessions

RESERVED = "instance"  # name of the key that commands of the running instance's owner use
_MARK = "park"
_PREFIX_BYTES, _SECRET_BYTES = 6, 32
_NOBODY = "0" * 64
_LONGEST = 200  # characters of a key that is looked at
SESSIONS_MOST = 1_000  # words that stand for one key at once: who opens many ends nobody else's
_USED = 60_000  # ms: last use is noted to the minute, so that a busy key costs no write a call


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key; never the key."""

    id: int
    name: str
    prefix: str
    role: Role
    parks: frozenset[int] | None  # None: every park
    created: int  # epoch ms
    expires: int | None  # None: never
    revoked: int | None
    last_used: int  # 0: never

    def holds(self, now: int) -> bool:
        """Say whether the key still opens anything."""
        return self.revoked is None and (self.expires is None or now < self.expires)


@dataclass(frozen=True, slots=True)
class KeyChange:
    """One line of the audit of keys."""

    id: int
    at: int
    actor: str
    verb: str  # made | revoked
    key: int
    detail: str


class SqlKeys:
    """API keys over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def make(
        self,
        name: str,
        role: Role,
        *,
        actor: str,
        now: int,
        parks: frozenset[int] | None = None,
        expires: int | None = None,
    ) -> tuple[str, Key]:
        """Make a key; return it, for this once, and what is known of it. Raises UserError."""
        if not name or len(name) > _LONGEST or not name.isprintable():
            raise UserError(f"the name of a key must be 1 to {_LONGEST} printable characters")
        if name == RESERVED and actor != RESERVED:
            raise UserError(f"the name {RESERVED!r} is the platform's own: its keys are revoked at each start")
        if expires is not None and expires <= now:
            raise UserError("the key would have expired already")
        prefix = secrets.token_hex(_PREFIX_BYTES)
        token = f"{_MARK}_{prefix}_{secrets.token_urlsafe(_SECRET_BYTES)}"
        row = {
            "name": name, "prefix": prefix, "digest": _digest(token), "role": role, "created": now, "expires": expires,
            "parks": None if parks is None else msgspec.json.encode(sorted(parks)).decode(),
        }  # fmt: skip
        with self._database.write() as connection:
            key = int(connection.execute(insert(api_keys).values(row).returning(api_keys.c.id)).scalar_one())
            _note(connection, now, actor, "made", key, f"{name} ({role})")
            made = connection.execute(select(api_keys).where(api_keys.c.id == key)).one()
        return token, _key(made)

    def check(self, token: str, now: int) -> Principal | None:
        """Return who holds a key; None for a wrong, expired or revoked one."""
        parts = token.split("_", 2)
        if len(token) > _LONGEST or len(parts) != 3 or parts[0] != _MARK or not token.isascii():
            return None
        with self._database.read() as connection:
            row = connection.execute(select(api_keys).where(api_keys.c.prefix == parts[1])).first()
        # Compared even if there is no such prefix, so that the time taken tells nothing.
        right = hmac.compare_digest(row.digest if row else _NOBODY, _digest(token))
        if row is None or not right:
            return None
        return self._seen(_key(row), now)

    def _seen(self, key: Key, now: int) -> Principal | None:
        """Return who holds a key that was shown, and note that it was; None where it opens nothing."""
        if not key.holds(now):
            return None
        if now - key.last_used >= _USED:
            with self._database.write_if_free() as free:  # nobody waits at the door for this
                if free is not None:
                    free.execute(update(api_keys).where(api_keys.c.id == key.id).values(last_used=now))
        return Principal(key.name, key.role, key.parks, key.id)

    def holds(self, key: int, now: int) -> bool:
        """Tell whether the key of a number opens anything now."""
        with self._database.read() as connection:
            row = connection.execute(select(api_keys).where(api_keys.c.id == key)).first()
        return row is not None and _key(row).holds(now)

    # ── words that stand for keys ────────────────────────────────────────────────────────────────

    def open(self, key: int, purpose: Purpose, *, now: int, lasts: int) -> str:
        """Return a new word that stands for a key for so many ms, in every process; its oldest go first."""
        word, c = secrets.token_urlsafe(_SECRET_BYTES), sessions.c
        row = {"digest": _digest(word), "purpose": purpose.value, "key": key, "expires": now + lasts}
        with self._database.write() as connection:
            connection.execute(delete(sessions).where(c.expires <= now))
            oldest = select(c.digest).where(c.key == key).order_by(c.expires.desc()).offset(SESSIONS_MOST - 1)
            connection.execute(delete(sessions).where(c.digest.in_(oldest)))
            connection.execute(insert(sessions).values(row))
        return word

    def enter(self, word: str, purpose: Purpose, now: int) -> Principal | None:
        """Return who holds the key behind a word; None where either is good for nothing. A ticket is spent."""
        c = sessions.c
        mine = and_(c.digest == _digest(word[:_LONGEST]), c.purpose == purpose.value, c.expires > now)
        query = select(api_keys).join(sessions, c.key == api_keys.c.id).where(mine)
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if row is not None and purpose is Purpose.TICKET:  # a stranger's word has nobody wait for a turn to write
            with self._database.write() as connection:
                if connection.execute(delete(sessions).where(mine).returning(c.key)).first() is None:
                    return None  # another was faster
        return None if row is None else self._seen(_key(row), now)

    def close(self, word: str) -> None:
        """Let a word end, if there is one."""
        mine = sessions.c.digest == _digest(word[:_LONGEST])
        with self._database.read() as connection:
            if connection.execute(select(sessions.c.key).where(mine)).first() is None:
                return  # anybody may say a word, and only one that was given is written about
        with self._database.write() as connection:
            connection.execute(delete(sessions).where(mine))

    def all(self) -> list[Key]:
        """Return all keys, revoked ones too, oldest first."""
        with self._database.read() as connection:
            return [_key(row) for row in connection.execute(select(api_keys).order_by(api_keys.c.id))]

    def revoke(self, key: int, *, actor: str, now: int) -> Key:
        """End a key at once. Raises NotFound; one that was revoked before stays as it was."""
        with self._database.write() as connection:
            row = connection.execute(select(api_keys).where(api_keys.c.id == key)).first()
            if row is None:
                raise NotFound(f"there is no key {key}")
            if row.revoked is None:
                connection.execute(update(api_keys).where(api_keys.c.id == key).values(revoked=now))
                _note(connection, now, actor, "revoked", key, row.name)
            return _key(connection.execute(select(api_keys).where(api_keys.c.id == key)).one())

    def changes(self, *, after: int = 0, limit: int = 1_000) -> list[KeyChange]:
        """Return who made and revoked which key, oldest first."""
        c = key_changes.c
        query = select(key_changes).where(c.id > after).order_by(c.id).limit(max(1, min(limit, 10_000)))
        with self._database.read() as connection:
            return [KeyChange(r.id, r.at, r.actor, r.verb, r.key, r.detail) for r in connection.execute(query)]


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _key(row: Row[tuple[object, ...]]) -> Key:
    parks = None if row.parks is None else frozenset(msgspec.json.decode(row.parks, type=list[int]))
    return Key(
        row.id, row.name, row.prefix, Role(row.role), parks, row.created, row.expires, row.revoked, row.last_used
    )


def _note(connection: Connection, at: int, actor: str, verb: str, key: int, detail: str) -> None:
    line = {"at": at, "actor": actor, "verb": verb, "key": key, "detail": detail}
    connection.execute(insert(key_changes).values(line))
