"""What a park looks like at a moment: its map, the freshness of its feeds, the health of its devices. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from api.schemas_parks import (
    DeviceHealth,
    FeedState,
    Freshness,
    Health,
    Map,
    MapBuilding,
    MapUnit,
    Tenant,
)  # fmt: skip
from api.view import ParkView
from park.events import ConditionChange, DeviceStatus, Severity, Status
from park.metrics import METRICS, Feed
from park.model import PlaceKind
from park.ports import Latest
from park.readings import Quality

# A point keeps its promise while it is not silent for more than three of its intervals (two may be
# lost on the way) and what the way itself takes.
MISSED: Final = 3
GRACE: Final = 30_000  # ms
LIVE_SHARE: Final = 0.5  # of a feed's points; fewer and the feed is late

_WORST: Final = tuple(Severity)
_STATUSES: Final = tuple(Status)
_JUST: Final = 5 * 60_000  # ms: whoever spoke first so shortly ago was not looked at yet, or is not told of yet
_MUTE: Final = frozenset({Status.SILENT, Status.GATEWAY_DOWN})
WORDS: Final = {int(q): q.name.lower() for q in Quality}


def state_word(metric: str, value: float) -> str | None:
    """Return the word for a state's value; None for metrics without states."""
    codes = METRICS[metric].codes
    return codes[int(value)] if codes and 0 <= value < len(codes) and value == int(value) else None


def quality_word(code: int) -> str:
    """Return the word for a quality code."""
    return WORDS.get(code, "unknown")


def freshness(view: ParkView, latest: Latest, now: int) -> Freshness:
    """Return the state of the seven feeds, by when readings arrived.

    Fresh: at least half of the points keep their promise; late: some do; silent: none; absent: the
    park has no point of the feed. Receipt counts, not the device's clock: a clock may be wrong.
    """
    received = dict(zip(latest.point.tolist(), latest.received.tolist(), strict=True))
    told = dict(zip(latest.point.tolist(), latest.ts.tolist(), strict=True))
    return Freshness(
        park=view.park.id, at=now, feeds=[_feed(view, feed, received, told, now) for feed in Feed]
    )  # fmt: skip


def _feed(view: ParkView, feed: Feed, received: Mapping[int, int], told: Mapping[int, int], now: int) -> FeedState:
    points = view.feeds[feed].tolist()
    spoke = [p for p in points if p in received]
    live = sum(now - received[p] <= MISSED * view.rows[p].interval + GRACE for p in spoke)
    newest = max(spoke, key=lambda p: received[p], default=0)
    if not points:
        state = "absent"
    elif not live:
        state = "silent"
    else:
        state = "fresh" if live >= LIVE_SHARE * len(points) else "late"
    return FeedState(
        feed=feed,
        state=state,
        newest=told.get(newest),
        received=received.get(newest),
        age=max(0, now - received[newest]) if newest else None,
        rhythm=int(np.median([view.rows[p].interval for p in points])) if points else None,
        live=live,
        total=len(points),
    )


class _Tally:
    """What colours a place: standing conditions, devices, silent ones."""

    def __init__(self) -> None:
        self.conditions = 0
        self.rank = len(_WORST)
        self.devices = 0
        self.silent = 0

    @property
    def severity(self) -> str | None:
        return _WORST[self.rank].value if self.rank < len(_WORST) else None


def park_map(view: ParkView, standing: Sequence[ConditionChange], statuses: Sequence[DeviceStatus], now: int) -> Map:
    """Return a park's plan with the tenant, the standing conditions and the silent devices of each place."""
    tally: dict[int, _Tally] = {place: _Tally() for place in view.places}
    total = tally[view.park.id] = _Tally()

    def above(place: int) -> list[_Tally]:
        chain, seen = [total], {view.park.id}
        while place in tally and place not in seen:
            seen.add(place)
            chain.append(tally[place])
            place = view.places[place].parent
        return chain

    for condition in standing:
        device = view.devices.get(condition.device)
        for t in above(condition.place or (device.place if device else 0)):
            t.conditions += 1
            t.rank = min(t.rank, _WORST.index(condition.severity))
    mute = {s.device for s in statuses if s.status in _MUTE}
    for device in view.devices.values():
        for t in above(device.place):
            t.devices += 1
            t.silent += device.id in mute
    points = Counter(view.unit_of(row.place) for row in view.rows.values())

    def unit(place: int) -> MapUnit:
        p, t, tenant = view.places[place], tally[place], view.tenant(place, now)
        return MapUnit(
            id=p.id, code=p.code, name=p.name, floor=p.floor, area=p.area, outline=list(p.outline),
            tenant=Tenant(id=tenant.id, name=tenant.name, trade=tenant.trade) if tenant else None,
            conditions=t.conditions, severity=t.severity, devices=t.devices, silent=t.silent, points=points[place],
        )  # fmt: skip

    buildings = [
        MapBuilding(
            id=b.id, code=b.code, name=b.name, outline=list(b.outline), conditions=tally[b.id].conditions,
            severity=tally[b.id].severity, devices=tally[b.id].devices, silent=tally[b.id].silent,
            units=[unit(u.id) for u in view.places.values() if u.kind is PlaceKind.UNIT and u.parent == b.id],
        )
        for b in view.places.values()
        if b.kind is PlaceKind.BUILDING
    ]  # fmt: skip
    park = view.park
    return Map(
        id=park.id, code=park.code, name=park.name, timezone=park.timezone, outline=list(park.outline), at=now,
        conditions=total.conditions, severity=total.severity, devices=total.devices, silent=total.silent,
        buildings=buildings,
    )  # fmt: skip


def heard(view: ParkView, latest: Latest) -> dict[int, int]:
    """Return for each device when its newest reading came (epoch ms); devices that never spoke are left out."""
    newest: dict[int, int] = {}
    for point, received in zip(latest.point.tolist(), latest.received.tolist(), strict=True):
        row = view.rows[point]
        if not row.source:  # what a stage made of a register is no message of the device
            newest[row.device] = max(newest.get(row.device, 0), received)
    return newest


def _unjudged(spoke: int, now: int) -> Status:
    """Return the status of a device that no stage has told of."""
    return Status.ONLINE if spoke and now - spoke < _JUST else Status.NEVER_SEEN


def health(
    view: ParkView, statuses: Sequence[DeviceStatus], spoke: Mapping[int, int], now: int, wanted: Status | None,
    limit: int,
) -> Health:  # fmt: skip
    """Return the devices of a park, worst first, and how many there are of each status.

    A status is told when it changes, so its own `last_seen` ages; `spoke` (epoch ms by device) does not.
    """
    by_device = {s.device: s for s in statuses}
    rows = []
    for device in view.devices.values():
        status = by_device.get(device.id)
        rows.append(
            DeviceHealth(
                device=device.id, key=device.key, name=device.name, kind=device.kind, place=device.place,
                gateway=device.gateway, mode=device.mode,
                status=status.status if status else _unjudged(spoke.get(device.id, 0), now),
                reason=status.reason if status else None,
                since=status.at if status else None,
                last_seen=max(status.last_seen if status else 0, spoke.get(device.id, 0)) or None,
            )
        )  # fmt: skip
    rows.sort(key=lambda r: (_STATUSES.index(Status(r.status)), -(r.since or 0), r.device))
    counts = Counter(r.status for r in rows)
    shown = [r for r in rows if wanted is None or r.status == wanted][:limit]
    return Health(
        park=view.park.id, at=now, counts={str(s): counts[s] for s in _STATUSES}, items=shown
    )  # fmt: skip
