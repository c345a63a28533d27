"""What the API asks of delivery: the ports, and a few verbs that only the runtime can do."""

from collections.abc import Callable
from dataclasses import dataclass

from park.delivery import Channel, Dispatches, Message, Target, Targets


@dataclass(frozen=True, slots=True)
class DeliveryServices:
    """Everything of delivery that the API may touch."""

    targets: Targets
    dispatches: Dispatches
    wake: Callable[[], None]  # there is something to send
    barred: Callable[[Target], None]  # raises UserError for an address that leads where it must not
    shown: Callable[[Target], str]  # an address without its keys
    preview: Callable[[str, Channel, str], Message]  # (template, channel, language) on an example. Raises UserError
    now: Callable[[], int]  # epoch ms, never back
