"""Episodes of unusual values: lists, and why each was told."""

from typing import Annotated

from fastapi import FastAPI, Query

from api.bodies import Id, Time
from api.door import Caller
from api.episode_words import ANOMALIES, BASELINES, STATISTICS, deviation, sentence
from api.permissions import V1
from api.routes.bands import learning
from api.schemas import TextPage
from api.schemas_findings import EpisodeOut, EpisodeStory, MarkOut, PartSaid
from api.scope import park_asked
from api.services import Services
from api.view import ParkView, View
from park.episodes import Episode
from park.errors import NotFound
from park.events import Anomaly
from park.metrics import METRICS
from park.roles import Principal

_HOUR = 3_600_000  # ms
_BEFORE = 24 * _HOUR  # of a chart: what the day before was like
_TOGETHER, _AROUND = 5, 200  # shown; looked at
_RAREST = 15.0  # as a finding's own: beyond, nobody can tell
_MOST_WINDOW = 40 * 24 * _HOUR  # of a chart


def where_of(seen: ParkView, place: int) -> str:
    """Return where something is, as people call it."""
    unit = seen.unit_of(place)
    found = seen.places.get(unit or place)
    return (found.name or found.code) if found else seen.park.name


def told(services: Services, caller: Principal, key: str) -> Episode:
    """Return an episode that a caller may see. Raises NotFound."""
    episode = services.episodes.episode(key)
    if not caller.sees(episode.began.park):
        raise NotFound("there is no such episode")
    return episode


def add(app: FastAPI, services: Services, view: View) -> None:
    """Add the routes."""

    @app.get(f"{V1}/episodes", tags=["findings"])
    def list_episodes(
        caller: Caller,
        park: Id | None = None,
        point: Id | None = None,
        anomaly: Anomaly | None = None,
        standing: Annotated[bool | None, Query(description="true: under way; false: over; left out: both")] = None,
        marked: Annotated[bool | None, Query(description="true: somebody said what it was")] = None,
        start: Time = 0,
        end: Time = (1 << 53) - 1,
        before: Annotated[str, Query(max_length=400, description="the `next` of the page before")] = "",
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> TextPage[EpisodeOut]:
        """Return episodes of unusual values by the time they were told, newest first."""
        if point is not None:
            view.row(point, caller)
        found = services.episodes.episodes(
            park=park_asked(caller, park), point=point or 0, start=start, end=end, anomaly=anomaly or "",
            standing=standing, marked=marked, before=before, limit=limit + 1,
        )  # fmt: skip
        items = [EpisodeOut.of(e) for e in found[:limit]]
        return TextPage(items=items, next=items[-1].before if len(found) > limit else None)

    @app.get(f"{V1}/episodes/{{key:path}}", tags=["findings"])
    def explain_episode(key: str, caller: Caller) -> EpisodeStory:
        """Return why an episode was told: what, where, since when, how far, against what; what was like it before."""
        episode = told(services, caller, key)
        f = episode.newest
        seen = view.park(f.park, caller)
        place = view.directory().places.get(f.park)
        row = view.directory().points.get(f.point)
        metric = row.metric if row else ""
        unit = METRICS[metric].unit if metric in METRICS else ""
        now = services.now()
        end = min(episode.until or now, now)
        where, at = where_of(seen, f.place), seen.unit_of(f.place)
        tenant = seen.tenant(f.place, now)
        zh, en = sentence(episode, metric, where, place.utc_offset if place else 480)
        kind = ANOMALIES[f.anomaly] if f.anomaly else ("异常", "unusual")
        baseline = BASELINES[f.baseline] if f.baseline else ("", "")
        begin = max(f.since, end - _MOST_WINDOW)
        return EpisodeStory(
            episode=EpisodeOut.of(episode), zh=zh, en=en, metric=metric, unit=unit, where=where, unit_place=at,
            enterprise=tenant.id if tenant else 0, tenant=tenant.name if tenant else "", kind_zh=kind[0],
            kind_en=kind[1], baseline_zh=baseline[0], baseline_en=baseline[1], deviation=deviation(f),
            parts=[
                PartSaid(
                    statistic=p.statistic, rarity=p.rarity, times=10.0 ** min(p.rarity, _RAREST),
                    zh=STATISTICS[p.statistic][0], en=STATISTICS[p.statistic][1],
                )
                for p in f.parts
            ],
            good=_good(f.point, begin, end), learning=learning(services, f.point, now),
            chart_start=begin - _BEFORE, chart_end=min(now, end + 3 * _HOUR),
            similar=[EpisodeOut.of(e) for e in _similar(episode)],
            together=[EpisodeOut.of(e) for e in _together(episode, seen, end)],
            marks=[MarkOut.of(m) for m in services.episodes.marks(key)],
        )  # fmt: skip

    def _good(point: int, start: int, end: int) -> float | None:
        if end <= start:
            return None
        step = max(60_000, -(-(end - start) // 500 // 60_000) * 60_000)
        windows = services.readings.buckets(point, start, end, step)
        return min(1.0, float((windows.good * step).sum()) / (end - start)) if len(windows.start) else 0.0

    def _similar(episode: Episode) -> list[Episode]:
        f = episode.newest
        return services.episodes.among([f"{f.kind}/{f.point}/{since}" for since in f.similar])

    def _together(episode: Episode, seen: ParkView, end: int) -> list[Episode]:
        """Return other episodes of the same unit that went on at the same time."""
        f = episode.newest
        at = seen.unit_of(f.place)
        near = services.episodes.episodes(park=f.park, start=f.since - _BEFORE, end=end + _HOUR, limit=_AROUND)
        same = [
            e for e in near
            if e.id != episode.id and e.newest.since <= end and (not e.until or e.until >= f.since)
            and (seen.unit_of(e.began.place) == at if at else e.began.place == f.place)
        ]  # fmt: skip
        return same[:_TOGETHER]
