"""A beat a second for live pages: the values that are new, by park, and nothing while nobody looks."""

import threading

import msgspec
import numpy as np

from park.directory import Directory
from park.model import Park
from park.readings import Quality
from runtime import clock
from runtime.sql_house import SqlHouse
from runtime.troubles import Troubles

_BEAT = 1.0  # s
_MOST = 5_000  # values of a park in one event; pages ask for the rest
_QUALITY = {int(q): q.name.lower() for q in Quality}
_encode = msgspec.json.Encoder().encode


class Pulse:
    """Tells live pages what is new."""

    def __init__(self, house: SqlHouse) -> None:
        self._house = house
        self._stopping = threading.Event()
        self._troubles = Troubles("pulse")
        self._thread = threading.Thread(target=self._run, name="pulse")
        self._directory = Directory()
        self._points: dict[int, list[int]] = {}
        self._told: dict[int, int] = {}

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(_BEAT):
            if self._house.live.clients:
                with self._troubles.passing("live pages were not told of new values"):
                    self._beat()
            else:
                self._told.clear()

    def _beat(self) -> None:
        registry = self._house.registry
        if registry.version != self._directory.version or not self._points:
            self._directory.apply(registry.config_since(self._directory.version, clock.now()))
            self._points = {
                park.id: np.flatnonzero(self._directory.park == park.id).tolist() for park in registry.find(Park)
            }
        now = clock.now()
        for park, points in self._points.items():
            if not self._house.live.hears(park):
                self._told.pop(park, None)
                continue
            newest = self._house.readings.latest(points)
            if not len(newest.point):
                continue
            fresh = np.flatnonzero(newest.received > self._told.get(park, now - 2_000))
            self._told[park] = int(newest.received.max())
            if len(fresh):
                fresh = fresh[-_MOST:]
                items = [
                    {"point": p, "ts": t, "value": v, "quality": _QUALITY.get(q, "suspect"), "received": r}
                    for p, t, v, q, r in zip(
                        *(
                            c[fresh].tolist()
                            for c in (newest.point, newest.ts, newest.value, newest.quality, newest.received)
                        ),
                        strict=True,
                    )
                ]
                self._house.live.publish("latest", park, _encode({"park": park, "at": now, "items": items}))
