"""The rule table that holds: read, checked, changed with its history, and carried to the lanes.

```
 text ──parse──> rows ──check──> rule_sets (SQL) ──> Roster ──> Config in each lane's log ──> stages
          │ SettingsError  │ UserError     │ Conflict
          └────────────────┴───────────────┴── nothing is changed
```
A text that cannot be read reaches neither the table nor a lane. What is saved reaches the lanes at once, or,
where one takes nothing now, with the minute in which it does again.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from park.episodes import BAR
from park.errors import Forbidden, NotFound, SettingsError, UserError
from park.model import Park, Place, Point
from park.ports import RegistryStore, T
from park.records import LimitRow
from park.rulebook import RuleChange, RuleSet, RuleStore
from runtime.troubles import Troubles
from stream.rule_changes import changes
from stream.rule_text import with_bar
from stream.rules import parse, shipped
from stream.scopes import CHINA

SHIPPED = 0  # version of the table that comes with the platform
_PROBLEM = "the stored rule table cannot be read; the shipped one holds"

Tell = Callable[[tuple[LimitRow, ...]], None]


class Rulebook:
    """Rules of one data folder. Thread-safe."""

    def __init__(self, store: RuleStore, registry: RegistryStore, now: Callable[[], int]) -> None:
        self.troubles = Troubles("rules")
        self._store = store
        self._registry = registry
        self._now = now
        self._lock = threading.Lock()
        self._tell: Tell | None = None
        self._entered: Callable[[], bool] | None = None
        self._current, self._rows = self._read()

    def _read(self) -> tuple[RuleSet, tuple[LimitRow, ...]]:
        """Return the table that holds. One that this program cannot read must not keep the fire rules away."""
        newest = self._store.newest()
        if newest is None:
            return self.get(SHIPPED), parse(shipped())
        try:
            return newest, parse(newest.text)
        except UserError as why:
            self.troubles.tell(_PROBLEM, why)
            return replace(newest, text=shipped()), parse(shipped())

    def attach(self, tell: Tell, entered: Callable[[], bool]) -> None:
        """Learn how to carry rules to the lanes, and whether they have them."""
        self._tell, self._entered = tell, entered

    @property
    def rows(self) -> tuple[LimitRow, ...]:
        """The rules that hold."""
        return self._rows

    def current(self) -> RuleSet:
        """Return the table that holds."""
        return self._current

    def get(self, version: int) -> RuleSet:
        """Return a version; 0 is the shipped table. Raises NotFound."""
        if version == SHIPPED:
            text = shipped()
            return RuleSet(SHIPPED, 0, "", "", text, len(parse(text)))
        found = self._store.get(version)
        if found is None:
            raise NotFound(f"there is no version {version} of the rules")
        return found

    def history(self, *, before: int | None = None, limit: int = 100) -> Sequence[RuleSet]:
        """Return versions without their texts, the newest first."""
        return self._store.history(before=before, limit=limit)

    def difference(self, version: int) -> tuple[RuleChange, ...]:
        """Return what a version changed against the one before it; () where either cannot be read any more."""
        if version == SHIPPED:
            return ()
        after, before = self.get(version), self.get(version - 1)
        try:
            return changes(parse(before.text), parse(after.text))
        except SettingsError:
            return ()

    def check(self, text: str) -> tuple[tuple[LimitRow, ...], tuple[RuleChange, ...]]:
        """Return the rules of a text and what they would change. Raises UserError for what cannot hold."""
        rows = parse(text)
        self._places(rows)
        return rows, changes(self._rows, rows)

    def _places(self, rows: Sequence[LimitRow]) -> None:
        """See that parks, places and points which rules name are there."""
        for row in rows:
            for park in row.parks:
                if not self._there(Park, park):
                    raise UserError(f"rule {row.rule!r}: parks names {park}, and there is no such park")
            for point in row.points:
                if not self._there(Point, point):
                    raise UserError(f"rule {row.rule!r}: points names {point}, and there is no such point")
            for place in row.places:
                if not self._there(Place, place) and not self._there(Park, place):
                    raise UserError(f"rule {row.rule!r}: places names {place}, and there is no such place")

    def bar(self, point: int) -> float | None:
        """Return the rarity from which just this point is told of, in days; None: it has no bar of its own."""
        own = [r.high for r in self._rows if r.rule == BAR and r.points == (point,)]
        return own[-1] if own else None

    def with_bars(self, bars: Mapping[int, float], basis: str) -> str:
        """Return the text that holds with other bars of points (days), each resting on `basis`; nothing is changed."""
        text = self._current.text
        today = datetime.fromtimestamp(self._now() / 1_000, UTC) + timedelta(minutes=CHINA)
        for point, days in sorted(bars.items()):
            text = with_bar(text, point, days, basis=basis, version=today.date().isoformat())
        return text

    def entered(self) -> bool:
        """Return whether the stages of a running platform have been told of the table that holds."""
        return self._entered is not None and self._entered()

    def _there(self, kind: type[T], number: int) -> bool:
        try:
            self._registry.get(kind, number)
        except NotFound:
            return False
        return True

    def replace(
        self, text: str, *, actor: str, reason: str, expected: int, life_safety: bool, rolled_back_to: int | None = None
    ) -> RuleSet:
        """Make a text the table that holds, as the version after `expected`.

        `life_safety`: the caller may change rules that lives hang on, and has said that this is meant.
        Raises UserError, Conflict, Forbidden: then nothing is changed.
        """
        with self._lock:
            rows, changed = self.check(text)
            deadly = [change for change in changed if change.life_safety]
            if deadly and not life_safety:
                names = ", ".join(sorted({change.rule for change in deadly})[:5])
                raise Forbidden(
                    f"this changes rules of life safety ({names}): it needs the permission, and to be confirmed"
                )
            if not changed and text == self._current.text:
                raise UserError("this is the table that holds already")
            draft = RuleSet(0, self._now(), actor, reason, text, len(rows), bool(deadly), rolled_back_to)
            self._current = self._store.add(draft, expected)
            self._rows = rows
            if self._tell is not None:
                with self.troubles.passing("a lane could not be told of the rules; it will be"):
                    self._tell(rows)
            return self._current

    def roll_back(self, version: int, *, actor: str, reason: str, expected: int, life_safety: bool) -> RuleSet:
        """Make an earlier version hold again, as a new one."""
        text = self.get(version).text
        return self.replace(
            text, actor=actor, reason=reason, expected=expected, life_safety=life_safety, rolled_back_to=version
        )
