"""Which gateway each point's readings come through, as the registry says it."""

import threading

import numpy as np
from numpy.typing import NDArray

from park.directory import grown
from runtime.storage.sql.registry import SqlRegistry


class Gateways:
    """The gateway of each point, for the store's count; -1: its readings are made by the stages."""

    def __init__(self, registry: SqlRegistry) -> None:
        self._registry = registry
        self._version = -1
        self._lock = threading.Lock()
        self._gateway: NDArray[np.int32] = np.zeros(1, np.int32)

    def column(self) -> NDArray[np.int32]:
        """Return the gateway of each point's device; 0: none."""
        self._renew()
        return self._gateway

    def _renew(self) -> None:
        with self._lock:
            version = self._registry.version
            if version == self._version:
                return
            gateway = np.zeros(1, np.int32)
            for point, of, made in self._registry.gateways():  # as objects a city's registry is hundreds of megabytes
                gateway = grown(gateway, point + 1)
                gateway[point] = -1 if made else of
            self._gateway, self._version = gateway, version
