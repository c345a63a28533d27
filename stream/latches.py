"""Conditions that are held until somebody resets them, as values: who holds them up, and how they are told."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from park.events import AlarmState, ConditionChange, Label, Reason, Severity
from park.readings import Quality

UNSEEN = -(2**62)  # a time before all others


@dataclass(frozen=True, slots=True)
class Member:
    """A point that raised a condition, and has not been reset since."""

    device: int
    point: int
    metric: str
    ts: int  # epoch ms by the device's clock, of its newest alarm
    value: float
    state: bool  # the device itself says alarm; False: our reading of its values does
    gone: bool = False  # the values are back, which is no reset
    weak: bool = False  # a rise that alone is no alarm, and counts beside another kind of sign only
    heard: int = UNSEEN  # epoch ms: newest time that its device had said before; later than `ts`, a clock went back
    faint: bool = False  # a weak one that one reading shows: with another device's it begins a fire, and confirms none

    def reset_by(self, ts: int) -> bool:
        """Tell whether a "normal" of a time by its device's clock came after its alarm.

        Where the clock went back before the alarm, one of a time that was heard before may be of then.
        """
        return ts >= self.ts and not self.ts < self.heard >= ts

    @property
    def quantity(self) -> str:
        """What it measures; a cooker's steam is the same smoke for two smoke detectors."""
        return _QUANTITY.get(self.metric, self.metric)


_QUANTITY: Mapping[str, str] = MappingProxyType(
    {
        "smoke": "smoke",
        "smoke_obscuration": "smoke",
        "heat": "heat",
        "temperature": "heat",
        "co": "co",
        "co_alarm": "co",
    }
)


def corroborates(one: Member, other: Member) -> bool:
    """Tell whether two signs together confirm: two devices, and a weak one only beside another kind of a full one.

    GB 50116 4.1.6 asks for two independent alarm signals in one zone; two channels of one device are not
    independent, and two weak signs of one kind may have one harmless cause.
    """
    if one.device == other.device or (one.weak and other.weak) or one.faint or other.faint:
        return False
    return not (one.weak or other.weak) or one.quantity != other.quantity


def joins(one: Member, other: Member) -> bool:
    """Tell whether two weak signs together are a pre-alarm: two kinds, and of single readings two devices.

    One wild message of a device with two sensors is no fire.
    """
    return one.quantity != other.quantity and (one.device != other.device or not (one.faint or other.faint))


@dataclass(frozen=True, slots=True)
class Standing:
    """A condition that stands."""

    family: str  # fire | gas | test
    subject: str
    since: int  # epoch ms, log time
    confirmed: bool
    park: int
    place: int
    members: tuple[Member, ...]
    devices: tuple[int, ...]  # everyone who ever raised it
    labels: tuple[Label, ...]  # of the newest raise

    @property
    def condition_id(self) -> str:
        """The same as of the events that tell of it."""
        return f"{self.family}/{self.subject}/{self.since}"

    @property
    def rule(self) -> str:
        """What it is called now."""
        if self.family == "test":
            return "test.alarm"
        return f"{self.family}.confirmed" if self.confirmed else f"{self.family}.pre_alarm"

    @property
    def severity(self) -> Severity:
        """How urgent it is now."""
        if self.family == "test":
            return Severity.LOW
        return Severity.CRITICAL if self.confirmed else Severity.HIGH


def subject_of(place: int, device: int) -> str:
    """Return what an alarm is about: the place, or the device where no place is known."""
    return f"place:{place}" if place else f"device:{device}"


_OF_QUALITY: Mapping[int, Label] = {
    Quality.LATE: Label.LATE,
    Quality.RETAINED: Label.RETAINED,
    Quality.WRONG_CLOCK: Label.WRONG_CLOCK,
    Quality.TEST: Label.TEST,
    Quality.MAINTENANCE: Label.MAINTENANCE,
}


def labels_of(quality: int, *, late: bool) -> tuple[Label, ...]:
    """Return what makes a reading of this quality less than ordinary."""
    found: list[Label] = [Label.LATE] if late else []
    if quality >= Quality.LATE:
        said = _OF_QUALITY.get(Quality(quality), Label.SUSPECT) if quality in _CODES else Label.SUSPECT
        found += [said] if said not in found else []
    return tuple(found)


_CODES: frozenset[int] = frozenset(Quality)


def change_of(
    held: Standing, by: Member, at: int, state: AlarmState, reason: Reason, limit: float | None, *, valued: bool = True
) -> ConditionChange:
    """Return the event of a condition, decided by one of its members."""
    return ConditionChange(
        held.rule, held.family, held.subject, held.since, at, by.ts, state, held.severity, reason, held.park,
        held.place, by.device, by.point, by.value if valued else None, limit, held.labels,
    )  # fmt: skip
