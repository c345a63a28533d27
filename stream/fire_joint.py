"""Weak signs of fire that make one another strong: a small rise of two kinds in one place within a minute.

A kitchen makes a little smoke, the sun makes a little heat, a lorry makes a little CO, and none of them is a
fire. Smoke *and* heat in one minute, both well above what these sensors do on their own, nearly always
are; so two weak signs of different kinds are a pre-alarm, and a weak sign of another device and kind
confirms a full one (fire_conditions.py, latches.corroborates). Two of one kind are not enough: steam is
smoke to every smoke detector of the room. Where detectors speak seldom, one reading of each of two devices
is enough: the second device is the second reading.
"""

from dataclasses import asdict, dataclass
from typing import Any

from park.events import Label
from park.operator import Emit
from stream.fire_conditions import CO, Conditions
from stream.latches import Member, joins

# ms for which a weak sign counts after it was last seen. Detectors that see something report every 10 to 30 s,
# and the next kind of sign of the recorded room fires comes within 20 s of the first.
WINDOW = 60_000


@dataclass(frozen=True, slots=True)
class _Noted:
    member: Member
    at: int  # epoch ms, log time
    limit: float  # that the value has passed


class Joint:
    """The newest weak sign of each point, by subject."""

    def __init__(self, conditions: Conditions) -> None:
        self._conditions = conditions
        self._noted: dict[str, dict[int, _Noted]] = {}

    def note(self, member: Member, at: int, limit: float) -> None:
        """Remember a weak sign."""
        self._noted.setdefault(self._conditions.subject(member), {})[member.point] = _Noted(member, at, limit)

    def drop(self, member: Member) -> None:
        """Forget the weak sign of a point: its values are back, or somebody has reset it."""
        for subject in [s for s, noted in self._noted.items() if member.point in noted]:
            del self._noted[subject][member.point]
            if not self._noted[subject]:
                del self._noted[subject]

    def weigh(self, member: Member, at: int, labels: tuple[Label, ...], emit: Emit) -> None:
        """Raise or confirm what this sign, full or weak, and the fresh weak ones of its place amount to."""
        subject = self._conditions.subject(member)
        fresh = [n for n in self._noted.get(subject, {}).values() if abs(at - n.at) <= WINDOW]
        if not fresh:
            return
        if self._conditions.get("fire", subject) is not None:
            for noted in (n for n in fresh if not n.member.faint):
                self._conditions.corroborated("fire", noted.member, at, labels, noted.limit, emit)
        elif member.weak or member.metric in CO:
            partners = [n for n in fresh if joins(n.member, member)]
            own = [n for n in fresh if n.member.point == member.point and member.weak]
            if partners:
                self._conditions.joined([n.member for n in (*partners, *own)], at, labels, fresh[-1].limit, emit)

    def snapshot(self) -> dict[str, Any]:
        """Return what is told as JSON."""
        return {"noted": [(s, asdict(n)) for s, noted in self._noted.items() for n in noted.values()]}

    def restore(self, told: dict[str, Any]) -> None:
        """Take what an earlier snapshot told."""
        self._noted = {}
        for subject, row in told.get("noted", ()):
            noted = _Noted(Member(**row["member"]), row["at"], row["limit"])
            self._noted.setdefault(subject, {})[noted.member.point] = noted
