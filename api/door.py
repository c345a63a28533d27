"""Who may come in: keys, browser sessions, one-use tickets, and the route class that asks for them.

```
Authorization: Bearer park_...  ┐
X-API-Key: park_...             ├─ key ── keys.check ── Principal ── may(permission of the route)? ── the route
Cookie: park_session (HttpOnly) ┤
?ticket=... (GET /live, once)   ┘
```
Sessions and tickets are kept as hashes beside the keys, so that any process lets them in; a revoked key ends both,
because the key is looked at anew each time. An EventSource cannot send headers: hence cookie and ticket.
While the keys cannot be read, who was let in lately comes back to the live stream, and to nothing else (decision 086).
"""

import secrets
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from hashlib import sha256
from threading import Lock, RLock
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from api.permissions import ROUTES, V1
from api.services import Services
from park.errors import Forbidden, MachineryError
from park.roles import Permission, Principal, Purpose, Role

COOKIE: Final = "park_session"
SESSION_MS: Final = 12 * 3_600_000  # a shift
TICKET_MS: Final = 30_000  # time for a page to open its stream
LATELY_MS: Final = 15 * 60_000  # for which who was let in may come back to the live stream without the keys
_KEPT: Final = 10_000  # addresses of wrong keys, and people let in, remembered at most; the oldest go first
_FAILS: Final = 30  # wrong keys a minute from one address: far above a person's, far below a guesser's
_MINUTE: Final = 60_000
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_PROXIED: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
_LOCAL: Final = Principal("local", Role.ADMIN)
_LIVE: Final = f"{V1}/live"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_MAX_TOKEN: Final = 200
_MAKING: Final = RLock()  # of a route's insides, which takes a millisecond, once


