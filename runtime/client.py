"""The way to a data folder's API: over HTTP where an instance runs, else to the same API over the opened files."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import httpx
import msgspec

from park.errors import Conflict, Forbidden, NotFound, ParkError, Unavailable, UserError
from park.settings import Settings
from runtime.instance import Instance, read_instance
from runtime.lock import holder

Told = Callable[[float], None]

_ERRORS: dict[int, type[ParkError]] = {401: Forbidden, 403: Forbidden, 404: NotFound, 409: Conflict, 503: Unavailable}


class Asker(Protocol):
    """Asks the API."""

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Return the answer's JSON. Raises UserError with the problem's own words, or Unavailable."""

    def send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Return the answer. Raises as `call` does."""

    def backup(self, target: Path, told: Told) -> int:
        """Write everything into a new file; return its bytes. Raises as `call` does."""

    def export(self, start: int, end: int, target: Path, told: Told) -> int:
        """Write readings with start <= ts < end to a new Parquet file; return its bytes. Raises as `call` does."""

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

    def backup(self, target: Path, told: Told) -> int:
        """Stream what the instance wrote into a file."""
        return self._save("/backup", {}, target, told)

    def export(self, start: int, end: int, target: Path, told: Told) -> int:
        """Stream what the instance wrote into a file."""
        return self._save("/readings/export", {"start": start, "end": end}, target, told)

    def _save(self, path: str, asked: dict[str, int], target: Path, told: Told) -> int:
        """Stream an answer into a new file, which is there when it is whole."""
        part = target.with_name(target.name + ".part")
        done = 0
        told(0.0)
        try:
            with self._http.stream("GET", f"/api/v1{path}", params=asked, timeout=None) as answer:
                if not answer.is_success:
                    answer.read()
                    answered(answer)
                whole = int(answer.headers.get("content-length", 0)) or 1
                with part.open("wb") as file:
                    for content in answer.iter_bytes(1 << 20):
                        done += file.write(content)
                        told(min(1.0, done / whole))
            part.rename(target)
            told(1.0)
        except httpx.HTTPError as why:
            raise Unavailable(f"the platform at {self._http.base_url} does not answer: {why}") from why
        except OSError as why:
            raise UserError(f"{target} cannot be written ({why.strerror})") from why
        finally:
            part.unlink(missing_ok=True)
        return done

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
        self._http = httpx.AsyncClient(base_url="http://127.0.0.1", transport=transport, timeout=None)  # noqa: S113 - no network
        self._loop = asyncio.new_event_loop()

    def call(self, method: str, path: str, **arguments: Any) -> Any:
        """Return the answer's JSON."""
        return _json(self.send(method, path, **arguments))

    def send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Return the answer."""
        return answered(self._loop.run_until_complete(self._http.request(method, f"/api/v1{path}", **arguments)))

    def backup(self, target: Path, told: Told) -> int:
        """Write it from the files."""
        from runtime.backup import write_backup

        return write_backup(self._house, target, told)

    def export(self, start: int, end: int, target: Path, told: Told) -> int:
        """Write it from the files."""
        self._house.readings.export_parquet(start, end, target, lambda done, whole: told(done / max(1, whole)))
        return target.stat().st_size

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
    if holder(settings.data_dir):
        raise Unavailable(f"an instance on {settings.data_dir} is starting or stopping; ask again when it is ready")
    if not settings.data_dir.is_dir():
        raise UserError(f"there is no data folder {settings.data_dir}; `park run` makes one, --data-dir names another")
    return Resting(settings)
