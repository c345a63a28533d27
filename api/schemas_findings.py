"""What callers send and get of episodes: how each was found, what people say of it, and what marks propose."""

from typing import Annotated

from pydantic import BaseModel, Field

from api.bodies import Body, Id, Why
from park.episodes import Episode, Mark, Verdict
from park.events import Anomaly, Baseline, Finding, Part, Statistic


class PartOut(BaseModel):
    """One statistic that spoke for an episode."""

    statistic: Statistic
    rarity: float  # log10 of how many values are needed to see one like it

    @classmethod
    def of(cls, part: Part) -> "PartOut":
        """Return a part."""
        return cls(statistic=part.statistic, rarity=part.rarity)


class FindingOut(BaseModel):
    """Something worth a look; of anomalies also the episode that it belongs to."""

    id: str
    kind: str
    point: int
    ts: int
    at: int
    severity: str
    reason: str
    value: float | None
    expected: float | None
    low: float | None
    high: float | None
    score: float
    device: int
    place: int
    park: int
    episode: str | None  # null: of none
    since: int | None  # its first value
    until: int | None  # its last; null: it is under way
    anomaly: Anomaly | None
    baseline: Baseline | None
    rising: bool | None
    times: float | None  # one of so many values is so unusual
    parts: list[PartOut]  # what spoke, the rarest first

    @classmethod
    def of(cls, f: Finding) -> "FindingOut":
        """Return a finding with its derived id."""
        return cls(
            id=f.id, kind=f.kind, point=f.point, ts=f.ts, at=f.at, severity=f.severity, reason=f.reason, value=f.value,
            expected=f.expected, low=f.low, high=f.high, score=f.score, device=f.device, place=f.place, park=f.park,
            episode=f.episode or None, since=f.since or None, until=f.until or None, anomaly=f.anomaly,
            baseline=f.baseline, rising=f.rising, times=f.times or None, parts=[PartOut.of(p) for p in f.parts],
        )  # fmt: skip


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


class PartSaid(BaseModel):
    """A statistic that spoke, in words."""

    statistic: Statistic
    rarity: float  # log10 of how many values are needed to see one like it
    times: float  # one of so many values
    zh: str
    en: str


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
    parts: list[PartSaid]  # the statistics that spoke, the rarest first; none where the detector has but one
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


class TryBody(Body):
    """Which proposals to run over the recorded past."""

    park: Id
    points: Annotated[list[Id], Field(max_length=50, default_factory=list)]  # none named: all
    days: Annotated[int, Field(ge=1, le=31)] = 7


class ApplyBody(Body):
    """Which proposal to make a rule."""

    park: Id
    point: Id
    reason: Why
    version: Id  # of the rule table that was looked at; another one meanwhile is a conflict


class ProposalOut(BaseModel):
    """A higher bar that marks propose for a point, tried on what was told; nothing is changed by it."""

    point: int
    metric: str
    where: str
    times: float  # an episode would be told from one of so many values on
    rarity: float  # the same in days of the point's values, as rules have it
    bar: float | None  # that a rule for just this point has now, in days; null: none
    version: int  # of the rule table that was looked at
    days: int  # that it was tried on
    told: int  # episodes in that time
    gone: int  # of these, would not have been told
    gone_false: int  # of these, marked false
    gone_unmarked: int
    kept_true: int  # marked true: all stay
    zh: str
    en: str
    examples: list[EpisodeOut]  # of those that would not have been told, newest first
