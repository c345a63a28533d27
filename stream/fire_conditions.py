"""The conditions of fire and gas that stand: raised, confirmed, latched, over. One of a family and subject."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from park.directory import Directory, grown
from park.events import AlarmState, Label, Reason
from park.operator import Emit
from stream.latches import Member, Standing, change_of, corroborates, subject_of

Key = tuple[str, str]  # family, subject

# Burning makes CO: a CO device joins a fire of its place, and confirms it. A gas leak does not.
CO = frozenset({"co_alarm", "co"})
GAS = frozenset({"gas", "gas_level"}) | CO
_UNSEEN = -(2**62)


class Conditions:
    """What stands, by family and subject; `over` hears of members whose part in a condition has ended."""

    def __init__(self, directory: Directory, over: Callable[[Iterable[Member]], None]) -> None:
        self._directory = directory
        self._over = over
        self._standing: dict[Key, Standing] = {}
        self._last: dict[Key, int] = {}  # log time at which the newest that is over ended
        self.member = np.zeros(2, np.bool_)  # by point: holds a condition up; the last row stands for all beyond

    def __iter__(self) -> Iterator[Standing]:
        return iter(list(self._standing.values()))

    def get(self, family: str, subject: str) -> Standing | None:
        """Return what stands of a family and subject."""
        return self._standing.get((family, subject))

    def of(self, point: int) -> list[Standing]:
        """Return the conditions that a point holds up."""
        return [h for h in self._standing.values() if any(m.point == point for m in h.members)]

    # ── places ───────────────────────────────────────────────────────────────────────────────────

    def spot(self, point: int) -> int:
        """Return the place that a point watches; 0 where it is not known which part of the park that is.

        Devices that nobody placed are registered to the park: two of them may stand a kilometre apart.
        """
        place = int(self._directory.place[point])
        row = self._directory.places.get(place)
        return 0 if row is not None and row.kind == "park" else place

    def subject(self, member: Member) -> str:
        """Return what an alarm of a member is about."""
        return subject_of(self.spot(member.point), member.device)

    def family(self, metric: str, subject: str) -> str:
        """Return whether an alarm of a metric is of fire or of gas."""
        if metric not in GAS:
            return "fire"
        return "fire" if metric in CO and ("fire", subject) in self._standing else "gas"

    # ── raising ──────────────────────────────────────────────────────────────────────────────────

    def begin(
        self, family: str, subject: str, member: Member, at: int, labels: tuple[Label, ...], *, park: int, place: int
    ) -> Standing:
        """Begin a condition, and return it; the caller tells."""
        devices = (member.device,) if member.device else ()
        since = max(at, self._last.get((family, subject), _UNSEEN) + 1)
        held = Standing(
            family, subject, since, confirmed=False, park=park, place=place, members=(member,), devices=devices,
            labels=labels,
        )  # fmt: skip
        return self.keep(held)

    def raised(
        self, family: str, member: Member, at: int, reason: Reason, labels: tuple[Label, ...], limit: float | None,
        emit: Emit,
    ) -> None:  # fmt: skip
        """Raise a condition of a member, or add the member to the one that stands."""
        subject = f"device:{member.device}" if family == "test" else self.subject(member)
        held = self._standing.get((family, subject))
        if held is None:
            d = self._directory
            place, park = int(d.place[member.point]), int(d.park[member.point])
            held = self.begin(family, subject, member, at, labels, park=park, place=place)
            emit(change_of(held, member, at, AlarmState.ACTIVE, reason, limit))
            if family == "fire":
                self._confirm_by_co(held, at, emit)
            return
        again = next((m for m in held.members if m.point == member.point), None)
        told = again is not None and not again.gone and again.weak <= member.weak
        if again is not None and not again.gone:
            member = replace(member, ts=max(member.ts, again.ts))
        others = tuple(m for m in held.members if m.point != member.point)
        # The device itself says what our reading of its values said before, or the other way round.
        beside = any(m.device == member.device and (m.state or not member.state) for m in others)
        newcomer = member.device not in held.devices
        seconds = family != "test" and any(corroborates(member, m) for m in others)
        confirms = seconds and (newcomer or not held.confirmed)
        held = self.keep(replace(
            held, members=(*others, member), confirmed=held.confirmed or confirms, labels=labels,
            devices=(*held.devices, member.device) if newcomer else held.devices,
        ))  # fmt: skip
        if not confirms and (told or beside):
            return
        if confirms and reason is not Reason.CALL_POINT:
            reason = Reason.SECOND_DEVICE
        emit(change_of(held, member, at, AlarmState.ACTIVE, reason, limit))

    def corroborated(
        self, family: str, weak: Member, at: int, labels: tuple[Label, ...], limit: float, emit: Emit
    ) -> None:
        """Let a weak sign confirm what stands, if it can; else it changes nothing."""
        held = self._standing.get((family, self.subject(weak)))
        if held is None or held.confirmed:
            return
        mine = next((m for m in held.members if m.point == weak.point), None)
        if mine is not None and not mine.faint:
            return
        if any(corroborates(weak, m) for m in held.members):
            self.raised(family, weak, at, Reason.SECOND_DEVICE, held.labels or labels, limit, emit)
        elif mine is not None:  # its second reading
            members = tuple(weak if m is mine else m for m in held.members)
            self._confirm_by_co(self.keep(replace(held, members=members)), at, emit)

    def joined(self, weak: Sequence[Member], at: int, labels: tuple[Label, ...], limit: float, emit: Emit) -> None:
        """Begin a fire of weak signs; the last one decided it."""
        d, last = self._directory, weak[-1]
        place, park = int(d.place[last.point]), int(d.park[last.point])
        held = self.begin("fire", self.subject(last), last, at, labels, park=park, place=place)
        devices = tuple(dict.fromkeys(m.device for m in weak))
        held = self.keep(replace(held, members=tuple(weak), devices=devices))
        emit(change_of(held, last, at, AlarmState.ACTIVE, Reason.JOINT_RISE, limit))
        self._confirm_by_co(held, at, emit)

    def _confirm_by_co(self, fire: Standing, at: int, emit: Emit) -> None:
        """Confirm a fire that begins where another device already tells of CO."""
        gas = self._standing.get(("gas", fire.subject))
        here = fire.members
        proofs = tuple(
            m for m in (gas.members if gas else ()) if m.metric in CO and any(corroborates(m, one) for one in here)
        )
        if proofs:
            devices = (*fire.devices, *dict.fromkeys(m.device for m in proofs))
            points = {m.point for m in proofs}
            members = (*(m for m in here if m.point not in points), *proofs)
            fire = self.keep(replace(fire, confirmed=True, members=members, devices=devices))
            emit(change_of(fire, proofs[-1], at, AlarmState.ACTIVE, Reason.SECOND_DEVICE, None))

    def keep(self, held: Standing) -> Standing:
        """Put a condition in the place of what stood there; return it."""
        self._standing[held.family, held.subject] = held
        for member in held.members:
            self.member[member.point] = member.point > 0
        return held

    # ── ending ───────────────────────────────────────────────────────────────────────────────────

    def gone(self, member: Member, at: int, limit: float, emit: Emit) -> None:
        """Say that the values are back; the condition stays until somebody resets it."""
        for held in self.of(member.point):
            mine = next(m for m in held.members if m.point == member.point)
            if mine.state or mine.gone or mine.weak != member.weak:
                continue
            members = tuple(replace(m, gone=True) if m is mine else m for m in held.members)
            held = self.keep(replace(held, members=members))  # noqa: PLW2901 (the condition as it is now)
            if all(m.gone for m in members):
                emit(change_of(held, member, at, AlarmState.LATCHED, Reason.BACK_IN_LIMITS, limit))

    def without(
        self, held: Standing, left: tuple[Member, ...], gone: Member, at: int, ts: int, reason: Reason, emit: Emit
    ) -> None:
        """Keep a condition with the members that are left; without any it is over."""
        ended = [m for m in held.members if m not in left]
        key = held.family, held.subject
        if left:
            self._standing[key] = replace(held, members=left)
        else:
            del self._standing[key]
            # The next one begins later: its beginning is part of its identity, and tells it from what was seen.
            self._last[key] = max(at, held.since)
        for member in ended:  # a CO point may hold a fire up beside its own condition
            self.member[member.point] = bool(member.point) and bool(self.of(member.point))
        self._over(ended)
        if not left:
            emit(change_of(held, replace(gone, ts=ts, value=0.0), at, AlarmState.CLEARED, reason, None, valued=False))

    # ── the rest of the contract ─────────────────────────────────────────────────────────────────

    def learn(self) -> None:
        """Grow with the registry."""
        self.member = grown(self.member, self._directory.size + 1, fill=False)

    def snapshot(self) -> dict[str, Any]:
        """Return what is told as JSON."""
        return {
            "standing": [asdict(s) for s in self._standing.values()],
            "last": [(*key, at) for key, at in self._last.items()],
        }

    def restore(self, told: dict[str, Any]) -> None:
        """Take what an earlier snapshot told."""
        self._standing = {}
        self.member[:] = False
        points = [m["point"] for row in told["standing"] for m in row["members"]]
        self.member = grown(self.member, max(points, default=0) + 1, fill=False)
        for row in told["standing"]:
            row["members"] = tuple(Member(**m) for m in row["members"])
            row["devices"] = tuple(row["devices"])
            row["labels"] = tuple(Label(x) for x in row["labels"])
            self.keep(Standing(**row))
        self._last = {(family, subject): at for family, subject, at in told.get("last", ())}
