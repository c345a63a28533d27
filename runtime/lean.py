"""Memory that is free goes back to the machine: for processes that hold great arrays in many threads."""

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8  # glibc's malloc.h
_LARGE = 1 << 20  # bytes; the columns of a chunk, made and let go of all the time, stay below it


def be_lean() -> bool:
    """Tell glibc's malloc to keep little of what is free; return whether it is there and has understood.

    Left alone it keeps a heap for each of up to 16 threads (of 2 cores), and learns from the first great array that
    is let go of to put later ones there, too (mallopt(3), M_MMAP_THRESHOLD): a worker grew to twice what it holds.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another library of C
        return False
    return all(mallopt(*told) for told in ((_ARENA_MAX, 2), (_MMAP_THRESHOLD, _LARGE), (_TRIM_THRESHOLD, _LARGE)))


def give_back() -> bool:
    """Return to the machine what is free by now; return whether there was anything, and malloc is glibc's.

    What a start leaves between what stays (rows of the registry, pieces of the log) is not given back by itself.
    """
    try:
        return bool(ctypes.CDLL(None).malloc_trim(0))
    except (OSError, AttributeError):  # another library of C
        return False
