"""The chart in a message: the point around the time, with its limit; a PNG without a screen."""

import threading
from collections.abc import Callable
from io import BytesIO
from zoneinfo import ZoneInfo

import numpy as np

from park.delivery import Facts
from park.ports import ReadingStore

_BEFORE, _AFTER = 6 * 3_600_000, 600_000  # ms shown around the time
_STEP = 60_000  # ms
_DAY = 86_400_000.0  # ms
_FONTS = ("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "WenQuanYi Zen Hei", "SimHei", "DejaVu Sans")


def chart_of(readings: ReadingStore) -> Callable[[Facts], bytes]:
    """Return what draws charts from a store."""
    lock = threading.Lock()

    def draw(facts: Facts) -> bytes:
        at = facts.since or facts.at
        found = readings.buckets(facts.point, at - _BEFORE, at + _AFTER, _STEP)
        with lock:  # matplotlib's settings are one for all threads
            return png(facts, found.start, found.mean)

    return draw


def png(facts: Facts, ts: np.ndarray, value: np.ndarray) -> bytes:
    """Return the picture; b"" where there is nothing to draw. Lacking values are gaps."""
    good = np.isfinite(value)
    if not good.any():
        return b""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.font_manager import fontManager

    there = {font.name for font in fontManager.ttflist}
    fonts = [name for name in _FONTS if name in there]
    zone = ZoneInfo(facts.timezone)
    times = ts[good] / _DAY  # matplotlib's dates: days since 1970
    with rc_context({"font.family": fonts or ["sans-serif"], "axes.unicode_minus": False}):
        figure = Figure(figsize=(7.0, 2.6), dpi=110, layout="constrained")
        axes = figure.add_subplot()
        axes.xaxis_date(tz=zone)
        axes.plot(times, value[good], color="#1a5fb4", linewidth=1.2)
        if facts.limit is not None:
            axes.axhline(facts.limit, color="#c01c28", linewidth=1.0, linestyle="--")
        moment = (facts.since or facts.at) / _DAY
        axes.axvline(moment, color="#e66100", linewidth=1.0)
        name = f"{facts.metric_zh} ({facts.unit})" if facts.unit else facts.metric_zh
        axes.set_ylabel(name.replace("$", r"\$"))
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.3)
        out = BytesIO()
        FigureCanvasAgg(figure).print_figure(out, format="png")
    return out.getvalue()
