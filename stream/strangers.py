"""In whose name a message speaks that no registered device stands behind."""

from park.directory import Directory
from park.records import Refused


def park_of(message: Refused, directory: Directory) -> int:
    """Return the park in whose name a stranger speaks; 0, which all parks are told, where it says none.

    A topic of ours begins with the park's code. Foreign dialects say nothing of a park; there a known
    gateway may.
    """
    word, _, rest = message.topic.partition("/")
    code = rest.partition("/")[0]
    if word == "parks" and code:
        for row in directory.places.values():
            if row.kind == "park" and row.code == code:
                return row.place
    gateway = directory.devices.get(message.gateway)
    return gateway.park if gateway else 0
