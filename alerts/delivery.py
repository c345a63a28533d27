"""Who gets a notification, when it is tried again, and when people are left in peace.

Pure: the runtime moves messages, this says where and when. Life safety waits for nothing here.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from alerts.changes import RANK
from park.alarms import MessageKind, Notification
from park.delivery import Channel, Target
from park.duty import Officer

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
# Waits between attempts; the last one repeats. A fire is tried so often that a receiver that comes back has it
# at once; the rest follows Alertmanager's exponential back-off, to five minutes (its group_interval).
LIFE_WAITS = (1 * SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 20 * SECOND, 30 * SECOND)
WAITS = (5 * SECOND, 15 * SECOND, 45 * SECOND, 2 * MINUTE, 5 * MINUTE)
LIFE_PATIENCE = 24 * HOUR  # until a message of life safety is given up and shown as dead
PATIENCE = 6 * HOUR
LIFE_AFTER_MOST = 30 * SECOND  # that a receiver's Retry-After can hold a fire back
AFTER_MOST = HOUR
# Channels that reach a person by an address, through a gateway.
GATEWAYS = frozenset({Channel.SMS, Channel.VOICE, Channel.EMAIL})
Receiver = tuple[str, str]  # target's name, address
# Channels whose messages people read and can answer by a link; and what is asked of them to be answered.
ANSWERED = frozenset(
    {Channel.DINGTALK, Channel.WECOM, Channel.FEISHU, Channel.WEBHOOK, Channel.EMAIL, Channel.SMS}
)  # fmt: skip
ASKING = frozenset(
    {MessageKind.RAISED, MessageKind.AGAIN, MessageKind.WORSE, MessageKind.ESCALATED, MessageKind.NOBODY}
)  # fmt: skip


def receivers(note: Notification, targets: Sequence[Target], officers: Mapping[int, Officer]) -> tuple[Receiver, ...]:
    """Return who gets a notification; () when nobody can be told.

    What is for all goes to every target that takes it; of life safety to every officer as well. An officer
    is told by his best contact, of life safety by all of them.
    """
    found: dict[Receiver, None] = {}
    usable = [t for t in targets if t.enabled and _concerns(t, note)]
    kind, _, key = note.target.partition(":")
    if kind == "target":
        for target in (t for t in usable if t.name == key):
            found.update(dict.fromkeys(_own(target)))
    elif kind == "officer":
        officer = officers.get(int(key)) if key.isdigit() else None
        if officer is not None:
            ways = contacts(officer, usable)
            found.update(dict.fromkeys(ways if note.life else ways[:1]))
    else:
        for target in usable:
            if target.broadcast and (note.life or RANK[note.severity] <= RANK[target.least]):
                found.update(dict.fromkeys(_own(target)))
        if note.life:
            found.update(dict.fromkeys(_people(note, usable, officers)))
    if not found and note.life:  # whoever was named is gone
        return anybody(note, targets, officers)
    return tuple(found)


def anybody(note: Notification, targets: Sequence[Target], officers: Mapping[int, Officer]) -> tuple[Receiver, ...]:
    """Return everyone that a fire could be told to, whatever they usually take."""
    usable = [t for t in targets if t.enabled and _concerns(t, note)]
    own = (receiver for target in usable for receiver in _own(target))
    return tuple(dict.fromkeys((*own, *_people(note, usable, officers))))


def in_place(
    note: Notification,
    steps: Sequence[Sequence[str]],
    tried: Collection[Receiver],
    targets: Sequence[Target],
    officers: Mapping[int, Officer],
) -> tuple[Receiver, ...]:
    """Return who is told of life safety in place of those who cannot be: the first of the steps that reaches others.

    Where none does: everyone else that there is; () when all were tried.
    """
    named = [[way for t in step for way in receivers(replace(note, target=t), targets, officers)] for step in steps]
    for group in (*named, anybody(note, targets, officers)):
        others = tuple(dict.fromkeys(way for way in group if way not in tried))
        if others:
            return others
    return ()


def _people(note: Notification, targets: Sequence[Target], officers: Mapping[int, Officer]) -> Iterator[Receiver]:
    """Yield every way to every officer of a notification's park."""
    for officer in officers.values():
        if not officer.park or not note.park or officer.park == note.park:
            yield from contacts(officer, targets)


def contacts(officer: Officer, targets: Sequence[Target]) -> tuple[Receiver, ...]:
    """Return an officer's ways that there are targets for, the best first; another park's gateway is none of them."""
    gateways: dict[str, Target] = {}
    for target in targets:
        if target.enabled and target.channel in GATEWAYS and (target.park in {0, officer.park} or not officer.park):
            gateways.setdefault(target.channel.value, target)
    return tuple((gateways[channel].name, address) for channel, address in officer.contacts if channel in gateways)


def answers(note: Notification, at: Receiver, targets: Sequence[Target], officers: Mapping[int, Officer]) -> str:
    """Return in whose name a receiver acknowledges by the link in a message: an officer's, or the target's.

    "" where the message carries none: it asks nothing, or nobody reads it.
    """
    target = next((t for t in targets if t.name == at[0]), None)
    if target is None or not note.case or note.kind not in ASKING or target.channel not in ANSWERED:
        return ""
    contact = (target.channel.value, at[1])
    return next((o.name for o in officers.values() if at[1] and contact in o.contacts), target.name)


def next_contact(
    note: Notification, at: Receiver, targets: Sequence[Target], officers: Mapping[int, Officer]
) -> Receiver | None:
    """Return the way after one that has failed; None: there is none, or all were told at once."""
    kind, _, key = note.target.partition(":")
    officer = officers.get(int(key)) if kind == "officer" and key.isdigit() else None
    if note.life or officer is None:
        return None
    ways = contacts(officer, [t for t in targets if _concerns(t, note)])
    return ways[ways.index(at) + 1] if at in ways[:-1] else None


def _concerns(target: Target, note: Notification) -> bool:
    """Tell whether a target is of the park; of no park that is known, everybody is."""
    return not target.park or not note.park or target.park == note.park


def _own(target: Target) -> Iterator[Receiver]:
    """Yield a target's own receivers."""
    if target.channel in GATEWAYS:
        yield from ((target.name, address) for address in target.addresses)
    else:
        yield (target.name, "")


def wait(attempts: int, *, life: bool, asked: int | None = None) -> int:
    """Return the ms until the next attempt, after `attempts` of them; a receiver may ask for more."""
    waits = LIFE_WAITS if life else WAITS
    own = waits[min(max(attempts, 1), len(waits)) - 1]
    return max(own, min(asked or 0, LIFE_AFTER_MOST if life else AFTER_MOST))


def given_up(created: int, now: int, *, life: bool) -> bool:
    """Tell whether a message has been tried long enough."""
    return now - created > (LIFE_PATIENCE if life else PATIENCE)


def quiet_until(target: Target, now: int) -> int:
    """Return when a target's quiet hours end; `now` where there are none at this time."""
    start, end = target.quiet
    if start == end:
        return now
    local = datetime.fromtimestamp(now / 1_000, UTC).astimezone(ZoneInfo(target.timezone))
    minute = local.hour * 60 + local.minute
    inside = start <= minute < end if start < end else minute >= start or minute < end
    if not inside:
        return now
    left = (end - minute) % 1_440 or 1_440
    return now // MINUTE * MINUTE + left * MINUTE
