"""The page about the command, made from the command."""

import re
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from runtime.cli import make_app

_HEAD = """# The `park` command

Where an instance runs on the data folder, a command asks it through its API; where none runs, it opens the
files itself. What goes wrong is one sentence on the error stream. Exit codes: 0; 2 for what you can mend; 1 for
machinery that failed (`park ledger`: readings that nothing explains); 130 for Ctrl-C. `--json` is for scripts.
Every command that works on a data folder takes `--data-dir` and `--settings`. Made from code by `make golden`.
"""
_SHARED = {"settings_file", "data_dir"}


def commands_page() -> str:
    """Return docs/commands.md."""
    return _HEAD + "".join(_section(name, command) for name, command in _commands(get_command(make_app()), "park"))


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Yield every command that does something, by the order in which the help lists them."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for word, part in inner.items():
        yield from _commands(part, f"{name} {word}")


def _section(name: str, command: Any) -> str:
    shown = [p for p in command.params if not getattr(p, "hidden", False) and p.name not in _SHARED | {"help"}]
    arguments = " ".join(_argument(p) for p in shown if p.param_type_name == "argument")
    lines = [f"\n## {name}\n\n`{name}{' ' if arguments else ''}{arguments}`\n\n{command.help}\n"]
    if shown:
        lines.append("\n| | default | |\n| --- | --- | --- |\n")
    for p in shown:
        word = _argument(p) if p.param_type_name == "argument" else p.opts[0]
        default = "needed" if p.required else _default(p)
        text = (getattr(p, "help", "") or "").replace("|", "\\|")
        lines.append(f"| `{word}` | {default} | {text} |\n")
    return "".join(lines)


def _argument(parameter: Any) -> str:
    word = parameter.metavar or re.sub(r"\W", "-", parameter.name).upper()
    return word if parameter.required else f"[{word}]"


def _default(parameter: Any) -> str:
    value = parameter.default
    return "" if value is None or value is False or value == "" or callable(value) else f"`{value}`"
