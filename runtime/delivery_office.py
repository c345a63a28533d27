"""Everything of delivery over one database: targets, messages on their way, the courier that brings them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Protocol
from urllib.parse import urlsplit

from alerts import templates
from alerts.targets import shown_url
from api.delivery_services import DeliveryServices
from api.services import Figure
from park.delivery import Channel, Message, Target
from park.errors import UserError
from park.records import LimitRow
from park.runbooks import runbook_of
from park.settings import DeliverySettings, Settings
from runtime.cases import Cases
from runtime.delivery import Courier
from runtime.delivery_figures import delivery_figures
from runtime.delivery_mail import Mail
from runtime.delivery_network import Network, allowed
from runtime.delivery_seed import seed, seed_webhook
from runtime.delivery_send import Adapter, Chart, Sender, no_chart
from runtime.delivery_sounder import Sounder
from runtime.link_words import LinkWords
from runtime.standby import Standby
from runtime.storage.sql.database import Database
from runtime.storage.sql.delivery_counts import standing
from runtime.storage.sql.delivery_dispatches import SqlDispatches
from runtime.storage.sql.delivery_facts import Basis
from runtime.storage.sql.delivery_known import known_of
from runtime.storage.sql.delivery_targets import SqlTargets


class DeliveryOffice:
    """The stores of delivery; `open` gives the courier that moves what is in them."""

    def __init__(
        self, database: Database, rows: Callable[[], tuple[LimitRow, ...]], words: LinkWords | None = None
    ) -> None:
        """`words` gives the links that acknowledge, for messages; None: they carry none."""
        self._database = database
        self._words = words
        self._closing = ExitStack()
        self.targets = SqlTargets(database)
        self.dispatches = SqlDispatches(database, partial(basis_of, rows), words)

    def prepare(self, settings: DeliverySettings, cases: Cases, now: int) -> None:
        """Bring the targets and officers that settings name into the tables. Raises SettingsError."""
        if settings.targets_file:
            seed(settings.targets_file, self.targets, cases.plans, now)
        seed_webhook(settings, self.targets, now)

    def figures(self, courier: Courier, standby: Standby, now: int) -> Sequence[Figure]:
        """Return what Prometheus may ask of delivery. Raises MachineryError."""
        return delivery_figures(courier, standby, standing(self._database, now))

    def services(
        self, settings: DeliverySettings, now: Callable[[], int], wake: Callable[[], None]
    ) -> DeliveryServices:
        """Return what the API may touch."""
        return DeliveryServices(
            self.targets, self.dispatches, wake, partial(see_allowed, settings=settings), shown_url, previewed, now
        )

    def courier(
        self,
        settings: DeliverySettings,
        cases: Cases,
        elapsed: Callable[[], float],
        adapters: Mapping[Channel, Adapter],
        chart: Chart = no_chart,
    ) -> Courier:
        """Return the courier, which is woken whenever a notification is written."""
        network = Network(settings, elapsed)
        self._closing.callback(network.close)
        sender = Sender(settings, network, adapters, chart, self._words)
        courier = Courier(self.dispatches, sender, cases.clock.now, elapsed)
        cases.wakes(courier.wake)
        return courier

    def standby(self, courier: Courier, cases: Cases, elapsed: Callable[[], float]) -> Standby:
        """Return who tells people of a fire while the database lets nothing through: by the courier's own senders."""
        return Standby(
            partial(known_of, self._database), courier.send, courier.receipts, lambda: courier.turned, cases.clock.now,
            elapsed,
        )  # fmt: skip

    def close(self) -> None:
        """Let go of the connections to receivers, once nobody sends any more."""
        self._closing.close()


class _Settled(Protocol):
    @property
    def settings(self) -> Settings:
        """The settings as they are now: the broker's port may be found out late."""


def adapters_of(house: _Settled) -> Mapping[Channel, Adapter]:
    """Return the channels that are no HTTP."""
    return {
        Channel.EMAIL: Mail(house.settings.delivery),
        Channel.SOUNDER: Sounder(lambda: house.settings.ingest),
    }


def see_allowed(target: Target, settings: DeliverySettings) -> None:
    """See that an address as it is written leads where it may; names are seen to at each attempt. Raises UserError."""
    host = "127.0.0.1" if target.channel is Channel.SOUNDER else _host(target.url)
    if host == "localhost" or host.endswith(".localhost"):
        host = "127.0.0.1"
    try:
        barred = not allowed(host, settings, trusted=target.trusted or target.channel is Channel.SOUNDER)
    except ValueError:
        return  # a name
    if barred:
        raise UserError(
            "the address is not public: delivery.private_networks and delivery.loopback in the settings allow such"
        )


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".").lower()
    except ValueError:
        return ""  # seen to when it is saved


def previewed(template: str, channel: Channel, language: str) -> Message:
    """Return what a text makes of an example. Raises UserError."""
    templates.check(template, channel)
    facts = templates.SAMPLES[0]
    target = Target("sample", channel, language=language, template=template)
    text = templates.text(facts, target, "https://park.example")
    return Message("sample", templates.title(facts, language), text, facts, facts[0].at)


def basis_of(rows: Callable[[], tuple[LimitRow, ...]], rule: str) -> Basis:
    """Return what a rule of an alarm rests on, what it is called, and what to do; empty where nothing is known."""
    own = runbook_of(rule)
    name = rule.removeprefix("limit.")
    for row in rows():
        if row.rule == name:
            said = dict(row.annotations)
            zh, en = said.get("summary_zh", ""), said.get("summary_en", "")
            return Basis(
                row.basis, said.get("runbook_zh") or said.get("runbook") or own.zh or zh,
                said.get("runbook_en") or said.get("runbook") or own.en or en, zh, en, row.metric,
            )  # fmt: skip
    return Basis(own.basis, own.zh, own.en)
