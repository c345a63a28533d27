"""What to do about alarms that no rule of the table makes: fires, devices that are not well, what was found.

A rule of the table carries its own words (`annotations`); these stand for everything else, and for a rule that says
nothing. Looked up by the alarm's rule, else by the word before its first dot.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Runbook:
    """What to do, in both languages, and what that rests on."""

    zh: str = ""
    en: str = ""
    basis: str = ""


_LIFE = "GB/T 45839-2025"
# What is done first of life safety: 消防法 of 2021, articles 5 and 44: everybody who finds a fire reports it (119).
# Of the rest: domain 2.4 (suspected, to be visited), 4.5 (detectors), 5 (ISA-18.2: look for the one cause), 6 (meters
# and counters), 2.3 (a ladder that ends in a visit, never by itself).
RUNBOOKS: Mapping[str, Runbook] = MappingProxyType({
    "fire": Runbook(
        "立即到场核实；属实拨打 119，启动疏散，切断火场电源",
        "Go and look at once; if it is true call 119, evacuate, cut the power", _LIFE,
    ),
    "gas": Runbook(
        "关闭阀门，开窗通风，不开关电器，人员撤离",
        "Close the valve, air the room, switch nothing, get people out", _LIFE,
    ),
    "co": Runbook("人员立即撤离并通风", "Get people out at once and air the room", _LIFE),
    "unreadable": Runbook(
        "此设备的消息无法读取，等于无人看守：安排人工巡查，请厂家核对型号、协议和测点对应。",
        "What it says is not understood, so it guards nothing: patrol, and have its model, dialect and points seen to.",
    ),
    "device.gateway_down": Runbook(
        "查网关的电源和网络。其下设备此刻没有数据，有消防设备的区域人工巡查，直到恢复。",
        "See to the gateway's power and network. Nothing below it is heard: patrol where it carries fire devices.",
    ),
    "device.silent": Runbook(
        "查设备的电源、电池和信号；消防设备失联期间人工巡查。",
        "See to its power, battery and signal; patrol as long as a fire device is silent.",
    ),
    "device.stuck": Runbook(
        "到现场对照读数；数值长期不变多为传感器或采集故障，重启或更换。",
        "Compare with what is read on site: values that never move are mostly a sensor's fault; restart or change it.",
    ),
    "device.flapping": Runbook(
        "查供电是否松动、信号是否太弱；移近网关或加中继。",
        "Look for a loose supply or a weak signal; move it nearer to its gateway, or add a repeater.",
    ),
    "device.wrong_clock": Runbook(
        "校准设备的时钟和时区，查对时服务器是否可达。",
        "Set its clock and zone, and see that it reaches its time server.",
    ),
    "device.low_battery": Runbook(
        "更换电池并确认重新上线；消防设备优先。", "Change the battery and see that it comes back; fire devices first."
    ),
    "device.set_apart": Runbook(
        "核实测试或维护是否结束：结束就恢复正常；未结束则安排人工巡查。",
        "See whether the test or the work is over: then set it to normal; else have the place patrolled.",
    ),
    "test.alarm": Runbook(
        "设备在测试中，不呼叫任何人；测试结束后恢复正常。",
        "The device is in test and calls nobody; set it to normal when the test is over.",
    ),
    "flood": Runbook(
        "先处理紧急报警；再找共同原因：断电、断网、网关离线；其余见汇总。",
        "Answer the critical ones first; then look for one cause: power, network, a gateway. The summary has the rest.",
    ),
    "finding.anomaly": Runbook(
        "对照往常曲线和当天生产情况；现场核实后标注真假。",
        "Compare with the usual curve and what was made that day; look on site, then mark whether it was real.",
    ),
    "finding.meter": Runbook(
        "核对表计读数、互感器变比和接线；换表、清零请登记。",
        "Check the meter's reading, its transformer ratio and its wiring; enter it where it was changed or reset.",
    ),
    "finding.occupancy": Runbook(
        "清洁镜头，核对安装角度和进出方向，现场清点一次人数。",
        "Clean the lens, check its angle and directions, and count the people once on site.",
    ),
    "activity.zombie_suspect": Runbook(
        "仅为疑似：上门走访，核对停电、歇业等文件和租金、产值；不得只凭用电处理。",
        "A suspicion only: visit, ask for papers (pause, suspension), rent and output; never act on power alone.",
    ),
})  # fmt: skip
_NONE = Runbook()


def runbook_of(rule: str) -> Runbook:
    """Return what to do about an alarm of a rule that says nothing itself; empty where nothing is known."""
    return RUNBOOKS.get(rule) or RUNBOOKS.get(rule.partition(".")[0], _NONE)
