"""What a target must be before it is kept, and how it is shown: never with its secrets."""

import re
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from alerts.delivery import GATEWAYS
from alerts.templates import check
from park.delivery import Channel, Target
from park.errors import UserError

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
URL_MOST, SECRET_MOST, ADDRESSES_MOST, ADDRESS_MOST = 2_000, 500, 50, 500
RATE_MOST = 6_000  # messages a minute
COMMANDS = frozenset({"set", "cmd", "command"})  # last levels of topics that devices obey
_SCHEMES = {Channel.EMAIL: ("smtp", "smtps"), Channel.SOUNDER: ("mqtt",)}
_ADDRESS = {
    Channel.EMAIL: re.compile(r"[^@\s,;<>\"\x00-\x1f]{1,64}@[A-Za-z0-9.-]{1,255}"),
    Channel.SMS: re.compile(r"\+?[0-9][0-9 -]{2,30}"),
    Channel.VOICE: re.compile(r"\+?[0-9][0-9 -]{2,30}"),
}


def checked(target: Target) -> None:
    """See that a target can be used. Raises UserError, whose words hold no secret."""
    if not NAME.fullmatch(target.name):
        raise UserError("a target's name has 1 to 64 of a-z, 0-9, _, . and -")
    if target.language not in {"zh", "en"}:
        raise UserError("a target is told in zh or en")
    if not 1 <= target.rate <= RATE_MOST:
        raise UserError(f"a target takes 1 to {RATE_MOST} messages a minute")
    if not all(0 <= m < 1_440 for m in target.quiet):
        raise UserError("quiet hours are two minutes of the day, 0 to 1439")
    try:
        ZoneInfo(target.timezone)
    except (KeyError, ValueError, OSError) as why:
        raise UserError(f"there is no time zone {target.timezone[:64]!r}") from why
    if len(target.secret) > SECRET_MOST or not target.secret.isprintable():
        raise UserError(f"a secret has at most {SECRET_MOST} printable characters")
    _addressed(target)
    _located(target)
    if target.template:
        check(target.template, target.channel)


def _addressed(target: Target) -> None:
    if len(target.addresses) > ADDRESSES_MOST:
        raise UserError(f"a target has at most {ADDRESSES_MOST} addresses")
    if target.addresses and target.channel not in GATEWAYS:
        raise UserError(f"a target of {target.channel} has no addresses: it is one receiver")
    for address in target.addresses:
        pattern = _ADDRESS[target.channel]
        if len(address) > ADDRESS_MOST or not pattern.fullmatch(address):
            raise UserError(f"{address[:40]!r} is no address of {target.channel}")


def _located(target: Target) -> None:
    """See that an address can be one; where it leads is seen when it is spoken to, each time."""
    if not 0 < len(target.url) <= URL_MOST or not target.url.isprintable() or any(c.isspace() for c in target.url):
        raise UserError(f"a target has an address of at most {URL_MOST} printable characters")
    schemes = _SCHEMES.get(target.channel, ("https", "http"))
    try:
        parts = urlsplit(target.url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise UserError("the address cannot be read") from None  # what was given may be a secret
    if parts.scheme not in schemes:
        raise UserError(f"an address of {target.channel} begins with {' or '.join(s + ':' for s in schemes)}")
    if target.channel is Channel.SOUNDER:
        _topics(target)
        return
    if not host:
        raise UserError("the address names no host")
    if target.channel not in _SCHEMES and (parts.username or parts.password):
        raise UserError("put no user or password into the address")


def _topics(target: Target) -> None:
    """See that a sounder's address names its two topics: mqtt:COMMAND?state=FEEDBACK."""
    command, state = topics(target)
    for topic in (command, state):
        if not topic or len(topic) > 500 or any(c in topic for c in "+#\0") or topic.startswith("$"):
            raise UserError("a sounder's address is mqtt:<command topic>?state=<topic of its state>")
    if command.rpartition("/")[2] not in COMMANDS:  # nothing that a device says of itself can be said by us
        raise UserError(f"the command topic of a sounder ends in {', '.join(sorted(COMMANDS))}")


def topics(target: Target) -> tuple[str, str]:
    """Return the topics of a sounder's commands and of its own state."""
    command, _, state = target.url.removeprefix("mqtt:").partition("?state=")
    return command, state


def shown_url(target: Target) -> str:
    """Return what may be shown of an address: scheme and host; keys stand behind them."""
    if target.channel is Channel.SOUNDER:
        return target.url
    parts = urlsplit(target.url)
    port = f":{parts.port}" if parts.port else ""
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{port}/…"
