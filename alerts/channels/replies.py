"""What replies mean, alike for all channels: RFC 9110 for the status, JSON for what robots answer."""

import re
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from park.delivery import Outcome, Reply, Verdict

# Statuses after which the same message may pass: timeouts, too early, too many, and what is the server's fault.
_LATER = frozenset({408, 409, 423, 425, 429, 500, 502, 503, 504, 507, 509, 521, 522, 523, 524, 529})
# The address or the key is wrong: people mend that, and what waits goes out then.
MENDABLE = frozenset({401, 403, 404, 405, 407, 410})
_MEND_AFTER = 5 * 60_000  # ms
_BUSY_AFTER = 60_000  # ms: robots count by the minute
_SAID = 200  # characters of an answer that are kept
_LONG = re.compile(r"[A-Za-z0-9_\-+/=]{20,}")  # what may be a key that was sent back to us


def http(reply: Reply) -> Verdict:
    """Return what a reply means by its status alone."""
    if 200 <= reply.status < 300:
        return Verdict(Outcome.DELIVERED, f"HTTP {reply.status}")
    said = f"HTTP {reply.status}"
    if reply.status in _LATER or reply.status >= 500:
        return Verdict(Outcome.LATER, said, after(reply.retry_after))
    if reply.status in MENDABLE:
        return Verdict(Outcome.LATER, said, max(_MEND_AFTER, after(reply.retry_after) or 0))
    return Verdict(Outcome.DEAD, said)


def after(header: str) -> int | None:
    """Return the ms that a Retry-After header asks for (RFC 9110, 10.2.3); None for none, or a date.

    A date is measured against the sender's clock, which the caller does not know here: a minute is waited.
    """
    text = header.strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return int(text) * 1_000
    if text:
        try:
            parsedate_to_datetime(text)
        except (ValueError, TypeError):
            return None
        return _BUSY_AFTER
    return None


def json_of(reply: Reply) -> dict[str, Any] | None:
    """Return the object in a reply; None for anything else."""
    try:
        found = msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return found if isinstance(found, dict) else None


def robot(reply: Reply, code: str, text: str, busy: frozenset[int]) -> Verdict:
    """Return what a chat's robot means: it answers 200 and says what is wrong in a number.

    Garbage for an answer is no receipt: it is tried again, and may so be told twice, under one id.
    """
    content = json_of(reply)
    if reply.status == 429 or reply.status >= 500 or content is None or not isinstance(content.get(code), int):
        found = http(reply)
        if found.outcome is not Outcome.DELIVERED:
            return found
        return Verdict(Outcome.LATER, "the answer is not what such a robot says")
    number = content[code]
    if number == 0:
        return Verdict(Outcome.DELIVERED, f"{code} 0")
    said = f"{code} {number}: {quoted(content.get(text))}"
    # Else a wrong key, sign or word: people mend that, and the message is well.
    return Verdict(Outcome.LATER, said, _BUSY_AFTER if number in busy else _MEND_AFTER)


def quoted(text: object) -> str:
    """Return what a receiver said, on one line, short, with nothing in it that may be a key."""
    line = " ".join(str(text or "").split())
    return _LONG.sub("…", "".join(c for c in line if c.isprintable()))[:_SAID]
