"""Stand-ins, as the API takes them."""

from typing import Annotated

from pydantic import Field

from api.schemas_duty import SubstituteBody

_Version = Annotated[int, Field(ge=0, lt=1 << 53, description="of the rota that you saw: 409 if it changed; 0: any")]


class StandInBody(SubstituteBody):
    """Somebody who stands in for an officer of a rota, from a time to a later one."""

    version: _Version = 0


class StandInEndBody(SubstituteBody):
    """The stand-in that is taken back, as the rota has it."""

    version: _Version = 0
