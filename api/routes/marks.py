"""What people say of episodes, and what their marks propose."""

from typing import Annotated

from fastapi import FastAPI, Query

from api.bodies import Id
from api.door import Caller
from api.episode_words import number
from api.permissions import V1
from api.proposals import candidates, tried
from api.routes.findings import told, where_of
from api.schemas_findings import EpisodeOut, MarkBody, MarkOut, ProposalOut
from api.services import Services
from api.view import View
from park.metrics import METRICS

_DAY = 86_400_000  # ms
_MARKED = 1_000  # newest marked episodes of a park that are looked at
_TOLD = 1_000  # episodes of a point that a bar is tried on
_EXAMPLES, _POINTS = 5, 50


def add(app: FastAPI, services: Services, view: View) -> None:
    """Add the routes."""

    @app.post(f"{V1}/episodes/mark", tags=["findings"], status_code=201)
    def mark_episode(body: MarkBody, caller: Caller) -> MarkOut:
        """Say whether an episode was worth telling. What was said before stays in the books; the last holds."""
        episode = told(services, caller, body.episode)
        return MarkOut.of(
            services.episodes.mark(episode, body.verdict, note=body.note.strip(), actor=caller.name, now=services.now())
        )

    @app.get(f"{V1}/proposals", tags=["findings"])
    def list_proposals(
        park: Id,
        caller: Caller,
        days: Annotated[int, Query(ge=1, le=400, description="that each is tried on")] = 90,
    ) -> list[ProposalOut]:
        """Return the bars that marks propose for points, each tried on what was told; nothing is changed.

        A bar lies above at least three episodes that people marked false, and below every one marked true.
        """
        seen = view.park(park, caller)
        marked = services.episodes.episodes(park=park, marked=True, limit=_MARKED)
        since = services.now() - days * _DAY
        proposals = []
        for point, bar in list(candidates(marked).items())[:_POINTS]:
            p = tried(point, bar, services.episodes.episodes(park=park, point=point, start=since, limit=_TOLD))
            row = view.directory().points.get(point)
            metric = row.metric if row else ""
            names = (METRICS[metric].zh, METRICS[metric].en) if metric in METRICS else (metric, metric)
            where = where_of(seen, row.place if row else park)
            proposals.append(
                ProposalOut(
                    point=point,
                    metric=metric,
                    where=where,
                    times=bar,
                    days=days,
                    told=p.told,
                    gone=len(p.gone),
                    gone_false=p.false,
                    gone_unmarked=p.gone_unmarked,
                    kept_true=p.true,
                    zh=f"{where} {names[0]}：若只报 {number(bar)} 个数值中才有一个的情况，近 {days} 天的 {p.told} 次中"
                    f"有 {len(p.gone)} 次不再提示（其中 {p.false} 次已标为误报），标为属实的 {p.true} 次都保留。",
                    en=f"{where}, {names[1]}: told only from one of {number(bar)} values on, {len(p.gone)} of {p.told} "
                    f"episodes of {days} days would not have been told ({p.false} of them marked false); "
                    f"all {p.true} marked true stay.",
                    examples=[EpisodeOut.of(e) for e in p.gone[:_EXAMPLES]],
                )
            )
        return proposals
