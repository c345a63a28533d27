"""What the API says of devices that are set apart."""

from pydantic import BaseModel, Field

from park.apart import SetApart
from park.model import DeviceMode


class SetApartOut(BaseModel):
    """A device that guards lives and whose alarms call nobody now: since when, until when, by whom and why."""

    park: int
    device: int
    place: int
    kind: str
    name: str
    mode: DeviceMode
    since: int = Field(description="epoch ms; 0: nobody knows")
    until: int = Field(description="epoch ms at which it is normal again by itself; 0: nobody said")
    by: str
    reason: str

    @classmethod
    def of(cls, a: SetApart) -> "SetApartOut":
        """Return one."""
        d = a.device
        return cls(
            park=d.park, device=d.id, place=d.place, kind=d.kind, name=d.name, mode=d.mode, since=a.since,
            until=d.mode_until, by=a.by, reason=a.reason,
        )  # fmt: skip
