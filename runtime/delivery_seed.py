"""Targets and officers from a file of settings: brought into the tables by name, where the file says something new.

What people change by API afterwards holds until the file says something else of it; what the file no longer names
stays; what they delete comes again with the next start, while the file still names it. See decision 085.
"""

import logging
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from park.alarm_ports import PlanStore
from park.delivery import Channel, Target, Targets
from park.duty import Officer
from park.errors import SettingsError, UserError
from park.events import Severity
from park.settings import DeliverySettings

WEBHOOK = "webhook"  # name of the target that settings give
_ACTOR = "settings"
_SECRET_MOST = 500
_OWN = {"id", "version", "trusted", "file"}  # nobody's to give
_log = logging.getLogger(__name__)
_Named = TypeVar("_Named", Target, Officer)


def read_secret(path: str) -> str:
    """Return the secret in a file. Raises SettingsError, whose words hold nothing of it."""
    try:
        text = Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as why:
        raise SettingsError(f"{path}: the secret cannot be read") from why
    if not 0 < len(text) <= _SECRET_MOST:
        raise SettingsError(f"{path}: a secret has 1 to {_SECRET_MOST} characters")
    return text


def seed(path: str, targets: Targets, plans: PlanStore, now: int) -> None:
    """Bring a file's targets and officers into the tables; all of it is seen to first. Raises SettingsError."""
    try:
        content = tomllib.loads(Path(path).read_text("utf-8"))
    except OSError as why:
        raise SettingsError(f"{path}: cannot be read ({why.strerror})") from why
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise SettingsError(f"{path}: not a TOML file") from None  # the parser's words may quote a secret
    unknown = sorted(content.keys() - {"target", "officer"})
    if unknown:
        raise SettingsError(f"{path}: there is no {unknown[0]!r}; there are target and officer")
    wanted = [_target(row, f"{path}: target {n + 1}") for n, row in enumerate(_rows(content, "target", path))]
    people = [_officer(row, f"{path}: officer {n + 1}") for n, row in enumerate(_rows(content, "officer", path))]
    try:
        _bring(path, wanted, {t.name: t for t in targets.all()}, lambda t: targets.save(t, actor=_ACTOR, now=now))
        _bring(path, people, {o.name: o for o in plans.plans(Officer)}, lambda o: plans.save(o, actor=_ACTOR, now=now))
    except UserError as why:
        raise SettingsError(f"{path}: {why}") from why


def seed_webhook(settings: DeliverySettings, targets: Targets, now: int) -> None:
    """Bring the receiver that settings name into the tables, where they say something new. Raises SettingsError."""
    held = next((t for t in targets.all() if t.name == WEBHOOK), None)
    if not settings.webhook:
        if held is not None and held.trusted:  # it was of the settings, and is not any more
            targets.end(held.id, actor=_ACTOR, now=now)
        return
    secret = read_secret(settings.webhook_secret_file) if settings.webhook_secret_file else ""
    said = _digest({"url": settings.webhook, "secret": secret})
    wanted = Target(WEBHOOK, Channel.WEBHOOK, settings.webhook, secret, rate=600, trusted=True, file=said)
    if held is not None:
        unsaid = not held.file and (held.url, held.secret, held.trusted) == (wanted.url, wanted.secret, True)
        if held.file == said or unsaid:  # by us, or by a version of us that kept no digest
            if not held.enabled:
                _log.warning("delivery.webhook was switched off by people, and stays so until it names another")
            return
        wanted = replace(
            wanted, rate=held.rate, id=held.id, version=held.version, language=held.language, template=held.template
        )
    try:
        targets.save(wanted, actor=_ACTOR, now=now)
    except ValueError as why:
        raise SettingsError("delivery.webhook is no address") from why


def _bring(path: str, wanted: Sequence[_Named], held: Mapping[str, _Named], save: Callable[[_Named], object]) -> None:
    """Save what the file says anew; say of what it stands back, because people changed it since."""
    for one in wanted:
        old = held.get(one.name)
        new = replace(one, id=old.id, version=old.version) if old else one
        if old is None or old.file != new.file:
            save(new)
            _log.info("%s: %s is as the file says", path, one.name)
        elif new != old:
            _log.warning("%s: %s was changed by people, and stays so until the file says something new", path, one.name)


def _digest(row: dict[str, Any]) -> str:
    """Return what tells one thing that the file says of somebody from another; secrets count, and are not told."""
    return sha256(repr(sorted(row.items())).encode()).hexdigest()


def _rows(content: dict[str, Any], name: str, path: str) -> list[dict[str, Any]]:
    rows = content.get(name, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SettingsError(f"{path}: {name} is written as [[{name}]]")
    return rows


def _target(row: dict[str, Any], where: str) -> Target:
    row = dict(row)
    if "secret_file" in row:
        row["secret"] = read_secret(str(row.pop("secret_file")))
    said = _digest(row)  # before it is read
    known = {f.name: f for f in fields(Target) if f.name not in _OWN}
    wrong = sorted(row.keys() - known.keys())
    if wrong:
        raise SettingsError(f"{where}: there is no {wrong[0]!r}; there are {', '.join(sorted(known))}")
    for name, f in known.items():
        if f.default is MISSING and f.default_factory is MISSING and name not in row:
            raise SettingsError(f"{where}: {name} is missing")
        if name in row:
            row[name] = _read(name, row[name], f.default, where)
    return Target(**row, trusted=True, file=said)


def _read(name: str, value: Any, default: Any, where: str) -> Any:
    """Return a value of a target; its words are not quoted: it may be a secret."""
    try:
        if name == "channel":
            return Channel(value)
        if name == "least":
            return Severity(value)
        if name == "addresses":
            return tuple(str(v) for v in value)
        if name == "quiet":
            start, end = value
            return (_minute(start), _minute(end))
    except (ValueError, TypeError) as why:
        raise SettingsError(f"{where}: {name} cannot be read") from why
    kind = str if default is MISSING else type(default)
    if type(value) is not kind:
        raise SettingsError(f"{where}: {name} is not {kind.__name__}")
    return value


def _minute(text: Any) -> int:
    """Return the minute of the day of "22:30"."""
    hour, _, minute = str(text).partition(":")
    return int(hour) * 60 + int(minute)


def _officer(row: dict[str, Any], where: str) -> Officer:
    wrong = sorted(row.keys() - {"name", "contacts", "key_name", "language", "park"})
    if wrong or not isinstance(row.get("name"), str):
        raise SettingsError(f"{where}: {f'there is no {wrong[0]!r}' if wrong else 'name is missing'}")
    try:
        contacts = tuple((str(channel), str(address)) for channel, address in row.get("contacts", []))
    except (ValueError, TypeError) as why:
        raise SettingsError(f"{where}: contacts are pairs of a channel and an address") from why
    return Officer(
        row["name"], contacts, str(row.get("key_name", "")), str(row.get("language", "zh")), int(row.get("park", 0)),
        file=_digest(row),
    )  # fmt: skip
