"""DingTalk: a custom robot of a group, signed (open.dingtalk.com: custom robot access)."""

import base64
import hashlib
import hmac
from urllib.parse import quote_plus

import msgspec

from alerts.channels.replies import robot
from park.delivery import Message, Post, Reply, Target, Verdict

MOST = 18_000  # bytes; the robot takes 20,000 of the whole body
# Sent too fast (20 a minute, then ten minutes of silence); the webhook's quota; the system is busy.
_BUSY = frozenset({130101, 90030, -1, 130102})


def compose(message: Message, target: Target, _: str) -> Post:
    """Return the request: markdown, with the time and its sign in the address."""
    url = target.url
    if target.secret:
        url += (
            f"{'&' if '?' in url else '?'}timestamp={message.sent}&sign={quote_plus(sign(target.secret, message.sent))}"
        )
    body = {"msgtype": "markdown", "markdown": {"title": message.title, "text": message.text}, "msgUuid": message.id}
    return Post(url, (("Content-Type", "application/json; charset=utf-8"),), msgspec.json.encode(body))


def sign(secret: str, sent: int) -> str:
    """Return the sign of a time (ms): HMAC-SHA256 of time and secret, in Base64."""
    digest = hmac.new(secret.encode(), f"{sent}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def verdict(reply: Reply) -> Verdict:
    """Return what the robot means."""
    return robot(reply, "errcode", "errmsg", _BUSY)
