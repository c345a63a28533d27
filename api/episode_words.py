"""An episode in one sentence, in Chinese and English: what, where, since when, how far, and why we think so."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from park.episodes import Episode
from park.events import Anomaly, Baseline, Finding, Statistic
from park.metrics import METRICS

ANOMALIES: Mapping[Anomaly, tuple[str, str]] = MappingProxyType({
    Anomaly.SPIKE: ("突升", "spike"),
    Anomaly.DIP: ("突降", "dip"),
    Anomaly.SHIFT: ("水平变化", "another level"),
    Anomaly.DRIFT: ("缓慢漂移", "drift"),
    Anomaly.VARIANCE: ("波动异常", "unusual movement"),
    Anomaly.STUCK: ("数值不变", "stuck"),
    Anomaly.MISSING: ("数据缺失", "values missing"),
    Anomaly.SHAPE: ("日内形态异常", "unusual course"),
    Anomaly.CONTEXT: ("时段异常", "right value, wrong hour"),
})  # fmt: skip
BASELINES: Mapping[Baseline, tuple[str, str]] = MappingProxyType({
    Baseline.FORECAST: (
        "由前值、近期水平、本时段和每周同时段合成的预测",
        "a forecast from the value before, the slow level, this half hour and this hour of the week",
    ),
    Baseline.HALF_HOUR: ("每日同一半小时的平时值", "what this half hour of the day usually has"),
    Baseline.LEVEL: ("近两周的水平", "the level of the last two weeks"),
    Baseline.MOVEMENT: ("平时的波动幅度", "how much the values usually move"),
    Baseline.PACE: ("平时的上报频率", "how often values usually come"),
    Baseline.HOUR_OF_WEEK: ("每周同一小时的平时值", "what this hour of this weekday usually has"),
    Baseline.SIBLINGS: ("园区同类传感器当日的均值", "the day's mean of the park's other sensors"),
})  # fmt: skip
STATISTICS: Mapping[Statistic, tuple[str, str]] = MappingProxyType({
    Statistic.ABOVE: ("高于预测", "higher than the forecasts"),
    Statistic.BELOW: ("低于预测", "lower than the forecasts"),
    Statistic.HOUR_ABOVE: ("高于本时段平时", "higher than this half hour usually is"),
    Statistic.HOUR_BELOW: ("低于本时段平时", "lower than this half hour usually is"),
    Statistic.STEP: ("最近几个值整体偏离近期水平", "the newest values together are off the slow level"),
    Statistic.SHIFT: ("较长一段整体偏离近期水平", "many of the last values together are off the slow level"),
    Statistic.MOVED: ("波动幅度不同往常", "the values move more, or less, than they usually do"),
    Statistic.RUN: ("数值持续不变", "values in a row do not move"),
    Statistic.SHAPE: ("一连串同向的小偏差", "many small surprises to one side"),
    Statistic.UNLIKE: ("全天走势不像以往", "a course unlike the days before"),
})  # fmt: skip
_UNKNOWN = ("异常", "unusual")


def number(value: float) -> str:
    """Return a value as people read it: four digits that count."""
    text = f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"
    return "0" if text == "-0" else text


def within(f: Finding) -> bool:
    """Tell whether the worst value is one that is usual at its hour: then something else was unusual of it."""
    return f.value is not None and f.low is not None and f.high is not None and f.low <= f.value <= f.high


def deviation(f: Finding) -> float | None:
    """Return how far the worst value is from what was expected, as a share of it; None: not known, or as usual."""
    if f.value is None or f.expected is None or abs(f.expected) < 1e-9 or within(f):
        return None
    return (f.value - f.expected) / abs(f.expected)


def sentence(episode: Episode, metric: str, where: str, utc_offset: int) -> tuple[str, str]:
    """Return an episode in words, (zh, en); `utc_offset` is the park's, minutes."""
    f = episode.newest
    known = METRICS.get(metric)
    names = (known.zh, known.en) if known else (metric, metric)
    unit = known.unit if known else ""
    kind = ANOMALIES[f.anomaly] if f.anomaly else _UNKNOWN
    since, until = _moment(f.since or f.ts, utc_offset), _moment(episode.until, utc_offset) if episode.until else ""
    zh = [f"{where} {names[0]}{kind[0]}", f"{since} 起" + (f"至 {until}" if until else "，仍在持续")]
    en = [f"{where}: {names[1]}, {kind[1]}", f"since {since}" + (f" until {until}" if until else ", still going on")]
    if within(f):
        but = STATISTICS[f.parts[0].statistic] if f.parts else kind
        usual = f"{number(f.low or 0.0)}–{number(f.high or 0.0)}"
        zh.append(f"{number(f.value or 0.0)} {unit}".strip() + f"，在此时平时的 {usual} 之内，但{but[0]}")
        en.append(f"{number(f.value or 0.0)} {unit}".strip() + f", within the {usual} usual at this hour, but {but[1]}")
    elif f.value is not None and f.expected is not None:
        share = deviation(f)
        far = f"{abs(share):.0%}" if share is not None else f"{number(abs(f.value - f.expected))} {unit}".strip()
        side = f.value > f.expected
        band = f"{number(f.low)}–{number(f.high)}" if f.low is not None and f.high is not None else number(f.expected)
        zh.append(f"最异常为 {number(f.value)} {unit}".strip() + f"，平时 {band}，偏{'高' if side else '低'} {far}")
        en.append(
            f"at worst {number(f.value)} {unit}".strip() + f", usually {band}, {far} too {'high' if side else 'low'}"
        )
    if f.baseline:
        zh.append(f"依据：{BASELINES[f.baseline][0]}")
        en.append(f"held against {BASELINES[f.baseline][1]}")
    if f.times > 1 and f.anomaly is not Anomaly.MISSING:
        zh.append(f"约 {number(f.times)} 个数值中才有一个如此")
        en.append(f"one of about {number(f.times)} values is like it")
    return "；".join(zh) + "。", "; ".join(en) + "."


def _moment(ms: int, utc_offset: int) -> str:
    moment = datetime.fromtimestamp(ms / 1000, UTC) + timedelta(minutes=utc_offset)
    return moment.strftime("%Y-%m-%d %H:%M")
