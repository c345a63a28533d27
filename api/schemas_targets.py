"""Receivers of alarms, and messages on their way to them, as the API takes and shows them: never with a secret."""

from typing import Annotated

from pydantic import BaseModel, Field

from api.bodies import Body, Id
from park.alarms import DeliveryState, MessageKind
from park.delivery import Channel, Dispatch, Target
from park.errors import UserError
from park.events import Severity

_Minute = Annotated[int, Field(ge=0, le=1_439)]
_Url = Annotated[str, Field(max_length=2_000, description="left out: as it was; answers never hold it")]
_Secret = Annotated[str, Field(max_length=500, description="left out: as it was; answers never hold it")]
_Template = Annotated[str, Field(max_length=4_000, description="Jinja2, sandboxed; empty: the built-in text")]
_Language = Annotated[str, Field(pattern="^(zh|en)$")]


class TargetBody(Body):
    """A receiver as it should be."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}$")]
    channel: Channel
    url: _Url | None = None
    secret: _Secret | None = None
    addresses: Annotated[tuple[Annotated[str, Field(max_length=500)], ...], Field(max_length=50)] = ()
    language: _Language = "zh"
    park: Id = 0
    least: Severity = Severity.LOW
    broadcast: bool = True
    rate: Annotated[int, Field(ge=1, le=6_000, description="messages a minute; never holds a fire back")] = 20
    quiet: Annotated[tuple[_Minute, _Minute], Field(description="minutes of its day; not for life safety")] = (0, 0)
    timezone: Annotated[str, Field(max_length=64)] = "Asia/Shanghai"
    template: _Template = ""
    enabled: bool = True
    version: Annotated[int, Field(ge=0, lt=1 << 53, description="that you saw; 0 for a new one")] = 0

    def target(self, old: Target | None) -> Target:
        """Return it as a word; what is left out is as it was. One that settings name stays theirs until it is moved.

        Raises UserError: a secret goes to no other place than the one it was given for.
        """
        moved = old is not None and (self.channel, self.url) not in {(old.channel, None), (old.channel, old.url)}
        if old is not None and moved and old.secret and self.secret is None:
            raise UserError("the address or the channel is another: give the secret again, or an empty one")
        url = self.url if self.url is not None else old.url if old else ""
        secret = self.secret if self.secret is not None else old.secret if old else ""
        return Target(
            self.name, self.channel, url, secret, self.addresses, self.language, self.park, self.least,
            self.broadcast, self.rate, self.quiet, self.timezone, self.template, self.enabled,
            trusted=old is not None and old.trusted and not moved, id=old.id if old else 0, version=self.version,
            file=old.file if old else "",
        )  # fmt: skip


class TargetOut(BaseModel):
    """A receiver as it is."""

    id: int
    version: int
    name: str
    channel: Channel
    url: Annotated[str, Field(description="scheme and host only")]
    signed: Annotated[bool, Field(description="whether there is a secret")]
    addresses: list[str]
    language: str
    park: int
    least: Severity
    broadcast: bool
    rate: int
    quiet: list[int]
    timezone: str
    template: str
    enabled: bool
    trusted: Annotated[bool, Field(description="named in the platform's own settings")]

    @classmethod
    def of(cls, t: Target, url: str) -> "TargetOut":
        """Return it as it is shown."""
        return cls(
            id=t.id, version=t.version, name=t.name, channel=t.channel, url=url, signed=bool(t.secret),
            addresses=list(t.addresses), language=t.language, park=t.park, least=t.least, broadcast=t.broadcast,
            rate=t.rate, quiet=list(t.quiet), timezone=t.timezone, template=t.template, enabled=t.enabled,
            trusted=t.trusted,
        )  # fmt: skip


class TemplateBody(Body):
    """A text to be tried on an example."""

    template: _Template
    channel: Channel
    language: _Language = "zh"


class TemplateOut(BaseModel):
    """What a text makes of an example."""

    title: str
    text: str


class DeliveryOut(BaseModel):
    """One message on its way to one receiver, or how it ended."""

    id: str
    notification: str
    alarm: int
    kind: MessageKind
    severity: Severity
    life: bool
    target: str
    address: str
    state: DeliveryState
    attempts: int
    due: int
    created: int
    ended: int | None
    receipt: str
    trouble: str
    place: Annotated[int, Field(description="in the list: `before` for what is older")]

    @classmethod
    def of(cls, d: Dispatch) -> "DeliveryOut":
        """Return it as it is shown."""
        return cls(
            id=d.id, notification=d.facts.notification, alarm=d.facts.case, kind=d.facts.kind,
            severity=d.facts.severity, life=d.facts.life, target=d.target, address=d.address, state=d.state,
            attempts=d.attempts, due=d.due, created=d.created, ended=d.ended, receipt=d.receipt, trouble=d.trouble,
            place=d.seq,
        )  # fmt: skip
