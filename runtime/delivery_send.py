"""One message to one receiver: composed for its channel, sent, and judged.

HTTP channels are rows of alerts.channels; mail and sounders, which are none, are given by the runtime.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from alerts import templates
from alerts.channels import CHANNELS
from park.delivery import Batch, Channel, Facts, Message, Outcome, Target, Verdict
from park.settings import DeliverySettings
from runtime.delivery_network import Barred, Network
from runtime.link_words import LinkWords
from runtime.troubles import Troubles


class Adapter(Protocol):
    """A channel that is no HTTP."""

    def __call__(self, message: Message, target: Target, address: str) -> Verdict:
        """Bring a message. Raises OSError: the receiver is away."""


Chart = Callable[[Facts], bytes]


def no_chart(_: Facts) -> bytes:
    """Draw nothing."""
    return b""


class Sender:
    """Composes and sends; what it is handed is all that it knows."""

    def __init__(
        self,
        settings: DeliverySettings,
        network: Network,
        adapters: Mapping[Channel, Adapter],
        chart: Chart = no_chart,
        words: LinkWords | None = None,
    ) -> None:
        """`words` gives what acknowledges by a link; None: messages lead to our pages only."""
        self.troubles = Troubles("charts")
        self._settings = settings
        self._network = network
        self._adapters = adapters
        self._chart = chart
        self._words = words

    def __call__(self, batch: Batch, now: int) -> Verdict:
        """Bring a batch to its receiver. Raises OSError: the receiver is away."""
        target = batch.target
        row = CHANNELS[target.channel]
        message = self.message(batch, now)
        if row.compose is None or row.verdict is None:
            adapter = self._adapters.get(target.channel)
            if adapter is None:
                return Verdict(Outcome.LATER, f"this platform does not speak {target.channel} now")
            return adapter(message, target, batch.address)
        try:
            reply = self._network.send(row.compose(message, target, batch.address), trusted=target.trusted)
        except Barred as why:
            return Verdict(Outcome.LATER, str(why), 300_000)  # people mend the target, or the settings
        return row.verdict(reply)

    def message(self, batch: Batch, now: int) -> Message:
        """Return a batch in words."""
        target, facts = batch.target, tuple(d.facts for d in batch.dispatches)
        link = self._settings.public_url.rstrip("/")
        about = f"{link}{templates.way(facts[0])}" if link else ""
        chart = b""
        # A fire does not wait for a picture; and no picture is worth a message.
        if target.channel is Channel.EMAIL and self._settings.charts and facts[0].point and not batch.life:
            with self.troubles.passing("no chart could be drawn"):
                chart = self._chart(facts[0])
        language = target.language if target.language in {"zh", "en"} else "zh"
        answers = self._answers(batch, link)
        text = templates.text(facts, target, link, answers)
        return Message(batch.id, templates.title(facts, language), text, facts, now, about, chart, answers)

    def _answers(self, batch: Batch, link: str) -> tuple[str, ...]:
        """Return the addresses that acknowledge: of what was spread with a link, in whose name is kept beside it."""
        if self._words is None or not link:
            return ()
        return tuple(f"{link}/a/{self._words.of(d.id)}" if d.facts.answered_by else "" for d in batch.dispatches)
