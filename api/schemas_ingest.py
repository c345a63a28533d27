"""What a gateway or program hands in over HTTP, and what it is told."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from api.bodies import Body

_WORD = r"[^/+#\x00-\x1f\x7f]{1,128}"


class MessageBody(Body):
    """A message as it would be published: its topic names park, lane, gateway (or -) and device."""

    topic: Annotated[str, Field(pattern=rf"^parks/[a-z0-9-]{{1,32}}/(life|bulk)/{_WORD}/{_WORD}$")]
    payload: dict[str, Any] | list[dict[str, Any]]  # {"ts": epoch ms, "v": {name: value}}, or a list of such


class MessagesBody(Body):
    """Messages in order."""

    messages: Annotated[tuple[MessageBody, ...], Field(min_length=1, max_length=1_000)]


class Taken(BaseModel):
    """What is in the log now; what could not be read in it waits among the refused messages."""

    messages: int
    life: int  # of them, of life safety
