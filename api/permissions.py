"""Which route asks for which permission: the table. A route that is not in it cannot be built."""

from collections.abc import Mapping
from types import MappingProxyType

from park.roles import Permission

_R, _A, _Q, _W = Permission.READ, Permission.ACT, Permission.QUARANTINE, Permission.REGISTRY

V1 = "/api/v1"
NOUNS = ("parks", "buildings", "units", "zones", "enterprises", "leases", "gateways", "devices", "points")

_ROUTES: dict[tuple[str, str], Permission | None] = {
    # None: open to everyone
    ("GET", f"{V1}/health"): None,
    ("GET", f"{V1}/openapi.json"): None,
    ("GET", "/api/docs"): None,
    ("GET", "/"): None,
    ("POST", f"{V1}/session"): None,  # the key is in the body
    ("DELETE", f"{V1}/session"): None,
    ("GET", f"{V1}/session"): _R,
    ("GET", "/metrics"): _R,
    ("GET", f"{V1}/metrics"): _R,
    **{("GET", f"{V1}/{noun}"): _R for noun in NOUNS},
    **{("GET", f"{V1}/{noun}/{{key}}"): _R for noun in NOUNS},
    **{("POST", f"{V1}/{noun}"): _W for noun in NOUNS},
    **{("PUT", f"{V1}/{noun}/{{key}}"): _W for noun in NOUNS},
    **{("DELETE", f"{V1}/{noun}/{{key}}"): _W for noun in NOUNS},
    ("POST", f"{V1}/devices/{{key}}/mode"): _A,
    ("GET", f"{V1}/changes"): _W,
    ("GET", f"{V1}/catalogue"): _R,
    ("GET", f"{V1}/limits"): _R,
    ("GET", f"{V1}/rules"): _R,
    ("PUT", f"{V1}/rules"): Permission.RULES,  # and LIFE_RULES for those that lives hang on
    ("GET", f"{V1}/rules/history"): _R,
    ("GET", f"{V1}/rules/{{key}}"): _R,
    ("POST", f"{V1}/rules/check"): Permission.RULES,
    ("POST", f"{V1}/rules/rollback"): Permission.RULES,
    ("POST", f"{V1}/rules/dry-run"): Permission.RULES,
    ("GET", f"{V1}/rules/dry-run/{{key}}"): Permission.RULES,
    ("GET", f"{V1}/registry/export"): _W,
    ("POST", f"{V1}/registry/import"): _W,
    ("GET", f"{V1}/readings/export"): Permission.KEYS,  # it holds every reading of every park, and work for minutes
    ("GET", f"{V1}/backup"): Permission.KEYS,  # it holds everything, keys' digests too
    ("GET", f"{V1}/parks/{{park}}/map"): _R,
    ("GET", f"{V1}/parks/{{park}}/latest"): _R,
    ("GET", f"{V1}/parks/{{park}}/freshness"): _R,
    ("GET", f"{V1}/parks/{{park}}/health"): _R,
    ("GET", f"{V1}/parks/{{park}}/trends"): _R,
    ("GET", f"{V1}/points/{{key}}/readings"): _R,
    ("GET", f"{V1}/findings"): _R,
    ("GET", f"{V1}/points/{{key}}/bands"): _R,
    ("GET", f"{V1}/episodes"): _R,
    ("GET", f"{V1}/episodes/{{key:path}}"): _R,
    ("POST", f"{V1}/episodes/mark"): Permission.ALARM,
    ("GET", f"{V1}/proposals"): _R,
    ("POST", f"{V1}/proposals/try"): Permission.RULES,
    ("POST", f"{V1}/proposals/apply"): Permission.RULES,
    ("GET", f"{V1}/conditions"): _R,
    ("GET", f"{V1}/conditions/{{key:path}}"): _R,
    ("POST", f"{V1}/conditions/reset"): _A,
    ("GET", f"{V1}/parks/{{park}}/activity"): _R,
    ("GET", f"{V1}/parks/{{park}}/activity.csv"): _R,
    ("GET", f"{V1}/enterprises/{{key}}/activity"): _R,
    ("GET", f"{V1}/enterprises/{{key}}/activity/explanation"): _R,
    ("GET", f"{V1}/enterprises/{{key}}/papers"): _R,
    ("POST", f"{V1}/enterprises/{{key}}/papers"): _A,
    ("POST", f"{V1}/enterprises/{{key}}/papers/withdraw"): _A,
    ("POST", f"{V1}/ingest"): Permission.INGEST,
    ("GET", f"{V1}/ledger"): _R,
    ("GET", f"{V1}/quarantine"): _Q,
    ("GET", f"{V1}/quarantine/{{key}}"): _Q,
    ("POST", f"{V1}/quarantine/retry"): _Q,
    ("POST", f"{V1}/quarantine/discard"): _Q,
    ("GET", f"{V1}/waiting"): _Q,
    ("POST", f"{V1}/waiting/claim"): _Q,
    ("GET", f"{V1}/live"): _R,
    ("POST", f"{V1}/live/ticket"): _R,
}
_L, _D, _C = Permission.ALARM, Permission.DUTY, Permission.CHAINS
_ROUTES |= {
    ("GET", f"{V1}/alarms"): _R,
    ("POST", f"{V1}/alarms"): _L,
    ("GET", f"{V1}/alarms/counts"): _R,
    ("GET", f"{V1}/alarms/{{key}}"): _R,
    ("GET", f"{V1}/alarms/{{key}}/history"): _R,
    ("GET", f"{V1}/alarms/{{key}}/attachments"): _R,
    ("POST", f"{V1}/alarms/{{key}}/attachments"): _L,
    ("GET", f"{V1}/alarms/{{key}}/attachments/{{attachment}}"): _R,
    **{
        ("POST", f"{V1}/alarms/{{key}}/{verb}"): _L
        for verb in ("acknowledge", "assign", "comment", "shelve", "unshelve")
    },
    **{("POST", f"{V1}/alarms/{{key}}/{verb}"): _A for verb in ("confirm", "reset", "close")},
    **{("POST", f"{V1}/alarms/{{key}}/{verb}"): _D for verb in ("remove", "restore")},
    ("GET", f"{V1}/hidden"): _R,
    ("GET", f"{V1}/hidden/devices"): _R,
    ("POST", f"{V1}/silences/preview"): _D,
    **{
        (method, f"{V1}/{plans}{rest}"): need
        for plans, need in (("silences", _D), ("windows", _D), ("officers", _C), ("rotas", _C), ("chains", _C))
        for method, rest in (("POST", ""), ("PUT", "/{key}"), ("DELETE", "/{key}"))
    },
    **{("GET", f"{V1}/{plans}{rest}"): _R for plans in ("silences", "windows") for rest in ("", "/{key}")},
    # Addresses of people are for those who act, not for every viewer.
    **{("GET", f"{V1}/{plans}{rest}"): _L for plans in ("officers", "rotas", "chains") for rest in ("", "/{key}")},
    ("GET", f"{V1}/rotas/{{key}}/duty"): _L,
    **{("POST", f"{V1}/rotas/{{key}}/substitutes{rest}"): _D for rest in ("", "/end")},
    ("GET", "/a/{word}"): None,  # the word is the key: good for one acknowledgement
    ("POST", "/a/{word}"): None,
}
_ROUTES |= {
    # Who is told is for those who act; whom to tell, and with which keys, for those who keep the chains.
    **{("GET", f"{V1}/{path}"): _L for path in ("targets", "targets/{key}", "deliveries")},
    **{("POST", f"{V1}/targets{rest}"): _C for rest in ("", "/{key}/test", "/preview")},
    ("PUT", f"{V1}/targets/{{key}}"): _C,
    ("DELETE", f"{V1}/targets/{{key}}"): _C,
    ("POST", f"{V1}/deliveries/{{key}}/again"): _D,
}
_ROUTES |= {
    **{
        ("GET", f"{V1}/{path}"): _R
        for path in (
            "checklists", "inspection-plans", "inspection-plans/{key}", "hazards/counts", "kpi", "kpi.csv",
            "kpi/report",
            *(f"{noun}{rest}" for noun in ("rounds", "hazards", "drills") for rest in ("", "/{key}", "/{key}/history")),
            *(f"{noun}/{{key}}/attachments{rest}" for noun in ("rounds", "hazards") for rest in ("", "/{attachment}")),
        )
    },
    ("POST", f"{V1}/inspection-plans"): _D,
    ("PUT", f"{V1}/inspection-plans/{{key}}"): _D,
    ("DELETE", f"{V1}/inspection-plans/{{key}}"): _D,
    # Whoever walks the round answers it, reports what he finds and says that it is mended; officers settle and close.
    **{
        ("POST", f"{V1}/{path}"): _L
        for path in (
            "rounds", "rounds/{key}/answers", "rounds/{key}/finish", "rounds/{key}/attachments", "hazards",
            "hazards/{key}/attachments", "hazards/{key}/done", "hazards/{key}/comment", "drills/{key}/acknowledge",
        )
    },
    **{("POST", f"{V1}/hazards/{{key}}/{verb}"): _A for verb in ("plan", "begin", "approve", "reject", "reopen")},
    **{("POST", f"{V1}/hazards/{{key}}/{verb}"): _D for verb in ("extend", "dismiss")},
    ("POST", f"{V1}/drills"): _A,  # it puts devices of life safety into test
    ("POST", f"{V1}/drills/{{key}}/stop"): _A,
}  # fmt: skip
ROUTES: Mapping[tuple[str, str], Permission | None] = MappingProxyType(_ROUTES)
