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
    ("GET", f"{V1}/conditions"): _R,
    ("GET", f"{V1}/conditions/{{key:path}}"): _R,
    ("POST", f"{V1}/conditions/reset"): _A,
    ("GET", f"{V1}/parks/{{park}}/activity"): _R,
    ("GET", f"{V1}/enterprises/{{key}}/activity"): _R,
    ("GET", f"{V1}/enterprises/{{key}}/activity/explanation"): _R,
    ("GET", f"{V1}/enterprises/{{key}}/papers"): _R,
    ("POST", f"{V1}/enterprises/{{key}}/papers"): _A,
    ("POST", f"{V1}/enterprises/{{key}}/papers/withdraw"): _A,
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
ROUTES: Mapping[tuple[str, str], Permission | None] = MappingProxyType(_ROUTES)
