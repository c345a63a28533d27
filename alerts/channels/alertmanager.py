"""The shape of Prometheus Alertmanager's webhook, version 4: what speaks to it takes our alarms, too."""

from datetime import UTC, datetime
from hashlib import sha256

from alerts.channels.webhook import signed
from park.alarms import MessageKind
from park.delivery import Facts, Message, Post, Target

_NEVER = "0001-01-01T00:00:00Z"  # Go's zero time: it still fires


def compose(message: Message, target: Target, address: str) -> Post:
    """Return the request."""
    alerts = [_alert(f, message.link) for f in message.facts]
    firing = any(a["status"] == "firing" for a in alerts)
    common = {k: v for k, v in _labels(message.facts[0]).items() if all(_labels(f).get(k) == v for f in message.facts)}
    body = {
        "version": "4", "groupKey": message.id, "truncatedAlerts": 0, "status": "firing" if firing else "resolved",
        "receiver": target.name, "groupLabels": {"park": message.facts[0].park}, "commonLabels": common,
        "commonAnnotations": {"summary": message.title}, "externalURL": message.link, "alerts": alerts,
    }  # fmt: skip
    return signed(message, target, body | ({"to": address} if address else {}))


def _labels(facts: Facts) -> dict[str, str]:
    found = {
        "alertname": facts.rule or facts.kind, "severity": facts.severity, "family": facts.family, "park": facts.park,
        "place": facts.place, "device": facts.device, "reason": facts.reason,
    }  # fmt: skip
    return {k: str(v) for k, v in found.items() if v}


def _alert(facts: Facts, link: str) -> dict[str, object]:
    over = facts.kind is MessageKind.RETURNED
    annotations = {
        "description": facts.runbook_en or facts.runbook_zh, "basis": facts.basis, "id": facts.notification,
        "value": "" if facts.value is None else f"{facts.value:g} {facts.unit}".strip(),
        "limit": "" if facts.limit is None else f"{facts.limit:g} {facts.unit}".strip(),
    }  # fmt: skip
    return {
        "status": "resolved" if over else "firing", "labels": _labels(facts),
        "annotations": {k: v for k, v in annotations.items() if v}, "startsAt": _time(facts.since or facts.at),
        "endsAt": _time(facts.at) if over else _NEVER, "generatorURL": link,
        "fingerprint": sha256(f"{facts.case}".encode()).hexdigest()[:16],
    }  # fmt: skip


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
