"""The words of the activity ladder: states, signs with their figures, and how a park officer would say them.

```
 active > reduced > half_stopped > stopped          observed: follows the meters within days
                                   stopped > dormant > zombie_suspect     suspicion: legal clocks, papers absent
```
A sign is one piece of evidence; its words are a template in both languages over its figures.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from types import MappingProxyType


class ActivityState(StrEnum):
    """How active an enterprise is, worst last; `unknown` is no place on the ladder."""

    UNKNOWN = "unknown"
    ACTIVE = "active"
    REDUCED = "reduced"
    HALF_STOPPED = "half_stopped"
    STOPPED = "stopped"
    DORMANT = "dormant"
    ZOMBIE_SUSPECT = "zombie_suspect"


class Sign(StrEnum):
    """What a day's state rests on."""

    TODAY = "today"  # use against what that weekday used to be
    LEVEL = "level"  # the last workdays together
    RUN = "run"  # days in a row that do not work
    VISITS = "visits"  # of these, days with some use
    STANDING = "standing"  # only the standing load is left
    FLAT_LOAD = "flat_load"  # night is as day: electricity alone says little
    FEED = "feed"  # another feed, against its own past
    CONTRADICTED = "contradicted"  # another feed says that work goes on
    QUIET = "quiet"  # another feed is silent too
    PEERS = "peers"  # same trade, same park
    RECORD = "record"  # a return missing, rent in arrears, ...
    NO_PAPER = "no_paper"
    CLOCK = "clock"  # a legal clock has run out
    VISIT = "visit"  # what is to be done
    PAPER = "paper"  # explains silence
    HOLIDAY = "holiday"
    LEARNING = "learning"
    UNHEARD = "unheard"  # silent meter or gateway
    STUCK = "stuck"  # a register that does not move
    REPEATED = "repeated"  # one value all day
    INSTEAD = "instead"  # another measure stands in for a faulty register
    ESTIMATED = "estimated"  # spread over a gap
    CLEARS = "clears"  # what would end a stop


@dataclass(frozen=True, slots=True)
class Evidence:
    """A sign with its figures. `share`s are 0..1 (or above); days are ISO dates."""

    sign: Sign
    figures: Mapping[str, float | int | str] = field(default_factory=dict)


#            sign: (Chinese, English); {x:.0%} and the like are of str.format, {x!w} is a word of _WORDS
_TEMPLATES: Mapping[Sign, tuple[str, str]] = MappingProxyType({
    Sign.TODAY: ("{day} {measure!w} {amount:.4g} {unit}，往常同类日 {expected:.4g} {unit}，为 {share:.0%}",
                 "{day}: {measure!w} {amount:.4g} {unit}, usual for such a day {expected:.4g} {unit}: {share:.0%}"),
    Sign.LEVEL: ("最近 {days} 个工作日为往常的 {share:.0%}", "{share:.0%} of its usual over {days} workdays"),
    Sign.RUN: ("连续 {days} 天用量不高于往常的 {limit:.0%}，自 {since} 起",
               "{days} days in a row at or below {limit:.0%} of usual, since {since}"),
    Sign.VISITS: ("其间 {days} 天有用量，不足以算恢复", "{days} days of use in between: too few to be work"),
    Sign.STANDING: ("自 {since} 起 {days} 天只剩基础负荷：夜间（2–5 时）为日均的 {share:.0%}，往常 {usual:.0%}",
                    "standing load only for {days} days since {since}: night {share:.0%} of mean, once {usual:.0%}"),
    Sign.FLAT_LOAD: ("往常夜间与白天负荷相同（{share:.0%}），像冷库、水泵或机房，仅凭用电难以判断",
                     "its night is as its day ({share:.0%}), as in a cold store: electricity alone tells little"),
    Sign.FEED: ("{measure!w}近 {days} 天为往常的 {share:.0%}", "{measure!w} at {share:.0%} of usual over {days} days"),
    Sign.CONTRADICTED: ("但{measure!w}当日为往常的 {share:.0%}，请核对电表",
                        "yet {measure!w} were {share:.0%} of usual that day: check the meter"),
    Sign.QUIET: ("{measure!w}也停了：近 {days} 天为往常的 {share:.0%}",
                 "{measure!w} missing too: {share:.0%} of usual over {days} days"),
    Sign.PEERS: ("同园同行业 {count} 家当日中位数为往常的 {share:.0%}",
                 "{count} others of its trade in the park: median {share:.0%} of usual that day"),
    Sign.RECORD: ("{kind!w}（{begin} 起）", "{kind!w} (since {begin})"),
    Sign.NO_PAPER: ("没有暂停用电、歇业备案等在册文件", "no paper on file explains it"),
    Sign.CLOCK: ("自 {since} 起已停 {days} 天，超过 {limit} 天（{basis!w}）",
                 "{days} days since {since}, more than {limit} ({basis!w})"),
    Sign.VISIT: ("仅为线索：请上门核实，再作认定", "a lead, not a verdict: a visit is due"),
    Sign.PAPER: ("有在册文件：{kind!w}，{begin} 至 {end}，不作停产判断",
                 "paper on file: {kind!w} ({begin} to {end}): silence is explained"),
    Sign.HOLIDAY: ("{kind!w}：休息属正常，当日不作工作日判断",
                   "{kind!w}: rest is usual, it is not judged as a workday"),
    Sign.LEARNING: ("学习中：{days}/{of} 天", "learning: {days} of {of} days"),
    Sign.UNHEARD: ("计量设备当日只有 {hours} 小时有数据（应有 {of}）：设备或网关故障，不算停产",
                   "the meter was heard in {hours} hours of {of}: a fault of meter or gateway, not idleness"),
    Sign.STUCK: ("电表示数全天未动，且无电压等旁证：疑电表故障，不算停产",
                 "the register does not move at all: a fault of the meter, not idleness"),
    Sign.REPEATED: ("全天同一数值 {value:.6g}：疑表计卡死，不算停产",
                    "one value all day, {value:.6g}: a meter that is stuck, not idleness"),
    Sign.INSTEAD: ("电表示数不可用，当日以{measure!w}代替", "the register cannot be used; {measure!w} stand in for it"),
    Sign.CLEARS: ("恢复条件：最近 {of} 个工作日有 {days} 天高于往常的 {limit:.0%}，或有在册文件说明",
                  "it ends when {days} of {of} workdays exceed {limit:.0%} of usual, or a paper on file explains it"),
    Sign.ESTIMATED: ("其中 {share:.0%} 由断线后的补数分摊", "{share:.0%} of it spread over a gap"),
})  # fmt: skip

