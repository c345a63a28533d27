"""Drills: what a planned test may be, its states, and what it measured.

```
 planned ──starts──> starting ──devices in test──> running ──ends, or stopped──> ending ──devices back──> ended
```
The row says "starting" before a device is marked and "ending" until the last is given back: whoever stops the
platform in between finds after its start a row that says what is left to do. An alarm of a marked device is a
condition of the family "test" (stream.fire), which makes no case; every other device alarms as always, and what
still burns when its device is given back is raised as fire.
"""

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from park.alarms import MessageKind, Notification
from park.errors import Conflict, UserError
from park.events import ConditionChange, Severity
from park.governance import Done, Drill, DrillState, Observed
from park.kpi import Indicator

MINUTE = 60_000
LONGEST = 8 * 60 * MINUTE  # a drill is watched by people: a working day, so that no detector is deaf at night
AHEAD = 366 * 86_400_000
DEVICES_MOST = 200
_TEXT_MOST = 2_000
_S = DrillState
OPEN = (_S.PLANNED, _S.STARTING, _S.RUNNING, _S.ENDING)
APART = frozenset({_S.STARTING, _S.RUNNING, _S.ENDING})  # its devices may be in test
# GB/T 45839-2025: on-site platform within 30 s (5.4.1), push within 15 s (5.10.4).
ALARM_WITHIN, PUSH_WITHIN = 30.0, 15.0


def checked(drill: Drill, now: int) -> None:
    """See that a drill can be meant. Raises UserError."""
    if not drill.name.strip() or len(drill.name) > 200 or not drill.name.isprintable():
        raise UserError("a name has 1 to 200 printable characters")
    if len(drill.note) > _TEXT_MOST:
        raise UserError(f"a note has at most {_TEXT_MOST} characters")
    if not 0 < len(drill.devices) <= DEVICES_MOST or len(set(drill.devices)) < len(drill.devices):
        raise UserError(f"a drill tests 1 to {DEVICES_MOST} devices, each named once")
    if not MINUTE <= drill.ends - drill.starts <= LONGEST:
        raise UserError("a drill lasts from a minute to eight hours")
    if drill.ends <= now or drill.starts > now + AHEAD:
        raise UserError("a drill ends in the future and begins within a year")


def overlapping(drill: Drill, others: Sequence[Drill]) -> Drill | None:
    """Return another open drill that has one of the devices at the same time; None: there is none."""
    mine = set(drill.devices)
    for other in others:
        meets = other.starts < drill.ends and drill.starts < other.ends
        if other.state in OPEN and other.id != drill.id and meets and mine & set(other.devices):
            return other
    return None


def advanced(drill: Drill, now: int) -> Done | None:
    """Return what time makes of a drill; None: nothing."""
    if drill.state is _S.PLANNED and now >= drill.ends:
        return Done(replace(drill, state=_S.MISSED), "miss")
    if drill.state is _S.PLANNED and now >= drill.starts:
        seen = tuple(Observed(device) for device in drill.devices)
        return Done(replace(drill, state=_S.STARTING, began=now, observed=seen), "start")
    # A clock that was set back an hour must not keep a detector deaf for longer than a drill may last.
    over = now >= drill.ends or (drill.began is not None and now < drill.began - LONGEST)
    if drill.state in {_S.STARTING, _S.RUNNING} and over:
        return Done(replace(drill, state=_S.ENDING), "end")
    return None


def marked(drill: Drill, devices: tuple[int, ...]) -> Done:
    """Return a drill whose devices are in test: `devices` are those that it put there itself."""
    if drill.state is not _S.STARTING:  # stopped meanwhile: they are given back by its ending
        return Done(replace(drill, marked=devices), "mark")
    return Done(replace(drill, state=_S.RUNNING, marked=devices), "mark", f"{len(devices)} devices in test")


def given_back(drill: Drill, now: int) -> Done:
    """Return a drill that is over."""
    return Done(replace(drill, state=_S.ENDED, ended=now), "give_back", f"{len(drill.marked)} devices back")


def stopped(drill: Drill, actor: str) -> Done:
    """Return a drill that a person ends. Raises Conflict."""
    if drill.state is _S.PLANNED:
        return Done(replace(drill, state=_S.CANCELLED, ended_by=actor), "cancel")
    if drill.state in {_S.STARTING, _S.RUNNING}:
        return Done(replace(drill, state=_S.ENDING, ended_by=actor), "stop")
    raise Conflict(f"this drill is {drill.state}")


