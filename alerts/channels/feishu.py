"""Feishu and Lark: a custom bot of a group, signed (open.feishu.cn: custom bot guide)."""

import base64
import hashlib
import hmac

import msgspec

from alerts.channels.replies import robot
from park.delivery import Message, Post, Reply, Target, Verdict
from park.events import Severity

MOST = 18_000  # bytes; a body has 20 KB at most
_BUSY = frozenset({11232, 9499, 99991400, 11247})  # 100 a minute and 5 a second; gateway limits
_COLOURS = {Severity.CRITICAL: "red", Severity.HIGH: "orange", Severity.MEDIUM: "yellow", Severity.LOW: "blue"}


def compose(message: Message, target: Target, _: str) -> Post:
    """Return the request: a card with a coloured head, with the time and its sign in the body."""
    card = {
        "config": {"wide_screen_mode": True},
        "header": {
            "template": _COLOURS[message.facts[0].severity],
            "title": {"tag": "plain_text", "content": message.title},
        },
        "elements": [{"tag": "markdown", "content": message.text}],
    }
    body: dict[str, object] = {"msg_type": "interactive", "card": card}
    if target.secret:
        seconds = message.sent // 1_000
        body |= {"timestamp": str(seconds), "sign": sign(target.secret, seconds)}
    return Post(target.url, (("Content-Type", "application/json; charset=utf-8"),), msgspec.json.encode(body))


def sign(secret: str, sent: int) -> str:
    """Return the sign of a time (s): HMAC-SHA256 of nothing, with time and secret as its key, in Base64."""
    digest = hmac.new(f"{sent}\n{secret}".encode(), b"", hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def verdict(reply: Reply) -> Verdict:
    """Return what the bot means."""
    return robot(reply, "code", "msg", _BUSY)
