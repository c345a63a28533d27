"""Make InfluxDB's buckets, and two tokens that may do no more than they must; keep those that still work.

Run once by compose before the roles, with the administrator's token, which no role is given. InfluxDB chooses the
text of a token and tells it once, so it is written into the secret's file here: in place, because compose has bound
that very file into the containers that read it.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.domain.authorization import Authorization
from influxdb_client.domain.permission import Permission
from influxdb_client.domain.permission_resource import PermissionResource
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError

from park.errors import MachineryError, SettingsError, Unavailable
from park.series import BUCKETS
from runtime.storage.influx import Influx

_TIMEOUT = 30_000  # ms
_REFUSED = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Access:
    """One token: what it is called in InfluxDB, which file holds it, and what it may do with the buckets."""

    name: str
    file: str
    actions: tuple[str, ...]


ACCESS = (
    Access("park roles", "influx_token", ("read", "write")),
    Access("park grafana", "influx_read_token", ("read",)),
)


def setup(url: str, org: str, secrets: Path) -> list[str]:
    """Bring InfluxDB to what the platform needs; return what was done, in words. Raises MachineryError."""
    admin = _text(secrets / "influx_admin_token")
    if not admin:
        raise SettingsError(f"{secrets / 'influx_admin_token'} is empty")
    influx = Influx(url, admin, org, lambda *_: None)
    try:
        done = [f"bucket {name}" for name in influx.provision(list(BUCKETS.values()))]
    finally:
        influx.close()
    with InfluxDBClient(url=url, token=admin, org=org, timeout=_TIMEOUT) as client:
        try:
            done += [f"token {a.name!r}" for a in ACCESS if _given(client, url, org, a, secrets / a.file)]
        except ApiException as why:
            raise MachineryError(f"InfluxDB refused to make tokens: {why.status}") from why
        except (HTTPError, OSError) as why:
            raise Unavailable(f"InfluxDB at {url}, or the folder {secrets}: {why}") from why
    return done


def _given(client: InfluxDBClient, url: str, org: str, access: Access, file: Path) -> bool:
    """Write a token into its file; return whether there was none that works."""
    token = _text(file)
    if token and _works(url, org, token):
        return False
    found = client.organizations_api().find_organizations(org=org)
    if not found:
        raise SettingsError(f"InfluxDB has no organisation {org!r}")
    number = found[0].id
    api = client.authorizations_api()
    for old in api.find_authorizations(org=org) or ():
        if old.description == access.name:
            api.delete_authorization(old)
    resource = PermissionResource(type="buckets", org_id=number)
    permissions = [Permission(action=action, resource=resource) for action in access.actions]
    made = api.create_authorization(
        authorization=Authorization(org_id=number, permissions=permissions, description=access.name)
    )
    with file.open("r+", encoding="utf-8") as place:
        place.truncate()
        place.write(str(made.token))
    return True


def _works(url: str, org: str, token: str) -> bool:
    with InfluxDBClient(url=url, token=token, org=org, timeout=_TIMEOUT) as client:
        try:
            return bool(client.buckets_api().find_buckets(limit=1).buckets)
        except ApiException as why:
            if why.status in _REFUSED:
                return False
            raise


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as why:
        raise SettingsError(f"{file} cannot be read") from why


def main(arguments: list[str]) -> None:
    """Run with URL, ORGANISATION and FOLDER of secrets; ends by SystemExit."""
    try:
        url, org, folder = arguments
        done = setup(url, org, Path(folder))
    except (MachineryError, SettingsError) as why:
        sys.exit(f"influx-setup: {why}")
    print("\n".join(done) or "all is there")  # noqa: T201
    sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
