"""What goes wrong in a simulated park: drawn from a table with the seed, each with its label.

Faults come in blocks of thirty days from the park's origin, so that a park that runs on gets new
ones for ever and an earlier one never changes. What happens to tenants is drawn once.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from park.metrics import METRICS, Kind, Lane
from simulators.chance import rng
from simulators.equipment import Plan
from simulators.fires import FIRES, first_above
from simulators.scenario import DAY, HOUR, MINUTE, QUARTER, midnight

BLOCK = 30 * DAY
EVER = 1 << 52  # ms: no end


@dataclass(frozen=True, slots=True)
class Injection:
    """One thing that was done to the park. Numbers are the plan's; times epoch ms; `end` exclusive."""

    id: str
    kind: str
    start: int
    end: int
    size: float = 0.0
    device: int = 0
    points: tuple[int, ...] = ()  # touched
    unit: int = -1  # index
    enterprise: int = -1  # index
    states: tuple[tuple[int, int, int], ...] = ()  # (point, from, to): a detector in alarm
    curves: tuple[tuple[int, str, bool], ...] = ()  # (point, metric, next room): follows the fire
    fire: int = -1  # index into FIRES

    def over(self, start: int, end: int) -> bool:
        """Return whether it acts within a span."""
        return self.start < end and self.end > start


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: how often, how long, how large, on what."""

    kind: str
    a_month: float
    lasts: tuple[float, float]  # ms
    size: tuple[float, float] = (0.0, 0.0)  # in the metric's typical change, or as the kind says
    metrics: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    dialects: tuple[str, ...] = ("native", "tasmota", "z2m", "shelly")


TABLE = (
    Row("stuck", 3.0, (6 * HOUR, 72 * HOUR), metrics=("power", "temperature", "humidity", "water_pressure", "energy")),
    Row("spike", 4.0, (QUARTER, HOUR), (3.0, 8.0), ("power", "temperature", "noise", "pm25", "residual_current")),
    Row("drift", 2.0, (5 * DAY, 20 * DAY), (1.0, 3.0), ("temperature", "residual_current", "co2", "water_pressure")),
    Row("level_shift", 2.0, (1 * DAY, 6 * DAY), (1.0, 2.5), ("power", "temperature", "noise", "voltage", "humidity")),
    Row("unit_x1000", 1.0, (12 * HOUR, 4 * DAY), (1000.0, 1000.0), ("power",)),
    Row("swapped_phase", 1.0, (1 * DAY, 6 * DAY), devices=("meter",), dialects=("native",)),
    Row("zero_glitch", 1.0, (QUARTER, HOUR), metrics=("energy", "water")),
    Row("meter_reset", 0.3, (0.0, 0.0), metrics=("energy", "water")),
    Row("dropout", 3.0, (2 * HOUR, 48 * HOUR), devices=(
        "meter", "water_meter", "door_counter", "room_sensor", "machine", "emission_monitor", "hydrant_sensor")),
    Row("dead_gateway", 0.7, (1 * HOUR, 8 * HOUR), (0.0, 1.0), devices=("gateway",)),
    Row("clock_offset", 0.7, (1 * DAY, 5 * DAY), devices=("meter", "machine", "room_sensor"), dialects=("native",)),
    Row("clock_drift", 0.7, (8 * DAY, 15 * DAY), (5.0, 14.0), devices=("meter", "room_sensor"), dialects=("native",)),
    Row("duplicates", 2.0, (2 * HOUR, 12 * HOUR), devices=("meter", "door_counter", "machine", "room_sensor")),
    Row("malformed", 1.0, (1 * HOUR, 6 * HOUR), devices=("meter", "room_sensor", "machine"), dialects=("native",)),
    Row("low_battery", 1.0, (3 * DAY, 10 * DAY), (6.0, 12.0), metrics=("battery",)),
    Row("leak", 0.5, (1 * DAY, 4 * DAY), (0.3, 1.2), devices=("water_meter",)),
    Row("false_alarm", 0.4, (3 * MINUTE, 8 * MINUTE), devices=("smoke_detector",)),
    Row("test_alarm", 1.5, (2 * MINUTE, 5 * MINUTE), devices=("smoke_detector", "multi_detector")),
    Row("call_point_press", 0.3, (10 * MINUTE, 25 * MINUTE), devices=("call_point",)),
    Row("fire", 0.34, (45 * MINUTE, 70 * MINUTE)),
    Row("overshoot", 1.0, (45 * MINUTE, 2 * HOUR), (1.02, 1.12), ("power",)),  # times what is contracted, by day
)  # fmt: skip

#  what a person would notice on a chart, in the metric's unit; power: share of full load
TYPICAL: Mapping[str, float] = {
    "power": 0.4, "temperature": 6.0, "humidity": 20.0, "noise": 12.0, "pm25": 120.0, "residual_current": 120.0,
    "co2": 500.0, "water_pressure": -0.08, "voltage": 9.0,
}  # fmt: skip

#        share of enterprises, days (after the origin) at which it may begin
TENANTS = (("stop", 0.11, (55, 160)), ("stop_to_zero", 0.02, (55, 160)), ("paused", 0.02, (50, 120)),
           ("decline", 0.07, (30, 110)), ("sublet", 0.05, (40, 140)), ("zombie", 0.05, (0, 0)))  # fmt: skip


def tenants(plan: Plan) -> tuple[Injection, ...]:
    """Return what befalls enterprises: stops (15 % of them), declines, sublets, zombies."""
    chance = rng(plan.scenario.seed, 4)
    origin = plan.scenario.origin
    order = [e for e in chance.permutation(len(plan.site.trades)).tolist() if plan.site.trades[e].cold is None]
    made: list[Injection] = []
    for kind, share, (first, last) in TENANTS:
        for _ in range(round(share * len(plan.site.trades))):
            if not order or plan.scenario.faults <= 0:
                break
            e = order.pop()
            start = origin + int(chance.integers(first, last + 1)) * DAY + 9 * HOUR * (first > 0)
            lasts = {"decline": int(chance.integers(28, 57)) * DAY, "paused": int(chance.integers(15, 40)) * DAY}
            size = float(chance.uniform(0.05, 0.15)) if kind in {"stop", "paused", "zombie"} else 0.0
            end = start + lasts.get(kind, EVER - start)
            made.append(Injection(f"tenant-{kind}-{e + 1}", kind, start, end, size, enterprise=e))
    return tuple(made)


def injections(plan: Plan, until: int) -> tuple[Injection, ...]:
    """Return everything that begins before a time, tenants first, then by beginning."""
    origin = plan.scenario.origin
    blocks = range(max(0, -(-(until - origin) // BLOCK)))
    drawn = [x for b in blocks for x in _block(plan, b) if x.start < until]
    return (*(x for x in tenants(plan) if x.start < until), *sorted(drawn, key=lambda x: (x.start, x.id)))


@dataclass(slots=True)
class _Draw:
    """What a block has taken already: one fault at a time on a device."""

    taken: set[int] = field(default_factory=set)


def _block(plan: Plan, block: int) -> Iterator[Injection]:
    chance = rng(plan.scenario.seed, 5, block)
    begin = plan.scenario.origin + block * BLOCK
    draw = _Draw()
    for row in TABLE:
        wanted = row.a_month * (plan.scenario.faults if row.kind != "fire" else float(plan.scenario.fires))
        for n in range(int(wanted + chance.uniform())):
            start = begin + int(chance.integers(0, BLOCK // MINUTE)) * MINUTE
            if block == 0 and start < begin + 3 * DAY:
                continue  # a few quiet days first
            end = start + max(MINUTE, int(chance.uniform(*row.lasts)) // MINUTE * MINUTE)
            name = f"{row.kind}-{block}-{n}"
            made = _aimed(plan, row, name, start, end, chance, draw)
            if made is not None:
                yield made


def _aimed(
    plan: Plan, row: Row, name: str, start: int, end: int, chance: np.random.Generator, draw: _Draw
) -> Injection | None:
    """Choose what one injection hits."""
    if row.kind == "fire":
        let = [u for u, unit in enumerate(plan.site.units) if unit.enterprise >= 0]
        unit = let[int(chance.integers(len(let)))]
        return fire(plan, unit, start, end, int(chance.integers(len(FIRES))), name)
    size = float(chance.uniform(*row.size))
    if row.metrics:
        choice = [p for p in plan.points if p.metric in row.metrics and p.source_key and _free(plan, p.device, draw)
                  and plan.devices[p.device - 1].lane is Lane.BULK]  # fmt: skip
        if row.kind == "overshoot":
            by_day = midnight(start) + 9 * HOUR + start % (6 * HOUR) // QUARTER * QUARTER
            start, end = by_day, by_day + end - start
            choice = [p for p in choice if plan.devices[p.device - 1].place == plan.site.park.id]
        if row.kind == "low_battery":
            choice = [p for p in choice if p.metric == "battery"]
        if not choice:
            return None
        point = choice[int(chance.integers(len(choice)))]
        draw.taken.add(point.device)
        if row.kind == "meter_reset":
            end = EVER
        return Injection(name, row.kind, start, end, size, point.device, (point.id,), plan.unit_of[point.device - 1])
    devices = [d for d in plan.devices if d.kind in row.devices and d.key.split(":", 1)[0] in row.dialects
               and _free(plan, d.id, draw)]  # fmt: skip
    if not devices:
        return None
    device = devices[int(chance.integers(len(devices)))]
    draw.taken.add(device.id)
    points = tuple(p.id for p in plan.points if p.device == device.id)
    if row.kind == "clock_offset":
        size = float(chance.choice([-8 * HOUR, HOUR, -10 * MINUTE, 40 * MINUTE]))
    states = tuple((p, start, end) for p in points if METRICS[plan.points[p - 1].metric].alarm) \
        if row.kind in {"false_alarm", "test_alarm", "call_point_press"} else ()  # fmt: skip
    unit = plan.unit_of[device.id - 1]
    enterprise = plan.site.units[unit].enterprise if row.kind == "leak" and unit >= 0 else -1
    if row.kind == "leak" and enterprise < 0:
        return None
    return Injection(name, row.kind, start, end, size, device.id, points, unit, enterprise, states)


def _free(plan: Plan, device: int, draw: _Draw) -> bool:
    return device not in draw.taken and not plan.devices[device - 1].key.startswith("virtual:")


#  when a device of each kind says alarm: metric it watches, and the rise that it takes
THRESHOLDS: Mapping[str, tuple[str, float]] = {
    "smoke": ("smoke_obscuration", 12.0),  # %/m; point detectors answer at 0.05 to 0.7 dB/m (EN 54-7, see domain.md 4)
    "heat": ("temperature", 33.0),  # 57 degC static of class A1 in a warm room
    "co_alarm": ("co", 100.0),
}
LATER: Mapping[str, float] = {"smoke_detector": 14.0, "multi_detector": 0.0}  # s: smoke reaches the second one later


def fire(plan: Plan, unit: int, start: int, end: int, curve: int, name: str) -> Injection:
    """Set a unit on fire; its detectors say alarm until they are reset at `end`."""
    states: list[tuple[int, int, int]] = []
    curves: list[tuple[int, str, bool]] = []
    points: list[int] = []
    here = plan.site.units[unit]
    near = [u for u, other in enumerate(plan.site.units)
            if u != unit and (other.building, other.floor) == (here.building, here.floor)]  # fmt: skip
    for point in plan.points:
        place = plan.unit_of[point.device - 1]
        device = plan.devices[point.device - 1]
        if device.lane is not Lane.LIFE or (place != unit and place not in near):
            continue
        beside = place != unit
        if point.metric in {"smoke_obscuration", "temperature", "co"}:
            curves.append((point.id, point.metric, beside))
            points.append(point.id)
        if point.metric in THRESHOLDS:
            metric, rise = THRESHOLDS[point.metric]
            at = first_above(FIRES[curve], metric, rise, next_room=beside)
            points.append(point.id)
            if at is not None:
                begins = start + int((at + LATER.get(device.kind, 0.0)) * 1_000)
                states.append((point.id, begins, end))
        if point.metric == "call_point" and not beside:
            states.append((point.id, start + 150_000, end))  # somebody runs past the button
            points.append(point.id)
    return Injection(name, "fire", start, end, 0.0, 0, tuple(points), unit, here.enterprise, tuple(states),
                     tuple(curves), curve)  # fmt: skip


def labels(plan: Plan, done: tuple[Injection, ...]) -> Iterator[str]:
    """Yield one JSON line an injection: what, where (keys and codes of the registry), from when to when, how large."""
    for x in done:
        device = plan.devices[x.device - 1] if x.device else None
        unit = plan.site.units[x.unit] if x.unit >= 0 else None
        firm = x.enterprise if x.enterprise >= 0 else (unit.enterprise if unit else -1)
        targets = [plan.points[p - 1] for p in x.points]
        gauge = [p for p in targets if METRICS[p.metric].kind is not Kind.STATE]
        yield json.dumps({
            "id": x.id, "kind": x.kind, "from": x.start, "to": None if x.end >= EVER else x.end,
            "size": round(x.size, 6), "park": plan.scenario.park,
            "unit": unit.code if unit else "", "device": device.key if device else "",
            "points": [{"device": plan.devices[p.device - 1].key, "metric": p.metric, "channel": p.channel}
                       for p in (gauge or targets)],
            "enterprise": plan.site.enterprises[firm].code if firm >= 0 else "",
            "curve": FIRES[x.fire].name if x.fire >= 0 else "",
        }, ensure_ascii=False)  # fmt: skip
