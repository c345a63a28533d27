"""The platform's own figures, in Prometheus' words."""

from collections.abc import Mapping, Sequence

from api.services import Figure
from ingest.mqtt import Reader
from park.metrics import Lane
from runtime.event_writer import EventWriter
from runtime.house import House
from runtime.lane import LaneWorker
from runtime.projector import Projector


def figures_of(
    house: House,
    lanes: Mapping[Lane, LaneWorker],
    readers: Mapping[Lane, Reader],
    projector: Projector,
    writer: EventWriter,
) -> Sequence[Figure]:
    """Return every figure; labels are bounded: lane and phase."""
    states = {lane: worker.state for lane, worker in lanes.items()}

    def by_lane(name: str, kind: str, text: str, values: Mapping[Lane, float]) -> Figure:
        return Figure(name, kind, text, [({"lane": lane.value}, value) for lane, value in values.items()])

    def of_state(name: str, kind: str, text: str, field: str) -> Figure:
        return by_lane(name, kind, text, {lane: float(getattr(s, field)) for lane, s in states.items()})

    def of(name: str, kind: str, text: str, value: float) -> Figure:
        return Figure(name, kind, text, [({}, float(value))])

    kept, kept_bytes, dropped = house.quarantine.totals()
    cpu = {lane: worker.cpu for lane, worker in lanes.items()}
    connected = {lane: float(reader.connected) for lane, reader in readers.items()}
    connections = {lane: float(reader.counters.connections) for lane, reader in readers.items()}
    store = projector.state()
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
        of("park_stored_readings_total", "counter", "Readings given to the store.", store.readings),
        of("park_store_lag_bytes", "gauge", "Log that the store has not seen.", store.lag_bytes),
        of("park_store_lag_seconds", "gauge", "How far the store is behind.", store.lag_seconds),
        of("park_store_failures_total", "counter", "Times that stores took nothing.", store.failures),
        of("park_projector_cpu_seconds_total", "counter", "CPU time of the projector's thread.", projector.cpu),
        of("park_events_waiting", "gauge", "Events that wait to be written.", writer.waiting),
        of("park_events_set_aside_total", "counter", "Events that the store refused.", writer.aside.total),
        of("park_live_clients", "gauge", "Live pages that listen.", house.live.clients),
        of("park_quarantine_messages", "gauge", "Refused messages kept.", kept),
        of("park_quarantine_bytes", "gauge", "Bytes of refused messages kept.", kept_bytes),
        of("park_quarantine_dropped_total", "counter", "Waiting messages dropped for want of room.", dropped),
    ]
