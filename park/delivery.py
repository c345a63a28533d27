"""The words of delivery: receivers, what they are told, and how it went.

```
 outbox ──spread──> Dispatch, one a receiver ──claim──> Batch ──compose──> Post ──send──> Reply ──> Verdict
```
A receiver is a target with an address: a robot of a chat has none but its own, an SMS gateway has many.
Times are epoch ms, unless they say otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from park.alarms import DeliveryState, MessageKind, Notification
from park.events import Severity


class Channel(StrEnum):
    """How a target is spoken to."""

    DINGTALK = "dingtalk"
    WECOM = "wecom"
    FEISHU = "feishu"
    WEBHOOK = "webhook"
    ALERTMANAGER = "alertmanager"  # a webhook in the shape of Prometheus Alertmanager
    SMS = "sms"  # a gateway, by webhook
    VOICE = "voice"  # a gateway, by webhook
    EMAIL = "email"
    SOUNDER = "sounder"  # a command over MQTT


@dataclass(frozen=True, slots=True)
class Target:
    """Something that takes messages. `url` and `secret` are never shown, logged or told in errors."""

    name: str  # unique; "target:<name>" in chains
    channel: Channel
    url: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)  # signs, or the password of a mail server
    addresses: tuple[str, ...] = ()  # gateways and mail: who is told where no officer is named
    language: str = "zh"
    park: int = 0  # 0: every park
    least: Severity = Severity.LOW  # what is less severe is not told; life safety always is
    broadcast: bool = True  # whether it takes what is for all
    rate: int = 20  # messages a minute; life safety waits for no limit of ours
    quiet: tuple[int, int] = (0, 0)  # minutes of its day, from and to; equal: never. Not for life safety
    timezone: str = "Asia/Shanghai"
    template: str = ""  # own text of the message; "": ours
    enabled: bool = True
    trusted: bool = False  # named by who runs the platform, in its settings: may be on any network
    id: int = 0
    version: int = 0
    file: str = ""  # digest of what the file of targets said of it when it was last applied; "": no file did


@dataclass(frozen=True, slots=True)
class Facts:
    """What is told of one notification, as it was when it was written. Every text may hold anything."""

    notification: str
    case: int
    kind: MessageKind
    severity: Severity
    life: bool
    at: int  # when it was written
    family: str = ""
    rule: str = ""
    state: str = ""
    park: str = ""  # names
    place: str = ""
    device: str = ""
    metric_zh: str = ""
    metric_en: str = ""
    unit: str = ""
    value: float | None = None
    limit: float | None = None
    value_text: str = ""  # of a state: its word
    reason: str = ""
    since: int = 0
    basis: str = ""
    runbook_zh: str = ""
    runbook_en: str = ""
    count: int = 0
    answer: str = ""
    point: int = 0
    park_id: int = 0
    timezone: str = "Asia/Shanghai"
    words: dict[str, str] = field(default_factory=dict)  # of messages of no case
    version: int = 0  # of the case that is told of
    answered_by: str = ""  # in whose name its link acknowledges; "": it carries none
    what_zh: str = ""  # what its rule calls it; "": the rule does not say
    what_en: str = ""


@dataclass(frozen=True, slots=True)
class Dispatch:
    """One notification on its way to one receiver."""

    id: str  # stable: derived from the notification and the receiver
    target: str
    address: str
    facts: Facts
    group: str
    state: DeliveryState
    seq: int = 0  # order of writing
    attempts: int = 0
    due: int = 0
    created: int = 0
    ended: int | None = None
    receipt: str = ""
    trouble: str = ""
    batch: str = ""  # id of the message that it is told in; the same at each attempt

    @property
    def receiver(self) -> str:
        """Who gets it."""
        return f"{self.target}|{self.address}"


@dataclass(frozen=True, slots=True)
class Batch:
    """What is told a receiver in one message; its id is the same at each attempt."""

    id: str
    target: Target
    address: str
    dispatches: tuple[Dispatch, ...]

    @property
    def life(self) -> bool:
        """Whether it is of life safety."""
        return self.dispatches[0].facts.life


class Format(StrEnum):
    """How a channel wants its text."""

    MARKDOWN = "markdown"
    HTML = "html"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True)
class Message:
    """A batch in words."""

    id: str
    title: str  # one line, plain
    text: str  # in the channel's format, within its bounds
    facts: tuple[Facts, ...]
    sent: int  # epoch ms of this attempt: signatures hold it
    link: str = ""  # to the page of the alarm
    chart: bytes = b""  # PNG
    answers: tuple[str, ...] = ()  # for each of the facts: the address that acknowledges it once; "" for none


@dataclass(frozen=True, slots=True)
class Post:
    """An HTTP request."""

    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False, default=())
    body: bytes = b""
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    body: bytes = b""  # as much of it as is read
    retry_after: str = ""  # the header


class Outcome(StrEnum):
    """What became of one attempt."""

    DELIVERED = "delivered"
    LATER = "later"  # the receiver is away, slow, or busy
    DEAD = "dead"  # it will never take this


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an attempt went, in words that hold no secret."""

    outcome: Outcome
    said: str = ""  # the receipt, or what was wrong
    after: int | None = None  # ms until the next attempt, as the receiver asks


class Targets(Protocol):
    """Receivers that are set up."""

    def save(self, target: Target, *, actor: str, now: int) -> Target:
        """Insert (id 0) or replace a target. Raises Conflict, UserError, NotFound."""

    def end(self, key: int, *, actor: str, now: int) -> Target:
        """Take a target away. Raises NotFound."""

    def all(self) -> list[Target]:
        """Return targets, rising by id."""

    def get(self, key: int) -> Target:
        """Return one. Raises NotFound."""


class Dispatches(Protocol):
    """Messages on their way; see runtime.delivery for who moves them."""

    def list(
        self, *, parks: frozenset[int] | None = None, case: int = 0, target: str = "", state: str = "", before: int = 0,
        limit: int = 100,
    ) -> Sequence[Dispatch]:  # fmt: skip
        """Return dispatches, newest first, from past the place `before` on."""

    def get(self, dispatch: str) -> Dispatch:
        """Return one. Raises NotFound."""

    def again(self, dispatch: str, now: int) -> Dispatch:
        """Let a dead one wait anew. Raises NotFound, Conflict."""

    def tell(self, notification: Notification, target: Target, now: int) -> Dispatch:
        """Let one message to one target wait: a test. Raises NotFound."""
