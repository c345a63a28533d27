"""What hangs in a park: every device and point of the seven feeds, the way it speaks, and what drives its values.

Most devices speak the native dialect behind their building's gateway; some are smart plugs (Tasmota),
Zigbee sensors (Zigbee2MQTT) or three-phase meters (Shelly Gen2), whose points carry those dialects' own
paths as source keys and the scale from the wire's unit to ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil

from park.metrics import Lane
from park.model import Device, Point, lane_of
from simulators.chance import rng
from simulators.parkplan import Site, Unit
from simulators.scenario import HOUR, MINUTE, QUARTER, Scenario
from simulators.trades import Trade

SECOND = 1_000
#           kind: milliseconds between live messages
LIVE: Mapping[str, int] = {
    "meter": 15 * SECOND, "water_meter": MINUTE, "door_counter": 30 * SECOND, "vehicle_counter": 30 * SECOND,
    "dock_counter": MINUTE, "air_station": MINUTE, "room_sensor": 2 * MINUTE, "emission_monitor": MINUTE,
    "smoke_detector": MINUTE, "heat_detector": MINUTE, "co_detector": MINUTE, "gas_detector": 30 * SECOND,
    "multi_detector": 30 * SECOND, "call_point": MINUTE, "electrical_monitor": MINUTE, "hydrant_sensor": MINUTE,
    "tank_sensor": MINUTE, "machine": 30 * SECOND, "gateway": MINUTE, "zone_counter": MINUTE,
}  # fmt: skip
ALARMED = 5 * SECOND  # between messages of a detector while it sees fire
HISTORY_QUARTER = frozenset({"energy", "power", "online"})  # every 15 minutes in the history; all else by the hour
HISTORY_RARE = frozenset({"battery", "low_battery", "signal"})  # every six hours, as are all points of fire detectors
PHASES = ("a", "b", "c")


@dataclass(frozen=True, slots=True)
class Signal:
    """What drives a point: a model of `simulators.models`, whose row it reads, and two numbers of its own."""

    model: str
    who: int = -1  # row of the model's latent quantity: an enterprise, building, gate, ...
    a: float = 0.0
    b: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole park: what stands still, what hangs there, and what drives each point (same index as `points`)."""

    scenario: Scenario
    site: Site
    devices: tuple[Device, ...]  # gateways first
    points: tuple[Point, ...]
    signals: tuple[Signal, ...]
    meters: Mapping[int, float]  # load row -> kW at full load, as the meter was sized
    unit_of: tuple[int, ...]  # device index -> unit index; -1: of the building or park

    @property
    def measured(self) -> tuple[int, ...]:
        """Indices of points that devices send; the rest is made by the stages."""
        return tuple(i for i, p in enumerate(self.points) if p.source_key)


class _Hanging:
    """Devices and points as they are put up, one after the other."""

    def __init__(self, scenario: Scenario, site: Site) -> None:
        self.scenario, self.site = scenario, site
        self.devices: list[Device] = []
        self.points: list[Point] = []
        self.signals: list[Signal] = []
        self.unit_of: list[int] = []
        self.meters: dict[int, float] = {}
        self.gateways: dict[int, int] = {}

    def device(self, kind: str, name: str, place: int, key: str, *, gateway: int = 0, unit: int = -1) -> int:
        """Hang one device; return its number."""
        number = len(self.devices) + 1
        interval = QUARTER if kind in {"meter", "gateway"} else 6 * HOUR if lane_of(kind) is Lane.LIFE else HOUR
        self.devices.append(Device(number, 1, key, kind, name, place, gateway, lane_of(kind), interval))
        self.unit_of.append(unit)
        return number

    def native(self, kind: str, code: str, name: str, place: int, building: int, unit: int = -1) -> int:
        """Hang a native device behind its building's gateway."""
        gateway = self.gateways[building]
        key = f"native:{self.scenario.park}/{self.site_code(building)}/{code}"
        return self.device(kind, name, place, key, gateway=gateway, unit=unit)

    def site_code(self, building: int) -> str:
        """Return the gateway's name on the wire."""
        return f"gw-b{building + 1}"

    def point(
        self, device: int, metric: str, signal: Signal, channel: str = "", *, key: str | None = None,
        scale: float = 1.0, modulus: float = 0.0, ratio: float = 1.0,
    ) -> None:  # fmt: skip
        """Add one point; its native source key is its metric and channel."""
        number = len(self.points) + 1
        source = (f"{metric}.{channel}" if channel else metric) if key is None else key
        rare = metric in HISTORY_RARE or self.devices[device - 1].lane is Lane.LIFE
        interval = QUARTER if metric in HISTORY_QUARTER else 6 * HOUR if rare else HOUR
        self.points.append(
            Point(number, device, metric, channel, source, scale, 0.0, interval, 0, modulus, ratio),
        )
        self.signals.append(signal)


