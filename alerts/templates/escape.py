"""What comes from devices and people is put into messages as text, whatever it holds."""

import html
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from park.delivery import Format

_MARKS = re.compile(r"([\\`*_{}\[\]()#+!|~])")
# Chats read these as commands: <font>, <@user>, @all. Their wide forms look alike and do nothing.
WIDE = str.maketrans({"<": "＜", ">": "＞", "@": "＠"})
_VALUE_MOST = 500  # characters of one value


def line(value: object) -> str:
    """Return a value on one line, without control characters, of bounded length."""
    text = str(value)[: 4 * _VALUE_MOST]
    text = "".join(c if c.isprintable() else " " for c in text)
    text = " ".join(text.split())
    return text if len(text) <= _VALUE_MOST else text[: _VALUE_MOST - 1] + "…"


def markdown(value: object) -> str:
    """Return a value that is nothing but text in markdown; a link of ours stays one."""
    if isinstance(value, Link):
        return str(value)
    return _MARKS.sub(r"\\\1", line(value).translate(WIDE))


def hypertext(value: object) -> str:
    """Return a value that is nothing but text in HTML."""
    return html.escape(line(value), quote=True)


class Link(str):
    """An address that we made: of characters that mean nothing anywhere."""

    __slots__ = ()


ESCAPE: Mapping[Format, Callable[[object], str]] = MappingProxyType({
    Format.MARKDOWN: markdown, Format.HTML: hypertext, Format.PLAIN: line,
})  # fmt: skip
