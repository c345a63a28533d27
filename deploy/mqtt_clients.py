"""Who may connect to the broker and what they may say: a list for us, a password file and an ACL file for Mosquitto.

A gateway writes under its own park and name, on both lanes, and reads nothing. Names are bounded hard: Mosquitto
2.1 stops at an ACL file that it cannot read, and a line feed in a name would be a line of rights.
"""

import base64
import hashlib
import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

INGEST, HEALTH, SIMULATOR = "park-ingest", "park-health", "park-simulator"
_OWN = frozenset({INGEST, HEALTH, SIMULATOR})
_ROUNDS = 101  # as mosquitto_passwd of 2.0: what is hashed is 256 bits of chance, so more rounds add nothing
_SALT = 12  # bytes; as 2.0 reads them, and 2.1 too
_LONGEST = 200  # characters of a topic, a name far less


class Refused(Exception):
    """What the person can mend, in one sentence."""


@dataclass(frozen=True, slots=True)
class Client:
    """One user of the broker."""

    name: str
    hashed: str
    read: tuple[str, ...] = ()
    write: tuple[str, ...] = ()


def hashed(password: str, salt: bytes | None = None) -> str:
    """Return a password as Mosquitto's file holds it: `$7$`, PBKDF2 with SHA-512 (mosquitto_passwd(1), -H)."""
    salt = secrets.token_bytes(_SALT) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, _ROUNDS)
    return f"$7${_ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def matches(held: str, password: str) -> bool:
    """Tell whether a hash is of a password."""
    try:
        return secrets.compare_digest(held, hashed(password, base64.b64decode(held.split("$")[3])))
    except (IndexError, ValueError):
        return False


def gateway(park: str, name: str, password: str) -> Client:
    """Return a gateway: its own topics, and those of what hangs behind it. Raises Refused for names that are none."""
    for word in (park, name):
        _checked(word)
    if name == "-":
        raise Refused("'-' stands for no gateway: devices without one are added with `device`, each with its topic")
    topics = [
        t for lane in ("life", "bulk") for t in (f"parks/{park}/{lane}/{name}/#", f"parks/{park}/{lane}/-/{name}")
    ]
    return Client(f"{park}@{name}", hashed(password), write=tuple(topics))


def device(name: str, topics: Iterable[str], password: str) -> Client:
    """Return a device with the topics that it may write. Raises Refused for topics of everybody, or of the broker."""
    _checked(name)
    if name in _OWN:
        raise Refused(f"{name} is the platform's own")
    checked = tuple(dict.fromkeys(topics))
    for topic in checked:
        levels = topic.removesuffix("/#").split("/")
        if len(topic) > _LONGEST or not topic.isprintable() or topic != topic.strip() or topic.startswith("$"):
            raise Refused(f"{topic!r} is no topic of a device")
        if any(c in level for level in levels for c in "+#") or len(levels) < 2 or not all(levels):
            raise Refused(f"{topic!r}: two levels at least, and no wildcard but /# at its end")
    return Client(name, hashed(password), write=checked)


def _checked(word: str) -> None:
    """See that a word may stand in a topic, in a name and in a file of lines."""
    if not 0 < len(word) <= 64 or not word.isprintable() or any(c in word for c in "+#/:@$ \"'%\\"):
        raise Refused(f"{word!r} cannot be part of a topic and a user's name")


class Clients:
    """All of them, by name."""

    def __init__(self, clients: Iterable[Client] = ()) -> None:
        self._by_name = {client.name: client for client in clients}

    @classmethod
    def read(cls, path: Path) -> "Clients":
        """Return who is in a file; nobody where there is none. Raises Refused for another file."""
        if not path.exists():
            return cls()
        try:
            rows = json.loads(path.read_text(encoding="utf-8"))
            return cls(Client(r["name"], r["hashed"], tuple(r["read"]), tuple(r["write"])) for r in rows)
        except (ValueError, TypeError, KeyError) as why:
            raise Refused(f"{path} is no list of clients: {why}") from why

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def put(self, client: Client) -> None:
        """Add a client, or take this in its place."""
        self._by_name[client.name] = client

    def own(self, name: str, password: str, *, read: tuple[str, ...] = (), write: tuple[str, ...] = ()) -> None:
        """Add a user of the platform's own; one whose password is this already keeps its hash."""
        held = self._by_name[name].hashed if name in self._by_name else ""
        self.put(Client(name, held if matches(held, password) else hashed(password), read, write))

    def remove(self, name: str) -> None:
        """Take a client out. Raises Refused where there is none."""
        if self._by_name.pop(name, None) is None:
            raise Refused(f"there is no client {name!r}")

    def text(self) -> str:
        """Return the list as our own file holds it."""
        return json.dumps([asdict(c) for c in self._sorted()], indent=1, ensure_ascii=False) + "\n"

    def passwords(self) -> str:
        """Return Mosquitto's password file."""
        return "".join(f"{c.name}:{c.hashed}\n" for c in self._sorted())

    def acl(self) -> str:
        """Return Mosquitto's ACL file; who is not named, or names another topic, may nothing."""
        lines = ["# Made by deploy/prepare.py; changes here are lost."]
        for client in self._sorted():
            lines += ["", f"user {client.name}"]
            lines += [f"topic read {t}" for t in client.read] + [f"topic write {t}" for t in client.write]
        return "\n".join(lines) + "\n"

    def shown(self) -> str:
        """Return a line for each client."""
        return "".join(
            f"{c.name:24} {_words('reads', c.read)}{_words('writes', c.write)}".rstrip() + "\n" for c in self._sorted()
        )

    def _sorted(self) -> list[Client]:
        return [self._by_name[name] for name in sorted(self._by_name)]


def _words(verb: str, topics: Sequence[str]) -> str:
    return f"{verb} {', '.join(topics)} " if topics else ""
