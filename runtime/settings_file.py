"""Settings from flags, environment and a TOML file, in that order of strength; read once."""

import difflib
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import Field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

from park.errors import SettingsError
from park.settings import Settings

# The short names that people type; every other setting is PARK_<ROOM>_<NAME>.
SHORT = {
    "PARK_DATA_DIR": ("data_dir",),
    "PARK_LANGUAGE": ("language",),
    "PARK_HOST": ("api", "host"),
    "PARK_HTTP_PORT": ("api", "port"),
    "PARK_MQTT_HOST": ("ingest", "broker_host"),
    "PARK_MQTT_PORT": ("ingest", "broker_port"),
    "PARK_WEBHOOK": ("delivery", "webhook"),
}
# Variables that are no settings: the settings file itself, a fault's traceback, where tests find recordings and
# Apache Kafka, and whether they take their time.
BESIDES = frozenset({"PARK_SETTINGS", "PARK_TRACEBACK", "PARK_SHARED_DATA", "PARK_KAFKA_HOME", "PARK_LONG"})

_PORT = 65_535
_MOST: Mapping[tuple[str, ...], float] = {
    ("api", "port"): _PORT,
    ("ingest", "broker_port"): _PORT,
    ("ingest", "receive_maximum"): _PORT,  # MQTT 5, 3.1.2.11.3: two bytes
    ("ingest", "keepalive"): 65_535,  # s; MQTT 5, 3.1.2.10: two bytes
    ("city", "role_port"): _PORT,
    ("city", "partitions"): 1_000,
    ("city", "replication"): 9,
    ("city", "message_bytes"): 64 << 20,  # what a client of Kafka can hold several of
    ("ingest", "batch_nap"): 1.0,  # s; beyond it nobody would call it live
}
_LEAST: Mapping[tuple[str, ...], float] = {
    ("ingest", "receive_maximum"): 1,  # MQTT 5, 3.1.2.11.3: 0 is a protocol error
    ("ingest", "batch_messages"): 1,
    ("ingest", "max_payload"): 1,
    ("log", "segment_bytes"): 1 << 16,  # a segment holds a record at least
    ("store", "memory_rows"): 1,
    ("api", "live_buffer"): 1,
    ("city", "partitions"): 1,
    ("city", "replication"): 1,
    ("city", "retention_hours"): 1,
    ("city", "retention_bytes"): 64 << 20,
    ("city", "message_bytes"): 4 << 20,  # a refused message of 1 MiB, whatever its letters cost, fits
}
_CHOICES: Mapping[tuple[str, ...], tuple[Any, ...]] = {
    ("language",): ("zh", "en"),
    ("city", "lanes"): ("life", "bulk", "both"),
    ("ingest", "mqtt_version"): (4, 5),
}
_WORDS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", Path: "a path"}


def read_settings(file: Path | None, environ: Mapping[str, str], flags: Mapping[str, Any]) -> Settings:
    """Return the settings of a file (if any), an environment and flags (dotted names; None: not given).

    Raises SettingsError that names the file, variable or flag, the setting and what was expected.
    """
    settings = Settings()
    if file is not None:
        settings = _from_file(settings, file)
    for variable, path in variables().items():
        if variable in environ:
            settings = _set(settings, path, environ[variable], variable)
    flag_of = {path: variable.removeprefix("PARK_").lower().replace("_", "-") for variable, path in SHORT.items()}
    for name, value in flags.items():
        path = tuple(name.split("."))
        if value is not None:
            settings = _set(settings, path, value, f"--{flag_of.get(path, path[-1].replace('_', '-'))}")
    return settings


def variables() -> dict[str, tuple[str, ...]]:
    """Return every environment variable with the path of its setting."""
    found = dict(SHORT)
    named = set(SHORT.values())
    for outer in fields(Settings):
        inner = getattr(Settings(), outer.name)
        if is_dataclass(inner):
            for part in fields(inner):
                if (outer.name, part.name) not in named:
                    found[f"PARK_{outer.name}_{part.name}".upper()] = (outer.name, part.name)
    return found


def unheard(environ: Iterable[str]) -> list[str]:
    """Return a sentence for every variable that looks like a setting and is none: a typing error is not silent."""
    known = variables()
    return [
        f"the environment variable {name} is no setting and is not heard{_near(name, known)}"
        for name in sorted(environ)
        if name.startswith("PARK_") and name not in known and name not in BESIDES
    ]


def _near(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), 1)
    return f"; {close[0]} is one" if close else ""


def _from_file(settings: Settings, file: Path) -> Settings:
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except OSError as why:
        raise SettingsError(f"{file}: cannot be read ({why.strerror})") from why
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as why:
        raise SettingsError(f"{file}: not a TOML file: {why}") from why
    for name, value in content.items():
        if isinstance(value, dict):
            for inner, part in value.items():
                settings = _set(settings, (name, inner), part, f"{file}: [{name}] {inner}")
        else:
            settings = _set(settings, (name,), value, f"{file}: {name}")
    return settings


def _set(settings: Settings, path: tuple[str, ...], value: Any, where: str) -> Settings:
    """Return settings with one of them replaced."""
    room: Any = settings
    for name in path[:-1]:
        room = getattr(_known(room, name, where), name)
        if not is_dataclass(room):
            raise SettingsError(f"{where}: {name} is no table, but one setting")
    if is_dataclass(getattr(_known(room, path[-1], where), path[-1])):
        raise SettingsError(f"{where}: {path[-1]} is a table of settings, not one")
    converted = _convert(get_type_hints(type(room))[path[-1]], value, where)
    _bounded(path, converted, where)
    changed = replace(room, **{path[-1]: converted})
    return replace(settings, **{path[0]: changed}) if len(path) > 1 else changed


def _known(room: Any, name: str, where: str) -> Any:
    """Return a room that has a setting. Raises SettingsError."""
    known: dict[str, Field[Any]] = {f.name: f for f in fields(room)}
    if name not in known:
        raise SettingsError(f"{where}: there is no such setting; there are {', '.join(sorted(known))}")
    return room


def _convert(kind: Any, value: Any, where: str) -> Any:
    """Return a value as a setting's type; texts of the environment are read, other types must be what they are."""
    (kind,) = [k for k in get_args(kind) or (kind,) if k is not type(None)]
    try:
        return _READ[kind](value)
    except (ValueError, TypeError, KeyError, OverflowError) as why:
        raise SettingsError(f"{where}: {value!r} is not {kind.__name__}; {_NAMES[kind]} is expected") from why


def _bool(value: Any) -> bool:
    return value if isinstance(value, bool) else _WORDS[_text(value).strip().lower()]


def _int(value: Any) -> int:
    if isinstance(value, str):
        return int(value.strip())
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return value


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _path(value: Any) -> Path:
    text = str(value) if isinstance(value, Path) else _text(value)
    if not text or "\0" in text:
        raise ValueError
    return Path(text)


_READ: Mapping[Any, Any] = {bool: _bool, int: _int, float: _float, str: _text, Path: _path}


def _bounded(path: tuple[str, ...], value: Any, where: str) -> None:
    choices = _CHOICES.get(path)
    if choices and value not in choices:
        raise SettingsError(f"{where}: {value!r} is none of {', '.join(map(str, choices))}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    least, most = _LEAST.get(path, 0), _MOST.get(path, math.inf)
    if value < least:
        raise SettingsError(f"{where}: {value} is less than {least}")
    if value > most:
        raise SettingsError(f"{where}: {value} is more than {most}")
