"""Chance without memory: a number for every (seed, stream, index), so that a value is a function of its time.

A live simulator that was restarted, and a history that was cut elsewhere, must give the values they
would have given; a generator with a state cannot. This is SplitMix64 (Steele, Lea, Flood 2014) on a counter.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1, _M2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31 = np.uint64(30), np.uint64(27), np.uint64(31)


def mixed(seed: int, stream: npt.NDArray[Any] | int, index: npt.NDArray[Any] | int) -> U64:
    """Return 64 random bits for each (stream, index); arrays broadcast."""
    with np.errstate(over="ignore"):
        x = np.asarray(stream, np.int64).astype(np.uint64) * _M2 + np.uint64(seed % (1 << 63)) * _M1
        x = (x ^ (x >> _S31)) + np.asarray(index, np.int64).astype(np.uint64) * _GOLDEN
        x = (x ^ (x >> _S30)) * _M1
        x = (x ^ (x >> _S27)) * _M2
        return np.asarray(x ^ (x >> _S31))


def uniform(seed: int, stream: npt.NDArray[Any] | int, index: npt.NDArray[Any] | int) -> npt.NDArray[np.float64]:
    """Return numbers in [0, 1)."""
    return np.asarray((mixed(seed, stream, index) >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def normal(seed: int, stream: npt.NDArray[Any] | int, index: npt.NDArray[Any] | int) -> npt.NDArray[np.float64]:
    """Return numbers of mean 0 and deviation 1, at most 3.5: the sum of four uniform ones, which is near enough."""
    bits = np.ascontiguousarray(mixed(seed, stream, index))
    quarters = bits.view(np.uint16).reshape((*bits.shape, 4)).sum(-1, dtype=np.int64)
    return np.asarray((quarters - 131_070.0) * (3.0**0.5 / 65_536.0))


def rng(seed: int, *path: int) -> np.random.Generator:
    """Return a generator for one drawing (a day, a plan), independent of all other paths."""
    return np.random.default_rng([seed % (1 << 63), *path])
