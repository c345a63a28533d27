"""What holds an alarm back, and why: one function a path, all of them behind one gate.

```
 case ── exempt? ──yes──> nothing holds it back
            └──no──> each path of PATHS ──> reasons; none: people are called
```
What is held back is still evaluated, counted and shown, and calls when the last reason is over.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from alerts.gate import BLIND, exempt
from alerts.matching import labels_of, matches
from park.alarms import Case, Suppression, SuppressionReason
from park.duty import MaintenanceWindow, Silence
from park.events import Severity

FLOOD_BEGINS = 10  # more new alarms than these in FLOOD_SPAN are a flood (ISA-18.2, EEMUA 191: domain.md 5)
FLOOD_ENDS = 5  # fewer than these end it
FLOOD_SPAN = 10 * 60_000  # ms
# Inputs of life safety that cannot be read: so many are told one by one, whatever else there is. A gateway whose
# firmware went wrong makes hundreds of them at once, and one cause to look for.
BLIND_BEGINS = 20
# Below a tenth of its nominal 230 V a supply is interrupted, not low (IEEE 1159, 4.4.2).
DEAD_VOLTAGE = 23.0


@dataclass(frozen=True, slots=True)
class Around:
    """What suppression may look at: the place of a case in the park, and what holds there now."""

    now: int  # epoch ms
    path: tuple[int, ...] = ()  # places from the park down to the case's own
    sources: tuple["Source", ...] = ()  # open cases of the park that may inhibit others
    silences: tuple[Silence, ...] = ()
    windows: tuple[MaintenanceWindow, ...] = ()
    flood: int = 0  # id of the park's flood of such cases (`flood_of`), which began before the case; 0: none


@dataclass(frozen=True, slots=True)
class Source:
    """An open case that may inhibit others, and where it stands in the tree of places."""

    case: Case
    path: tuple[int, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Inhibition:
    """Which open cases mute which others: source and target by rule, and how they must be related."""

    reason: SuppressionReason
    source: Callable[[Case], bool]
    targets: frozenset[str]  # rules
    related: Callable[[Case, Around, Source], bool]


def _behind(case: Case, _: Around, source: Source) -> bool:
    """Tell whether a case's device stands behind the source's gateway."""
    return case.gateway != 0 and case.gateway == source.case.device


def _within(case: Case, around: Around, source: Source) -> bool:
    """Tell whether a case is of another device, in the source's place or below it."""
    return case.device != source.case.device and source.case.place != 0 and source.case.place in around.path


def _gateway_down(case: Case) -> bool:
    return case.rule == "device.gateway_down" and case.active


def _supply_off(case: Case) -> bool:
    dead = case.rule == "limit.under_voltage" and case.value is not None and case.value < DEAD_VOLTAGE
    return case.active and (dead or case.rule in {"limit.supply_off", "supply.off"})


# Never mute what names the cause: a source is no target of its own kind of trouble (EEMUA 191).
INHIBITIONS: tuple[Inhibition, ...] = (
    Inhibition(SuppressionReason.GATEWAY_DOWN, _gateway_down, frozenset({"device.silent", "device.flapping"}), _behind),
    Inhibition(
        SuppressionReason.SUPPLY_OFF,
        _supply_off,
        frozenset({"device.silent", "limit.under_voltage", "limit.frequency", "limit.voltage_unbalance"}),
        _within,
    ),
)


def _inhibited(case: Case, around: Around, reason: SuppressionReason) -> Suppression | None:
    for rule in INHIBITIONS:
        if rule.reason is not reason or case.rule not in rule.targets:
            continue
        for source in around.sources:
            if source.case.id != case.id and rule.source(source.case) and rule.related(case, around, source):
                return Suppression(reason, f"case:{source.case.id}")
    return None


def by_gateway(case: Case, around: Around) -> Suppression | None:
    """Mute silence of devices whose gateway is down."""
    return _inhibited(case, around, SuppressionReason.GATEWAY_DOWN)


def by_supply(case: Case, around: Around) -> Suppression | None:
    """Mute feeders below a main switch that is off."""
    return _inhibited(case, around, SuppressionReason.SUPPLY_OFF)


def by_window(case: Case, around: Around) -> Suppression | None:
    """Mute what is worked on."""
    for w in around.windows:
        about = case.device == w.device if w.device else w.place in around.path if w.place else w.park == case.park
        if about and (not w.park or w.park == case.park) and w.starts <= around.now < w.ends:
            return Suppression(SuppressionReason.MAINTENANCE, f"window:{w.id}", w.ends)
    return None


def by_silence(case: Case, around: Around) -> Suppression | None:
    """Mute what a person has silenced."""
    labels = labels_of(case)
    for s in around.silences:
        if s.starts <= around.now < s.ends and (not s.park or s.park == case.park) and matches(s.matchers, labels):
            return Suppression(SuppressionReason.SILENCE, f"silence:{s.id}", s.ends)
    return None


def by_flood(case: Case, around: Around) -> Suppression | None:
    """Tell in a summary what comes within a flood; what is critical, and a summary, is told by itself."""
    if case.family == "flood":
        return None
    if around.flood and around.flood != case.id and case.severity is not Severity.CRITICAL:
        return Suppression(SuppressionReason.FLOOD, f"case:{around.flood}")
    return None


Path = Callable[[Case, Around], Suppression | None]
PATHS: Mapping[SuppressionReason, Path] = MappingProxyType({
    SuppressionReason.GATEWAY_DOWN: by_gateway,
    SuppressionReason.SUPPLY_OFF: by_supply,
    SuppressionReason.MAINTENANCE: by_window,
    SuppressionReason.SILENCE: by_silence,
    SuppressionReason.FLOOD: by_flood,
})  # fmt: skip
# Held back by a person's act on the case itself: alerts.lifecycle.HOLDING, behind the same gate.
BY_ACT = frozenset({SuppressionReason.SHELVED, SuppressionReason.OUT_OF_SERVICE})


def suppressions(case: Case, around: Around) -> tuple[Suppression, ...]:
    """Return every reason for which a case is to call nobody now; () always for life safety."""
    if exempt(case):
        return ()
    found = (path(case, around) for path in PATHS.values())
    return tuple(s for s in found if s is not None)


def may_inhibit(case: Case) -> bool:
    """Tell whether an open case may be the source of an inhibition."""
    return any(rule.source(case) for rule in INHIBITIONS)


def flood_of(case: Case) -> str:
    """Return which flood of its park may take a case: its cause, "" for that of ordinary alarms."""
    return BLIND if case.family == BLIND else ""


def floods(recent: int, cause: str = "", *, flooding: bool) -> bool:
    """Tell whether so many new alarms in the last FLOOD_SPAN are a flood of a cause, or still one."""
    return recent >= FLOOD_ENDS if flooding else recent > (BLIND_BEGINS if cause == BLIND else FLOOD_BEGINS)
