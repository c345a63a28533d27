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
        self.differs: list[str] = []  # how topics are kept otherwise than the settings say, in sentences
        self.wrong: UserError | None = None  # a setting that no patience mends
        self._city = city
        self._stop = stop
        self._there = False
        self._tried = threading.Event()
        self._thread = threading.Thread(target=self._run, name="topics", daemon=True)

    def begin(self, within: float | None = None) -> bool:
        """Try in a thread, which goes on until it goes; tell whether they are there after one try, or after s.

        A Kafka that takes connections and says nothing is given up by a try after ten seconds. Raises SettingsError.
        """
        self._thread.start()
        self._tried.wait(within)
        self.check()
        return self._there

    def check(self) -> None:
        """Raise what was found wrong meanwhile. Raises SettingsError."""
        if self.wrong is not None:
            raise self.wrong

    def _run(self) -> None:
        try:
            self._there = patiently(self._attempt, self._stop, self.troubles) is not None
        except UserError as why:
            self.wrong = why
        except MachineryError as why:
            self.troubles.tell("they cannot be made", why)
        finally:
            self._tried.set()

    def _attempt(self) -> list[str]:
        try:
            return asyncio.run(prepare_topics(self._city, self.differs.append))
        except MachineryError:
            self._tried.set()
            raise
