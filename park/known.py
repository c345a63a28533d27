"""What a snapshot keeps of a directory: points as columns, all else as a configuration.

A city's points as rows are a second of making and reading objects, and 100 MB of them, each time a state is saved.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from park.directory import ROW, Directory, point_rows
from park.metrics import NAMES
from park.records import Config
from park.wire import decode_config, encode_config

_POINT, _METRICS, _CHANNELS = "point", "metrics", "channels"


def known_state(directory: Directory) -> dict[str, NDArray[Any]]:
    """Return all that a directory knows, for `known_config`."""
    points = directory.points.numbers()
    columns = {f"{_POINT}_{name}": getattr(directory, name)[points] for name in (*ROW, "metric", "channel")}
    return {
        "version": np.array(2), "config": _bytes(encode_config(directory.config(points=False))),
        # A metric's code is its place in this program's catalogue only.
        _METRICS: _bytes(json.dumps(NAMES).encode()), _CHANNELS: _bytes(json.dumps(directory.channels).encode()),
        _POINT: points, **columns,
    }  # fmt: skip


def known_config(state: Mapping[str, NDArray[Any]]) -> Config:
    """Return the configuration of `known_state`, or of an earlier program's. Raises Corrupt."""
    config = decode_config(np.asarray(state["config"]).tobytes())
    if _POINT not in state:
        return config
    columns = {name: state[f"{_POINT}_{name}"] for name in (*ROW, "metric", "channel")}
    metrics, channels = (json.loads(state[name].tobytes()) for name in (_METRICS, _CHANNELS))
    return Config(
        config.version, config.received, tuple(point_rows(state[_POINT], columns, metrics, channels)), config.devices,
        config.places, config.limits, config.enterprises, config.papers,
    )  # fmt: skip


def _bytes(content: bytes) -> NDArray[np.uint8]:
    return np.frombuffer(content, np.uint8).copy()
