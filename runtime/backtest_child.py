"""The process of a dry run: one question on standard input, shares and one answer, as JSON lines, on standard output.

```
 in   {"folder": ..., "changed": TOML, "present": TOML or null, "start": ms, "end": ms}
 out  {"progress": 0.25} ... {"result": {...}}   or   {"problem": "..."}
```
"""

import json
import os
import resource
import sys
from pathlib import Path

from park.errors import ParkError
from runtime.backtest import Asked, backtest
from stream.rules import parse

_MEMORY = 4 << 30  # bytes of addresses: a runaway dies here, not the platform beside it
_CPU = 1_800  # s
_NICE = 15  # after everything that lives


def main() -> None:
    """Answer one question."""
    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU, _CPU))
    asked = json.load(sys.stdin)
    try:
        present = None if asked["present"] is None else parse(asked["present"])
        question = Asked(Path(asked["folder"]), parse(asked["changed"]), present, asked["start"], asked["end"])
        _say({"result": backtest(question, _shares())})
    except ParkError as why:
        _say({"problem": str(why)})
    except MemoryError:
        _say({"problem": "there was not enough memory for a time as long as this"})


class _shares:  # noqa: N801 - a function with a memory
    """Tell shares, each per cent once."""

    def __init__(self) -> None:
        self._last = -1

    def __call__(self, share: float) -> None:
        """Tell a share."""
        if int(share * 100) != self._last:
            self._last = int(share * 100)
            _say({"progress": round(share, 2)})


def _say(what: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(what, ensure_ascii=False) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
