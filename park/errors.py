"""The whole exception tree.

```
ParkError
 ├─ UserError          the person can mend it: one sentence, exit code 2 (HTTP 4xx)
 │   ├─ SettingsError    a setting, rule or map file is wrong
 │   ├─ NotFound         no such thing (404)
 │   ├─ Conflict         it exists already, or changed meanwhile (409)
 │   └─ Forbidden        the key does not allow it (403)
 └─ MachineryError     something we depend on failed; `retry` says whether trying again can help
     ├─ Corrupt          bytes on disk are not what was written
     ├─ Superseded       another process holds what we held; it goes on where we stood
     ├─ Full             no room left; retry when there is room
     └─ Unavailable      a server or file is away; retry
```

Bad data is never an exception: it is a `Refused` with a reason, counted and kept.
"""


class ParkError(Exception):
    """Root of everything this platform raises on purpose."""


class UserError(ParkError):
    """The person who asked can mend it; the message is one clear sentence."""


class SettingsError(UserError):
    """A setting, rule file or map is wrong."""


class NotFound(UserError):
    """There is no such thing."""


class Conflict(UserError):
    """It exists already, or was changed meanwhile."""


class Forbidden(UserError):
    """The caller may not do this."""


class MachineryError(ParkError):
    """Something we depend on failed."""

    retry = False


class Corrupt(MachineryError):
    """Bytes on disk are not what was written."""


class Superseded(MachineryError):
    """Another process has taken over what we held; whatever we still write is refused."""


class Full(MachineryError):
    """There is no room left on a disk or in a bounded queue."""

    retry = True


class Unavailable(MachineryError):
    """A server, socket or file is away for now."""

    retry = True
