"""A Grafana: its health, our folder and dashboards, and the marks of alarms on them.

Files provision what is shipped (they need no token, and a person cannot break them by hand); what is made while
it runs goes through its HTTP API. grafana-api is of 2020: it knows no health, fails on an empty answer, and
says which exception of `requests` it meant only by raising it; all that ends here.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

from grafana_api.grafana_api import GrafanaClientError, GrafanaServerError
from grafana_api.grafana_face import GrafanaFace
from requests.exceptions import RequestException

from dashboards.provisioning import FOLDER
from park.errors import MachineryError, NotFound, Unavailable, UserError

_TIMEOUT = 10.0  # s
_T = TypeVar("_T")


class Grafana:
    """One Grafana, with the token of a service account that may edit."""

    def __init__(self, url: str, token: str) -> None:
        """Take its address. Raises UserError for one that is no address; nothing is asked yet."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UserError(f"{url!r} is no address of a Grafana; it looks like http://127.0.0.1:3000")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        prefix = f"{parts.path.strip('/')}/" if parts.path.strip("/") else ""
        self.url = url
        self._face = GrafanaFace(
            auth=token, host=host, port=parts.port, url_path_prefix=prefix, protocol=parts.scheme, timeout=_TIMEOUT
        )

    def health(self) -> str:
        """Return its version. Raises Unavailable."""
        answer = self._asked(lambda: self._face.api.GET("/health"))
        if answer.get("database") != "ok":
            raise Unavailable(f"Grafana at {self.url} says its database is {answer.get('database')!r}")
        return str(answer.get("version", ""))

    def dashboard(self, uid: str) -> dict[str, Any] | None:
        """Return a dashboard's JSON, or None when there is none."""
        try:
            answer = self._asked(lambda: self._face.dashboard.get_dashboard(uid))
        except NotFound:
            return None
        found: dict[str, Any] = answer["dashboard"]
        return found

    def put(self, board: Mapping[str, Any]) -> None:
        """Store a dashboard in our folder, over what is there under its uid."""
        self._folder()
        body = {"dashboard": {**board, "id": None}, "folderUid": FOLDER["uid"], "overwrite": True, "message": "park"}
        self._asked(lambda: self._face.dashboard.update_dashboard(body))

    def sources(self) -> frozenset[str]:
        """Return the uids of its data sources."""
        return frozenset(str(s["uid"]) for s in self._asked(self._face.datasource.list_datasources))

    def mark(self, case: int, start: int, end: int | None, text: str, tags: tuple[str, ...]) -> None:
        """Mark an alarm on every dashboard that shows marks; the same case is one mark, whose end may come later.

        Times are epoch ms.
        """
        own = f"park-case-{case}"
        found = self._asked(lambda: self._face.api.GET(f"/annotations?tags={quote(own)}&type=annotation&limit=1"))
        body = {"time": start, "timeEnd": end if end is not None else start, "tags": [own, *tags], "text": text}
        if found:
            self._asked(lambda: self._face.api.PUT(f"/annotations/{int(found[0]['id'])}", json=body))
        else:
            self._asked(lambda: self._face.api.POST("/annotations", json=body))

    def close(self) -> None:
        """Release its connections."""
        self._face.api.s.close()

    def _folder(self) -> None:
        try:
            self._asked(lambda: self._face.folder.get_folder(FOLDER["uid"]))
        except NotFound:
            self._asked(lambda: self._face.folder.create_folder(FOLDER["title"], FOLDER["uid"]))

    def _asked(self, call: Callable[[], _T]) -> _T:
        """Return an answer. Raises NotFound, UserError (it refuses us), Unavailable (try again), MachineryError."""
        try:
            return call()
        except GrafanaClientError as why:
            if why.status_code == 404:
                raise NotFound(f"Grafana at {self.url} has no such thing") from why
            if why.status_code in {401, 403}:
                raise UserError(f"Grafana at {self.url} refuses the token ({why.status_code})") from why
            if why.status_code == 429:
                raise Unavailable(f"Grafana at {self.url} asks us to wait") from why
            raise MachineryError(f"Grafana at {self.url} answered {why.status_code}: {str(why)[:200]}") from why
        except GrafanaServerError as why:
            raise Unavailable(f"Grafana at {self.url} answered {why.status_code}") from why
        except (RequestException, json.JSONDecodeError) as why:
            raise Unavailable(f"Grafana at {self.url} does not answer as it should") from why
