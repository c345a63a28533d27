"""Topics that are made as soon as Kafka is there: what a role can do without Kafka it does meanwhile."""

import asyncio
import threading

from park.errors import MachineryError, UserError
from park.settings import CitySettings
from runtime.patience import patiently
from runtime.topics import prepare_topics
from runtime.troubles import Troubles


class TopicsReady:
    """Tries until the topics are there and are right."""

    def __init__(self, city: CitySettings, stop: threading.Event) -> None:
        """Nothing is asked before `begin`."""
        self.troubles = Troubles("topics")
        self.wrong: UserError | None = None  # a setting that no patience mends
        self._city = city
        self._stop = stop
        self._thread = threading.Thread(target=self._run, name="topics", daemon=True)

    def begin(self) -> bool:
        """Try once, and go on in a thread where Kafka is away; tell whether they are there. Raises SettingsError."""
        try:
            asyncio.run(prepare_topics(self._city))
        except MachineryError as why:
            self.troubles.tell("they cannot be made yet", why)
            self._thread.start()
            return False
        return True

    def check(self) -> None:
        """Raise what was found wrong meanwhile. Raises SettingsError."""
        if self.wrong is not None:
            raise self.wrong

    def _run(self) -> None:
        try:
            patiently(lambda: asyncio.run(prepare_topics(self._city)), self._stop, self.troubles)
        except UserError as why:
            self.wrong = why
        except MachineryError as why:
            self.troubles.tell("they cannot be made", why)
