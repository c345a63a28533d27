"""What every command begins with: its flags for settings and folder, the error stream, a bar of progress."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from park.settings import Settings
from runtime.settings_file import read_settings, unheard

# Sentences are never broken by us: a terminal does that, and a file keeps them whole.
errors = Console(stderr=True, highlight=False, soft_wrap=True)

SettingsFlag = Annotated[
    Path | None, typer.Option("--settings", help="a TOML file of settings", envvar="PARK_SETTINGS", show_default=False)
]
FolderFlag = Annotated[
    Path | None, typer.Option("--data-dir", help="where everything is kept [PARK_DATA_DIR]", show_default=False)
]


def settings_of(file: Path | None, **flags: Any) -> Settings:
    """Return the settings that a command runs with; tell of variables that nobody hears."""
    for sentence in unheard(os.environ):
        errors.print(sentence, style="yellow", markup=False)
    return read_settings(file, os.environ, flags)


@contextmanager
def progress(text: str) -> Iterator[Callable[[float], None]]:
    """Show a bar on the error stream, so that output can be piped; what it yields takes the share done.

    It appears when the work begins: what is refused at once is a sentence and nothing else.
    """
    columns = (TextColumn("{task.description:<32}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as bars:
        task = bars.add_task(text, total=1.0, visible=False)
        yield lambda share: bars.update(task, completed=share, visible=True)