_WORDS: Mapping[str, tuple[str, str]] = MappingProxyType({
    "energy_use": ("用电", "electricity"), "power": ("功率", "power"), "water_use": ("用水", "water"),
    "people_in": ("进出人数", "people"), "vehicles_in": ("车辆", "vehicles"), "parcels": ("快递", "parcels"),
    "output_count": ("产量", "output"),
    "supply_pause": ("暂停用电", "pause of supply"), "filed_suspension": ("歇业备案", "filed suspension"),
    "holiday": ("放假报备", "holiday on file"), "return_missing": ("季报未报", "quarterly return missing"),
    "return_zero": ("季报为零", "quarterly return of zero"), "rent_arrears": ("欠租", "rent in arrears"),
    "no_tax": ("无纳税记录", "no tax paid"), "no_insurance": ("无社保缴纳", "no social security paid"),
    "public_holiday": ("法定节假日", "public holiday"), "spring_festival": ("春节前后", "the weeks of Spring Festival"),
    "calendar": ("节假日", "holiday"),
    "A R5": ("《公司法》：自行停业连续六个月", "Company Law: closed by itself for six months"),
    "I": ("平台自定", "the platform's own limit"),
})  # fmt: skip

STATE_WORDS: Mapping[ActivityState, tuple[str, str]] = MappingProxyType({
    ActivityState.UNKNOWN: ("未知", "unknown"),
    ActivityState.ACTIVE: ("正常", "active"),
    ActivityState.REDUCED: ("减产", "reduced"),
    ActivityState.HALF_STOPPED: ("半停产", "half stopped"),
    ActivityState.STOPPED: ("停产", "stopped"),
    ActivityState.DORMANT: ("休眠", "dormant"),
    ActivityState.ZOMBIE_SUSPECT: ("疑似僵尸企业", "zombie suspect"),
})  # fmt: skip


class _Said:
    """A figure that may be asked for its word."""

    def __init__(self, value: float | str, language: int) -> None:
        self._value, self._language = value, language

    def __format__(self, form: str) -> str:
        if isinstance(self._value, str) and form:  # a figure that was said as a word
            return self._value
        return format(self._value, form)

    def __str__(self) -> str:
        return str(self._value)

    @property
    def word(self) -> str:
        """Its word; itself where it has none."""
        return _WORDS.get(str(self._value), (str(self._value),) * 2)[self._language]


def said(evidence: Evidence, language: str = "en") -> str:
    """Return a sign with its figures in words, "zh" or "en"; a figure that is not there is "?"."""
    n = 0 if language == "zh" else 1
    template = _TEMPLATES[evidence.sign][n]
    figures = _Figures({name: _Said(value, n) for name, value in evidence.figures.items()}, n)
    return template.replace("!w}", ".word}").format_map(figures)


class _Figures(dict[str, _Said]):
    """Figures by name; "?" where there is none."""

    def __init__(self, known: Mapping[str, _Said], language: int) -> None:
        super().__init__(known)
        self._language = language

    def __missing__(self, key: str) -> _Said:
        return _Said("?", self._language)


def iso(day: int) -> str:
    """Return days since 1970-01-01 as an ISO date."""
    return date.fromordinal(719_163 + day).isoformat()


def numbered(day: str) -> int:
    """Return an ISO date as days since 1970-01-01. Raises ValueError."""
    return date.fromisoformat(day).toordinal() - 719_163
