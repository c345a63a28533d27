"""Settings from flags, environment and a TOML file, in that order of strength; read once."""

import tomllib
from collections.abc import Mapping
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
}


def read_settings(file: Path | None, environ: Mapping[str, str], flags: Mapping[str, Any]) -> Settings:
    """Return the settings of a file (if any), an environment and flags (dotted names; None: not given).

    Raises SettingsError that names the file or variable, the setting and what was expected.
    """
    settings = Settings()
    if file is not None:
        settings = _from_file(settings, file)
    for variable, path in variables().items():
        if variable in environ:
            settings = _set(settings, path, environ[variable], variable)
    for name, value in flags.items():
        if value is not None:
            settings = _set(settings, tuple(name.split(".")), value, f"--{name.rsplit('.', 1)[-1].replace('_', '-')}")
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


def _set(settings: Any, path: tuple[str, ...], value: Any, where: str) -> Any:
    known: dict[str, Field[Any]] = {f.name: f for f in fields(settings)}
    if path[0] not in known:
        raise SettingsError(f"{where}: there is no such setting; there are {', '.join(sorted(known))}")
    if len(path) > 1:
        inner = getattr(settings, path[0])
        if not is_dataclass(inner):
            raise SettingsError(f"{where}: {path[0]} is no table")
        return replace(settings, **{path[0]: _set(inner, path[1:], value, where)})
    if is_dataclass(getattr(settings, path[0])):
        raise SettingsError(f"{where}: {path[0]} is a table of settings, not one")
    return replace(settings, **{path[0]: _convert(get_type_hints(type(settings))[path[0]], value, where)})


_WORDS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def _convert(kind: Any, value: Any, where: str) -> Any:
    kinds = set(get_args(kind)) or {kind}
    try:
        if bool in kinds:
            return value if isinstance(value, bool) else _WORDS[str(value).lower()]
        if int in kinds:
            number = int(value)
            if number < 0:
                raise SettingsError(f"{where}: {number} is negative")
            return number
        if float in kinds:
            return float(value)
    except (ValueError, TypeError, KeyError) as why:
        names = " or ".join(sorted(getattr(k, "__name__", str(k)) for k in kinds if k is not type(None)))
        raise SettingsError(f"{where}: {value!r} is not {names}") from why
    return Path(value) if Path in kinds else str(value)
