"""Any program that takes JSON: signed as Standard Webhooks has it, with an id that never changes.

standardwebhooks.com: `webhook-id`, `webhook-timestamp` (s), `webhook-signature: v1,<Base64>` over
`id.timestamp.body`; a receiver that knows the id has the message already.
"""

import base64
import hashlib
import hmac

import msgspec

from alerts.channels.replies import http, json_of, quoted
from park.delivery import Facts, Message, Outcome, Post, Reply, Target, Verdict

MOST = 60_000  # bytes


def compose(message: Message, target: Target, address: str) -> Post:
    """Return the request."""
    body = {
        "id": message.id, "kind": message.facts[0].kind, "life": message.facts[0].life,
        "severity": message.facts[0].severity, "title": message.title, "text": message.text, "link": message.link,
        "alarms": _alarms(message), **({"to": address} if address else {}),
    }  # fmt: skip
    return signed(message, target, body)


def _alarms(message: Message) -> list[dict[str, object]]:
    answers = [*message.answers, *[""] * len(message.facts)]
    return [
        {**_said(f), **({"acknowledge": answers[n]} if answers[n] else {})} for n, f in enumerate(message.facts)
    ]  # fmt: skip


def _said(facts: Facts) -> dict[str, object]:
    return {
        "id": facts.notification, "alarm": facts.case, "kind": facts.kind, "severity": facts.severity,
        "life": facts.life, "family": facts.family, "rule": facts.rule, "state": facts.state, "park": facts.park,
        "place": facts.place, "device": facts.device, "metric": facts.metric_en, "value": facts.value,
        "limit": facts.limit, "unit": facts.unit, "reason": facts.reason, "since": facts.since, "at": facts.at,
        "basis": facts.basis, **({"words": facts.words} if facts.words else {}),
    }  # fmt: skip


def signed(message: Message, target: Target, body: object) -> Post:
    """Return a request with an object as its body, and its headers."""
    content = msgspec.json.encode(body)
    seconds = str(message.sent // 1_000)
    headers = [
        ("Content-Type", "application/json"),
        ("Idempotency-Key", message.id),
        ("webhook-id", message.id),
        ("webhook-timestamp", seconds),
    ]
    if target.secret:
        headers.append(("webhook-signature", "v1," + sign(target.secret, message.id, seconds, content)))
    return Post(target.url, tuple(headers), content)


def sign(secret: str, key: str, seconds: str, content: bytes) -> str:
    """Return the signature of a body, in Base64; the key is the secret's own bytes, or Base64 after whsec_."""
    raw = secret.encode()
    if secret.startswith("whsec_"):
        try:
            raw = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except ValueError:
            raw = secret.encode()
    signed_text = f"{key}.{seconds}.".encode() + content
    return base64.b64encode(hmac.new(raw, signed_text, hashlib.sha256).digest()).decode()


def verdict(reply: Reply) -> Verdict:
    """Return what a program means: its status; the receipt is the id that it answers with, if it does."""
    found = http(reply)
    if found.outcome is not Outcome.DELIVERED:
        return found
    content = json_of(reply) or {}
    receipt = next((content[k] for k in ("receipt", "id", "message_id", "messageId") if content.get(k)), "")
    said = f"{found.said} {quoted(receipt)}" if isinstance(receipt, str | int) and receipt else found.said
    return Verdict(found.outcome, said)