def plan(scenario: Scenario, site: Site) -> Plan:
    """Hang everything in a park that was drawn."""
    h = _Hanging(scenario, site)
    chance = rng(scenario.seed, 2)
    count = len(site.enterprises)
    for b, place in enumerate(site.buildings):
        gateway = h.device("gateway", f"{b + 1}号楼网关", place, f"native:{scenario.park}/-/{h.site_code(b)}")
        h.gateways[b] = gateway
    for b in range(len(site.buildings)):
        h.point(h.gateways[b], "online", Signal("constant", a=1.0))
        h.point(h.gateways[b], "signal", Signal("radio", a=-67.0))
    for u, unit in enumerate(site.units):
        _fire(h, u, unit)
        if unit.enterprise >= 0:
            _tenant(h, u, unit, site.trades[unit.enterprise], float(chance.uniform()))
    for b in range(len(site.buildings)):
        _building(h, b, count)
    _park(h, count, len(site.buildings))
    # What the supply contract allows: what all of it draws at once, and a tenth (as the transformer is sized).
    contracted = ceil(1.1 * h.meters[count + len(site.buildings)] / 10.0) * 10.0
    site = replace(site, park=replace(site.park, contracted_demand=contracted))
    return Plan(scenario, site, tuple(h.devices), tuple(h.points), tuple(h.signals), h.meters, tuple(h.unit_of))


def _tenant(h: _Hanging, u: int, unit: Unit, trade: Trade, luck: float) -> None:
    e, name = unit.enterprise, h.site.park.name[:0] + _label(h.site, unit)
    peak = trade.load * unit.area / 1000.0
    _meter(h, u, unit, e, peak, name, luck)
    water = h.native("water_meter", f"water-{unit.code}", f"{name} 水表", unit.place, unit.building, u)
    h.point(water, "water", Signal("water", e, a=99_980.0 if e % 11 == 5 else 300.0 + 900.0 * luck), modulus=100_000.0)
    door = h.native("door_counter", f"door-{unit.code}", f"{name} 门口客流", unit.zone, unit.building, u)
    h.point(door, "people_in", Signal("people_in", e))
    h.point(door, "people_out", Signal("people_out", e))
    counter = h.device("zone_counter", f"{name} 在场人数", unit.zone, f"virtual:{h.scenario.park}/{unit.code}-hall")
    h.point(counter, "people_inside", Signal("none"), key="")
    _room(h, u, unit, e, trade, name)
    if trade.vehicles >= 7:
        dock = h.native("dock_counter", f"dock-{unit.code}", f"{name} 装卸口", unit.place, unit.building, u)
        h.point(dock, "vehicles_in", Signal("dock_in", e))
        h.point(dock, "vehicles_out", Signal("dock_out", e))
        if trade.parcels >= 10:
            h.point(dock, "parcels", Signal("parcels", e))
        if trade.key in {"cold_store", "logistics", "food"}:
            h.point(dock, "dock_weight", Signal("dock_weight", e))
    if trade.pieces:
        machine = h.native("machine", f"line-{unit.code}", f"{name} 生产线", unit.place, unit.building, u)
        h.point(machine, "output_count", Signal("output_count", e))
        h.point(machine, "run_time", Signal("run_time", e))
        h.point(machine, "machine", Signal("machine", e))
    if trade.emission:
        monitor = h.native("emission_monitor", f"cems-{unit.code}", f"{name} 排口", unit.place, unit.building, u)
        h.point(monitor, trade.emission, Signal(trade.emission, e))
        if trade.emission == "cod":
            h.point(monitor, "ph", Signal("ph", e))
            h.point(monitor, "discharge_flow", Signal("discharge_flow", e))
    electrical = h.native("electrical_monitor", f"leak-{unit.code}", f"{name} 电气火灾", unit.place, unit.building, u)
    h.point(electrical, "residual_current", Signal("residual_current", e, a=25.0 + 60.0 * luck))
    h.point(electrical, "cable_temperature", Signal("cable_temperature", e))


def _label(site: Site, unit: Unit) -> str:
    """Return the name of a unit's place."""
    return site.places[unit.place - 2].name


