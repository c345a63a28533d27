"""The only wall clock, and what is known of it."""

import ctypes
import time

_STA_UNSYNC = 0x0040  # linux/timex.h: nobody keeps the clock right
_ERROR = 5  # TIME_ERROR: the clock is not synchronised
_STATUS = 40  # offset of `status` in struct timex where a long has 8 bytes (adjtimex(2))
_TIMEX = 512  # bytes; the struct has 208


def now() -> int:
    """Return the time, epoch ms."""
    return time.time_ns() // 1_000_000


def elapsed() -> float:
    """Return seconds since the machine was started, sleep included: nobody sets this clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def disciplined() -> bool:
    """Tell whether the kernel says that a time server keeps the clock right; False where it says nothing."""
    if ctypes.sizeof(ctypes.c_long) != 8:
        return False
    asked = ctypes.create_string_buffer(_TIMEX)  # modes 0: only ask
    try:
        state = ctypes.CDLL(None).adjtimex(asked)
    except (OSError, AttributeError):  # no such call here
        return False
    status = int.from_bytes(asked.raw[_STATUS : _STATUS + 4], "little")
    return 0 <= state < _ERROR and not status & _STA_UNSYNC
