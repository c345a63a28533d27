"""What the figures of alarms are counted from: activations, each time that an alarm called for an operator."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from park.alarms import Case, CaseVerb, Transition, Verdict
from park.events import Severity

# What is no alarm of an operator's: the summary of a flood stands for alarms that are counted themselves.
_NO_ALARM = frozenset({"flood"})
FALSE = frozenset({Verdict.UNWANTED, Verdict.EQUIPMENT, Verdict.MALICIOUS, Verdict.GOOD_INTENT})
_TOLD = frozenset({CaseVerb.TRIGGER, CaseVerb.JOIN, CaseVerb.WORSEN, CaseVerb.REALARM, CaseVerb.UNSUPPRESS})


@dataclass(frozen=True, slots=True)
class Activation:
    """One time that an alarm was annunciated."""

    at: int  # epoch ms, wall
    case: int
    rule: str
    source: str  # what it came from: rule and subject
    severity: Severity
    held: bool  # suppressed or shelved as it came: counted apart


@dataclass(frozen=True, slots=True)
class Period:
    """What figures are made of: a time, its cases, their history, and what stands in the park."""

    start: int
    end: int
    cases: tuple[Case, ...]  # raised in it, or open in it
    activations: tuple[Activation, ...]  # in it, rising
    first_acknowledged: Mapping[int, int]  # case -> when it was, for the first time
    positions: int = 1  # operators who share the alarms
    detectors: int = 0  # of fire

    @property
    def raised(self) -> tuple[Case, ...]:
        """Cases that were opened in it."""
        return tuple(c for c in self.cases if self.start <= c.raised < self.end and counts(c))


def counts(case: Case) -> bool:
    """Tell whether a case is an alarm of an operator's; a test is none (GB/T 45839-2025, 5.8.4)."""
    return case.family not in _NO_ALARM and case.verdict is not Verdict.TEST


def activations_of(cases: Iterable[Case], lines: Sequence[Transition]) -> tuple[Activation, ...]:
    """Return the activations that histories tell of, rising by time.

    An alarm that is told anew while it is neither over nor acknowledged is the same activation.
    """
    known = {case.id: case for case in cases if counts(case)}
    held = {(line.case, line.at) for line in lines if line.verb is CaseVerb.SUPPRESS}
    found = []
    for line in lines:
        case = known.get(line.case)
        if case is None or line.verb not in _TOLD or line.before is line.after:
            continue
        quiet = (line.case, line.at) in held
        found.append(Activation(line.at, case.id, case.rule, f"{case.rule} {case.subject}", case.severity, quiet))
    return tuple(sorted(found, key=lambda a: (a.at, a.case)))
