"""Who runs on a data folder: written at start, for the other commands, readable by its owner only."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec

from park.errors import Conflict, Forbidden, NotFound, ParkError, Unavailable, UserError

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
    """Return the instance that runs on a folder, or None if none does."""
    try:
        instance = msgspec.json.decode((folder / FILE).read_bytes(), type=Instance)
        os.kill(instance.pid, 0)
    except (OSError, msgspec.DecodeError):
        return None
    return instance


_ERRORS: dict[int, type[ParkError]] = {401: Forbidden, 403: Forbidden, 404: NotFound, 409: Conflict, 503: Unavailable}


class Client:
    """The API of a running instance, as commands use it."""

    def __init__(self, url: str, key: str, timeout: float = 60.0) -> None:
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {key}"} if key else {}, timeout=timeout, trust_env=False
        )

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Return the answer's JSON. Raises UserError with the problem's own words, or Unavailable."""
        answer = self.send(method, path, **arguments)
        return answer.json() if answer.content else None

    def send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Return the answer. Raises as `call` does."""
        try:
            answer = self._http.request(method, f"/api/v1{path}", **arguments)
        except httpx.HTTPError as why:
            raise Unavailable(f"the running platform at {self._http.base_url} does not answer: {why}") from why
        if answer.is_success:
            return answer
        try:
            problem = answer.json()
            words = problem.get("detail") or problem.get("title") or answer.reason_phrase
        except ValueError:
            words = answer.text[:200] or answer.reason_phrase
        raise _ERRORS.get(answer.status_code, UserError)(words)

    def close(self) -> None:
        """Release the connection."""
        self._http.close()
