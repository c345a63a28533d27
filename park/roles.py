"""Who may do what: roles of keys, and the permissions they hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType


class Permission(StrEnum):
    """What a route, or a command, asks for."""

    READ = "read"  # see a park: registry, readings, findings, conditions, health
    ACT = "act"  # reset a latched alarm, put a device into test or maintenance
    QUARANTINE = "quarantine"  # see, retry and discard refused messages; claim devices
    REGISTRY = "registry"  # change parks and what stands in them; see the audit
    KEYS = "keys"  # make and revoke keys
    INGEST = "ingest"  # hand in messages
    RULES = "rules"  # try and change rules, and see who did
    LIFE_RULES = "life_rules"  # change rules that lives hang on
    ALARM = "alarm"  # acknowledge, assign, comment on and shelve alarms; report one
    DUTY = "duty"  # silences, maintenance windows, stand-ins; out of service
    CHAINS = "chains"  # officers, rotas and chains: who is told of what


class Role(StrEnum):
    """Roles of API keys."""

    VIEWER = "viewer"
    OPERATOR = "operator"  # at the desk
    OFFICER = "officer"  # answers for safety in the park
    ADMIN = "admin"
    INGEST = "ingest"  # a gateway or program that hands in messages; reads nothing


_P = Permission
ALLOWED: Mapping[Role, frozenset[Permission]] = MappingProxyType({
    Role.VIEWER: frozenset({_P.READ}),
    Role.OPERATOR: frozenset({_P.READ, _P.QUARANTINE, _P.ALARM}),
    Role.OFFICER: frozenset({_P.READ, _P.ACT, _P.QUARANTINE, _P.RULES, _P.ALARM, _P.DUTY}),
    Role.ADMIN: frozenset(Permission) - {_P.INGEST},
    Role.INGEST: frozenset({_P.INGEST}),
})  # fmt: skip


class Purpose(StrEnum):
    """What a word that stands for a key is for."""

    SESSION = "session"  # of a browser: good for a shift
    TICKET = "ticket"  # opens one live stream, once, soon


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, as a key says."""

    name: str  # of the key: the actor of audits
    role: Role
    parks: frozenset[int] | None = None  # None: every park
    key: int = field(default=0, compare=False)  # the key's number; 0: none was needed

    def may(self, permission: Permission) -> bool:
        """Return whether the role holds a permission."""
        return permission in ALLOWED[self.role]

    def sees(self, park: int) -> bool:
        """Return whether a park is within the scope; park 0 (no park known) only for keys of every park."""
        return self.parks is None or park in self.parks

    def hears(self, park: int) -> bool:
        """Return whether what is found in a park concerns the key; of no park that is known, it concerns them all.

        A stranger's fire may burn in anybody's park. Everything else of park 0 is for keys of every park.
        """
        return park == 0 or self.sees(park)
