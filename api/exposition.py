"""Figures as Prometheus reads them (text exposition format 0.0.4)."""

from collections.abc import Mapping, Sequence
from math import isinf, isnan
from typing import Final

from api.services import Figure

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES: Final = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_LINE: Final = str.maketrans({"\\": r"\\", "\n": r"\n"})


def _number(value: float) -> str:
    if isnan(value):
        return "NaN"
    if isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1 << 53 else repr(float(value))


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{str(value).translate(_ESCAPES)}"' for name, value in labels.items()) + "}"


def exposition(figures: Sequence[Figure]) -> str:
    """Return figures as text, one family after another."""
    lines = []
    for figure in figures:
        lines += [f"# HELP {figure.name} {figure.text.translate(_LINE)}", f"# TYPE {figure.name} {figure.kind}"]
        lines += [f"{figure.name}{_labels(labels)} {_number(value)}" for labels, value in figure.samples]
    return "".join(line + "\n" for line in lines)
