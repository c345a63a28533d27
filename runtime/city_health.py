"""How a city is, as one process of its API sees it: the engines, the workers and the alarms.

Looked at every few seconds in a thread of its own, so that nobody who asks for health waits for an engine that is away.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from api.services import Component, Figure
from park.series import RAW
from runtime.city_house import CityHouse
from runtime.kafka_log import KafkaLog
from runtime.storage.sql.database import Database
from runtime.storage.sql.leadership import sign_of
from runtime.troubles import Troubles

_LOOK = 5.0  # s between two looks
_SILENT = 20.0  # s without a word of whoever does the alarms
_STILL = 60.0  # s that a log may have records which its worker does not store
_ALARMS = "alarms"  # name of the leadership (runtime.role_alarms)


@dataclass(slots=True)
class _Moves:
    """When something was seen to change last."""

    value: object = None
    since: float = 0.0


class CityHealth:
    """What is known of the rest of a city."""

    def __init__(
        self, house: CityHouse, database: Database, logs: Mapping[str, KafkaLog], elapsed: Callable[[], float]
    ) -> None:
        """Take the stores, the logs by stream and a clock of seconds."""
        self._house = house
        self._database = database
        self._logs = logs
        self._elapsed = elapsed
        self._database_told = Troubles("database")
        self._series_told = Troubles("time series")
        self._kafka_told = Troubles("Kafka")
        self._alarms = _Moves()
        self._stored: dict[str, _Moves] = {stream: _Moves() for stream in logs}
        self._lag: dict[str, int] = {}
        self._asked = False
        self._reached = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="city-health")

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self, timeout: float = 30.0) -> None:
        """End."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._database_told.passing("it does not answer"):
                self._see_database()
                self._reached = True
                self._database_told.over()
            with self._series_told.passing("it does not answer"):
                self._house.influx.query(RAW.name, "SHOW MEASUREMENTS LIMIT 1")
                self._series_told.over()
            with self._kafka_told.passing("it does not answer"):
                self._see_logs()
                self._kafka_told.over()
            self._asked = True
            if self._stopping.wait(_LOOK):
                return

    def _see_database(self) -> None:
        self._note(self._alarms, sign_of(self._database, _ALARMS))

    def _see_logs(self) -> None:
        for stream, log in self._logs.items():
            stored = self._house.readings.position(stream)
            self._lag[stream] = max(0, log.end - stored)
            self._note(self._stored[stream], (stored, self._lag[stream] > 0))

    def _note(self, moves: _Moves, value: object) -> None:
        if value != moves.value:
            moves.value, moves.since = value, self._elapsed()

    # ── how it is ────────────────────────────────────────────────────────────────────────────────

    def components(self) -> Sequence[Component]:
        """Return the engines and roles, and whether they do their work."""
        now = self._elapsed()
        alarms = self._alarms
        silent = self._asked and (alarms.value is None or now - alarms.since > _SILENT)
        nobody = "nobody makes alarms of what is found: is `park alarms` running?" if silent else ""
        still = [s for s, m in self._stored.items() if self._lag.get(s) and now - m.since > _STILL]
        behind = f"nothing of {', '.join(still)} is stored: is `park worker` running?" if still else ""
        return [
            _part("database", self._database_told.newest, serving=self._reached),
            _part("time series", self._series_told.newest),
            _part("Kafka", self._kafka_told.newest),
            _part("alarms", nobody),
            _part("workers", behind),
        ]

    def figures(self) -> Sequence[Figure]:
        """Return what Prometheus may ask. Raises MachineryError."""
        kept, kept_bytes, dropped = self._house.quarantine.totals()
        lag = [({"stream": stream}, float(n)) for stream, n in self._lag.items()]
        return [
            Figure("park_store_lag_records", "gauge", "Records of each log that the store has not seen.", lag),
            _of("park_quarantine_messages", "gauge", "Refused messages kept.", kept),
            _of("park_quarantine_bytes", "gauge", "Bytes of refused messages kept.", kept_bytes),
            _of("park_quarantine_dropped_total", "counter", "Waiting messages dropped for want of room.", dropped),
        ]


def _part(name: str, detail: str, *, serving: bool = True) -> Component:
    return Component(name, not detail, detail, serving=serving)


def _of(name: str, kind: str, text: str, value: float) -> Figure:
    return Figure(name, kind, text, [({}, float(value))])
