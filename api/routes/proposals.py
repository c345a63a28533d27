"""What marks propose: looked at, tried over the log, and made a rule by a person."""

from typing import Annotated

from fastapi import FastAPI, Query

from api.bodies import Id
from api.door import Caller
from api.episode_words import number
from api.permissions import V1
from api.proposals import Proposal, candidates, tried
from api.routes.findings import where_of
from api.schemas import Page
from api.schemas_findings import ApplyBody, EpisodeOut, ProposalOut, TryBody
from api.schemas_rules import DryRunOut, RuleSetOut
from api.scope import whole
from api.services import Services
from api.view import View
from park.episodes import pace
from park.errors import Conflict
from park.metrics import METRICS
from park.roles import Principal

_DAY = 86_400_000  # ms
_MARKED = 1_000  # newest marked episodes of a park that are looked at
_TOLD = 1_000  # episodes of a point that a bar is tried on
_EXAMPLES = 5
_PAGE = 10  # points of which each may take `_TOLD` episodes to be weighed
_TRIED = 90  # days that a proposal is counted on, where nobody says otherwise
_SAME = 1.001  # a bar that is no higher than the one that holds is no proposal


def add(app: FastAPI, services: Services, view: View) -> None:
    """Add the routes."""
    rules = services.rules

    def in_days(point: int, times: float) -> float:
        """Return a bar in days of a point's values, as rules have it."""
        row = view.directory().points[point]
        return times * pace(row.metric, row.interval) / _DAY

    def open_bars(park: int) -> dict[int, float]:
        """Return the bars that marks of a park propose and no rule has yet, in values."""
        known = view.directory().points
        marked = services.episodes.episodes(park=park, marked=True, limit=_MARKED)
        found = {point: bar for point, bar in candidates(marked).items() if point in known}
        return {p: bar for p, bar in found.items() if (rules.bar(p) or 0.0) * _SAME < in_days(p, bar)}

    def weighed(park: int, point: int, bar: float, days: int) -> Proposal:
        since = services.now() - days * _DAY
        return tried(point, bar, services.episodes.episodes(park=park, point=point, start=since, limit=_TOLD))

    @app.get(f"{V1}/proposals", tags=["findings"])
    def list_proposals(
        park: Id,
        caller: Caller,
        days: Annotated[int, Query(ge=1, le=400, description="that each is tried on")] = _TRIED,
        after: Annotated[int, Query(ge=0, lt=1 << 31, description="the `next` of the page before")] = 0,
        limit: Annotated[int, Query(ge=1, le=_PAGE)] = _PAGE,
    ) -> Page[ProposalOut]:
        """Return the bars that marks propose for points, each tried on what was told; nothing is changed.

        A bar lies above at least three episodes that people marked false, and below every one marked true. One that
        a rule has already is no proposal any more.
        """
        seen = view.park(park, caller)
        proposals = []
        bars = sorted((point, bar) for point, bar in open_bars(park).items() if point > after)
        for point, bar in bars[:limit]:
            p = weighed(park, point, bar, days)
            row = view.directory().points[point]
            names = METRICS[row.metric]
            where = where_of(seen, row.place)
            proposals.append(
                ProposalOut(
                    point=point, metric=row.metric, where=where, times=bar, rarity=in_days(point, bar),
                    bar=rules.bar(point), version=rules.current().version, days=days, told=p.told, gone=len(p.gone),
                    gone_false=p.false, gone_unmarked=p.gone_unmarked, kept_true=p.true,
                    zh=f"{where} {names.zh}：若只报 {number(bar)} 个数值中才有一个的情况，近 {days} 天的 {p.told} 次中"
                    f"有 {len(p.gone)} 次不再提示（其中 {p.false} 次已标为误报），标为属实的 {p.true} 次都保留。",
                    en=f"{where}, {names.en}: told only from one of {number(bar)} values on, {len(p.gone)} of {p.told} "
                    f"episodes of {days} days would not have been told ({p.false} of them marked false); "
                    f"all {p.true} marked true stay.",
                    examples=[EpisodeOut.of(e) for e in p.gone[:_EXAMPLES]],
                )
            )  # fmt: skip
        return Page(items=proposals, next=bars[limit - 1][0] if len(bars) > limit else None)

    def wanted(park: int, points: list[int], caller: Principal) -> dict[int, float]:
        """Return the bars of proposals that a caller names, in values; all, where none is named. Raises Conflict."""
        view.park(park, caller)
        whole(caller)
        bars = open_bars(park)
        gone = next((point for point in points if point not in bars), None)
        if gone is not None or not bars:
            raise Conflict(f"nothing is proposed for point {gone} any more" if gone else "nothing is proposed")
        return {point: bar for point, bar in bars.items() if not points or point in points}

    @app.post(f"{V1}/proposals/try", tags=["findings"], status_code=202)
    def try_proposals(body: TryBody, caller: Caller) -> DryRunOut:
        """Run what is proposed over the recorded past, in a process of its own: what would have been told.

        Beside the episodes it shows what hangs on them: rules on findings, and alarms. It is fetched as any dry run.
        """
        bars = wanted(body.park, body.points, caller)
        text = rules.with_bars({p: in_days(p, bar) for p, bar in bars.items()}, "I: proposed by marks")
        rules.check(text)
        end = services.now()
        return DryRunOut.of(services.dry_runs.begin(text, end - body.days * _DAY, end, caller.name))

    @app.post(f"{V1}/proposals/apply", tags=["findings"])
    def apply_proposal(body: ApplyBody, caller: Caller) -> RuleSetOut:
        """Make the bar that is proposed for a point a rule: a new version of the table, with who, when and why."""
        (bar,) = wanted(body.park, [body.point], caller).values()
        p = weighed(body.park, body.point, bar, _TRIED)
        basis = (
            f"I: {p.false} of {p.told} episodes of {_TRIED} days were marked false and lie below it, "
            f"{p.true} were marked true and lie above"
        )
        text = rules.with_bars({body.point: in_days(body.point, bar)}, basis)
        return RuleSetOut.of(
            rules.replace(text, actor=caller.name, reason=body.reason, expected=body.version, life_safety=False)
        )
