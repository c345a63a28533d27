"""Making a waiting device ours: the device, and the points that its kept messages speak of."""

from api.services import Claim
from ingest.decoders.samples import Sample
from ingest.dialects import dialect_of, meaning_of
from park.errors import UserError
from park.metrics import METRICS
from park.model import Device, Point, lane_of
from park.records import Refusal
from runtime.sql_house import SqlHouse

_LOOKED_AT = 500  # kept messages, from which the names of values are learned


def claim_device(house: SqlHouse, claim: Claim, actor: str, now: int) -> Device:
    """Save a device with its points, all or nothing, and return it. Raises UserError and Conflict."""
    device = Device(
        -1,
        claim.park,
        claim.device_key,
        claim.kind,
        claim.name,
        claim.place,
        claim.gateway,
        lane_of(claim.kind),
        claim.interval,
    )
    points = [
        Point(0, -1, p.metric, p.channel, p.source_key, p.scale, p.offset, p.interval) for p in claim.points
    ] or _proposed(house, claim)
    if not points:
        raise UserError("nothing that it has said is a metric that we know; name its points")
    saved = house.registry.save([device, *points], actor=actor, reason="claimed", now=now)
    return next(thing for thing in saved if isinstance(thing, Device))


def _proposed(house: SqlHouse, claim: Claim) -> list[Point]:
    """Return the points that a device's dialect names, of the values that it has sent."""
    found: dict[str, Point] = {}
    waiting = house.quarantine.waiting(reason=Refusal.UNKNOWN_DEVICE, device_key=claim.device_key, limit=_LOOKED_AT)
    for kept in waiting:
        known = dialect_of(kept.refused.topic)
        if known is None:
            continue
        _, parts = known[0].decode(None, kept.refused.topic, kept.refused.payload, kept.refused.received)
        for part in parts:
            if isinstance(part, Sample) and part.source not in found:
                meaning = meaning_of(claim.device_key, part.source)
                if meaning is not None and meaning.metric in METRICS:  # a misspelt name holds up no claim
                    found[part.source] = Point(
                        0, -1, meaning.metric, meaning.channel, part.source, meaning.scale, interval=claim.interval
                    )
    return list(found.values())
