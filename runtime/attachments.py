"""Files that people attach: kept in the data folder under their digest, of a few kinds, bounded, never run."""

import fcntl
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

from park.errors import Conflict, Corrupt, Full, NotFound, Unavailable, UserError
from runtime.clock import elapsed

EACH = 100  # files of one alarm, round or hazard
MOST = 5 << 20  # bytes of a file: a photograph from a phone
SPARE = 256 << 20  # bytes of the disk that photographs leave to the logs
_PART = ".part"  # of a file that is being written; one name, so that what a crash left is written over or swept
_PATIENCE = 20.0  # s that one waits for others who attach, as for a turn to write in the database
_PAUSE = 0.02  # s


def _text(content: bytes) -> bool:
    try:
        return all(c.isprintable() or c in "\t\r\n" for c in content.decode("utf-8"))
    except UnicodeDecodeError:
        return False


# What a file must look like to be of a kind: what it says of itself is not enough.
KINDS: Mapping[str, Callable[[bytes], bool]] = MappingProxyType({
    "image/jpeg": lambda b: b.startswith(b"\xff\xd8\xff"),
    "image/png": lambda b: b.startswith(b"\x89PNG\r\n\x1a\n"),
    "image/webp": lambda b: b[:4] == b"RIFF" and b[8:12] == b"WEBP",
    "application/pdf": lambda b: b.startswith(b"%PDF-"),
    "text/plain": _text,
})  # fmt: skip


class AttachmentFiles:
    """The folder of attachments."""

    def __init__(self, folder: Path, held: Callable[[int], int], most: int, spare: int = SPARE) -> None:
        """`held` gives the bytes that are attached in a park by now, `most` how many they may be.

        `spare` is the room on the disk that is left to others.
        """
        self._folder = folder
        self._held = held
        self._most = most
        self._spare = spare

    @contextmanager
    def keeping(self, content: bytes, media_type: str, park: int, beside: int) -> Iterator[str]:
        """Write a file so that it lasts; yield its digest to who notes it. Raises UserError, Conflict, Full.

        `beside` is how many there are already where it is to hang. If the note is refused, a file that was not there
        before goes again; where it is not certain whether there is a note, it stays.
        """
        looks = KINDS.get(media_type)
        if looks is None:
            raise UserError(f"an attachment is one of {', '.join(KINDS)}")
        if not 0 < len(content) <= MOST:
            raise UserError(f"an attachment has 1 to {MOST} bytes")
        if not looks(content):
            raise UserError(f"this is no {media_type}")
        if beside >= EACH:
            raise Conflict(f"there are {EACH} files of it already")
        digest = sha256(content).hexdigest()
        path = self._path(digest)
        with _alone(self._folder):
            if self._held(park) + len(content) > self._most:
                raise Conflict(
                    f"the files of this park take {self._most / 1e9:.1f} GB, and no more are taken: "
                    "the setting store.attachment_bytes says how many"
                )
            new = not path.exists()
            if new:
                self._write(path, content)
            try:
                yield digest
            except UserError:
                if new:
                    path.unlink(missing_ok=True)
                raise

    def _write(self, path: Path, content: bytes) -> None:
        part = path.with_name(f"{path.name}{_PART}")
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            if shutil.disk_usage(path.parent).free < self._spare + len(content):
                raise Full("an attachment would take the room that the logs need")
            with part.open("wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            part.replace(path)
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as why:
            part.unlink(missing_ok=True)
            raise Full(f"an attachment cannot be written ({why.strerror})") from why

    def content(self, digest: str) -> bytes:
        """Return the bytes of a digest. Raises NotFound, Corrupt."""
        try:
            found = self._path(digest).read_bytes()
        except OSError as why:
            raise NotFound("the file of this attachment is not there") from why
        if sha256(found).hexdigest() != digest:
            raise Corrupt(f"attachment {digest[:12]} is not what was written")
        return found

    def sweep(self) -> None:
        """Take away what a crash left in the middle of being written. Raises Full, Unavailable."""
        if self._folder.exists():
            with _alone(self._folder):  # whoever writes has the lock
                for part in self._folder.glob(f"*/*{_PART}"):
                    part.unlink(missing_ok=True)

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / digest


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let one at a time, of all processes, keep files: from what there is to the note of what comes to it.

    Whoever counted while another writes would count too little, and might take away what another attaches. Raises
    Full, and Unavailable where others keep it for too long: a database that hangs must not take all of our threads.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        held = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as why:
        raise Full(f"an attachment cannot be written ({why.strerror})") from why
    try:
        deadline = elapsed() + _PATIENCE
        while not _locked(held):
            if elapsed() > deadline:
                raise Unavailable("others are attaching files; try again")
            threading.Event().wait(_PAUSE)
        yield
    finally:
        os.close(held)


def _locked(held: int) -> bool:
    """Take the lock of a folder; tell whether nobody else had it. Raises Full."""
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as why:
        raise Full(f"an attachment cannot be written ({why.strerror})") from why
    return True
