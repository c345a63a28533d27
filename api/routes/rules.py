"""Rules: the table that holds, its versions, changes of it, and trying one first."""

from typing import Annotated

from fastapi import FastAPI, Path, Query

from api.bodies import Id
from api.door import Caller
from api.permissions import V1
from api.schemas import TextPage
from api.schemas_rules import (
    DryRunBody,
    DryRunOut,
    MeasureOut,
    RollBackBody,
    RuleChangeOut,
    RuleOut,
    RulesBody,
    RulesChecked,
    RuleSetOut,
    RulesOut,
    RulesTextBody,
    RuleVersionOut,
    RunbookOut,
)
from api.scope import whole
from api.services import Services
from api.view import View
from park.errors import UserError
from park.measures import MEASURES
from park.records import LimitRow
from park.roles import Permission, Principal
from park.rulebook import RuleSet
from park.runbooks import RUNBOOKS

_DAY = 86_400_000  # ms
MAX_DAYS = 31  # of a dry run


def add(app: FastAPI, services: Services, view: View) -> None:
    """Add the routes."""
    rules = services.rules

    def sees(caller: Principal, row: LimitRow) -> bool:
        places, points = view.directory().places, view.directory().points
        parks = {*row.parks, *(places[p].park for p in row.places if p in places)}
        parks |= {points[p].park for p in row.points if p in points}
        return not (row.parks or row.places or row.points) or any(map(caller.sees, parks))

    def may_change_life(caller: Principal, *, meant: bool) -> bool:
        return meant and caller.may(Permission.LIFE_RULES)

    def shown(found: RuleSet, caller: Principal) -> RulesOut:
        return RulesOut(
            current=RuleSetOut.of(found), entered=rules.entered(), text="" if caller.parks is not None else found.text,
            rules=[RuleOut.of(row) for row in rules.rows if sees(caller, row)],
            runbooks=[RunbookOut(rule=n, zh=r.zh, en=r.en, basis=r.basis) for n, r in RUNBOOKS.items()],
            measures=[MeasureOut(name=m.name, unit=m.unit, zh=m.zh, en=m.title) for m in MEASURES.values()],
        )  # fmt: skip

    @app.get(f"{V1}/rules", tags=["rules"])
    def read_rules(caller: Caller) -> RulesOut:
        """Return the rule table that holds, rule by rule, and as text to keys of all parks."""
        return shown(rules.current(), caller)

    @app.get(f"{V1}/rules/history", tags=["rules"])
    def rule_history(
        caller: Caller, before: Id | None = None, limit: Annotated[int, Query(ge=1, le=1_000)] = 100
    ) -> TextPage[RuleSetOut]:
        """Return who changed the rules, when and why, the newest first."""
        whole(caller)
        found = rules.history(before=before, limit=limit + 1)
        items = [RuleSetOut.of(r) for r in found[:limit]]
        return TextPage(items=items, next=str(items[-1].version) if len(found) > limit else None)

    @app.post(f"{V1}/rules/check", tags=["rules"])
    def check_rules(body: RulesTextBody, caller: Caller) -> RulesChecked:
        """Read a rule table without keeping it: what is wrong with it, or what it would change."""
        whole(caller)
        rows, changed = rules.check(body.text)
        return RulesChecked(
            rules=len(rows), life_safety=any(c.life_safety for c in changed),
            changes=[RuleChangeOut.of(c) for c in changed],
        )  # fmt: skip

    @app.put(f"{V1}/rules", tags=["rules"])
    def replace_rules(body: RulesBody, caller: Caller) -> RulesOut:
        """Let another rule table hold; the one before stays in the history.

        Rules on which lives hang are changed only by who may (`life_rules`) and says so (`life_safety`).
        """
        whole(caller)
        return shown(
            rules.replace(
                body.text, actor=caller.name, reason=body.reason, expected=body.version,
                life_safety=may_change_life(caller, meant=body.life_safety),
            ),
            caller,
        )  # fmt: skip

    @app.post(f"{V1}/rules/rollback", tags=["rules"])
    def roll_back_rules(body: RollBackBody, caller: Caller) -> RulesOut:
        """Let an earlier version hold again, as a new one."""
        whole(caller)
        return shown(
            rules.roll_back(
                body.to, actor=caller.name, reason=body.reason, expected=body.version,
                life_safety=may_change_life(caller, meant=body.life_safety),
            ),
            caller,
        )  # fmt: skip

    @app.post(f"{V1}/rules/dry-run", tags=["rules"], status_code=202)
    def start_dry_run(body: DryRunBody, caller: Caller) -> DryRunOut:
        """Hold a rule table against what came in a time, in a process of its own; one runs at a time.

        It touches nothing that lives: what would have fired is fetched when it is done.
        """
        whole(caller)
        if not 0 < body.end - body.start <= MAX_DAYS * _DAY or body.start > services.now():
            raise UserError(f"a dry run takes up to {MAX_DAYS} days of the past")
        rules.check(body.text)
        return DryRunOut.of(services.dry_runs.begin(body.text, body.start, body.end, caller.name))

    @app.get(f"{V1}/rules/dry-run/{{key}}", tags=["rules"])
    def read_dry_run(key: Annotated[str, Path(max_length=64)], caller: Caller) -> DryRunOut:
        """Return how far a dry run is, and what would have fired."""
        whole(caller)
        return DryRunOut.of(services.dry_runs.get(key))

    @app.get(f"{V1}/rules/{{key}}", tags=["rules"])
    def read_rule_version(key: Id, caller: Caller) -> RuleVersionOut:
        """Return one version of the rule table and what it changed; 0 is the shipped one."""
        whole(caller)
        found = rules.get(key)
        return RuleVersionOut(
            rules=RuleSetOut.of(found), text=found.text,
            changes=[RuleChangeOut.of(c) for c in rules.difference(key)],
        )  # fmt: skip
