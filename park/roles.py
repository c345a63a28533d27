"""Who may do what: roles, permissions, and the one table between them."""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Role(StrEnum):
    """What a key is for; a person or program has one."""

    VIEWER = "viewer"  # looks
    OPERATOR = "operator"  # the park's control room: claims devices, retries messages
    OFFICER = "officer"  # the safety officer on duty: also resets latched alarms
    ADMIN = "admin"  # everything, the registry and other keys included
    GATEWAY = "gateway"  # a box that only sends


class Permission(StrEnum):
    """One thing that a call may need."""

    READ = "read"  # registry, readings, findings, conditions, health, live
    LEDGER = "ledger"  # loss ledger and quarantine, read
    QUARANTINE = "quarantine"  # retry and discard kept messages
    CLAIM = "claim"  # take an unknown device into the registry
    MODE = "mode"  # put a device into test or maintenance, or back
    RESET = "reset"  # end a latched alarm (GB/T 45839-2025, 5.8.1: a person's act)
    REGISTRY = "registry"  # change parks, places, enterprises, leases, devices, points
    KEYS = "keys"  # make and revoke keys
    SEND = "send"  # hand in messages


_P = Permission
ALLOWED = MappingProxyType({
    Role.VIEWER: frozenset({_P.READ}),
    Role.OPERATOR: frozenset({_P.READ, _P.LEDGER, _P.QUARANTINE, _P.CLAIM, _P.MODE}),
    Role.OFFICER: frozenset({_P.READ, _P.LEDGER, _P.QUARANTINE, _P.CLAIM, _P.MODE, _P.RESET}),
    Role.ADMIN: frozenset(Permission),
    Role.GATEWAY: frozenset({_P.SEND}),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Grant:
    """What a checked key allows: a role, in some parks."""

    key: int  # id of the key; 0: nobody's (keys are off)
    name: str  # who acts; written into the audit
    role: Role
    parks: frozenset[int] = frozenset()  # empty: every park

    def may(self, permission: Permission, park: int = 0) -> bool:
        """Say whether a call is allowed; park 0 is a call that concerns no single park."""
        return permission in ALLOWED[self.role] and (not park or not self.parks or park in self.parks)
