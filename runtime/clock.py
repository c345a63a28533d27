"""The only wall clock."""

import time


def now() -> int:
    """Return the time, epoch ms."""
    return time.time_ns() // 1_000_000
