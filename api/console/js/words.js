// Words for the codes that the API speaks. A test holds this table to the platform's own enumerations.

import { lang } from "./texts.js";
import { DESK_WORDS } from "./words_desk.js";

export const WORDS = {
  severity: { critical: ["紧急", "Critical"], high: ["高", "High"], medium: ["中", "Medium"], low: ["低", "Low"] },
  feed: {
    energy: ["能耗", "Energy"], water: ["用水", "Water"], people: ["人流", "People"],
    vehicles: ["车辆物流", "Vehicles, goods"], environment: ["环境", "Environment"], fire: ["消防燃气", "Fire and gas"],
    production: ["生产", "Production"],
  },
  feedState: { fresh: ["及时", "Fresh"], late: ["滞后", "Late"], silent: ["静默", "Silent"], absent: ["未接入", "Absent"] },
  state: { active: ["报警中", "active"], acknowledged: ["已确认", "acknowledged"], latched: ["保持", "latched"], cleared: ["已结束", "over"] },
  reason: {
    above_limit: ["高于限值", "above its limit"], below_limit: ["低于限值", "below its limit"],
    back_in_limits: ["回到限值内", "back within limits"],
    out_of_schedule: ["规则时段结束", "the rule's hours are over"], rule_changed: ["规则已变更", "the rule was changed"],
    detector_alarm: ["探测器报警", "a detector says alarm"],
    second_device: ["第二个设备确认", "a second device confirms"], call_point: ["手动报警按钮按下", "a call point was pressed"],
    rate_of_rise: ["数值快速上升", "the value rises fast"], joint_rise: ["两种征兆同时上升", "two kinds of sign rise together"],
    contaminated: ["探测器积尘", "the detector is dirty"], clean: ["探测器恢复洁净", "the detector is clean again"],
    device_reset: ["设备复位", "reset by the device"],
    person_reset: ["人工复位", "reset by a person"], silent: ["无消息", "no messages"], back: ["恢复", "back"],
    stuck: ["数值不变", "the value does not move"], moves_again: ["数值恢复变化", "moves again"],
    flapping: ["频繁上下线", "comes and goes"], steady: ["恢复稳定", "steady again"], low_battery: ["电量低", "low battery"],
    battery_ok: ["电量恢复", "battery is well"], gateway_down: ["网关离线", "its gateway is down"],
    unreadable: ["消防消息无法读取", "a message of life safety cannot be read"],
    readable: ["一小时内再无此类消息", "no such message for an hour"],
    wrong_clock: ["时钟错误", "its clock is wrong"], clock_ok: ["时钟恢复", "its clock is right again"],
    night_use: ["夜间用量占比升高", "a larger share is used at night"],
    other_shape: ["用电作息改变", "the hours of use have changed"],
    unusual: ["偏离平时规律", "far from what is usual"], usual_again: ["恢复平时规律", "as usual again"], drift_reset: ["客流计数归零修正", "count of people corrected"],
    meter_reset: ["表计清零", "the meter was reset"], meter_rollover: ["表计翻转", "the meter rolled over"],
    reported: ["人员报告", "a person reports it"], flood: ["报警洪水", "a flood of alarms"],
    meter_glitch: ["表计跳变", "the meter glitched"], meter_swap: ["表计更换", "the meter was swapped"],
  },
  activity: {
    unknown: ["未知", "Unknown"], active: ["正常", "Active"], reduced: ["减产", "Reduced"], half_stopped: ["半停产", "Half stopped"],
    stopped: ["停产", "Stopped"], dormant: ["休眠", "Dormant"], zombie_suspect: ["疑似僵尸企业", "Zombie suspect"],
  },
  paper: {
    supply_pause: ["暂停用电", "Pause of supply"], filed_suspension: ["歇业备案", "Filed suspension"], holiday: ["放假报备", "Holiday"],
    return_missing: ["季报未报", "Quarterly return missing"], return_zero: ["季报为零", "Quarterly return of zero"],
    rent_arrears: ["欠租", "Rent in arrears"], no_tax: ["无纳税记录", "No tax paid"], no_insurance: ["无社保缴纳", "No social security paid"],
  },
  label: {
    late: ["迟到", "late"], retained: ["代理保留消息", "retained"], wrong_clock: ["时钟错误", "wrong clock"],
    suspect: ["可疑", "suspect"], unclaimed: ["未认领", "unclaimed"], test: ["测试", "test"], maintenance: ["维护", "maintenance"],
  },
  status: {
    gateway_down: ["网关离线", "Gateway down"], silent: ["静默", "Silent"], stuck: ["数值不变", "Stuck"],
    flapping: ["频繁上下线", "Flapping"], wrong_clock: ["时钟错误", "Wrong clock"], low_battery: ["电量低", "Low battery"],
    online: ["在线", "Online"], never_seen: ["从未上线", "Never seen"],
  },
  mode: { normal: ["正常", "normal"], test: ["测试", "test"], maintenance: ["维护", "maintenance"] },
  quality: {
    good: ["好", "good"], estimated: ["估算", "estimated"], late: ["迟到", "late"], retained: ["代理保留", "retained"],
    suspect: ["可疑", "suspect"], out_of_range: ["超出量程", "out of range"], wrong_clock: ["时钟错误", "wrong clock"],
    stale: ["过期", "stale"], test: ["测试", "test"], maintenance: ["维护", "maintenance"],
  },
  rule: {
    unreadable: ["消防设备消息无法读取", "A fire device cannot be understood"],
    "fire.pre_alarm": ["火灾预警", "Fire pre-alarm"], "fire.confirmed": ["火灾确认", "Fire confirmed"],
    "gas.pre_alarm": ["燃气或一氧化碳预警", "Gas or CO pre-alarm"], "gas.confirmed": ["燃气或一氧化碳确认", "Gas or CO confirmed"],
    "limit.co_100": ["一氧化碳危险浓度", "CO dangerous to people"], "limit.co_50": ["一氧化碳偏高", "CO high"],
    "limit.residual_current": ["剩余电流超限", "Residual current too high"],
    "limit.cable_temperature": ["线缆温度过高", "Cable too hot"],
    "limit.hydrant_pressure_low": ["消火栓水压低", "Hydrant pressure low"],
    "limit.hydrant_pressure_high": ["消火栓水压高", "Hydrant pressure high"],
    "limit.tank_level_low": ["消防水池水位低", "Fire water tank low"],
    "limit.electrical_fire": ["疑似电气火灾", "An electrical fire may begin"],
    "limit.fire_pump_not_auto": ["消防泵未处于自动", "The fire pump is not in automatic"],
    "limit.fire_pump_running": ["消防泵持续运行", "A fire pump runs on"],
    "limit.fire_valve_closed": ["消防阀门关闭", "A valve of the fire water is closed"],
    "limit.fire_power_failed": ["消防设备电源故障", "Fire equipment has lost its power"],
    "limit.fire_door_open": ["常闭防火门未关闭", "A fire door stands open"],
    "limit.over_voltage": ["电压偏高", "Voltage high"],
    "limit.under_voltage": ["电压偏低", "Voltage low"], "limit.frequency": ["频率异常", "Frequency off"],
    "limit.voltage_harmonics": ["电压谐波超限", "Voltage harmonics"],
    "limit.transformer_load_warn": ["变压器负载高", "Transformer load high"],
    "limit.transformer_overload": ["变压器过载", "Transformer overloaded"], "limit.co2": ["二氧化碳偏高", "CO₂ high"],
    "limit.noise": ["噪声超限", "Noise too high"], "limit.pm25": ["PM2.5 偏高", "PM2.5 high"],
    "limit.nmhc": ["非甲烷总烃超限", "NMHC too high"], "limit.cod": ["化学需氧量超限", "COD too high"],
    "limit.ph": ["排水 pH 异常", "Discharge pH off"], "limit.crowd": ["人员拥挤", "Crowded"],
    "limit.power_factor": ["功率因数低", "Power factor low"],
  },
  finding: { anomaly: ["异常", "unusual"], meter: ["表计", "meter"], occupancy: ["客流", "people count"] },
  kind: {
    room_sensor: ["室内环境", "Room sensor"], smoke_detector: ["烟感", "Smoke detector"], meter: ["电表", "Meter"],
    multi_detector: ["复合探测器", "Multi detector"], water_meter: ["水表", "Water meter"], door_counter: ["门口客流", "Door counter"],
    electrical_monitor: ["电气火灾监控", "Electrical monitor"], zone_counter: ["区域人数", "People in zone"],
    call_point: ["手报", "Call point"], machine: ["生产线", "Machine"], dock_counter: ["装卸口", "Dock"],
    heat_detector: ["温感", "Heat detector"], emission_monitor: ["排口监测", "Emission monitor"], gateway: ["网关", "Gateway"],
    hydrant_sensor: ["消火栓", "Hydrant"], co_detector: ["一氧化碳探测器", "CO detector"], gas_detector: ["燃气探测器", "Gas detector"],
    vehicle_counter: ["车辆计数", "Vehicle counter"], air_station: ["空气站", "Air station"], tank_sensor: ["水池液位", "Tank sensor"],
    flame_detector: ["火焰探测器", "Flame detector"], fire_panel: ["消防主机", "Fire panel"],
  },
  trade: {
    machining: ["机械加工", "Machining"], textile: ["纺织", "Textile"], furniture: ["家具", "Furniture"],
    plastics: ["塑料制品", "Plastics"], electronics: ["电子", "Electronics"], food: ["食品", "Food"],
    cold_store: ["冷库", "Cold store"], printing: ["印刷", "Printing"], packaging: ["包装", "Packaging"],
    logistics: ["仓储物流", "Logistics"], office: ["办公", "Office"], hardware: ["五金建材", "Hardware"], metal: ["五金", "Metal"],
  },
  value: {
    normal: ["正常", "normal"], alarm: ["报警", "alarm"], fault: ["故障", "fault"], off: ["关", "off"], on: ["开", "on"],
    empty: ["无人", "empty"], occupied: ["有人", "occupied"], stopped: ["停止", "stopped"], running: ["运行", "running"],
    closed: ["关闭", "closed"], open: ["打开", "open"], idle: ["空闲", "idle"], ok: ["正常", "ok"], low: ["低", "low"],
    offline: ["离线", "offline"], online: ["在线", "online"], tampered: ["被拆动", "tampered"],
  },
};

const { caseRule, ...DESK } = DESK_WORDS;
const ALL = { ...WORDS, ...DESK, rule: { ...WORDS.rule, ...caseRule } };

/** The word for a code in the present language; the code itself where there is none. */
export const word = (group, code) => ALL[group]?.[code]?.[lang() === "zh" ? 0 : 1] ?? String(code ?? "—");
