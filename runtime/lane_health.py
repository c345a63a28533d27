"""How a lane is, for health pages and Prometheus: the same on one machine and in a city's ingester."""

from collections.abc import Mapping, Sequence

from api.services import Component, Figure
from ingest.mqtt import Reader
from park.metrics import Lane
from runtime.lane import LaneWorker
from runtime.lane_words import Phase

_PHASES = {
    Phase.STARTING: "starting",
    Phase.REPLAYING: "replaying its log",
    Phase.LIVE: "",
    Phase.FULL: "the disk is full: nothing is acknowledged until there is room",
    Phase.STOPPED: "stopped",
    Phase.FAILED: "failed",
}


def lane_parts(worker: LaneWorker, reader: Reader, damage: str = "", *, full: str = "") -> Sequence[Component]:
    """Return a lane and its way to the broker; `damage` is what is wrong with its log, `full` why it takes nothing."""
    state = worker.state
    live = state.phase in {Phase.LIVE, Phase.FULL}
    phase = full if full and state.phase is Phase.FULL else _PHASES[state.phase]
    detail = "; ".join(filter(None, (phase, state.lost, state.clock, damage)))
    lane = Component(f"{worker.lane} lane", not detail, detail, serving=live)
    detail = "" if reader.subscribed else "not subscribed yet" if reader.connected else "not connected"
    return [lane, Component(f"{worker.lane} broker", not detail, detail)]


def lane_figures(lanes: Mapping[Lane, LaneWorker], readers: Mapping[Lane, Reader]) -> Sequence[Figure]:
    """Return the figures of lanes; the only label is the lane."""
    states = {lane: worker.state for lane, worker in lanes.items()}

    def by_lane(name: str, kind: str, text: str, values: Mapping[Lane, float]) -> Figure:
        return Figure(name, kind, text, [({"lane": lane.value}, value) for lane, value in values.items()])

    def of_state(name: str, kind: str, text: str, field: str) -> Figure:
        return by_lane(name, kind, text, {lane: float(getattr(s, field)) for lane, s in states.items()})

    cpu = {lane: worker.cpu for lane, worker in lanes.items()}
    connected = {lane: float(reader.connected) for lane, reader in readers.items()}
    connections = {lane: float(reader.counters.connections) for lane, reader in readers.items()}
    return [
        of_state("park_messages_total", "counter", "Messages taken from the broker.", "messages"),
        of_state("park_readings_total", "counter", "Readings put into the log.", "readings"),
        of_state("park_refused_total", "counter", "Messages or parts of them that gave no readings.", "refused"),
        of_state("park_events_total", "counter", "Conditions, findings and changes of health.", "events"),
        of_state("park_lane_failures_total", "counter", "Faults of stages and decoders.", "failures"),
        of_state("park_held_messages", "gauge", "Messages that the log has not taken yet.", "held"),
        of_state("park_log_bytes_total", "counter", "Position of the log's end.", "end"),
        by_lane("park_lane_cpu_seconds_total", "counter", "CPU time of the lane's thread.", cpu),
        by_lane("park_broker_connected", "gauge", "1 while connected.", connected),
        by_lane("park_broker_connections_total", "counter", "Connections made.", connections),
    ]
