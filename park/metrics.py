"""The metric catalogue: every quantity the platform knows, its unit, its kind and what it can be.

A metric is data. To add one, add a row; dialects, rules, pages and stages find it by name.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import inf
from types import MappingProxyType


class Lane(StrEnum):
    """Two ways through the house, nothing shared. A property of the device; its messages follow."""

    LIFE = "life"  # fire, gas, CO: life safety
    BULK = "bulk"


class Feed(StrEnum):
    """The seven feeds a park answers for (district opinion: 人流、物流、能耗、环保、产能、消防、安全)."""

    ENERGY = "energy"
    WATER = "water"
    PEOPLE = "people"
    VEHICLES = "vehicles"
    ENVIRONMENT = "environment"
    FIRE = "fire"
    PRODUCTION = "production"


class Kind(StrEnum):
    """How a value behaves in time, which decides how it may be summed up."""

    GAUGE = "gauge"  # a level at a moment: mean, min, max
    REGISTER = "register"  # rises for ever, rolls over: differences only
    INTERVAL = "interval"  # an amount of the time since the value before: sums
    COUNT = "count"  # events of the time since the value before: sums, whole numbers
    STATE = "state"  # one of `codes`: last, share of time


@dataclass(frozen=True, slots=True)
class Metric:
    """One quantity. Readings hold it in `unit`; `low`..`high` is what can be, not what is good."""

    name: str
    feed: Feed
    unit: str
    kind: Kind
    low: float
    high: float
    zh: str
    en: str
    codes: tuple[str, ...] = ()  # states: value n means codes[n]; 0 is normal, idle, closed or off
    alarm: tuple[int, ...] = ()  # states: codes that are a life-safety alarm
    steady: bool = False  # equal values for hours are normal (registers, states, set points)
    derives: str = ""  # registers: the interval metric that is made of them


def _state(name: str, feed: Feed, zh: str, en: str, codes: tuple[str, ...], alarm: tuple[int, ...] = ()) -> Metric:
    return Metric(name, feed, "", Kind.STATE, 0, len(codes) - 1, zh, en, codes, alarm, steady=True)


_E, _W, _P, _V, _N, _F, _O = (
    Feed.ENERGY, Feed.WATER, Feed.PEOPLE, Feed.VEHICLES, Feed.ENVIRONMENT, Feed.FIRE, Feed.PRODUCTION,
)  # fmt: skip
_G, _R, _I, _C = Kind.GAUGE, Kind.REGISTER, Kind.INTERVAL, Kind.COUNT

_ALL = (
    # energy
    Metric("energy", _E, "kWh", _R, 0, inf, "电能示数", "Energy register", steady=True, derives="energy_use"),
    Metric("energy_reverse", _E, "kWh", _R, 0, inf, "反向电能示数", "Reverse register",
           steady=True, derives="energy_returned"),
    Metric("energy_use", _E, "kWh", _I, 0, 1e6, "用电量", "Energy used"),
    Metric("energy_returned", _E, "kWh", _I, 0, 1e6, "反送电量", "Energy returned", steady=True),
    Metric("power", _E, "kW", _G, -1e5, 1e5, "有功功率", "Active power"),
    Metric("reactive_power", _E, "kvar", _G, -1e5, 1e5, "无功功率", "Reactive power"),
    Metric("apparent_power", _E, "kVA", _G, 0, 1e5, "视在功率", "Apparent power"),
    Metric("power_factor", _E, "", _G, -1, 1, "功率因数", "Power factor"),
    Metric("voltage", _E, "V", _G, 0, 1000, "电压", "Voltage"),
    Metric("current", _E, "A", _G, -1e4, 1e4, "电流", "Current"),
    Metric("frequency", _E, "Hz", _G, 40, 70, "频率", "Frequency"),
    Metric("thd_voltage", _E, "%", _G, 0, 100, "电压谐波畸变率", "Voltage THD"),
    Metric("demand", _E, "kW", _G, 0, 1e5, "需量", "Demand, 15 min"),
    Metric("transformer_load", _E, "%", _G, 0, 300, "变压器负载率", "Transformer load"),
    _state("switch", _E, "开关", "Switch", ("off", "on")),
    # water
    Metric("water", _W, "m3", _R, 0, inf, "水表示数", "Water register", steady=True, derives="water_use"),
    Metric("water_use", _W, "m3", _I, 0, 1e5, "用水量", "Water used"),
    Metric("water_flow", _W, "m3/h", _G, 0, 1e4, "瞬时流量", "Water flow"),
    # people
    Metric("people_in", _P, "", _C, 0, 1e5, "进入人数", "People in"),
    Metric("people_out", _P, "", _C, 0, 1e5, "离开人数", "People out"),
    Metric("people_inside", _P, "", _G, 0, 1e5, "在场人数", "People inside"),
    Metric("people_density", _P, "1/m2", _G, 0, 20, "人员密度", "People per square metre"),
    _state("occupied", _P, "有人", "Occupied", ("empty", "occupied")),
    # vehicles and logistics
    Metric("vehicles_in", _V, "", _C, 0, 1e5, "进场车辆", "Vehicles in"),
    Metric("vehicles_out", _V, "", _C, 0, 1e5, "出场车辆", "Vehicles out"),
    Metric("parcels", _V, "", _C, 0, 1e6, "快递件数", "Parcels"),
    Metric("dock_weight", _V, "t", _I, 0, 1e4, "过磅重量", "Weighed goods"),
    # environment
    Metric("temperature", _N, "degC", _G, -60, 1300, "温度", "Temperature"),
    Metric("humidity", _N, "%", _G, 0, 100, "湿度", "Humidity"),
    Metric("light", _N, "lx", _G, 0, 2e5, "照度", "Illuminance"),
    Metric("co2", _N, "ppm", _G, 0, 1e5, "二氧化碳", "CO2"),
    Metric("pm25", _N, "ug/m3", _G, 0, 2000, "PM2.5", "PM2.5"),
    Metric("pm10", _N, "ug/m3", _G, 0, 5000, "PM10", "PM10"),
    Metric("noise", _N, "dB", _G, 0, 160, "噪声", "Noise"),
    Metric("nmhc", _N, "mg/m3", _G, 0, 1e4, "非甲烷总烃", "NMHC"),
    Metric("cod", _N, "mg/L", _G, 0, 1e5, "化学需氧量", "COD"),
    Metric("ammonia_nitrogen", _N, "mg/L", _G, 0, 1e4, "氨氮", "Ammonia nitrogen"),
    Metric("ph", _N, "", _G, 0, 14, "pH", "pH"),
    Metric("discharge_flow", _N, "m3/h", _G, 0, 1e4, "排放流量", "Discharge flow"),
    # fire and gas
    _state("smoke", _F, "烟感", "Smoke alarm", ("normal", "alarm"), (1,)),
    _state("heat", _F, "温感", "Heat alarm", ("normal", "alarm"), (1,)),
    _state("gas", _F, "可燃气体报警", "Gas alarm", ("normal", "alarm"), (1,)),
    _state("co_alarm", _F, "一氧化碳报警", "CO alarm", ("normal", "alarm"), (1,)),
    _state("call_point", _F, "手动报警按钮", "Manual call point", ("normal", "alarm"), (1,)),
    _state("flame", _F, "火焰探测", "Flame alarm", ("normal", "alarm"), (1,)),
    _state("fault", _F, "故障", "Fault", ("normal", "fault")),
    _state("pump", _F, "消防泵", "Fire pump", ("stopped", "running")),
    _state("fire_door", _F, "防火门", "Fire door", ("closed", "open")),
    Metric("smoke_obscuration", _F, "%/m", _G, 0, 100, "烟雾减光率", "Smoke obscuration"),
    Metric("co", _F, "ppm", _G, 0, 1e5, "一氧化碳", "CO"),
    Metric("gas_level", _F, "%LEL", _G, 0, 100, "可燃气体浓度", "Gas, % of LEL"),
    Metric("residual_current", _F, "mA", _G, 0, 1e5, "剩余电流", "Residual current"),
    Metric("cable_temperature", _F, "degC", _G, -60, 1000, "线缆温度", "Cable temperature"),
    Metric("water_pressure", _F, "MPa", _G, 0, 10, "水压", "Hydrant pressure"),
    Metric("tank_level", _F, "m", _G, 0, 50, "水池液位", "Tank level"),
    # production
    Metric("output_count", _O, "", _C, 0, 1e6, "产量", "Pieces made"),
    Metric("run_time", _O, "min", _I, 0, 1e5, "运行时间", "Machine run time"),
    _state("machine", _O, "设备状态", "Machine state", ("idle", "running", "fault")),
    # devices themselves
    Metric("battery", _N, "%", _G, 0, 100, "电池电量", "Battery", steady=True),
    Metric("signal", _N, "dBm", _G, -200, 50, "信号强度", "Signal", steady=True),
    _state("low_battery", _N, "电池低", "Low battery", ("ok", "low")),
    _state("online", _N, "在线", "Online", ("offline", "online")),
    _state("tamper", _F, "防拆", "Tamper", ("normal", "tampered")),
    # fire-fighting equipment: whether it would work
    _state("pump_mode", _F, "消防泵控制方式", "Fire pump mode", ("auto", "manual", "off")),
    _state("valve", _F, "消防阀门", "Fire valve", ("open", "closed")),
    _state("fire_power", _F, "消防电源", "Power of fire equipment", ("normal", "failed")),
)  # fmt: skip

METRICS = MappingProxyType({m.name: m for m in _ALL})
NAMES = tuple(m.name for m in _ALL)
CODE = MappingProxyType({name: i for i, name in enumerate(NAMES)})  # small number by name, for columns
LIFE_ALARMS = frozenset(m.name for m in _ALL if m.alarm)  # a value in `alarm` is raised at receipt
