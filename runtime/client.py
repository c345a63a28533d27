"""The way to a data folder's API: over HTTP where an instance runs, else to the same API over the opened files."""

import asyncio
from pathlib import Path
from typing import Any, Protocol

import httpx
import msgspec

from park.errors import Conflict, Forbidden, NotFound, ParkError, Unavailable, UserError
from park.settings import Settings
from runtime.instance import Instance, read_instance

_ERRORS: dict[int, type[ParkError]] = {401: Forbidden, 403: Forbidden, 404: NotFound, 409: Conflict, 503: Unavailable}


class Asker(Protocol):
    """Asks the API."""

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Return the answer's JSON. Raises UserError with the problem's own words, or Unavailable."""

    def send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Return the answer. Raises as `call` does."""

    def save(self, path: str, target: Path) -> int:
        """Put what the API answers into a new file; return its bytes. Raises as `call` does."""

    def close(self) -> None:
        """Release what was opened."""


def answered(answer: httpx.Response) -> httpx.Response:
    """Return an answer that is a success, else raise what it says."""
    if answer.is_success:
        return answer
    try:
        problem = answer.json()
        words = problem.get("detail") or problem.get("title") or answer.reason_phrase
    except ValueError:
        words = answer.text[:200] or answer.reason_phrase
    raise _ERRORS.get(answer.status_code, UserError if answer.status_code < 500 else Unavailable)(words)


def _json(answer: httpx.Response) -> Any:
    return msgspec.json.decode(answer.content) if answer.content else None


class Running:
    """The API of a running instance."""

    def __init__(self, instance: Instance) -> None:
        headers = {"Authorization": f"Bearer {instance.key}"}
        self._http = httpx.Client(base_url=instance.url, headers=headers, timeout=120.0, trust_env=False)

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Return the answer's JSON."""
        return _json(self.send(method, path, **arguments))

    def send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Return the answer."""
        try:
            return answered(self._http.request(method, f"/api/v1{path}", **arguments))
        except httpx.HTTPError as why:
            raise Unavailable(f"the platform at {self._http.base_url} does not answer: {why}") from why

    def save(self, path: str, target: Path) -> int:
        """Stream the answer into a file."""
        try:
            with self._http.stream("GET", f"/api/v1{path}", timeout=None) as answer:
                if not answer.is_success:
                    answer.read()
                    answered(answer)
                with target.open("xb") as file:
                    return sum(file.write(part) for part in answer.iter_bytes(1 << 20))
        except httpx.HTTPError as why:
            raise Unavailable(f"the platform at {self._http.base_url} does not answer: {why}") from why

    def close(self) -> None:
        """Release the connection."""
        self._http.close()


class Resting:
    """The same API over the files of a data folder on which no instance runs."""

    def __init__(self, settings: Settings) -> None:
        from api.app import create_app
        from runtime.house import House

        self._house = House.open(settings)
        transport = httpx.ASGITransport(create_app(self._house.services(require_keys=False)))
        self._http = httpx.AsyncClient(base_url="http://park", transport=transport, timeout=None)  # noqa: S113 - no network
        self._loop = asyncio.new_event_loop()

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Return the answer's JSON."""
        return _json(self.send(method, path, **arguments))

    def send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Return the answer."""
        return answered(self._loop.run_until_complete(self._http.request(method, f"/api/v1{path}", **arguments)))

    def save(self, path: str, target: Path) -> int:
        """Write the answer to a file."""
        return target.write_bytes(self.send("GET", path).content)

    def close(self) -> None:
        """Close the files."""
        self._loop.run_until_complete(self._http.aclose())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()
        self._house.close()


def open_asker(settings: Settings) -> Asker:
    """Return the way to the API of a data folder. Raises UserError where there is no such folder."""
    instance = read_instance(settings.data_dir)
    if instance is not None:
        return Running(instance)
    if not settings.data_dir.is_dir():
        raise UserError(f"there is no data folder {settings.data_dir}; `park run` makes one, --data-dir names another")
    return Resting(settings)
