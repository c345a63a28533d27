"""A database with alarms, targets and a courier whose time is given; and what it sends goes over loopback."""

import time

from park.delivery import Channel, Target
from park.settings import DeliverySettings
from runtime.delivery import Courier
from runtime.delivery_network import Network
from runtime.delivery_send import Sender
from runtime.storage.sql.delivery_dispatches import SqlDispatches
from runtime.storage.sql.delivery_facts import Basis
from runtime.storage.sql.delivery_targets import SqlTargets
from tests.alerts.alarm_house import Alarms
from tests.alerts.alarm_words import NOW

LOCAL = DeliverySettings(loopback=True, public_url="https://park.example")


class Office(Alarms):
    """Alarms with everything of delivery; `self.now` is the time, and nothing else moves it."""

    def __init__(self, where, settings=LOCAL, adapters=()):
        super().__init__(where)
        self.targets = SqlTargets(self.database)
        self.dispatches = SqlDispatches(self.database, lambda rule: Basis(f"basis of {rule}"))
        self.network = Network(settings, time.monotonic)
        self.sender = Sender(settings, self.network, dict(adapters))
        self.courier = Courier(self.dispatches, self.sender, lambda: self.now, time.monotonic)

    def target(self, name, url, channel=Channel.WEBHOOK, **more):
        """Save a target."""
        more.setdefault("rate", 6_000)
        return self.targets.save(Target(name, channel, url, **more), actor="test", now=NOW)

    def work(self, until=None, step=1_000):
        """Bring what is due, in this thread, until nothing more is, going on in time up to `until`."""
        until = self.now if until is None else until
        while True:
            self.dispatches.spread(self.now)
            found = self.dispatches.claim(
                self.now, lease=60_000, busy=frozenset(), ready=self.courier._ready(self.now, 64)
            )
            for batch in found:
                self.courier.bring(batch)
            if not found:
                if self.now >= until:
                    return
                self.now = min(until, self.now + step)

    def states(self, **asked):
        """Return how far dispatches are, oldest first."""
        return [d.state.value for d in reversed(self.dispatches.list(limit=1_000, **asked))]

    def close(self):
        """Let go of everything."""
        self.network.close()
        super().close()
