"""The contract suite itself: it finds the stages that break it."""
# ruff: noqa: ARG002, D102  (stages that do next to nothing)

import numpy as np
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st

from park.events import Finding, Reason, Severity
from park.metrics import Lane
from park.records import Config, DeviceRow, PlaceRow, PointRow
from tests.stream.contract import START, Case, contract_of, rows

CONFIG = Config(
    1, START, points=(PointRow(1, "power", 11, 5, 1), PointRow(2, "power", 11, 5, 1)),
    devices=(DeviceRow(11, 1, 5, Lane.BULK, "meter"),), places=(PlaceRow(1, 1, 0, "park", "a park"),),
)  # fmt: skip


class Still:
    """A stage that does nothing, and keeps the contract."""

    name = "still"

    def __init__(self):
        self.seen = 0

    def on_batch(self, batch, emit):
        return batch

    def on_tick(self, now, emit):
        pass

    def on_config(self, config, emit):
        pass

    def snapshot(self):
        return {"version": np.array(1)}

    def restore(self, state):
        pass

    def tell(self, emit, value):
        emit(Finding("test", 1, START, START, Severity.LOW, Reason.UNUSUAL, value=float(value)))


class CountsBatches(Still):
    def on_batch(self, batch, emit):
        self.tell(emit, len(batch))
        return batch


class Forgets(Still):
    def on_batch(self, batch, emit):
        for _ in range(len(batch)):
            self.seen += 1
            self.tell(emit, self.seen)
        return batch


class Writes(Still):
    def on_batch(self, batch, emit):
        batch.value[:] = 0
        return batch


class Leaks(Still):
    def on_batch(self, batch, emit):
        for value in batch.value:
            self.tell(emit, 1 / value if value else np.inf)
        return batch


class StartsAgain(Still):
    def on_config(self, config, emit):
        self.seen = 0

    def on_batch(self, batch, emit):
        for _ in range(len(batch)):
            self.seen += 1
            self.tell(emit, self.seen)
        return batch


class TellsOrder(Still):
    def on_batch(self, batch, emit):
        for ts in batch.ts.tolist():
            self.seen = max(self.seen, ts)
            self.tell(emit, self.seen)
        return batch


@pytest.mark.parametrize(
    ("stage", "name"),
    [
        (CountsBatches, "test_cut"),
        (Forgets, "test_restore"),
        (Writes, "test_inputs_are_left_alone"),
        (Leaks, "test_events_are_finite"),
        (StartsAgain, "test_other_configuration"),
        (Forgets, "test_duplicates"),
        (TellsOrder, "test_shuffled"),
    ],
)
def test_broken_stage(stage, name):
    """A stage that breaks a clause of the contract fails its test, and one that does nothing passes it."""
    items = rows([1, 2], st.sampled_from([0.0, 1.0, 2.0]), step=10_000)

    def suite(broken):
        case = Case("broken", lambda _: (broken(),), CONFIG, items, event_time=True, lateness=120_000, guarded=True)
        found = settings(max_examples=300, deadline=None, database=None, phases=[Phase.generate])
        return contract_of(case, found)()

    if name != "test_duplicates":  # nothing but a gate passes that
        getattr(suite(Still), name)()
    with pytest.raises((AssertionError, ValueError)):
        getattr(suite(stage), name)()
