"""The words of an office on duty: who is told, in which order, and what is held back for a while.

Times are epoch ms, unless they say otherwise. Every one of them is a plan that people make and change.
"""

from dataclasses import dataclass
from enum import StrEnum

# ── what holds back ──────────────────────────────────────────────────────────────────────────────


class MatchOperator(StrEnum):
    """Alertmanager's four."""

    EQUAL = "="
    NOT_EQUAL = "!="
    MATCHES = "=~"  # anchored
    MATCHES_NOT = "!~"


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label of an alarm: family, rule, severity, subject, park, place, device, point, ..."""

    label: str
    operator: MatchOperator
    value: str


@dataclass(frozen=True, slots=True)
class Silence:
    """Alarms that match all of its matchers call nobody for a while."""

    matchers: tuple[Matcher, ...]
    starts: int
    ends: int
    actor: str
    note: str
    id: int = 0
    version: int = 0
    park: int = 0  # 0: of all parks


@dataclass(frozen=True, slots=True)
class MaintenanceWindow:
    """A place or a device is worked on: alarms from it call nobody for a while."""

    starts: int
    ends: int
    actor: str
    note: str
    place: int = 0  # and all within it
    device: int = 0
    park: int = 0
    id: int = 0
    version: int = 0


# ── who is on duty ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Officer:
    """A person who can be told."""

    name: str
    contacts: tuple[tuple[str, str], ...] = ()  # (channel, address), the best first: ("sms", "+86..."), ...
    key_name: str = ""  # of the API key with which he acts
    language: str = "zh"
    park: int = 0  # 0: every park
    id: int = 0
    version: int = 0
    file: str = ""  # digest of what the file of targets said of him when it was last applied; "": no file did


@dataclass(frozen=True, slots=True)
class Shift:
    """Somebody's hours in a rota, in the rota's own time zone; past midnight when `end` <= `start`."""

    officer: int
    start: int  # minutes of the day, 0..1439
    end: int  # 1..1440
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)  # on which it begins; Monday is 0
    first: str = ""  # ISO dates between which it holds, both included; "": open
    last: str = ""


@dataclass(frozen=True, slots=True)
class Substitute:
    """Somebody stands in for somebody else."""

    officer: int
    by: int
    starts: int  # epoch ms
    ends: int


@dataclass(frozen=True, slots=True)
class Rota:
    """Who is on duty when."""

    name: str
    shifts: tuple[Shift, ...]
    substitutes: tuple[Substitute, ...] = ()
    timezone: str = "Asia/Shanghai"
    park: int = 0
    id: int = 0
    version: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """Whom to tell, and how long after the alarm."""

    after: int  # ms since people were first called
    targets: tuple[str, ...]  # "rota:1" | "officer:3" | "target:desk" | "all"


@dataclass(frozen=True, slots=True)
class Chain:
    """Who is told of which alarms, step by step, until somebody answers."""

    name: str
    steps: tuple[Step, ...]
    matchers: tuple[Matcher, ...] = ()  # (): every alarm
    order: int = 100  # the first that matches, by order, is taken
    wait: int = 120_000  # ms after the last step until "nobody answered"
    then: int = 0  # chain that goes on when nobody answered; 0: none
    realarm: int = 0  # ms after which an acknowledged alarm that still stands is told again; 0: never
    park: int = 0
    id: int = 0
    version: int = 0


Plan = Officer | Rota | Chain | Silence | MaintenanceWindow
