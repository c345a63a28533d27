"""The loss ledger, and the registry's audit."""

from typing import Annotated

from fastapi import FastAPI, Query

from api.bodies import Id, Time
from api.door import Caller
from api.permissions import V1
from api.schemas import ChangeOut, Ledger, LedgerOut, Page
from api.services import Services
from api.view import View
from park.errors import Forbidden, UserError
from park.roles import Principal

_HOUR = 3_600_000  # ms
_MAX_HOURS = 31 * 24


def add(app: FastAPI, services: Services, view: View) -> None:
    """Add the routes."""

    def sees_gateway(gateway: int, caller: Principal) -> bool:
        device = view.directory().devices.get(gateway)
        return caller.sees(device.park if device else 0)

    @app.get(f"{V1}/ledger", tags=["ledger"])
    def ledger(
        caller: Caller,
        start: Annotated[Time | None, Query(description="epoch ms; a day before the end if left out")] = None,
        end: Annotated[Time | None, Query(description="epoch ms; now if left out")] = None,
        gateway: Id | None = None,
    ) -> Ledger:
        """Return what was received and what became of it, by gateway and hour of receipt.

        Devices that come without a gateway are counted as gateway 0, seen by keys for all parks.
        """
        end = services.now() + 1 if end is None else end
        start = max(0, end - 24 * _HOUR) if start is None else start
        start -= start % _HOUR
        if not 0 < end - start <= _MAX_HOURS * _HOUR:
            raise UserError(f"the ledger is shown for up to {_MAX_HOURS // 24} days at a time")
        items = [
            LedgerOut(
                gateway=r.gateway, hour=r.hour, messages=r.messages, received=r.received, stored=r.stored,
                duplicate=r.duplicate, rejected=r.rejected, quarantined=r.quarantined, in_flight=r.in_flight,
                unexplained=r.unexplained,
            )
            for r in services.ledger.rows(start, end)
            if (gateway is None or r.gateway == gateway) and sees_gateway(r.gateway, caller)
        ]  # fmt: skip
        return Ledger(start=start, end=end, unexplained=sum(i.unexplained for i in items), items=items)

    @app.get(f"{V1}/changes", tags=["audit"])
    def changes(
        caller: Caller,
        noun: Annotated[str | None, Query(max_length=32)] = None,
        key: Id | None = None,
        after: Id = 0,
        limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
    ) -> Page[ChangeOut]:
        """Return who changed what in the registry, when and why, oldest first."""
        if caller.parks is not None:
            raise Forbidden("the audit is for keys of all parks")
        equal = {k: v for k, v in (("noun", noun), ("key", key)) if v is not None}
        found = services.registry.changes(after=after, limit=limit + 1, **equal)
        items = [
            ChangeOut(
                id=c.id, at=c.at, actor=c.actor, reason=c.reason, noun=c.noun, key=c.key, before=c.before, after=c.after
            )
            for c in found[:limit]
        ]
        return Page(items=items, next=items[-1].id if len(found) > limit else None)
