"""What the settings of a city mean: addresses and secrets, read from where they say."""

import ssl
from pathlib import Path
from typing import Any

from park.errors import SettingsError
from park.settings import CitySettings

_PORT = 65_535
_REQUEST = 10_000  # ms that one request to Kafka may take


def secret(file: str, name: str) -> str:
    """Return what a file with one secret holds. Raises SettingsError without showing any of it."""
    if not file:
        raise SettingsError(f"[city] {name}: which file?")
    try:
        text = Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as why:
        raise SettingsError(f"[city] {name}: {file} cannot be read") from why
    if not text or "\n" in text:
        raise SettingsError(f"[city] {name}: {file} holds not one line")
    return text


def postgres_url(settings: CitySettings) -> str:
    """Return the address of the city's database, password included: never to be shown. Raises SettingsError."""
    url = secret(settings.postgres_url_file, "postgres_url_file")
    if not url.startswith("postgresql"):
        raise SettingsError(f"[city] postgres_url_file: {settings.postgres_url_file} holds no address of PostgreSQL")
    return url.replace("postgresql://", "postgresql+psycopg://", 1)


def influx_token(settings: CitySettings) -> str:
    """Return the token of InfluxDB. Raises SettingsError."""
    return secret(settings.influx_token_file, "influx_token_file")


def brokers(settings: CitySettings) -> list[str]:
    """Return the addresses of Kafka. Raises SettingsError."""
    found = [part.strip() for part in settings.kafka.split(",") if part.strip()]
    for address in found:
        host, _, port = address.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) <= _PORT:
            raise SettingsError(f"[city] kafka: {address!r} is no host:port")
    if not found:
        raise SettingsError("[city] kafka: where is it? host:port is expected")
    return found


def kafka_access(settings: CitySettings) -> dict[str, Any]:
    """Return how every client of Kafka connects. Raises SettingsError."""
    access: dict[str, Any] = {"bootstrap_servers": brokers(settings), "request_timeout_ms": _REQUEST}
    tls, user = settings.kafka_tls, settings.kafka_username
    access["security_protocol"] = f"{'SASL_' if user else ''}{'SSL' if tls else 'PLAINTEXT'}"
    if tls:
        try:
            access["ssl_context"] = ssl.create_default_context(cafile=settings.kafka_tls_ca_file or None)
        except (OSError, ssl.SSLError) as why:
            raise SettingsError(f"[city] kafka_tls_ca_file: {settings.kafka_tls_ca_file} cannot be read") from why
    if user:
        access["sasl_mechanism"] = "SCRAM-SHA-512"
        access["sasl_plain_username"] = user
        access["sasl_plain_password"] = secret(settings.kafka_password_file, "kafka_password_file")
    return access


def share_of(settings: CitySettings) -> tuple[int, int]:
    """Return (which, of how many) ingesters this one is. Raises SettingsError."""
    which, _, many = settings.share.partition("/")
    if not which.isdecimal() or not many.isdecimal() or not 0 <= int(which) < int(many) <= settings.partitions:
        raise SettingsError(
            f"[city] share: {settings.share!r} is none of 0/1, 0/2, 1/2, ...; "
            f"there are {settings.partitions} partitions to share"
        )
    return int(which), int(many)
