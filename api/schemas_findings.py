"""What callers send and get of episodes: how each was found, what people say of it, and what marks propose."""

from typing import Annotated

from pydantic import BaseModel, Field

from api.bodies import Body
from park.episodes import Episode, Mark, Verdict
from park.events import Anomaly, Baseline


class BandsOut(BaseModel):
    """What was usual of a point, in columns by rising `ts`."""

    point: int
    metric: str
    unit: str
    start: int  # epoch ms
    end: int  # exclusive
    step: int  # ms: width of a window
    learning: bool | None  # whether the point is too young to be judged; null: nothing is known of it yet
    ts: list[int]
    expected: list[float]
    low: list[float]
    high: list[float]
    score: list[float]  # 0..1, the most of the window; 0.5 is notable
    too_young: list[bool]  # by window


class MarkOut(BaseModel):
    """What a person said of an episode."""

    id: int
    verdict: Verdict
    note: str
    at: int
    actor: str

    @classmethod
    def of(cls, mark: Mark) -> "MarkOut":
        """Return a mark."""
        return cls(id=mark.id, verdict=mark.verdict, note=mark.note, at=mark.at, actor=mark.actor)


class EpisodeOut(BaseModel):
    """Unusual values of one cause."""

    id: str
    before: str  # goes on from here
    point: int
    device: int
    place: int
    park: int
    severity: str
    anomaly: Anomaly | None
    baseline: Baseline | None
    rising: bool | None
    since: int
    until: int | None  # null: it is under way
    told: int  # epoch ms of the value by which it was told
    value: float | None  # the worst
    expected: float | None
    low: float | None
    high: float | None
    score: float
    times: float  # one of so many values is so unusual
    mark: MarkOut | None  # the last

    @classmethod
    def of(cls, episode: Episode) -> "EpisodeOut":
        """Return an episode with its newest figures."""
        f = episode.newest
        return cls(
            id=episode.id, before=episode.began.id, point=f.point, device=f.device, place=f.place, park=f.park,
            severity=f.severity, anomaly=f.anomaly, baseline=f.baseline, rising=f.rising, since=f.since,
            until=episode.until or None, told=episode.began.ts, value=f.value, expected=f.expected, low=f.low,
            high=f.high, score=f.score, times=f.times, mark=MarkOut.of(episode.mark) if episode.mark else None,
        )  # fmt: skip


class EpisodeStory(BaseModel):
    """Why an episode was told, on one screen."""

    episode: EpisodeOut
    zh: str  # the whole in one sentence
    en: str
    metric: str
    unit: str
    where: str
    unit_place: int  # 0: of no unit
    enterprise: int  # 0: of none
    tenant: str
    kind_zh: str
    kind_en: str
    baseline_zh: str
    baseline_en: str
    deviation: float | None  # of the worst value, as a share of what was expected
    good: float | None  # share of the episode's time that good readings stand for
    learning: bool | None
    chart_start: int  # epoch ms: a time that shows it with what was before
    chart_end: int
    similar: list[EpisodeOut]  # up to three past ones that are most like it, the most like first
    together: list[EpisodeOut]  # others of the same place at the same time
    marks: list[MarkOut]  # newest first


class MarkBody(Body):
    """What a person says of an episode."""

    episode: Annotated[str, Field(min_length=1, max_length=200)]
    verdict: Verdict
    note: Annotated[str, Field(max_length=1_000)] = ""


class ProposalOut(BaseModel):
    """A higher bar that marks propose for a point, tried on what was told; nothing is changed by it."""

    point: int
    metric: str
    where: str
    times: float  # an episode would be told from one of so many values on
    days: int  # that it was tried on
    told: int  # episodes in that time
    gone: int  # of these, would not have been told
    gone_false: int  # of these, marked false
    gone_unmarked: int
    kept_true: int  # marked true: all stay
    zh: str
    en: str
    examples: list[EpisodeOut]  # of those that would not have been told, newest first
