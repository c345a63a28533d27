"""Cells of tables that spreadsheets open."""

# What a spreadsheet would run, the wide forms too, which some take as well (OWASP, CSV injection).
_RISKY = (
    "=+-@\t\r\n\N{FULLWIDTH EQUALS SIGN}\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH HYPHEN-MINUS}\N{FULLWIDTH COMMERCIAL AT}"
)


def guarded(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: an apostrophe leads it; `unguarded` gives it back."""
    risky = text[:1] and (text[0] in _RISKY or (text[0] == "'" and text[1:2] and text[1] in f"{_RISKY}'"))
    return f"'{text}" if risky else text


def unguarded(text: str) -> str:
    """Return the text that was guarded; others as they are."""
    return text[1:] if text[:1] == "'" and text[1:2] and text[1] in f"{_RISKY}'" else text
