"""Two sets of rules over the same records: the stages that rules decide run twice, and each side is heard.

```
 record ──> shared stages ──> Twin(stage, other) ──> ...
                                 │        └── told to the changed side, and to its own stages that hear findings
                                 └── told to the present side, as a lane would
```
What detectors find is a side's own where the two differ in how rare a value must be to be told; else both would
find the same, and nothing is said of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from park.directory import Directory
from park.episodes import RARITY
from park.events import AlarmState, ConditionChange, Event, Finding, Reason
from park.known import known_config
from park.metrics import Lane
from park.operator import Emit, Operator, State, TakesCommands, TakesFindings, TakesRefused
from park.readings import ReadingBatch
from park.records import Command, Config, LimitRow, Record, Refused
from stream.pipeline import Pipeline
from stream.stages import bulk_stages, life_stages

_STAGES = {Lane.LIFE: life_stages, Lane.BULK: bulk_stages}
_FINDS = "unusual"  # the stage that finds unusual values
# Stages that no rule decides: run once. One that is missing here costs more and says the same.
_SHARED = frozenset({"quality", "health", "meters", "occupancy", _FINDS})
_UNHEARD = frozenset({"activity"})  # stages that tell nothing which either side hears, and work for it
MOST = 200_000  # conditions remembered of each side


@dataclass(slots=True)
class Fired:
    """A condition, or an episode of unusual values, that a side told of."""

    condition: str
    rule: str
    family: str
    subject: str
    severity: str
    park: int
    place: int
    device: int
    point: int
    since: int
    until: int | None  # None: it stands at the end
    value: float | None
    limit: float | None


@dataclass
class Side:
    """What one set of rules told of."""

    finds: bool = False  # whether what detectors find is its own
    fired: dict[str, Fired] = field(default_factory=dict)
    dropped: int = 0

    def hear(self, event: Event) -> None:
        """Remember a change of a condition, or what was found."""
        if isinstance(event, Finding) and event.episode and self.finds:
            self._find(event)
        if not isinstance(event, ConditionChange):
            return
        known = self.fired.get(event.condition_id)
        over = event.state is AlarmState.CLEARED
        if known is not None:
            known.rule, known.severity = event.rule, event.severity
            known.until = event.at if over else None
        elif len(self.fired) >= MOST:
            self.dropped += 1
        elif not over:  # what was over from before is none of ours
            self.fired[event.condition_id] = Fired(
                event.condition_id, event.rule, event.family, event.subject, event.severity, event.park, event.place,
                event.device, event.point, event.since, None, event.value, event.limit,
            )  # fmt: skip

    def _find(self, f: Finding) -> None:
        known = self.fired.get(f.episode)
        if known is None:
            if f.reason is Reason.USUAL_AGAIN:
                return  # it was told before
            if len(self.fired) >= MOST:
                self.dropped += 1
                return
            known = self.fired[f.episode] = Fired(
                f.episode, "", "anomaly", f"point:{f.point}", f.severity, f.park, f.place, f.device, f.point, f.since,
                None, None, None,
            )  # fmt: skip
        known.rule, known.value, known.limit = f"anomaly.{f.anomaly}", f.value, f.expected
        known.until = f.until or None

    def within(self, start: int, end: int) -> list[Fired]:
        """Return what began within a time, in its order."""
        return sorted((f for f in self.fired.values() if start <= f.since < end), key=lambda f: (f.since, f.condition))


class Ears:
    """Who hears what a stage that runs twice says: its own side, and the stages of that side which hear findings."""

    def __init__(self, changed: Side) -> None:
        self._changed = changed
        self.hearing: tuple[TakesFindings, ...] = ()  # stages of the changed side
        self.apart = False  # what is told now is of the present side only

    def changed(self, event: Event) -> None:
        """Tell the changed side."""
        self._changed.hear(event)
        if isinstance(event, Finding):
            for stage in self.hearing:
                stage.on_finding(event, self.changed)

    def present(self, emit: Emit) -> Emit:
        """Return an emit for the present side only; what the shared stages tell is for both."""

        def told(event: Event) -> None:
            before, self.apart = self.apart, True
            try:
                emit(event)
            finally:
                self.apart = before

        return told


class Twin:
    """A stage that rules decide, twice: it says what it says, and the other what it would have said."""

    def __init__(self, stage: Operator, other: Operator, ears: Ears) -> None:
        self.name = stage.name
        self.other = other
        self._stage, self._ears = stage, ears

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Show both the readings; they go on as the first leaves them."""
        self.other.on_batch(batch, self._ears.changed)
        return self._stage.on_batch(batch, self._ears.present(emit))

    def on_tick(self, now: int, emit: Emit) -> None:
        """Tell both the time."""
        self.other.on_tick(now, self._ears.changed)
        self._stage.on_tick(now, self._ears.present(emit))

    def on_config(self, config: Config, emit: Emit) -> None:
        """Tell both of a configuration; each has its own rules in its own directory."""
        self.other.on_config(config, self._ears.changed)
        self._stage.on_config(config, self._ears.present(emit))

    def on_command(self, command: Command, emit: Emit) -> None:
        """Pass a person's act on to both."""
        for stage, told in ((self.other, self._ears.changed), (self._stage, self._ears.present(emit))):
            if isinstance(stage, TakesCommands):
                stage.on_command(command, told)

    def on_refused(self, refused: tuple[Refused, ...], emit: Emit) -> None:
        """Show both what could not be resolved."""
        for stage, told in ((self.other, self._ears.changed), (self._stage, self._ears.present(emit))):
            if isinstance(stage, TakesRefused):
                stage.on_refused(refused, told)

    def on_finding(self, finding: Finding, emit: Emit) -> None:
        """Show the first what was found; the other what a shared stage found."""
        if isinstance(self.other, TakesFindings) and not self._ears.apart:
            self.other.on_finding(finding, self._ears.changed)
        if isinstance(self._stage, TakesFindings):
            self._stage.on_finding(finding, self._ears.present(emit))

    def snapshot(self) -> State:
        """Return the first one's state."""
        return self._stage.snapshot()

    def restore(self, state: State) -> None:
        """Begin both where a snapshot was taken."""
        self.other.restore(state)
        self._stage.restore(state)


