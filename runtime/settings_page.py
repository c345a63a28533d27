"""The page about settings, made from where they are defined."""

import ast
import inspect
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from park import settings as defined
from park.settings import Settings
from runtime.settings_file import variables

_FLAGS = {("data_dir",), ("api", "host"), ("api", "port"), ("ingest", "broker_host"), ("ingest", "broker_port")}
_HEAD = """# Settings

Every setting may be given as an environment variable or in a TOML file (`--settings FILE`, or the variable
`PARK_SETTINGS`); those that people change most are flags of `park run` too. A flag is stronger than a
variable, a variable stronger than the file. What is no setting, of another type or out of bounds is one
sentence and exit code 2; `park check` looks without starting anything. Made from code by `make golden`.

```toml
language = "en"

[api]
port = 9090

[ingest]
broker_host = "10.0.0.5"
username = "park"
password_file = "/etc/park/mqtt-password"
```

`PARK_TRACEBACK=1` shows where in the code an unexpected fault arose.

"""


def settings_page() -> str:
    """Return docs/settings.md."""
    variable_of = {path: name for name, path in variables().items()}
    said = dict(_said())
    parts = [_HEAD]
    plain = [f for f in fields(Settings) if not is_dataclass(getattr(Settings(), f.name))]
    parts.append(_table("Settings", Settings(), [(f.name,) for f in plain], variable_of, said))
    for outer in fields(Settings):
        inner = getattr(Settings(), outer.name)
        if is_dataclass(inner):
            summary = (inspect.getdoc(type(inner)) or "").splitlines()[0]
            parts.append(f"\n## [{outer.name}]\n\n{summary}\n\n")
            paths = [(outer.name, f.name) for f in fields(inner)]
            parts.append(_table(type(inner).__name__, inner, paths, variable_of, said))
    return "".join(parts)


def _table(
    kind: str,
    room: Any,
    paths: Sequence[tuple[str, ...]],
    variable_of: dict[tuple[str, ...], str],
    said: dict[tuple[str, str], str],
) -> str:
    lines = ["| setting | default | variable | flag | what it is |", "| --- | --- | --- | --- | --- |"]
    for path in paths:
        variable = variable_of[path]
        flag = f"`--{variable.removeprefix('PARK_').lower().replace('_', '-')}`" if path in _FLAGS else ""
        text = said.get((kind, path[-1]), "").replace("|", "\\|")
        default = _shown(getattr(room, path[-1]))
        lines.append(f"| `{path[-1]}` | {default} | `{variable}` | {flag} | {text} |")
    return "\n".join(lines) + "\n"


def _shown(value: Any) -> str:
    """Return a default as TOML writes it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str | Path):
        return f'`"{value}"`'
    return f"`{value:_}`" if isinstance(value, int) and value >= 10_000 else f"`{value}`"


def _said() -> Iterator[tuple[tuple[str, str], str]]:
    """Yield the comment of every setting: ((class, name), text)."""
    source = inspect.getsource(defined)
    tokens = tokenize.generate_tokens(StringIO(source).readline)
    comments = {t.start[0]: t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT}
    for node in ast.parse(source).body:
        for part in node.body if isinstance(node, ast.ClassDef) else ():
            if isinstance(node, ast.ClassDef) and isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                yield (node.name, part.target.id), comments.get(part.lineno, "")