def noticed(drill: Drill, changes: Sequence[ConditionChange], now: int) -> Done | None:
    """Return a drill that has seen devices alarm, with the messages that tell of them; None: nothing is new."""
    first: dict[int, ConditionChange] = {}
    for change in sorted(changes, key=lambda c: c.since):
        inside = drill.began is not None and change.since >= drill.began
        if change.family == "test" and inside:
            first.setdefault(change.device, change)
    seen: list[Observed] = []
    messages: list[Notification] = []
    for one in drill.observed:
        found = first.get(one.device)
        if found is None or one.alarmed is not None:
            seen.append(one)
            continue
        seen.append(replace(one, triggered=found.ts, alarmed=found.since, noticed=now, condition=found.condition_id))
        messages.append(_message(drill, one.device, now))
    if not messages:
        return None
    note = ", ".join(m.body["device"] for m in messages)
    return Done(replace(drill, observed=tuple(seen)), "notice", note, messages=tuple(messages))


def received(drill: Drill, receipts: Sequence[tuple[int, int]]) -> Done | None:
    """Return a drill that knows when its messages arrived: (device, when), one a receiver; None: nothing is new."""
    arrived: dict[int, list[int]] = {}
    for device, at in receipts:
        arrived.setdefault(device, []).append(at)
    seen = tuple(
        replace(one, told=min(arrived[one.device]), receipts=len(arrived[one.device]))
        if len(arrived.get(one.device, ())) > one.receipts else one
        for one in drill.observed
    )  # fmt: skip
    return None if seen == drill.observed else Done(replace(drill, observed=seen), "receive")


def acknowledged(drill: Drill, device: int, actor: str, now: int) -> Done:
    """Return a drill in which a person says that he has seen a device's alarm. Raises Conflict, UserError."""
    one = next((o for o in drill.observed if o.device == device), None)
    if one is None:
        raise UserError(f"the device {device} is not part of this drill")
    if one.alarmed is None:
        raise Conflict("this device has not alarmed yet")
    if one.acknowledged is not None:
        raise Conflict(f"{one.acknowledged_by} has acknowledged it already")
    if drill.state not in APART:
        raise Conflict(f"this drill is {drill.state}")
    after = replace(one, acknowledged=now, acknowledged_by=actor)
    seen = tuple(after if o is one else o for o in drill.observed)
    return Done(replace(drill, observed=seen), "acknowledge", str(device))


def message_id(drill: int, device: int) -> str:
    """Return the id of the message of a device in a drill."""
    return f"drill/{drill}/{device}"


def _message(drill: Drill, device: int, now: int) -> Notification:
    body = {"kind": "drill", "drill": str(drill.id), "device": str(device), "title": drill.name,
            "zh": f"{drill.name}：设备报警，请确认收到",
            "en": f"{drill.name}: a device alarmed, say that you saw it"}  # fmt: skip
    # Not of life safety: a fire that burns beside the drill is delivered first, always.
    return Notification(
        message_id(drill.id, device), 0, drill.target, MessageKind.DRILL, Severity.HIGH, life=False,
        not_before=now, group="", created=now, park=drill.park, body=body,
    )  # fmt: skip


# ── what it measured ─────────────────────────────────────────────────────────────────────────────

_STEPS = (
    ("device_to_alarm", "设备到报警", "device to alarm", "triggered", "alarmed", ALARM_WITHIN,
     "GB/T 45839-2025 5.4.1"),
    ("alarm_to_notification", "报警到通知送达", "alarm to notification", "alarmed", "told", PUSH_WITHIN,
     "GB/T 45839-2025 5.10.4"),
    ("notification_to_acknowledgement", "通知到确认", "notification to acknowledgement", "told", "acknowledged", None,
     ""),
)  # fmt: skip


def delays(one: Observed) -> dict[str, float | None]:
    """Return the seconds of each step of one device; None: a step did not happen. Clocks that differ give < 0."""
    found: dict[str, float | None] = {}
    for key, _, _, before, after, _, _ in _STEPS:
        begin, end = getattr(one, before), getattr(one, after)
        found[key] = None if begin is None or end is None else (end - begin) / 1000
    return found


def measured(drill: Drill) -> tuple[Indicator, ...]:
    """Return the figures of a drill: how many devices were seen, and the slowest and the usual delay of each step."""
    seen = [o for o in drill.observed if o.alarmed is not None]
    share = len(seen) / len(drill.observed) if drill.observed else None
    found = [Indicator("devices_seen", "报警设备比例", "devices that alarmed", share, "share", 1.0, 1.0, least=True,
                       of=len(drill.observed), source="every device that is tested should alarm")]  # fmt: skip
    for key, zh, en, _, _, within, source in _STEPS:
        values = [d for o in seen if (d := delays(o)[key]) is not None]
        top, mid = (max(values), median(values)) if values else (None, None)
        found.append(Indicator(f"{key}.max", f"{zh}（最长）", f"{en}, longest", top, "s", within, within,
                               source=source, of=len(values)))  # fmt: skip
        found.append(Indicator(f"{key}.median", f"{zh}（中位）", f"{en}, median", mid, "s", of=len(values)))
    return tuple(found)