class Door:
    """Let callers in, or say why not."""

    def __init__(self, services: Services) -> None:
        self._keys = services.keys
        self._now = services.now
        self._open = not services.require_keys
        self._fails: OrderedDict[str, tuple[int, int]] = OrderedDict()  # address -> (minute, how many)
        self._lately: OrderedDict[bytes, tuple[int, Principal]] = OrderedDict()  # digest of key or cookie -> let in
        self._lock = Lock()

    @property
    def asks_nobody(self) -> bool:
        """Whether `admit` looks at the request alone: with keys off no table is asked."""
        return self._open

    def admit(self, request: Request, permission: Permission) -> Principal:
        """Return who asks. Raises HTTPException 401 or 429, Forbidden."""
        same_origin(request)
        if self._open:
            # Names that a hostile page could point at this machine are no loopback.
            if (request.url.hostname or "") not in _LOOPBACK:
                raise Forbidden("keys are off: this instance answers to its loopback address only")
            # Nor are those whom a proxy on this machine lets in: it would make everyone the administrator.
            if any(name in request.headers for name in _PROXIED):
                raise Forbidden("keys are off, and a proxy stands before this instance: turn them on")
            return _LOCAL
        token = _token(request)
        shown = token or ("" if request.query_params.get("ticket") else _cookie(request))
        try:
            principal = self.check(token, request) if token else self._known(request)
        except MachineryError:
            principal = self._let_in_lately(shown) if request.url.path == _LIVE else None
            if principal is None:
                raise
        else:
            self._remember(shown, principal)
        if principal is None:
            raise _unauthorised("a key is needed: Authorization: Bearer park_..., or X-API-Key")
        if not principal.may(permission):
            raise Forbidden(f"the role {principal.role} may not do this ({permission})")
        return principal

    def holds(self, request: Request) -> bool:
        """Tell whether an admitted request would be let in now, for answers that last; of a ticket its key decides."""
        if self._open:
            return True
        if (cookie := _cookie(request)) and not _token(request) and not request.query_params.get("ticket"):
            return self._keys.enter(cookie, Purpose.SESSION, self._now()) is not None
        return self._keys.holds(request.state.principal.key, self._now())

    def check(self, token: str, request: Request) -> Principal:
        """Return who holds a key. Raises HTTPException 401, or 429 after many wrong ones.

        A right key is let in whatever came before: behind one address may be a whole park's office, and a
        forgotten program with an old key must not shut the desk out. Keys are too long to be guessed.
        """
        now = self._now()
        principal = self._keys.check(token, now) if len(token) <= _MAX_TOKEN else None
        if principal is not None:
            return principal
        self._remember(token, None)
        address = request.client.host if request.client else ""
        with self._lock:
            minute, fails = self._fails.get(address, (0, 0))
            fails = fails + 1 if minute == now // _MINUTE else 1
            self._fails[address] = (now // _MINUTE, fails)
            _trim(self._fails)
        if fails > _FAILS:
            raise HTTPException(429, "too many wrong keys from this address", {"Retry-After": "60"})
        raise _unauthorised("this key is not valid, or no longer")

    def _remember(self, shown: str, principal: Principal | None) -> None:
        """Remember who was let in by a key or a cookie, or forget who was not."""
        if shown:
            digest = _digest(shown)
            with self._lock:
                self._lately.pop(digest, None)
                if principal is not None:
                    self._lately[digest] = (self._now(), principal)
                    _trim(self._lately)

    def _let_in_lately(self, shown: str) -> Principal | None:
        """Return who was let in by a key or a cookie within a quarter of an hour."""
        with self._lock:
            at, principal = self._lately.get(_digest(shown), (0, None))
        return principal if 0 <= self._now() - at < LATELY_MS else None

    def _known(self, request: Request) -> Principal | None:
        """Return who holds the key behind a ticket or a session."""
        if ticket := request.query_params.get("ticket", ""):
            here = request.url.path == _LIVE
            return self._keys.enter(ticket, Purpose.TICKET, self._now()) if here else None
        cookie = _cookie(request)
        return self._keys.enter(cookie, Purpose.SESSION, self._now()) if cookie else None

    def open_session(self, token: str, request: Request) -> tuple[str, Principal]:
        """Return a cookie for a key, and who holds it; the session that the browser had until now ends."""
        same_origin(request)
        principal = _LOCAL if self._open else self.check(token, request)
        word = self._word(principal, Purpose.SESSION, SESSION_MS)
        self.close_session(request)
        return word, principal

    def close_session(self, request: Request) -> None:
        """Forget the session of a request, if it has one."""
        same_origin(request)
        if not self._open and (cookie := _cookie(request)):
            self._remember(cookie, None)
            self._keys.close(cookie)

    def ticket(self, request: Request) -> str:
        """Return a word that opens one live stream, once, soon."""
        return self._word(request.state.principal, Purpose.TICKET, TICKET_MS)

    def _word(self, principal: Principal, purpose: Purpose, lasts: int) -> str:
        """Return a word for a key; with keys off nobody asks for it again."""
        if self._open:
            return secrets.token_urlsafe(32)
        return self._keys.open(principal.key, purpose, now=self._now(), lasts=lasts)


def _digest(shown: str) -> bytes:
    return sha256(shown.encode()).digest()


def _cookie(request: Request) -> str:
    """Return the word of the session that a browser sends."""
    return request.cookies.get(COOKIE, "")


def _token(request: Request) -> str:
    """Return the key that a request shows."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    return bearer or request.headers.get("x-api-key", "")


def _trim(kept: OrderedDict[Any, Any]) -> None:
    while len(kept) > _KEPT:
        kept.popitem(last=False)


def _unauthorised(why: str) -> HTTPException:
    return HTTPException(401, why, {"WWW-Authenticate": 'Bearer realm="park"'})


def same_origin(request: Request) -> None:
    """Refuse what another site's page makes a browser send. Raises Forbidden."""
    # A call that only reads may be work for minutes, and browsers send no Origin with it (Fetch Metadata, W3C).
    foreign = request.headers.get("sec-fetch-site", "") == "cross-site"
    origin = request.headers.get("origin", "")
    elsewhere = bool(origin) and urlsplit(origin).netloc != request.headers.get("host", "")
    if foreign or (elsewhere and request.method not in _SAFE):
        raise Forbidden("this call comes from a page of another site")


class KeyedRoute(APIRoute):
    """A route that lets nobody in before its body is read; its permission is in the table.

    What FastAPI makes of an endpoint's signature is made with the first call: of two hundred routes a process serves
    a few, and all of them take a seventh of a second of every start.
    """

    def __init__(
        self, path: str, endpoint: Callable[..., Any], *, methods: Sequence[str] | None = None, **options: Any
    ) -> None:
        """Take what FastAPI gives a route. Raises KeyError for one that the table lacks."""
        self.path, self.endpoint, self.methods = path, endpoint, {m.upper() for m in methods or ("GET",)}
        self.path_regex, self.path_format, self.param_convertors = compile_path(path)
        self._permission = ROUTES[next(iter(self.methods)), path]
        self._options = options

    def __getattr__(self, name: str) -> Any:
        """Return what is not there before the first call; whoever asks meanwhile, in another thread, waits."""
        with _MAKING:
            options = self.__dict__.pop("_options", None)
            if options is not None:
                super().__init__(self.path, self.endpoint, methods=self.methods, **options)
            if name not in self.__dict__:
                raise AttributeError(name)
            return self.__dict__[name]

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the endpoint behind the door."""
        answer, permission = super().get_route_handler(), self._permission
        if permission is None:
            return answer

        async def guarded(request: Request) -> Response:
            door: Door = request.app.state.door
            if door.asks_nobody:  # a thread of its own would wait for the lanes' threads, twice
                request.state.principal = door.admit(request, permission)
            else:
                request.state.principal = await run_in_threadpool(door.admit, request, permission)
            return await answer(request)

        return guarded


def _caller(request: Request) -> Principal:
    principal: Principal = request.state.principal
    return principal


Caller = Annotated[Principal, Depends(_caller)]
