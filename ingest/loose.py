"""Messages one by one, through the dialects' decoders: everything that the hot path does not take."""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ingest.decoders.samples import Dialect, Flaw, Meaning, Part, Sample
from ingest.dialects import dialect_of
from ingest.message import RETAIN, Message
from ingest.resolver import Binding, Known, Resolver, Row, carries, raised
from park.records import Refusal, Refused
from park.settings import IngestSettings

_KEEP = 1 << 20  # bytes of a refused payload that are kept
_DETAIL = 300  # characters
# Characters of a topic, and of a device's key, that are kept of 65,535 bytes: the registry takes no longer key, and an
# index of PostgreSQL no more than 2,704 bytes: what stood behind an alarm of such a name would wait for ever.
_NAME = 300
_DIGEST = 16  # characters that tell two names apart which begin alike
_GAS = frozenset({"gas", "co_alarm"})


@dataclass(frozen=True, slots=True)
class Read:
    """What one message came to."""

    rows: list[Row]
    refused: list[Refused]
    gateway: int
    readings: int  # values seen: rows, and what `refused` counts


def _not_covered(topic: str) -> bool:
    del topic
    return False


class LooseReader:
    """Read messages of any dialect. Holds the state of devices that tell only what changed."""

    def __init__(self, settings: IngestSettings, resolver: Resolver) -> None:
        self._max_payload = settings.max_payload
        self._resolver = resolver
        self._states: dict[str, Any] = {}  # by device key; of known devices only, so that it is bounded
        self.covered: Callable[[str], bool] = _not_covered

    def tidy(self) -> None:
        """Forget the state of devices that are no longer known."""
        for key in [k for k in self._states if self._resolver.known(k) is None]:
            del self._states[key]

    def read(self, message: Message, received: int) -> Read | None:
        """Return what a message says, or None if its topic is another lane's."""
        wire_topic, payload, _, flags = message
        retained = bool(flags & RETAIN)
        try:
            topic = wire_topic.decode()
        except UnicodeDecodeError:
            refusal = _Refusing(wire_topic.decode("utf-8", "replace"), payload, received, "", None, retained)
            return Read([], [refusal.of(Refusal.NO_DIALECT, "topic is not UTF-8")], 0, 0)
        if self.covered(topic):
            return None
        found = dialect_of(topic)
        if found is None:
            refusal = _Refusing(topic, payload, received, "", None, retained)
            return Read([], [refusal.of(Refusal.NO_DIALECT)], 0, 0)
        dialect, key = found
        known = self._resolver.known(key)
        refusal = _Refusing(topic, payload, received, key, known, retained)
        if len(payload) > self._max_payload:
            return Read([], [refusal.of(Refusal.TOO_LARGE)], refusal.gateway, 0)
        state, parts = dialect.decode(self._states.get(key), topic, payload, received)
        if known is None:
            return _unclaimed(dialect, parts, refusal)
        if state is not None:
            self._states[key] = state
        return self._resolve(dialect, known, parts, refusal, retained=retained)

    def _resolve(self, dialect: Dialect, known: Known, parts: list[Part], refusal: "_Refusing", retained: bool) -> Read:
        rows: list[Row] = []
        for part in parts:
            if isinstance(part, Flaw):
                refusal.note(part.reason, part.detail, 0)
                continue
            binding = known.points.get(part.source)
            if binding is None:
                self._unbound(dialect, part, refusal)
            elif not part.carried or carries(binding.metric):
                row = self._resolver.row(known, binding, part, refusal.received, retained=retained)
                if isinstance(row, tuple):
                    rows.append(row)
                else:
                    refusal.note(row, _described(binding, part), 1)
        refused = refusal.all(whole=not rows)
        return Read(rows, refused, known.gateway, len(rows) + sum(r.readings for r in refused))

    def _unbound(self, dialect: Dialect, sample: Sample, refusal: "_Refusing") -> None:
        """Count a value that nobody bound, unless its dialect calls it chatter."""
        meaning = dialect.meaning(sample.source)
        if meaning is not None and not sample.carried:
            refusal.note(Refusal.UNKNOWN_METRIC, sample.source, 1, _alarm(meaning, sample))


def _unclaimed(dialect: Dialect, parts: list[Part], refusal: "_Refusing") -> Read:
    """Keep the message of a device that waits to be claimed, and say whether it holds an alarm."""
    readings, alarm = 0, ""
    for part in parts:
        if isinstance(part, Sample):
            meaning = dialect.meaning(part.source)
            readings += meaning is not None
            alarm = _worse(alarm, _alarm(meaning, part))
    if not parts or refusal.device_key in dialect.own:
        return Read([], [], 0, 0)  # chatter: nothing to wait for
    if not any(isinstance(part, Sample) for part in parts):
        for part in parts:
            if isinstance(part, Flaw):
                refusal.note(part.reason, part.detail, 0)
    else:
        refusal.note(Refusal.UNKNOWN_DEVICE, "", readings, alarm)
    return Read([], refusal.all(whole=True), 0, readings)


def _alarm(meaning: Meaning | None, sample: Sample) -> str:
    """Return the life-safety metric that a value raises, or ""."""
    return meaning.metric if meaning is not None and raised(meaning.metric, sample.value) else ""


def _worse(one: str, other: str) -> str:
    """Return which of two alarms of a message is told: a fire before gas, the first of its kind; "" is none."""
    return other if not one or (one in _GAS and other and other not in _GAS) else one


def _described(binding: Binding, sample: Sample) -> str:
    return f"{sample.source} = {str(sample.value)[:80]} for {binding.metric or 'its point'}"


def _named(name: str) -> str:
    """Return a name as it is kept: one that is too long by its beginning and a digest of all of it."""
    if len(name) <= _NAME:
        return name
    return f"{name[: _NAME - _DIGEST - 1]}~{sha256(name.encode('utf-8', 'replace')).hexdigest()[:_DIGEST]}"


class _Refusing:
    """Gather what is wrong with one message: one refusal a reason."""

    def __init__(
        self, topic: str, payload: bytes, received: int, device_key: str, known: Known | None, retained: bool
    ) -> None:
        self.topic = _named(topic)
        self.payload = payload
        self.received = received
        self.device_key = _named(device_key)
        self.gateway = known.gateway if known else 0
        self._device = known.device if known else 0
        self._retained = retained
        self._noted: dict[Refusal, tuple[list[str], int, str]] = {}

    def note(self, reason: Refusal, detail: str, readings: int, alarm: str = "") -> None:
        """Add to the reasons."""
        details, before, raised_before = self._noted.get(reason, ([], 0, ""))
        if detail and len(details) < 8:
            details.append(detail)
        self._noted[reason] = details, before + readings, _worse(raised_before, alarm)

    def all(self, whole: bool) -> list[Refused]:
        """Return the refusals; only the first of a message that gave nothing counts as the whole of it."""
        return [
            self.of(reason, "; ".join(details), readings, alarm, whole=whole and i == 0)
            for i, (reason, (details, readings, alarm)) in enumerate(self._noted.items())
        ]

    def of(
        self, reason: Refusal, detail: str = "", readings: int = 0, alarm: str = "", *, whole: bool = True
    ) -> Refused:
        """Return one refusal."""
        return Refused(
            reason,
            self.topic,
            bytes(self.payload[:_KEEP]),
            getattr(self.payload, "size", len(self.payload)),
            self.received,
            self.device_key,
            self.gateway,
            readings,
            # Names on the wire may hold half a surrogate pair, which no log could take.
            detail[:_DETAIL].encode("utf-8", "replace").decode(),
            alarm,
            whole,
            self._retained,
            self._device,
        )
