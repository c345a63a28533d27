"""WeCom: a robot of a group, whose key is in its address (developer.work.weixin.qq.com: group robots)."""

import msgspec

from alerts.channels.replies import robot
from park.delivery import Message, Post, Reply, Target, Verdict

MOST = 4_096  # bytes of markdown in UTF-8
_BUSY = frozenset({45009, 45033, -1})  # 20 a minute; too many at once; the system is busy


def compose(message: Message, target: Target, _: str) -> Post:
    """Return the request: markdown."""
    body = {"msgtype": "markdown", "markdown": {"content": message.text}}
    return Post(target.url, (("Content-Type", "application/json; charset=utf-8"),), msgspec.json.encode(body))


def verdict(reply: Reply) -> Verdict:
    """Return what the robot means."""
    return robot(reply, "errcode", "errmsg", _BUSY)
