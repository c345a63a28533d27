"""In whose name a message speaks that no registered device stands behind."""

from park.directory import Directory
from park.records import Refused


def park_of(message: Refused, directory: Directory) -> int:
    """Return the park in whose name a stranger speaks; 0, which all parks are told, where it says none.

    A device of ours, of which a value is strange, is where it is registered. A topic of ours begins with the park's
    code. Foreign dialects say nothing of a park; there a known gateway may.
    """
    device = directory.devices.get(message.device)
    if device is not None and not device.retired:
        return device.park
    word, _, rest = message.topic.partition("/")
    code = rest.partition("/")[0]
    if word == "parks" and code:
        for row in directory.places.values():
            if row.kind == "park" and row.code == code:
                return row.place
    gateway = directory.devices.get(message.gateway)
    return gateway.park if gateway else 0
