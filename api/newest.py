"""The newest readings of a park as JSON, written from columns. Pure.

Pages repeat this call, and a park has more than a thousand points: what a row says of its point is written once for
a version of the registry, and the numbers of all rows by one call of the encoder for each column.

```
 {"point":1,"device":7,..,"channel":"a","ts":   1750003200000   ,"value":   2.5   ,"state":   null   ...
  └──────────── kept, by point ─────────────┘   └── column ──┘             └ column ┘         └─ by code
```
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from park.metrics import METRICS
from park.ports import Latest
from park.readings import Float64, Int32, Int64, Quality
from park.records import PointRow

_NULL: Final = b"null"
_UNKNOWN: Final = b'"unknown"'
_WORDS: Final = {int(q): msgspec.json.encode(q.name.lower()) for q in Quality}
_json: Final = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class NewestRows:
    """The points of a park, as far as their rows are known before anything is measured. Nobody writes to it."""

    version: int  # of the registry
    points: Int32  # rising
    asked: Sequence[int]  # the same
    heads: Sequence[bytes]  # of each row, up to the time
    words: Mapping[int, Sequence[bytes]]  # of points with states, by place among them: the word of each code


def newest_rows(version: int, rows: Mapping[int, PointRow]) -> NewestRows:
    """Return what is known before of the rows of some points, which rise."""
    heads, words = [], {}
    for n, row in enumerate(rows.values()):
        head = {
            "point": row.point, "device": row.device, "place": row.place, "metric": row.metric, "channel": row.channel,
        }  # fmt: skip
        heads.append(_json.encode(head)[:-1] + b',"ts":')
        codes = METRICS[row.metric].codes
        if codes:
            words[n] = [_json.encode(code) for code in codes]
    points = np.fromiter(rows, np.int32, len(rows))
    return NewestRows(version, points, points.tolist(), heads, words)


def written(known: NewestRows, latest: Latest, park: int, now: int) -> bytes:
    """Return the answer (schemas.Latest) as JSON; `latest` is of the points that are known, rising."""
    place = np.searchsorted(known.points, latest.point).tolist()
    states = [_NULL] * len(place)
    if known.words:
        for n, (at, value) in enumerate(zip(place, latest.value.tolist(), strict=True)):
            if at in known.words:
                states[n] = _word(known.words[at], value)
    columns = (
        [known.heads[at] for at in place],
        _column(latest.ts), [b',"value":'] * len(place), _column(latest.value), [b',"state":'] * len(place), states,
        [b',"quality":'] * len(place), [_WORDS.get(code, _UNKNOWN) for code in latest.quality.tolist()],
        [b',"received":'] * len(place), _column(latest.received),
        [b"},"] * len(place),
    )  # fmt: skip
    pieces = [b""] * (len(columns) * len(place))
    for i, column in enumerate(columns):
        pieces[i :: len(columns)] = column
    begin = b'{"park":%d,"at":%d,"items":[' % (park, now)
    return begin + b"".join(pieces)[:-1] + b"]}"


def _word(words: Sequence[bytes], value: float) -> bytes:
    return words[int(value)] if 0 <= value < len(words) and value == int(value) else _NULL


def _column(numbers: Int64 | Float64) -> list[bytes]:
    """Return numbers as JSON, one by one; stored values are finite."""
    return _json.encode(numbers.tolist())[1:-1].split(b",") if len(numbers) else []
