"""Memory that is free goes back to the machine."""

import platform
import subprocess
import sys

import pytest

GROWS = """
import os, threading, sys
import numpy as np
if "lean" in sys.argv:
    from runtime.lean import be_lean
    assert be_lean()
def churn():
    for _ in range(3):
        held = [np.ones(n << 17) for n in (2, 4, 8, 16, 24)]
        small = [np.ones(n << 13) for n in range(1, 60)]
        del held, small
threads = [threading.Thread(target=churn) for _ in range(8)]
[t.start() for t in threads]; [t.join() for t in threads]
print(int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc that is spoken to")
def test_what_is_free_is_given_back():
    """Threads that let go of great arrays leave less behind than they do otherwise."""

    def left(*arguments):
        return int(subprocess.run([sys.executable, "-c", GROWS, *arguments], capture_output=True, check=True).stdout)

    assert left("lean") < left()


LETS_GO = """
import os
from runtime.lean import give_back
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
held = [bytearray(4_000) for _ in range(50_000)]
held[:-1] = [None] * (len(held) - 1)
before = resident()
assert give_back()
print(before - resident())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is glibc that is spoken to")
def test_what_lies_before_something_held_is_given_back():
    """Memory that was let go of, with something held behind it, goes back when that is asked for."""
    out = subprocess.run([sys.executable, "-c", LETS_GO], capture_output=True, check=True).stdout

    assert 100_000_000 < int(out)
