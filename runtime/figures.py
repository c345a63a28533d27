"""The platform's own figures, in Prometheus' words."""

from collections.abc import Mapping, Sequence

from api.services import Figure
from ingest.mqtt import Reader
from park.metrics import Lane
from runtime.event_writer import EventWriter
from runtime.house import House
from runtime.lane import LaneWorker
from runtime.lane_health import lane_figures
from runtime.projector import Projector


def figures_of(
    house: House,
    lanes: Mapping[Lane, LaneWorker],
    readers: Mapping[Lane, Reader],
    projector: Projector,
    writer: EventWriter,
) -> Sequence[Figure]:
    """Return every figure; labels are bounded: lane and phase."""

    def of(name: str, kind: str, text: str, value: float) -> Figure:
        return Figure(name, kind, text, [({}, float(value))])

    kept, kept_bytes, dropped = house.quarantine.totals()
    store = projector.state()
    return [
        *lane_figures(lanes, readers),
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
