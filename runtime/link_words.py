"""The words of one-use links in messages: derived from the message's id and a key that no table holds.

A word is needed whenever a message is tried, and must be the same each time; what lies in the database is its
digest only (runtime.storage.sql.alarm_links), so neither a copy of the database nor a backup of it answers an alarm.
"""

import base64
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from park.errors import SettingsError, Unavailable

_BYTES = 32


class LinkWords:
    """Words for messages."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def kept_in(cls, path: Path) -> "LinkWords":
        """Read the key from a file that only we may read, or make it. Raises SettingsError, Unavailable."""
        try:
            return cls(_key(path.read_bytes(), path))
        except FileNotFoundError:
            pass
        except OSError as why:
            raise Unavailable(f"{path}: the key of links cannot be read ({why.strerror})") from why
        key = secrets.token_bytes(_BYTES)
        beside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        try:
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(key.hex().encode())
                file.flush()
                os.fsync(file.fileno())
            os.link(beside, path)  # who is first of two has made it
        except FileExistsError:
            return cls(_key(path.read_bytes(), path))
        except OSError as why:
            raise Unavailable(f"{path}: the key of links cannot be kept ({why.strerror})") from why
        finally:
            beside.unlink(missing_ok=True)
        return cls(key)

    def of(self, message: str) -> str:
        """Return the word of a message: 43 characters of a URL."""
        made = hmac.new(self._key, b"acknowledge/" + message.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(made).decode().rstrip("=")


def _key(content: bytes, path: Path) -> bytes:
    try:
        key = bytes.fromhex(content.decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) < _BYTES:
        raise SettingsError(f"{path}: a key of links is {2 * _BYTES} hexadecimal digits")
    return key
