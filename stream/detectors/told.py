"""What a person is told of episodes: when one is worth it, that it is over, and which were like it.

An episode is told once it is so rare that a series like its own would show one in TELL_DAYS; in values, that
is more for a point that speaks each minute than for one that speaks each hour. What is rare only among a few
days' values stays a mark on the chart.
"""

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, replace
from math import log, log10

import numpy as np
import numpy.typing as npt

from park.directory import Directory
from park.events import Finding, Part, Reason, Severity, Statistic
from park.operator import State
from park.readings import Float64, Int32, Int64
from stream.detectors.episodes import APART, NOTABLE
from stream.detectors.judging import BASELINES, KINDS, Judged

TELL_DAYS = 1_450.0  # a false episode in five months of a point, measured on real series: docs/detection.md
REMEMBERED, LIKE = 8, 3  # past episodes of a point; how many of them are shown
_SETTLED, _YOUNG = 42 * 86_400_000, 1.0  # six weeks to know weeks by; at first it takes twice the bar
_HOUR, _DAY_HOURS = 3_600_000, 24
_GIVEN_UP = 7 * 24 * _HOUR  # an episode of a point that says nothing more
SEVERITIES: tuple[Severity, ...] = tuple(Severity)  # of columns that hold places in it
STATISTICS: tuple[Statistic, ...] = tuple(Statistic)
_LOW = SEVERITIES.index(Severity.LOW)
_WIDTH = 12 + len(STATISTICS)  # of a row that holds an episode
_SPOKE = 4  # parts that are told, the rarest first


@dataclass(frozen=True, slots=True)
class Episode:
    """An episode that was told."""

    point: int
    since: int  # epoch ms
    until: int  # newest value that was unusual
    kind: int  # place in KINDS
    rising: bool
    worst: float  # rarity
    value: float  # of the worst
    expected: float
    low: float
    high: float
    baseline: int = 0
    severity: int = _LOW
    parts: tuple[float, ...] = ()  # rarity by statistic, of the worst; () where a detector has but one


