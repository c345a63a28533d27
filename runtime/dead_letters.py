"""Events that the store refuses, whatever is tried: kept in a file, so that those behind them go on.

```
 refused-events.jsonl    a line of JSON each: lane, position in its log, why, the event
```
A person looks at them; the file may be moved away at any time.
"""

import json
import os
from dataclasses import asdict
from pathlib import Path

from park.errors import Unavailable
from park.wire import SmallEvent, event_name

_MOST = 64 << 20  # bytes of the file; beyond them events are counted only


class DeadLetters:
    """The file, and how many are in it."""

    def __init__(self, path: Path) -> None:
        """Count what earlier runs have left; a file that cannot be read counts for one."""
        self.path = path
        self.total = 0  # of this run
        try:
            self.kept = path.read_bytes().count(b"\n") if path.exists() else 0
        except OSError:
            self.kept = 1

    @property
    def said(self) -> str:
        """What people should know of it; "" for nothing."""
        return f"{self.kept} events could not be stored; they are kept in {self.path.name}" if self.kept else ""

    def put(self, stream: str, position: int, event: SmallEvent, why: str) -> None:
        """Keep an event, synced. Raises Unavailable when the file cannot be written."""
        # Whatever made it impossible to store may make it impossible to encode: `repr` knows everything.
        told = {"lane": stream, "position": position, "why": why, "type": event_name(event), "event": asdict(event)}
        line = json.dumps(told, default=repr) + "\n"  # ASCII: half a character is escaped
        try:
            with self.path.open("a", encoding="ascii") as file:
                if file.tell() + len(line) <= _MOST:
                    file.write(line)
                    file.flush()
                    os.fsync(file.fileno())
        except OSError as why_not:
            raise Unavailable(f"a refused event cannot be kept: {why_not.strerror}") from why_not
        self.kept += 1
        self.total += 1
