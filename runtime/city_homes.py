"""Which partition the things of the registry belong to: that of their park.

Learned from the registry as it is read, whole and before any lane is told of it, so that nothing that a resolver
knows is without a home. One object serves the lanes of a process; it is changed in place, under a lock.
"""

import threading

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select

from park.directory import grown
from park.model import Device
from park.records import Config
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry
from runtime.storage.sql.rows import SHAPES, thing_of
from runtime.storage.sql.tables import changes
from runtime.topics import partition_of

_NONE = -1
Homes = NDArray[np.int16]


class CityHomes:
    """Partition and park by number of point, device and place; -1: not known."""

    def __init__(self, partitions: int) -> None:
        """Know nothing yet."""
        self.partitions = partitions
        self.codes: dict[int, str] = {}  # of parks, by their number
        self.place: dict[int, int] = {}  # partition by place
        self.enterprise: dict[int, int] = {}
        self._lock = threading.Lock()
        self._park_home: dict[int, int] = {}
        self.point: Homes = np.full(1, _NONE, np.int16)
        self.device: Homes = np.full(1, _NONE, np.int16)
        self.park: NDArray[np.int32] = np.zeros(1, np.int32)  # by point
        self.gateway: NDArray[np.int32] = np.zeros(1, np.int32)  # by device
        self.device_of: NDArray[np.int32] = np.zeros(1, np.int32)  # by point

    def learn(self, config: Config) -> None:
        """Take what a part of the registry says."""
        with self._lock:
            for place in config.places:
                if place.code:
                    self.codes[place.place] = place.code
                    self._park_home[place.place] = partition_of(place.code, self.partitions)
            for place in config.places:
                self.place[place.place] = self._park_home.get(place.park, _NONE)
            for firm in config.enterprises:
                self.enterprise[firm.enterprise] = self._park_home.get(firm.park, _NONE)
            if config.devices:
                size = max(d.device for d in config.devices) + 1
                self.device, self.gateway = grown(self.device, size, _NONE), grown(self.gateway, size)
                for d in config.devices:
                    self.device[d.device] = self._park_home.get(d.park, _NONE)
                    self.gateway[d.device] = d.gateway
            if config.points:
                size = max(p.point for p in config.points) + 1
                self.point, self.park = grown(self.point, size, _NONE), grown(self.park, size)
                self.device_of = grown(self.device_of, size)
                for p in config.points:
                    self.point[p.point] = self._park_home.get(p.park, _NONE)
                    self.park[p.point], self.device_of[p.point] = p.park, p.device

    def home_of_device(self, device: int) -> int:
        """Return the partition of a device; -1: not known."""
        return int(self.device[device]) if 0 < device < len(self.device) else _NONE

    def home_of_topic(self, topic: str) -> int:
        """Return the partition of the park that a topic names, registered or not; -1: it names none."""
        head, _, rest = topic.partition("/")
        code = rest.partition("/")[0]
        return partition_of(code, self.partitions) if head == "parks" and code else _NONE


class CityRegistry(SqlRegistry):
    """The registry of a city: whoever reads what stages must learn of it teaches the homes first."""

    def __init__(self, database: Database, homes: CityHomes) -> None:
        super().__init__(database)
        self._homes = homes

    def parks_before(self, version: int) -> dict[int, int]:
        """Return, by device, the park that each was of which changed after a version, as it was then."""
        c = changes.c
        name = SHAPES[Device].name
        query = select(c.key, c.before).where(c.id > version, c.noun == name, c.before != "").order_by(c.id.desc())
        with self._database.read() as connection:
            return {key: thing_of(name, before).park for key, before in connection.execute(query)}

    def config_since(self, version: int, received: int) -> Config:
        """Return what the stages must learn of the changes after a version (0: everything)."""
        config = super().config_since(version, received)
        self._homes.learn(config)
        return config