_OVER = Episode(0, 0, 0, 0, rising=False, worst=0.0, value=0.0, expected=0.0, low=0.0, high=0.0)  # of no rarity


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A value that is loud, or with which an episode is over, until its cause has been heard."""

    episode: Episode
    at: int  # epoch ms of receipt
    bar: float


@dataclass(frozen=True, slots=True)
class Bars:
    """What is told of points, columns by point."""

    rarity: Float64  # from which an episode is told
    least: Float64  # distance from what was expected below which nothing is told, in the unit of the values
    severity: npt.NDArray[np.int8]  # place in SEVERITIES
    cause: npt.NDArray[np.int16]  # code of the metric that explains some of it; -1: none


def bar(step: float, days: float = TELL_DAYS) -> float:
    """Return the rarity from which an episode is told, by minutes between values and days among which one is."""
    return max(log10(days * 1_440 / step), NOTABLE)


def settling(age: Int64) -> Float64:
    """Return times the bar that a finding needs, by ms since a point was first judged."""
    times: Float64 = 1 + _YOUNG * np.maximum(0.0, 1 - age / _SETTLED)
    return times


def distance(a: Episode, b: Episode) -> float:
    """Return how unlike two episodes are: kind and sign first, then hour, length and size."""
    hours = abs(a.since - b.since) / _HOUR % _DAY_HOURS
    apart = min(hours, _DAY_HOURS - hours) / 6
    length = abs(log((a.until - a.since + _HOUR) / (b.until - b.since + _HOUR)))
    size = abs(a.worst - b.worst) / max(a.worst, b.worst, 1.0)
    return 4 * (a.kind != b.kind) + 4 * (a.rising != b.rising) + apart + length + size


class Told:
    """Open episodes that were told, and the last of each point."""

    def __init__(self) -> None:
        self._open: dict[int, Episode] = {}  # by point
        self._past: dict[int, list[Episode]] = {}
        self._waiting: list[_Waiting] = []

    def take(
        self, directory: Directory, point: Int32, ts: Int64, at: Int64, value: Float64,
        bands: tuple[Float64, Float64, Float64], judged: Judged, bars: Bars, times: Float64,
    ) -> Iterator[tuple[int, Finding]]:  # fmt: skip
        """Yield (row, finding) where an episode is told or is over; `times` the bar are needed, by row (settling).

        Of points that have a cause nothing is, until they are answered.
        """
        spoken = judged.spoken
        loud = judged.rarity >= bars.rarity[point] * times
        if loud.any():
            loud &= np.abs(value - bands[0]) >= bars.least[point]
        for i in np.flatnonzero(loud | spoken.over).tolist():
            p, when = int(point[i]), int(ts[i])
            if loud[i]:
                expected, low, high = (float(column[i]) for column in bands)
                episode = Episode(
                    p, int(spoken.since[i]), when, int(judged.kind[i]), bool(judged.rising[i]), float(judged.rarity[i]),
                    float(value[i]), expected, low, high, int(judged.baseline[i]), int(bars.severity[p]),
                    () if judged.parts is None else tuple(judged.parts[i].tolist()),
                )  # fmt: skip
            else:
                episode = replace(_OVER, point=p, until=int(spoken.until[i]))
            if bars.cause[p] >= 0:
                self._waiting.append(_Waiting(episode, int(at[i]), float(bars.rarity[p] * times[i])))
            else:
                yield from ((i, finding) for finding in self._say(directory, episode, int(at[i])))

    def answer(self, directory: Directory, explained: Callable[[Episode], float]) -> Iterator[Finding]:
        """Yield what is told of all that waited, less what is explained of its rarity; of a point as it came."""
        waiting, self._waiting = sorted(self._waiting, key=lambda w: w.episode.point), []
        for w in waiting:
            if w.episode.worst == 0 or w.episode.worst - explained(w.episode) >= w.bar:
                yield from self._say(directory, w.episode, w.at)

    def _say(self, directory: Directory, said: Episode, at: int) -> Iterator[Finding]:
        """Yield what is told of a value that is loud, or with which an episode is over."""
        p = said.point
        known = self._open.get(p)
        if known is not None and (said.worst == 0 or said.worst > APART * known.worst):
            yield self._over(directory, p, known.until if said.worst else said.until, at)
            known = None
        if said.worst and (known is None or said.worst > known.worst):
            since = known.since if known else max(said.since, self._last_end(p) + 1)
            episode = replace(said, since=since)
            if known is None:
                yield self._finding(directory, episode, said.until, at)
            self._open[p] = episode

    def open_points(self) -> Container[int]:
        """Return the points of open episodes that were told."""
        return self._open.keys()

    def _last_end(self, point: int) -> int:
        past = self._past.get(point)
        return past[-1].until if past else 0

    def given_up(self, directory: Directory, now: int) -> list[Finding]:
        """End episodes of points that nothing was heard of for long."""
        lost = sorted(p for p, e in self._open.items() if now - e.until > _GIVEN_UP)
        return [self._over(directory, p, self._open[p].until, now) for p in lost]

    def _over(self, directory: Directory, point: int, until: int, at: int) -> Finding:
        episode = replace(self._open.pop(point), until=until)
        finding = self._finding(directory, episode, until, at, over=True)
        self._past[point] = [*self._past.get(point, []), episode][-REMEMBERED:]
        return finding

    def _finding(self, d: Directory, e: Episode, ts: int, at: int, *, over: bool = False) -> Finding:
        p = e.point
        past = sorted(self._past.get(p, []), key=lambda other: (distance(other, e), -other.since))
        return Finding(
            "anomaly", p, ts, at, SEVERITIES[e.severity], Reason.USUAL_AGAIN if over else Reason.UNUSUAL, e.value,
            e.expected, e.low, e.high, e.worst / (e.worst + NOTABLE), int(d.device[p]), int(d.place[p]), int(d.park[p]),
            episode=f"anomaly/{p}/{e.since}", since=e.since, until=e.until if over else 0, anomaly=KINDS[e.kind],
            baseline=BASELINES[e.baseline], rising=e.rising, times=float(10.0 ** min(e.worst, 15.0)),
            similar=tuple(other.since for other in past[:LIKE]), parts=_parts(e),
        )  # fmt: skip

    def snapshot(self) -> State:
        """Return all episodes as arrays."""
        past = [e for p in sorted(self._past) for e in self._past[p]]
        waiting = sorted(self._waiting, key=lambda w: w.episode.point)
        return {
            "told_open": _table([self._open[p] for p in sorted(self._open)]), "told_past": _table(past),
            "told_waiting": _table([w.episode for w in waiting]),
            "told_waits": np.array([(w.at, w.bar) for w in waiting], np.float64).reshape(-1, 2),
        }  # fmt: skip

    def restore(self, state: State) -> None:
        """Take the episodes of an earlier snapshot."""
        self._open = {e.point: e for e in _episodes(state["told_open"])}
        self._past = {}
        for episode in _episodes(state["told_past"]):
            self._past.setdefault(episode.point, []).append(episode)
        if "told_waits" in state:  # not by an earlier program
            waits = zip(_episodes(state["told_waiting"]), state["told_waits"].tolist(), strict=True)
            self._waiting = [_Waiting(episode, int(at), bar) for episode, (at, bar) in waits]


def _parts(e: Episode) -> tuple[Part, ...]:
    """Return what spoke for an episode, the rarest first."""
    spoke = sorted((-rarity, n) for n, rarity in enumerate(e.parts) if rarity > 0)
    return tuple(Part(STATISTICS[n], -rarity) for rarity, n in spoke[:_SPOKE])


def _table(episodes: list[Episode]) -> Float64:
    """Return episodes as rows; numbers below 2^53 are exact."""
    rows = [
        (e.point, e.since, e.until, e.kind, e.rising, e.worst, e.value, e.expected, e.low, e.high, e.baseline,
         e.severity, *(e.parts or (0.0,) * len(STATISTICS)))
        for e in episodes
    ]  # fmt: skip
    return np.array(rows, np.float64).reshape(-1, _WIDTH)


def _episodes(table: Float64) -> list[Episode]:
    found = []
    for row in table.tolist():
        p, since, until, kind, rising, worst, value, expected, low, high, held, *rest = row
        severity, *parts = rest or (_LOW,)  # none in what earlier versions kept
        found.append(
            Episode(
                int(p), int(since), int(until), int(kind), bool(rising), worst, value, expected, low, high, int(held),
                int(severity), tuple(parts) if any(parts) else (),
            )
        )  # fmt: skip
    return found
