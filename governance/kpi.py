"""How well alarms serve people: figures as pure functions of a period, each beside its benchmark.

Benchmarks of alarm load are those of ISA-18.2-2016 and EEMUA 191 (4th ed. 2024) as practice papers cite them,
per operating position and over at least thirty days; the standards' own texts were not read. Those of false fire
alarms are of BS 5839-1.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from statistics import fmean, median

from governance.activations import FALSE, Activation, Period
from park.alarms import Case, CaseState, Verdict
from park.events import Severity
from park.kpi import Flood, Indicator, Kpi, RulePrecision, Source

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
SLOT = 10 * MINUTE
FLOOD_OVER, FLOOD_ENDS = 10, 5  # more than 10 in ten minutes begin a flood, fewer than 5 end it
CHATTER, CHATTER_SPAN = 3, MINUTE  # practice, not the standard's text
STANDS_LONG = DAY
YEAR = 365.25 * DAY
_ISA = "ISA-18.2-2016 / EEMUA 191 (2024)"
_BS = "BS 5839-1"
_OWN = "house practice"


def slots(activations: Sequence[Activation], start: int, end: int) -> list[int]:
    """Return how many alarms came in each ten minutes of a period."""
    count = max(1, -(-(end - start) // SLOT))
    found = [0] * count
    for a in activations:
        if start <= a.at < end:
            found[(a.at - start) // SLOT] += 1
    return found


def floods(per_slot: Sequence[int], start: int, positions: int = 1) -> tuple[Flood, ...]:
    """Return the floods of a run of ten-minute slots, per position."""
    found: list[Flood] = []
    began: int | None = None
    for i, count in enumerate([*per_slot, 0]):
        each = count / positions
        if began is None and each > FLOOD_OVER:
            began = i
        elif began is not None and (each < FLOOD_ENDS or i == len(per_slot)):
            inside = per_slot[began:i]
            found.append(Flood(start + began * SLOT, start + i * SLOT, sum(inside), max(inside)))
            began = i if each > FLOOD_OVER else None
    return tuple(found)


def standing(cases: Sequence[Case], start: int, end: int) -> int:
    """Return the most alarms that had stood for longer than a day at the end of any day of a period."""
    days = range(start + DAY, end + 1, DAY) or (end,)
    return max(sum(_stood(c, day) for c in cases) for day in days)


def _stood(case: Case, at: int) -> bool:
    """Tell whether a case had stood for longer than a day at a time.

    A case over but not closed ended at its newest change at the latest: it does not stand after it.
    """
    if case.raised >= at - STANDS_LONG:
        return False
    ended = case.closed
    if ended is None and case.state in {CaseState.RETURNED, CaseState.RETURNED_ACKNOWLEDGED}:
        ended = case.changed
    return ended is None or ended > at


def sources(activations: Sequence[Activation], most: int = 10) -> tuple[Source, ...]:
    """Return the sources of most alarms, with their shares of all."""
    counts = Counter(a.source for a in activations)
    whole = len(activations)
    return tuple(
        Source(s, n, n / whole) for s, n in sorted(counts.items(), key=lambda x: (-x[1], x[0]))[:most]
    )  # fmt: skip


def chattering(activations: Sequence[Activation]) -> tuple[Source, ...]:
    """Return the sources that alarmed three times or more within some minute, and how often they did in all."""
    times: dict[str, list[int]] = defaultdict(list)
    for a in activations:
        times[a.source].append(a.at)
    found = {
        s for s, t in times.items()
        if any(t[i + CHATTER - 1] - t[i] <= CHATTER_SPAN for i in range(len(t) - CHATTER + 1))
    }  # fmt: skip
    return sources([a for a in activations if a.source in found], len(found))


def precision(cases: Sequence[Case]) -> tuple[RulePrecision, ...]:
    """Return what became of the alarms of each rule, worst first. UNKNOWN is no decision."""
    by_rule: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        by_rule[case.rule].append(case)
    found = []
    for rule, some in by_rule.items():
        real = sum(c.verdict is Verdict.REAL for c in some)
        false = sum(c.verdict in FALSE for c in some)
        found.append(RulePrecision(rule, len(some), real, false, len(some) - real - false))
    return tuple(sorted(found, key=lambda r: (-r.false, -r.alarms, r.rule)))


def kpi(period: Period) -> Kpi:
    """Return all figures of a period."""
    live = [a for a in period.activations if not a.held]
    per_slot = slots(live, period.start, period.end)
    flooded = floods(per_slot, period.start, period.positions)
    top, chatter = sources(live), chattering(live)
    raised = period.raised
    mix = {s.value: sum(a.severity is s for a in live) for s in Severity}
    false_by = Counter(c.device for c in raised if _false_fire(c) and c.device)
    years = (period.end - period.start) / YEAR
    return Kpi(
        period.start, period.end,
        (
            *_load(period, live, per_slot, flooded), *_shape(period, live, top, chatter, mix), *_people(period),
            *_false(period, false_by, years), *_marked(raised),
        ),
        flooded, chatter, top, mix, precision(raised),
        {device: n for device, n in sorted(false_by.items()) if n >= 3 * max(1.0, years)},
        len(live), len(period.activations) - len(live), period.positions, period.detectors,
    )  # fmt: skip


# ── by group ─────────────────────────────────────────────────────────────────────────────────────


def _load(
    period: Period, live: Sequence[Activation], per_slot: Sequence[int], flooded: Sequence[Flood]
) -> tuple[Indicator, ...]:
    span, each = period.end - period.start, period.positions
    note = "" if span >= 30 * DAY else "the benchmark is for 30 days or more"
    n, s = len(live), len(per_slot)
    over = sum(count / each > FLOOD_OVER for count in per_slot)
    in_flood = sum(f.end - f.start for f in flooded) / (s * SLOT)
    return (
        Indicator(
            "per_10_minutes",
            "每人每10分钟报警数",
            "alarms per officer and 10 minutes",
            n / each / (span / SLOT),
            "1",
            1.0,
            2.0,
            source=_ISA,
            of=n,
            note=note,
        ),
        Indicator(
            "per_hour",
            "每人每小时报警数",
            "alarms per officer and hour",
            n / each / (span / HOUR),
            "1",
            6.0,
            12.0,
            source=_ISA,
            of=n,
            note=note,
        ),
        Indicator(
            "per_day",
            "每人每日报警数",
            "alarms per officer and day",
            n / each / (span / DAY),
            "1",
            150.0,
            300.0,
            source=_ISA,
            of=n,
            note=note,
        ),
        Indicator(
            "peak_10_minutes",
            "10分钟最多报警数",
            "most alarms in 10 minutes",
            max(per_slot) / each,
            "1",
            10.0,
            10.0,
            source=_ISA,
            of=s,
        ),
        Indicator(
            "slots_over_10",
            "超过10条的10分钟占比",
            "10-minute periods with more than 10 alarms",
            over / s,
            "share",
            0.01,
            0.01,
            source=_ISA,
            of=s,
        ),
        Indicator(
            "flood_time",
            "报警泛滥时间占比",
            "time in flood",
            in_flood,
            "share",
            0.01,
            0.01,
            source=_ISA,
            of=len(flooded),
        ),
    )


def _shape(
    period: Period, live: Sequence[Activation], top: Sequence[Source], chatter: Sequence[Source], mix: dict[str, int]
) -> tuple[Indicator, ...]:
    n = len(live)
    stale = standing(period.cases, period.start, period.end)

    def share(count: int) -> float | None:
        return count / n if n else None

    # Four priorities here, three there: the highest is the standards' optional one, of less than 1 %.
    bounds = {"critical": (0.01, 0.05), "high": (0.05, 0.10), "medium": (0.15, 0.25)}
    words = {"critical": "紧急", "high": "高", "medium": "中"}
    return (
        Indicator(
            "standing",
            "持续超过24小时的报警（最多日）",
            "alarms standing for over a day, worst day",
            float(stale),
            "1",
            4.0,
            5.0,
            source=_ISA,
            of=len(period.cases),
        ),
        Indicator(
            "chattering", "抖动报警源", "chattering sources", float(len(chatter)), "1", 0.0, 0.0, source=_ISA, of=n
        ),
        Indicator(
            "top_ten_share",
            "前十来源占比",
            "share of the ten busiest sources",
            share(sum(t.alarms for t in top)),
            "share",
            0.05,
            source=_ISA,
            of=n,
            note="of few alarms, ten sources are most of them" if n < 200 else "",
        ),
        *(
            Indicator(
                f"priority_{name}",
                f"{words[name]}级报警占比",
                f"share of {name} alarms",
                share(mix[name]),
                "share",
                target,
                limit,
                source=_ISA,
                of=n,
            )
            for name, (target, limit) in bounds.items()
        ),
    )


def _people(period: Period) -> tuple[Indicator, ...]:
    raised = period.raised
    seen = [period.first_acknowledged[c.id] - c.raised for c in raised if c.id in period.first_acknowledged]
    life = [period.first_acknowledged[c.id] - c.raised for c in raised if c.life and c.id in period.first_acknowledged]
    mended = [c.closed - c.raised for c in raised if c.closed is not None]
    return (
        Indicator("mtta", "平均确认时间", "mean time to acknowledge", _mean(seen), "s", of=len(seen)),
        Indicator("mtta_median", "确认时间中位数", "median time to acknowledge", _median(seen), "s", of=len(seen)),
        Indicator(
            "mtta_life",
            "生命安全报警平均确认时间",
            "mean time to acknowledge, life safety",
            _mean(life),
            "s",
            of=len(life),
        ),
        Indicator("mttr", "平均关闭时间", "mean time to close", _mean(mended), "s", of=len(mended)),
        Indicator(
            "unacknowledged",
            "未确认的报警",
            "alarms that nobody acknowledged",
            float(
                sum(not c.acknowledged and c.id not in period.first_acknowledged and c.closed is None for c in raised)
            ),
            "1",
            0.0,
            source=_OWN,
            of=len(raised),
        ),
    )


def _false_fire(case: Case) -> bool:
    return case.family.partition(".")[0] == "fire" and case.verdict in FALSE


def _false(period: Period, by: Counter[int], years: float) -> tuple[Indicator, ...]:
    fires = [c for c in period.raised if c.family.partition(".")[0] == "fire"]
    wrong = sum(_false_fire(c) for c in fires)
    undecided = sum(c.verdict in {None, Verdict.UNKNOWN} for c in fires)
    rate = wrong / period.detectors / years * 100 if period.detectors and years > 0 else None
    note = f"{undecided} fire alarms are not marked yet" if undecided else ""
    worst = max(by.values(), default=0) / max(years, 1.0)
    small = 0 < period.detectors < 40
    target, limit = (300.0 / period.detectors, 300.0 / period.detectors) if small else (2.0, 5.0)
    return (
        Indicator(
            "false_alarms_per_100_detectors",
            "每百只探测器每年误报",
            "false alarms per 100 detectors and year",
            rate,
            "1",
            target,
            limit,
            source=f"{_BS}: 1 per 50 detectors normal, 1 per 20 investigated",
            of=period.detectors,
            note=note,
        ),
        Indicator(
            "false_alarms_one_device",
            "单只探测器误报最多",
            "most false alarms of one detector",
            worst,
            "1",
            2.0,
            2.0,
            source=f"{_BS}: three a year are investigated",
            of=len(by),
        ),
    )


def _marked(raised: Sequence[Case]) -> tuple[Indicator, ...]:
    real = sum(c.verdict is Verdict.REAL for c in raised)
    false = sum(c.verdict in FALSE for c in raised)
    value = real / (real + false) if real + false else None
    return (
        Indicator(
            "precision",
            "经核实为真的比例",
            "share of marked alarms that were real",
            value,
            "share",
            0.9,
            least=True,
            source=_OWN,
            of=real + false,
        ),
    )


def _mean(times: Sequence[int]) -> float | None:
    return fmean(times) / 1000 if times else None


def _median(times: Sequence[int]) -> float | None:
    return median(times) / 1000 if times else None
