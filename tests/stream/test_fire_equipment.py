"""Fire-fighting equipment that would not work: told as limits on its states, with time for work on it."""

import pytest
from contract import START
from test_fire import device, point

from park.events import AlarmState, ConditionChange, Severity
from park.metrics import METRICS, Lane
from park.readings import batch_of
from park.records import Config, DeviceRow, Tick
from stream.limits import Limits
from stream.pipeline import Pipeline
from stream.rules import parse, shipped

# metric, the state that is told, kind of device, rule, severity
STATES = {
    "pump in manual": ("pump_mode", "manual", "pump_controller", "fire_pump_not_auto", Severity.HIGH),
    "pump off": ("pump_mode", "off", "pump_controller", "fire_pump_not_auto", Severity.HIGH),
    "pump runs on": ("pump", "running", "pump_controller", "fire_pump_running", Severity.MEDIUM),
    "valve closed": ("valve", "closed", "valve", "fire_valve_closed", Severity.HIGH),
    "no power": ("fire_power", "failed", "power_monitor", "fire_power_failed", Severity.HIGH),
    "door open": ("fire_door", "open", "fire_door", "fire_door_open", Severity.MEDIUM),
    "door held open on purpose": ("fire_door", "open", "fire_door_held_open", None, None),
}


def told(metric, kind, *values):
    """Return what is told of a state that is said every ten seconds."""
    pipeline, found = Pipeline(lambda d: (Limits(d),)), []
    devices = (DeviceRow(1, 1, 10, Lane.BULK, kind), device(2))
    pipeline.run(Config(1, START, (point(1, metric, 1),), devices, limits=parse(shipped())), found.append)
    for n, value in enumerate(values):
        at = START + 10_000 * n
        pipeline.operators[0].on_batch(batch_of([(1, at, float(value), 0, at)]), found.append)
        pipeline.run(Tick(at), found.append)
    return [(e.rule, e.severity, e.state) for e in found if isinstance(e, ConditionChange)]


@pytest.mark.parametrize(("metric", "state", "kind", "rule", "severity"), STATES.values(), ids=STATES)
def test_states(metric, state, kind, rule, severity):
    """A state that stays is told once, and is over once it is well; one that passes is not told."""
    code = METRICS[metric].codes.index(state)

    passing = told(metric, kind, code, 0, 0, 0)
    stays = told(metric, kind, *[code] * 90, *[0] * 20)

    expected = [(f"limit.{rule}", severity, s) for s in (AlarmState.ACTIVE, AlarmState.CLEARED)] if rule else []
    assert ([], expected) == (passing, stays)
