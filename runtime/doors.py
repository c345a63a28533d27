"""What can refuse a start at once: a folder that cannot be written or is in use, a port that is taken.

Looked at before the platform is even loaded, which takes seconds; and once more, for good, when it opens them.
"""

import errno
import socket
import time
from pathlib import Path

from park.errors import UserError
from park.settings import Settings
from runtime.lock import FolderLock

LEAVING = 3.0  # s that a port may stay taken by the broker of a platform that has just ended


def see_doors(settings: Settings) -> None:
    """See that a platform could start with these settings now. Raises UserError."""
    make_folder(settings.data_dir)
    with FolderLock(settings.data_dir):
        doors(settings).close()


def doors(settings: Settings) -> socket.socket:
    """Return the socket of pages and API, listening, once our broker's port is free as well. Raises UserError."""
    door = listen(settings.api.host, settings.api.port, "another with --http-port")
    try:
        if not settings.ingest.broker_host and settings.ingest.broker_port:
            listen("127.0.0.1", settings.ingest.broker_port, "another for MQTT with --mqtt-port", LEAVING).close()
    except BaseException:
        door.close()
        raise
    return door


def make_folder(folder: Path) -> None:
    """Make a data folder that can be written, its owner's only where it is new. Raises UserError."""
    try:
        folder.mkdir(0o700, parents=True, exist_ok=True)
        probe = folder / ".write"
        probe.touch()
        probe.unlink()
    except OSError as why:
        raise UserError(f"the data folder {folder} cannot be written ({why.strerror})") from why


def listen(host: str, port: int, remedy: str, patience: float = 0.0) -> socket.socket:
    """Return a socket that listens, waiting some seconds for the port to become free. Raises UserError."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        door = socket.socket(family, kind, protocol)
    except OSError as why:
        raise UserError(f"{host!r} is no address of this machine ({why.strerror})") from why
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    until = time.monotonic() + patience
    while True:
        try:
            door.bind(address)
            door.listen(128)  # so that a second platform meets a port in use, not a shared one
        except OSError as why:
            if why.errno == errno.EADDRINUSE and time.monotonic() < until:
                time.sleep(0.05)
                continue
            door.close()
            if why.errno == errno.EADDRNOTAVAIL:
                raise UserError(f"{host!r} is no address of this machine") from why
            said = "is in use" if why.errno == errno.EADDRINUSE else f"cannot be used ({why.strerror})"
            raise UserError(f"port {port} of {host} {said}; choose {remedy}") from why
        else:
            return door
