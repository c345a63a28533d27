"""What others would run: a windowed Gaussian, a z-score by hour of the week, a random cut forest.

Each gives a score by row, from the rows before it.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from park.readings import Float64, Int64

_WEEK = 168
_WINDOW, _STEP = 1_000, 50  # of the windowed Gaussian, and rows after which it is fitted anew
_SHINGLE, _SAMPLE, _TREES, _FRESH = 4, 64, 10, 48


def windowed_gaussian(ts: Int64, value: Float64) -> Float64:
    """Return distances from the mean of the last thousand rows, in their deviations."""
    del ts
    score = np.zeros(len(value))
    for begin in range(_STEP, len(value), _STEP):
        past = value[max(begin - _WINDOW, 0) : begin]
        rows = slice(begin, begin + _STEP)
        score[rows] = np.abs(value[rows] - past.mean()) / max(float(past.std()), 1e-9)
    return score


def seasonal_z(ts: Int64, value: Float64) -> Float64:
    """Return distances from the running mean of the hour of the week, in its deviations."""
    hour = ts // 3_600_000 % _WEEK
    count, mean, square = np.zeros(_WEEK), np.zeros(_WEEK), np.zeros(_WEEK)
    score = np.zeros(len(value))
    for row, (h, v) in enumerate(zip(hour.tolist(), value.tolist(), strict=True)):
        if count[h] >= 3:
            score[row] = abs(v - mean[h]) / max(np.sqrt(square[h] / count[h]), 1e-9)
        count[h] += 1
        away = v - mean[h]
        mean[h] += away / count[h]
        square[h] += away * (v - mean[h])
    return score


def random_cut_forest(ts: Int64, value: Float64) -> Float64:
    """Return how early random cuts part the last four values from a sample of those before.

    Guha, Mishra, Roy, Schrijvers, "Robust random cut forest based anomaly detection on streams", ICML 2016: cuts
    fall on a dimension in proportion to its range. Trees are drawn anew from a sample of the past instead of
    being changed point by point, and the score is the mean depth turned around.
    """
    del ts
    rng = np.random.default_rng(1)
    points = np.lib.stride_tricks.sliding_window_view(
        np.concatenate([np.full(_SHINGLE - 1, value[0]), value]), _SHINGLE
    )
    score = np.zeros(len(value))
    for begin in range(4 * _SAMPLE, len(points), _FRESH):
        past = points[max(begin - 2_000, 0) : begin]
        batch = points[begin : begin + _FRESH]
        depth = np.zeros(len(batch))
        for _ in range(_TREES):
            sample = past[rng.choice(len(past), _SAMPLE, replace=False)]
            _sink(rng, sample, batch, np.arange(len(batch)), depth, 0)
        score[begin : begin + _FRESH] = -depth / _TREES
    return score


def _sink(
    rng: np.random.Generator, sample: Float64, batch: Float64, rows: np.ndarray, depth: Float64, at: int
) -> None:  # fmt: skip
    """Add the depth at which each row of a batch is alone, or outside of all that the sample spans."""
    if len(sample) <= 1 or not len(rows):
        depth[rows] += at
        return
    low, high = sample.min(axis=0), sample.max(axis=0)
    # A row outside the box is cut off by a cut of the box that holds both, with the chance of its overhang.
    over = np.maximum(low - batch[rows], 0).sum(axis=1) + np.maximum(batch[rows] - high, 0).sum(axis=1)
    span = float((high - low).sum())
    gone = rng.random(len(rows)) < over / np.maximum(over + span, 1e-12)
    depth[rows[gone]] += at
    rows = rows[~gone]
    if span <= 0:
        depth[rows] += at
        return
    place = rng.random() * span
    edges = np.cumsum(high - low)
    axis = int(np.searchsorted(edges, place))
    axis = min(axis, _SHINGLE - 1)
    cut = high[axis] - (edges[axis] - place)
    left = sample[:, axis] <= cut
    below = batch[rows, axis] <= cut
    _sink(rng, sample[left], batch, rows[below], depth, at + 1)
    _sink(rng, sample[~left], batch, rows[~below], depth, at + 1)


RIVALS: Mapping[str, Callable[[Int64, Float64], Float64]] = MappingProxyType({
    "windowed_gaussian": windowed_gaussian, "seasonal_z": seasonal_z, "random_cut_forest": random_cut_forest,
})  # fmt: skip
