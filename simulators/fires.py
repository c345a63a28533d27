"""Room fires that grow as real ones did, and what detectors make of them.

The curves are fits to the four room fires of `nist_smoke` (NIST TN 1455, "Performance of Home Smoke
Alarms"; public domain): at a ceiling station in the room of origin and one in the next room,

    y(t) = base + g / (1 + g / cap),    g = a ((t - t0) / 100 s)^p    for t > t0

which is a power law (t-squared fires have p = 2) that saturates. The tests hold the fits against the
files. What follows the recording (about 200 s) is ours: the level stays until the fire is out, then
falls with a time constant of four minutes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Growth:
    """One fitted channel: its station in the files, and the parameters (a, t0 in s, p, cap)."""

    column: str
    base: float
    a: float
    t0: float
    p: float
    cap: float
    error: float  # root mean square over range, of the fit
    scale: float = 1.0  # file's unit x scale = our unit

    def rise(self, seconds: Float) -> Float:
        """Return how far the channel is above its base, `seconds` after ignition; no fire, no rise."""
        grown = self.a * np.maximum(0.0, (seconds - self.t0) / 100.0) ** self.p
        return np.asarray(grown / (1.0 + grown / self.cap))


@dataclass(frozen=True, slots=True)
class RoomFire:
    """One of the recorded fires: degC and optical density (1/m) in and next to its room, and CO in ppm."""

    name: str
    end: float  # s of the recording
    heat: Growth
    smoke: Growth
    next_heat: Growth
    next_smoke: Growth
    co: Growth


FIRES = (
    RoomFire(
        "SDC02",
        200.0,
        Growth("TCE_1", 21.1, 30.21, 0.0, 1.672, 1.05e5, 0.07),
        Growth("SME_1", 0.0006, 0.3632, 0.0, 2.866, 11.67, 0.03),
        Growth("TCC_1", 21.4, 7.433, 0.0, 2.722, 4.79e4, 0.04),
        Growth("SMC_1", 0.0011, 752.2, 160.0, 6.0, 28.46, 0.09),
        Growth("GASC_1", 0.0, 1.929, 19.96, 6.0, 5e4, 0.12, 1e4),
    ),
    RoomFire(
        "SDC07",
        239.0,
        Growth("TCB_1", 23.7, 24.37, 0.0, 3.953, 1184.0, 0.05),
        Growth("SMB_1", 0.0007, 3.589, 38.4, 6.0, 1.85, 0.09),
        Growth("TCE_1", 24.25, 1.615, 18.32, 6.0, 219.6, 0.03),
        Growth("SME_1", 0.0, 0.3404, 45.03, 3.33, 3110.0, 0.03),
        Growth("GASB_1", 0.0, 87.2, 47.91, 4.488, 1.3e6, 0.05, 1e4),
    ),
    RoomFire(
        "SDC33",
        200.0,
        Growth("TCE_1", 26.6, 36.75, 0.0, 2.548, 76.5, 0.12),
        Growth("SME_1", 0.0, 0.07973, 0.0, 4.104, 0.4272, 0.08),
        Growth("TCC_1", 26.75, 10.09, 26.09, 2.36, 3.76e4, 0.03),
        Growth("SMC_1", 0.0, 0.1714, 83.32, 1.613, 42.74, 0.06),
        Growth("GASF_1", 47.8, 171.0, 139.9, 1.983, 1.2e4, 0.25, 1e4),
    ),
    RoomFire(
        "SDC38",
        167.0,
        Growth("TCD_1", 25.9, 26.09, 3.76, 6.0, 85.2, 0.1),
        Growth("SMD_1", 0.0, 5.904, 62.35, 6.0, 0.682, 0.06),
        Growth("TCC_1", 25.9, 55.61, 98.68, 1.716, 2.81e4, 0.04),
        Growth("SMC_1", 0.0, 1.194, 89.54, 3.334, 0.539, 0.04),
        Growth("GASB_1", 35.3, 79.26, 36.89, 1.0, 158.4, 0.12, 1e4),
    ),
)

OUT = 480.0  # s after ignition at which a fire is put out
SETTLE = 240.0  # s, time constant afterwards


def per_metre(density: Float) -> Float:
    """Return obscuration in %/m of an optical density in 1/m: 100 (1 - 10^-OD), which is not linear."""
    return np.asarray(100.0 * (1.0 - 10.0**-density))


def _course(growth: Growth, end: float, seconds: Float) -> Float:
    """Return a channel's rise over the whole course of a fire: growth, stay, decay."""
    grown = growth.rise(np.minimum(seconds, end))
    return np.asarray(grown * np.exp(-np.maximum(0.0, seconds - OUT) / SETTLE))


def courses(fire: RoomFire, seconds: Float, *, next_room: bool = False) -> Mapping[str, Float]:
    """Return what a fire adds to each metric, `seconds` after ignition."""
    heat, smoke = (fire.next_heat, fire.next_smoke) if next_room else (fire.heat, fire.smoke)
    return {
        "temperature": _course(heat, fire.end, seconds),
        "smoke_obscuration": per_metre(_course(smoke, fire.end, seconds)),
        "co": _course(fire.co, fire.end, seconds) * (0.5 if next_room else 1.0),
    }


def first_above(fire: RoomFire, metric: str, rise: float, *, next_room: bool = False) -> float | None:
    """Return the first whole second at which a metric has risen so far; None: never."""
    seconds = np.arange(0.0, OUT)
    above = np.flatnonzero(courses(fire, seconds, next_room=next_room)[metric] >= rise)
    return float(above[0]) if len(above) else None