class Pair:
    """One lane's pipeline with two sets of rules; None: the rules of the time, as the log holds them."""

    def __init__(self, lane: Lane, present: tuple[LimitRow, ...] | None, changed: tuple[LimitRow, ...]) -> None:
        finds = present is None or _rare(present) != _rare(changed)
        self.present, self.changed = Side(finds), Side(finds)
        self._rules, self._other_rules = present, changed
        self._other = Directory()
        ears = Ears(self.changed)
        shared = _SHARED - {_FINDS} if finds else _SHARED
        counted = any(rule.finding == "anomaly" for rule in (*(present or ()), *changed))
        left_out = _UNHEARD if finds or counted else _UNHEARD | {_FINDS}

        def stages(directory: Directory) -> tuple[Operator, ...]:
            both = zip(_STAGES[lane](directory), _STAGES[lane](self._other), strict=True)
            made = tuple(a if a.name in shared else Twin(a, b, ears) for a, b in both if a.name not in left_out)
            ears.hearing = tuple(t.other for t in made if isinstance(t, Twin) and isinstance(t.other, TakesFindings))
            return made

        self._pipeline = Pipeline(stages)

    def begin(self, states: Mapping[str, State] | None, config: Config | None, at: int) -> None:
        """Begin at a snapshot, or empty with a configuration, and let the rules hold from there."""
        if states is not None:
            whole = known_config(states["directory"])
            self._other.apply(whole)
            self._pipeline.restore(states)
        elif config is not None:
            self.run(replace(config, received=at))
        version = self._pipeline.directory.version
        rules = self._pipeline.directory.limits if self._rules is None else self._rules
        self.run(Config(version, at, limits=rules))

    def run(self, record: Record) -> None:
        """Run one record through both."""
        if isinstance(record, Config):
            rules = record.limits
            if rules is not None:
                record = replace(record, limits=rules if self._rules is None else self._rules)
                self._other.apply(replace(record, limits=self._other_rules))
            else:
                self._other.apply(record)
        self._pipeline.run(record, self.present.hear)


def _rare(rules: tuple[LimitRow, ...]) -> set[LimitRow]:
    """Return what rules say of how rare a value must be to be told."""
    return {rule for rule in rules if rule.metric == RARITY}
