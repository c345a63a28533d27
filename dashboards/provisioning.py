"""What Grafana reads at its start: data sources and where the dashboards lie; and the text of every committed file.

Secrets are no part of it: Grafana fills `$__file{...}` from files that only it may read.
"""

import json
from collections.abc import Mapping
from typing import Any

from dashboards.boards import boards
from dashboards.panels import ROWS, SERIES
from park.series import HOURS

FOLDER = {"uid": "park", "title": "园区 · Parks"}
CONSOLE = "http://127.0.0.1:8080/"  # in the compose file; `park dashboards` takes another

_SOURCES: dict[str, Any] = {
    "apiVersion": 1,
    "prune": True,
    "datasources": [
        {
            "name": "Park series", "uid": SERIES["uid"], "type": SERIES["type"], "access": "proxy", "isDefault": True,
            "url": "http://influxdb:8086", "editable": False,
            # InfluxQL: a bucket is a database of its name (virtual mapping); queries name theirs.
            "jsonData": {"dbName": HOURS.name, "httpMode": "POST", "httpHeaderName1": "Authorization"},
            "secureJsonData": {"httpHeaderValue1": "Token $__file{/run/secrets/influx_read_token}"},
        },
        {
            "name": "Park rows", "uid": ROWS["uid"], "type": "grafana-postgresql-datasource", "access": "proxy",
            "url": "postgres:5432", "user": "park_reader", "editable": False,
            "jsonData": {"database": "park", "sslmode": "disable", "maxOpenConns": 5, "postgresVersion": 1700},
            "secureJsonData": {"password": "$__file{/run/secrets/postgres_reader_password}"},
        },
    ],
}  # fmt: skip

_PROVIDERS: dict[str, Any] = {
    "apiVersion": 1,
    "providers": [
        {
            "name": "park", "type": "file", "folder": FOLDER["title"], "folderUid": FOLDER["uid"],
            "allowUiUpdates": False, "disableDeletion": True, "updateIntervalSeconds": 60,
            "options": {"path": "/etc/grafana/park"},
        }
    ],
}  # fmt: skip


def committed(console: str = CONSOLE) -> Mapping[str, str]:
    """Return every file of `dashboards/grafana/` by its path there. JSON is YAML, and nobody writes it by hand."""
    files = {
        "provisioning/datasources/park.yaml": _text(_SOURCES),
        "provisioning/dashboards/park.yaml": _text(_PROVIDERS),
    }
    for uid, board in boards(console).items():
        files[f"boards/{uid}.json"] = _text(board)
    return files


def differences(ours: Mapping[str, Any], theirs: Mapping[str, Any] | None) -> list[str]:
    """Return in words where a dashboard that Grafana holds is not ours; [] where it is."""
    if theirs is None:
        return ["is not there"]
    found = []
    for key in sorted(ours.keys() | (theirs.keys() - _OWN)):
        if key in _OWN:
            continue
        if key == "panels":
            found += _panels(ours[key], theirs.get(key, []))
        elif ours.get(key) != theirs.get(key):
            found.append(f"{key} differs")
    return found


_OWN = frozenset({"id", "version"})  # Grafana's own business


def _panels(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> list[str]:
    by_id = {p.get("id"): p for p in theirs}
    found = [f"panel {p['title']!r} differs" for p in ours if by_id.pop(p["id"], None) != p]
    return found + [f"panel {p.get('title', '')!r} is not ours" for p in by_id.values()]


def _text(thing: Mapping[str, Any]) -> str:
    return json.dumps(thing, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
