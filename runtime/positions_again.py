"""Where to go on in a log that ends before its snapshot: made anew or cut short, its positions given out again.

Positions say nothing of such a log; its time does. What is of an earlier minute than the snapshot is known to it;
everything behind that may be new, and a fire among it.
"""

from park.errors import Corrupt, MachineryError
from park.ports import Log
from park.records import Tick


def unheard(log: Log, minute: int, oldest: int) -> int:
    """Return the position behind which a log may hold what a snapshot of a minute (epoch ms) does not.

    A log that ends before the `oldest` snapshot, too, lost more than its end: then all of it may be new, whatever
    the clock said. Raises Unavailable.
    """
    start = log.begin
    if log.end < oldest:
        return start
    try:
        for position, record in log.read(start):
            if isinstance(record, Tick):
                if record.now >= minute:
                    break
                start = position
    except MachineryError as why:
        if why.retry and not isinstance(why, Corrupt):
            raise
    return start
