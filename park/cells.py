"""Cells of tables that spreadsheets open."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run (OWASP, CSV injection)


def text_cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: one that it would run is led by an apostrophe."""
    return f"'{text}" if text.startswith(_FORMULA) else text