def _meter(h: _Hanging, u: int, unit: Unit, e: int, peak: float, name: str, luck: float) -> None:
    """Hang a tenant's electricity meter: a plug for small offices, a Shelly here and there, else native."""
    h.meters[e] = peak
    if peak < 45.0 and e % 3 == 0:
        topic = f"{h.scenario.park}-plug-{unit.code}"
        meter = h.device("meter", f"{name} 电表", unit.place, f"tasmota:{topic}", unit=u)
        h.point(meter, "energy", Signal("energy", e, a=2000.0 * luck), key="ENERGY.Total")
        h.point(meter, "power", Signal("power", e), key="ENERGY.Power", scale=0.001)
        h.point(meter, "voltage", Signal("voltage", e, b=0.0), key="ENERGY.Voltage")
        h.point(meter, "current", Signal("current", e, a=0.0, b=-1.0), key="ENERGY.Current")
        h.point(meter, "power_factor", Signal("power_factor", e), key="ENERGY.Factor")
        h.point(meter, "online", Signal("constant", a=1.0), key="LWT")
        return
    if e % 6 == 1:
        meter = h.device("meter", f"{name} 电表", unit.place, f"shelly:{h.scenario.park}-em-{unit.code}", unit=u)
        h.point(meter, "energy", Signal("energy", e, a=9000.0 * luck), key="emdata:0/total_act", scale=0.001)
        h.point(meter, "power", Signal("power", e), key="em:0/total_act_power", scale=0.001)
        _phases(h, meter, e, "em:0/{phase}_voltage", "em:0/{phase}_current")
        return
    ratio = 1.0 if peak < 60.0 else 20.0 if peak < 100.0 else 40.0
    meter = h.native("meter", f"meter-{unit.code}", f"{name} 电表", unit.place, unit.building, u)
    near_end = e % 9 == 4  # these roll over within the first half year
    first = 100_000.0 - 300.0 * (1 + luck) if near_end else 20_000.0 * luck
    h.point(meter, "energy", Signal("energy", e, a=first, b=ratio), modulus=100_000.0, ratio=ratio)
    h.point(meter, "power", Signal("power", e))
    h.point(meter, "power_factor", Signal("power_factor", e))
    _phases(h, meter, e, None, None)


def _phases(h: _Hanging, meter: int, load: int, voltage: str | None, current: str | None) -> None:
    for i, phase in enumerate(PHASES):
        key = None if voltage is None else voltage.format(phase=phase)
        h.point(meter, "voltage", Signal("voltage", load, b=float(i)), phase, key=key)
    for i, phase in enumerate(PHASES):
        key = None if current is None else current.format(phase=phase)
        h.point(meter, "current", Signal("current", load, b=float(i)), phase, key=key)


def _room(h: _Hanging, u: int, unit: Unit, e: int, trade: Trade, name: str) -> None:
    """Hang a room sensor: Zigbee where there is no gas to burn it, native with CO2 in offices."""
    zone, code = unit.zone, unit.code
    if trade.key in {"office", "electronics"}:
        room = h.native("room_sensor", f"room-{code}", f"{name} 环境", zone, unit.building, u)
        h.point(room, "temperature", Signal("room_temperature", e))
        h.point(room, "humidity", Signal("room_humidity", e))
        h.point(room, "co2", Signal("co2", e, a=unit.area))
        return
    if trade.cold is not None:
        cold = h.native("room_sensor", f"cold-{code}", f"{name} 冷间", zone, unit.building, u)
        h.point(cold, "temperature", Signal("cold_temperature", e, a=trade.cold))
        return
    room = h.device("room_sensor", f"{name} 温湿度", zone, f"z2m:{h.scenario.park}/room-{code}", unit=u)
    h.point(room, "temperature", Signal("room_temperature", e), key="temperature")
    h.point(room, "humidity", Signal("room_humidity", e), key="humidity")
    h.point(room, "battery", Signal("battery", a=96.0, b=20.0 + e % 7), key="battery")
    if trade.noise >= 74:
        noise = h.native("room_sensor", f"noise-{code}", f"{name} 噪声", zone, unit.building, u)
        h.point(noise, "noise", Signal("room_noise", e, a=trade.noise))


