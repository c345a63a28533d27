"""The pages that are made from the command and the settings."""

import os
from dataclasses import fields, is_dataclass
from pathlib import Path

from park.settings import Settings
from runtime.cli_page import commands_page
from runtime.settings_page import settings_page

DOCS = Path(__file__).parents[2] / "docs"


def golden(page, expected):
    """Compare a page with what the code says; GOLDEN=1 rewrites it."""
    if os.environ.get("GOLDEN"):
        page.write_text(expected, "utf-8")
    assert expected == page.read_text("utf-8")


def test_settings_are_documented():
    """docs/settings.md lists every setting with its default, its variable and its flag."""
    golden(DOCS / "settings.md", settings_page())


def test_commands_are_documented():
    """docs/commands.md lists every command with what it takes."""
    golden(DOCS / "commands.md", commands_page())


def test_every_setting_says_what_it_is():
    """Every setting has a comment that the page shows."""
    page = settings_page()

    silent = []
    for outer in fields(Settings):
        inner = getattr(Settings(), outer.name)
        for name in [f.name for f in fields(inner)] if is_dataclass(inner) else [outer.name]:
            row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
            silent += [] if row.split("|")[-2].strip() else [name]
    assert [] == silent
