"""The commit of a flush: one small file whose rename makes the flush hold.

Readings are written to their day files first; parts of rollups, which must never be added twice,
stand in the commit itself and are applied to their files after it: each file knows the last run
that it has. So a crash anywhere leaves a whole number of flushes.
"""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from park.errors import Corrupt
from runtime.lasting import written_whole
from runtime.storage.hot import Array

NAME = "commit.npz"


@dataclass(frozen=True, slots=True)
class Commit:
    """What holds since the last flush."""

    run: int = 0  # number of the flush
    positions: Mapping[str, int] = field(default_factory=dict)  # lane -> log position
    newest: Mapping[str, Array] = field(default_factory=dict)  # by point
    parts: Mapping[str, Mapping[str, Array]] = field(default_factory=dict)  # kind -> columns of this flush
    log_time: int = 0  # greatest `received` so far, epoch ms

    def save(self, folder: Path) -> None:
        """Write, sync and rename."""
        arrays: dict[str, Array] = {"run": np.array(self.run), "log_time": np.array(self.log_time)}
        arrays |= {f"position/{lane}": np.array(position) for lane, position in self.positions.items()}
        arrays |= {f"newest/{name}": column for name, column in self.newest.items()}
        arrays |= {f"parts/{kind}/{name}": a for kind, columns in self.parts.items() for name, a in columns.items()}
        with written_whole(folder / NAME, folder / (NAME + ".tmp")) as out:
            np.savez(out, allow_pickle=False, **arrays)


def load(folder: Path) -> Commit:
    """Return the last commit, or an empty one where there is none. Raises Corrupt."""
    path = folder / NAME
    if not path.exists():
        return Commit()
    positions: dict[str, int] = {}
    newest: dict[str, Array] = {}
    parts: dict[str, dict[str, Array]] = {}
    try:
        with np.load(path, allow_pickle=False) as arrays:
            for key in arrays.files:
                match key.split("/"):
                    case ["position", lane]:
                        positions[lane] = int(arrays[key])
                    case ["newest", name]:
                        newest[name] = arrays[key]
                    case ["parts", kind, name]:
                        parts.setdefault(kind, {})[name] = arrays[key]
            return Commit(int(arrays["run"]), positions, newest, parts, int(arrays["log_time"]))
    except (ValueError, OSError, KeyError, EOFError, zipfile.BadZipFile) as why:
        raise Corrupt(f"{path} cannot be read: {why}") from why