def _fire(h: _Hanging, u: int, unit: Unit) -> None:
    """Hang a unit's fire devices: at least two that are independent of each other, let or vacant."""
    name, code, e = _label(h.site, unit), unit.code, unit.enterprise
    trade = h.site.trades[e] if e >= 0 else None
    multi = h.native("multi_detector", f"fire-{code}", f"{name} 复合探测器", unit.place, unit.building, u)
    h.point(multi, "smoke", Signal("smoke", u))
    h.point(multi, "smoke_obscuration", Signal("smoke_obscuration", u))
    h.point(multi, "temperature", Signal("ceiling_temperature", u))
    h.point(multi, "co", Signal("co", u))
    if u % 2 == 0:
        key = f"z2m:{h.scenario.park}/smoke-{code}"
        smoke = h.device("smoke_detector", f"{name} 独立烟感", unit.place, key, unit=u)
        h.point(smoke, "smoke", Signal("smoke", u, a=1.0), key="smoke")
        h.point(smoke, "battery", Signal("battery", a=98.0, b=14.0 + u % 5), key="battery")
        h.point(smoke, "low_battery", Signal("low_battery", a=98.0, b=14.0 + u % 5), key="battery_low")
    else:
        smoke = h.native("smoke_detector", f"smoke-{code}", f"{name} 烟感", unit.place, unit.building, u)
        h.point(smoke, "smoke", Signal("smoke", u, a=1.0))
    if trade is not None and trade.key in {"textile", "furniture", "plastics", "food", "printing"}:
        heat = h.native("heat_detector", f"heat-{code}", f"{name} 温感", unit.place, unit.building, u)
        h.point(heat, "heat", Signal("heat", u))
    if trade is not None and trade.gas:
        gas = h.native("gas_detector", f"gas-{code}", f"{name} 可燃气体", unit.place, unit.building, u)
        h.point(gas, "gas", Signal("gas", u))
        h.point(gas, "gas_level", Signal("gas_level", u))
        co = h.native("co_detector", f"co-{code}", f"{name} 一氧化碳", unit.place, unit.building, u)
        h.point(co, "co_alarm", Signal("co_alarm", u))
    if unit.code.endswith("1"):
        button = h.native("call_point", f"button-{code}", f"{name} 手报", unit.place, unit.building, u)
        h.point(button, "call_point", Signal("call_point", u))


def _building(h: _Hanging, b: int, enterprises: int) -> None:
    place, name = h.site.buildings[b], f"{b + 1}号楼"
    load = enterprises + b
    units = [u for u in h.site.units if u.building == b and u.enterprise >= 0]
    h.meters[load] = sum(h.site.trades[u.enterprise].load * u.area / 1000.0 for u in units) + 20.0
    meter = h.native("meter", f"meter-b{b + 1}", f"{name} 总表", place, b)
    h.point(meter, "energy", Signal("energy", load, a=1000.0 + 700.0 * b, b=200.0), modulus=100_000.0, ratio=200.0)
    h.point(meter, "power", Signal("power", load))
    h.point(meter, "power_factor", Signal("power_factor", load))
    _phases(h, meter, load, None, None)
    hydrant = h.native("hydrant_sensor", f"hydrant-b{b + 1}", f"{name} 消火栓", place, b)
    h.point(hydrant, "water_pressure", Signal("water_pressure", b, a=0.32 + 0.02 * (b % 4)))


def _park(h: _Hanging, enterprises: int, buildings: int) -> None:
    load = enterprises + buildings
    h.meters[load] = sum(h.meters[enterprises + b] for b in range(buildings))
    transformer = h.native("meter", "meter-main", "园区总表", 1, 0)
    h.point(transformer, "energy", Signal("energy", load, a=420.0, b=2000.0), modulus=1_000_000.0, ratio=2000.0)
    h.point(transformer, "power", Signal("power", load))
    h.point(transformer, "power_factor", Signal("power_factor", load))
    h.point(transformer, "transformer_load", Signal("transformer_load", load))
    _phases(h, transformer, load, None, None)
    main = h.native("water_meter", "water-main", "园区总水表", 1, 0)
    h.point(main, "water", Signal("water", enterprises, a=52_000.0), modulus=1_000_000.0)
    for gate in (0, 1):
        counter = h.native("vehicle_counter", f"gate-{gate + 1}", f"{gate + 1}号门", 1, 0)
        h.point(counter, "vehicles_in", Signal("gate_in", gate))
        h.point(counter, "vehicles_out", Signal("gate_out", gate))
    for i, side in enumerate(("东", "西")):
        air = h.native("air_station", f"air-{i + 1}", f"{side}侧空气站", 1, 0)
        for metric in ("temperature", "humidity", "pm25", "noise"):
            h.point(air, metric, Signal(f"outdoor_{metric}", i))
    tank = h.native("tank_sensor", "tank-1", "消防水池", 1, 0)
    h.point(tank, "tank_level", Signal("tank_level", 0, a=3.4))
