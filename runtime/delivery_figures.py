"""Delivery's own figures, in Prometheus' words; labels are bounded: channels."""

from collections.abc import Mapping, Sequence

from api.services import Figure
from park.delivery import Outcome
from runtime.delivery import Courier
from runtime.standby import Standby


def delivery_figures(courier: Courier, standby: Standby, standing: Mapping[str, tuple[int, int]]) -> Sequence[Figure]:
    """Return what was sent and what failed since the start, and what stands (waiting, dead) by channel."""
    counted = {(c.value, o): n for (c, o), n in dict(courier.attempts).items()}  # a copy: others count on
    channels = sorted({*standing, *(channel for channel, _ in counted)})

    def attempts(*outcomes: Outcome) -> list[tuple[dict[str, str], float]]:
        return [({"channel": c}, float(sum(counted.get((c, o), 0) for o in outcomes))) for c in channels]

    def stands(which: int) -> list[tuple[dict[str, str], float]]:
        return [({"channel": channel}, float(found[which])) for channel, found in sorted(standing.items())]

    return [
        Figure("park_notifications_sent_total", "counter", "Messages that receivers took.",
               attempts(Outcome.DELIVERED)),
        Figure("park_notifications_failed_total", "counter", "Attempts at a message that failed.",
               attempts(Outcome.LATER, Outcome.DEAD)),
        Figure("park_notifications_waiting", "gauge", "Messages on their way.", stands(0)),
        Figure("park_notifications_dead", "gauge", "Messages given up within a day.", stands(1)),
        Figure("park_standby_watched", "gauge", "Fires that are not known to be on their way.",
               [({}, float(standby.waiting))]),
        Figure("park_standby_told_total", "counter", "Messages of fires that went past a database that hangs.",
               [({}, float(standby.told))]),
    ]  # fmt: skip
