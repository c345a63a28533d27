"""Who runs on a data folder: written at start, for the other commands, readable by its owner only."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from runtime.lock import holder

FILE = "instance.json"


@dataclass(frozen=True, slots=True)
class Instance:
    """A running platform, and how its owner reaches it."""

    pid: int
    url: str
    key: str  # an admin key that lives as long as the instance


def write_instance(folder: Path, instance: Instance) -> None:
    """Tell other commands of this folder where we are; mode 0600, since it holds a key."""
    path = folder / FILE
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(asdict(instance)))


def remove_instance(folder: Path) -> None:
    """Forget it, at a clean stop."""
    (folder / FILE).unlink(missing_ok=True)


def read_instance(folder: Path) -> Instance | None:
    """Return the instance that runs on a folder, or None if none does, or it is not there for others yet.

    Who holds the folder's lock runs; a process number alone may be another's by now.
    """
    try:
        instance = msgspec.json.decode((folder / FILE).read_bytes(), type=Instance)
    except (OSError, msgspec.DecodeError):
        return None
    return instance if holder(folder) == instance.pid else None
