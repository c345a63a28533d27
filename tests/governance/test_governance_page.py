"""docs/governance.md says what the table of hazards says."""

import os
import re
from pathlib import Path

from governance.hazards import mermaid, table

PAGE = Path(__file__).parents[2] / "docs" / "governance.md"
_MADE = re.compile(r"(<!-- made from governance/hazards.py by `make golden` -->\n).*?(\n<!-- end -->)", re.DOTALL)


def test_the_page_is_made_from_the_table():
    """The diagram and the table of the page are those of the code (GOLDEN=1 rewrites them)."""
    made = f"```mermaid\n{mermaid()}```\n\n{table()}"
    text = PAGE.read_text("utf-8")
    expected = _MADE.sub(lambda m: m.group(1) + made + m.group(2), text)
    if os.environ.get("GOLDEN"):
        PAGE.write_text(expected, "utf-8")

    assert expected == PAGE.read_text("utf-8")
    assert made in expected
