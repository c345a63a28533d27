"""docs/alarms.md says what the table says."""

import os
import re
from pathlib import Path

from alerts.diagram import mermaid, table
from park.alarms import SuppressionReason

PAGE = Path(__file__).parents[2] / "docs" / "alarms.md"


def test_made_from_the_table():
    """The diagram and the table of transitions on the page are made from the machine (GOLDEN=1 rewrites them)."""
    text = PAGE.read_text("utf-8")
    made = re.sub(r"```mermaid\n.*?```\n", lambda _: f"```mermaid\n{mermaid()}```\n", text, flags=re.DOTALL)
    made = re.sub(r"\| told \| of \|.*?\n\n", lambda _: f"{table()}\n", made, flags=re.DOTALL)
    if os.environ.get("GOLDEN"):
        PAGE.write_text(made, "utf-8")

    assert made == text


def test_every_reason_is_explained():
    """Every reason for which an alarm is held back stands on the page."""
    text = PAGE.read_text("utf-8")

    assert [] == [r for r in SuppressionReason if f"| `{r}` |" not in text]
