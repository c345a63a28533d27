"""How well scores rank labelled rows, and how well marks meet them."""

import numpy as np

from park.readings import Bool, Float64


def _ranked(score: Float64, label: Bool) -> tuple[Float64, Float64]:
    """Return hits and rows at every threshold, from the highest score on; equal scores are one threshold."""
    order = np.argsort(-score, kind="stable")
    ranked, hits = score[order], np.cumsum(label[order])
    last = np.r_[ranked[1:] != ranked[:-1], True]
    return hits[last].astype(np.float64), (np.flatnonzero(last) + 1).astype(np.float64)


def average_precision(score: Float64, label: Bool) -> float:
    """Return the area under precision by recall, without interpolation (as scikit-learn has it)."""
    hits, rows = _ranked(score, label)
    return float(np.sum(np.diff(np.r_[0.0, hits / hits[-1]]) * hits / rows))


def best_f1(score: Float64, label: Bool) -> float:
    """Return F1 at the threshold that is best for it, picked with the labels."""
    hits, rows = _ranked(score, label)
    return float((2 * hits / (rows + hits[-1])).max())


def f1(mark: Bool, label: Bool, reach: int = 0) -> float:
    """Return F1 of marks; a mark and a labelled row meet within `reach` rows of each other."""
    near_label, near_mark = _widened(label, reach), _widened(mark, reach)
    precision = float((mark & near_label).sum()) / max(int(mark.sum()), 1)
    recall = float((label & near_mark).sum()) / max(int(label.sum()), 1)
    return 2 * precision * recall / max(precision + recall, 1e-12)


def _widened(rows: Bool, reach: int) -> Bool:
    wide = np.convolve(rows.astype(np.float64), np.ones(2 * reach + 1), "same")[: len(rows)]
    out: Bool = wide > 0.5
    return out
