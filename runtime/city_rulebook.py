"""The rule table where many processes may change it: each looks again before it says or changes anything."""

from park.errors import MachineryError
from park.rulebook import RuleSet
from runtime.rulebook import Rulebook


class CityRulebook(Rulebook):
    """Rules of a city. Thread-safe; ingesters carry what is new to the logs within a minute."""

    def renew(self) -> None:
        """Take the table that holds now. Raises MachineryError."""
        with self._lock:
            newest = self._store.newest()
            if newest is not None and newest.version != self._current.version:
                self._current, self._rows = self._read()

    def current(self) -> RuleSet:
        """Return the table that holds; while the database is away the one that held."""
        try:
            self.renew()
        except MachineryError as why:
            self.troubles.tell("the rules could not be read again", why)
        return super().current()

    def replace(
        self, text: str, *, actor: str, reason: str, expected: int, life_safety: bool, rolled_back_to: int | None = None
    ) -> RuleSet:
        """Make a text the table that holds, as the version after `expected`. See Rulebook."""
        self.renew()
        return super().replace(
            text, actor=actor, reason=reason, expected=expected, life_safety=life_safety, rolled_back_to=rolled_back_to
        )
