"""`park run`: everything on one machine, from the first check to the last sync."""

import contextlib
import ipaddress
import os
import signal
import socket
import threading
from contextlib import ExitStack
from dataclasses import dataclass, replace

import uvicorn
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from api.app import create_app
from park.errors import SettingsError, UserError
from park.metrics import Lane
from park.roles import Role
from park.settings import Settings
from runtime import clock
from runtime.broker import Broker
from runtime.embedded import Embedded
from runtime.house import House
from runtime.instance import Instance, remove_instance, write_instance
from runtime.names import DATABASE
from runtime.simulated import Devices, found_park

_KEY = "instance"  # the name of the key that commands of this folder's owner use


@dataclass(frozen=True, slots=True)
class Simulation:
    """The simulated park that a run brings with it."""

    enterprises: int
    days: int  # of history


def serve(settings: Settings, simulation: Simulation | None, out: Console) -> int:
    """Run until told to stop; return the exit code. Raises UserError and MachineryError before it is up."""
    require_keys = keys_needed(settings)
    with ExitStack() as stack:
        door = _listen(settings.api.host, settings.api.port)
        stack.callback(door.close)
        house = stack.enter_context(House.open(settings, lambda: _found(settings, simulation, out)))
        ingest = settings.ingest
        if not ingest.broker_host:
            broker = Broker.start(settings.data_dir / "broker", port=ingest.broker_port)
            stack.callback(broker.stop)
            if broker.lacks:
                out.print(broker.lacks, style="yellow", markup=False)
            ingest = replace(ingest, broker_host="127.0.0.1", broker_port=broker.port5)
            house.settings = replace(settings, ingest=ingest)
        embedded = Embedded(house)
        stack.callback(embedded.stop)
        embedded.start()
        url = f"http://{_shown(settings.api.host)}:{door.getsockname()[1]}"
        stack.enter_context(_known(house, url))
        if not require_keys:
            out.print(
                "API keys are off: whoever can log in to this machine can read and change everything.", style="yellow"
            )
        server = uvicorn.Server(
            uvicorn.Config(
                create_app(embedded.services(require_keys=require_keys)),
                log_level="warning", access_log=False, timeout_graceful_shutdown=2, lifespan="on",
            )
        )  # fmt: skip
        for signum in (signal.SIGINT, signal.SIGTERM):
            # uvicorn raises again what it has caught once it has stopped; the rest of us still has to.
            signal.signal(signum, lambda *_: setattr(server, "should_exit", True))
        watching = _Watch(embedded, url, out, simulation is not None)
        stack.callback(watching.stop)
        watching.start()
        server.run(sockets=[door])
        out.print("stopping …")
    return 0


def keys_needed(settings: Settings) -> bool:
    """Return whether callers need a key: always, but on a loopback address where nobody asked for them."""
    loopback = is_loopback(settings.api.host)
    if settings.api.require_keys is False and not loopback:
        raise SettingsError(f"keys can be turned off on a loopback address only, not on {settings.api.host}")
    return not loopback if settings.api.require_keys is None else settings.api.require_keys


def is_loopback(host: str) -> bool:
    """Tell whether an address is reached from this machine only."""
    if host == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def _listen(host: str, port: int) -> socket.socket:
    """Return a bound socket. Raises UserError."""
    if port > 65_535:
        raise UserError(f"there is no port {port}")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        door = socket.socket(family, kind, protocol)
    except OSError as why:
        raise UserError(f"{host!r} is no address of this machine ({why.strerror})") from why
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind(address)
        door.listen(128)  # so that a second platform meets a port in use, not a shared one
    except OSError as why:
        door.close()
        raise UserError(
            f"port {port} of {host} cannot be used ({why.strerror}); choose another with --http-port"
        ) from why
    return door


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 - only shown


def _found(settings: Settings, simulation: Simulation | None, out: Console) -> None:
    if simulation is None:
        return
    with _progress(out) as bars:
        task = bars.add_task(f"writing {simulation.days} days of history", total=1.0, visible=False)
        found_park(
            settings, settings.data_dir / DATABASE, simulation.enterprises, simulation.days,
            lambda share: bars.update(task, completed=share, visible=True),
        )  # fmt: skip


def _progress(out: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<32}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        console=out,
    )


@contextlib.contextmanager
def _known(house: House, url: str):  # type: ignore[no-untyped-def] # noqa: ANN202
    """Tell other commands of this folder that we are here, and how to reach us."""
    now = clock.now()
    for key in house.keys.all():
        if key.name == _KEY and key.revoked is None:
            house.keys.revoke(key.id, actor=_KEY, now=now)
    token, key = house.keys.make(_KEY, Role.ADMIN, actor=_KEY, now=now)
    write_instance(house.settings.data_dir, Instance(os.getpid(), url, token))
    try:
        yield
    finally:
        remove_instance(house.settings.data_dir)
        house.keys.revoke(key.id, actor=_KEY, now=clock.now())


class _Watch:
    """Shows how the start goes, lets the simulated devices speak once somebody listens, and says when all is ready."""

    def __init__(self, embedded: Embedded, url: str, out: Console, simulate: bool) -> None:
        self._embedded = embedded
        self._url = url
        self._out = out
        self._simulate = simulate
        self._devices: Devices | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch")

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End; the simulated devices fall silent first."""
        self._stopping.set()
        self._thread.join()
        if self._devices is not None:
            self._devices.stop()

    def _run(self) -> None:
        embedded = self._embedded
        with _progress(self._out) as bars:
            tasks = {lane: bars.add_task(f"{lane} lane", total=1) for lane in Lane}
            store = bars.add_task("store", total=1)
            while not self._stopping.wait(0.1):
                for lane, task in tasks.items():
                    state = embedded.lanes[lane].state
                    bars.update(task, completed=state.position, total=max(1, state.end))
                total = max(1, sum(embedded.lanes[lane].state.end for lane in Lane))
                bars.update(store, completed=total - embedded.projector.state(clock.now()).lag_bytes, total=total)
                if self._devices is None and self._simulate and all(w.live.is_set() for w in embedded.lanes.values()):
                    ingest = embedded.house.settings.ingest
                    self._devices = Devices(embedded.house.settings.data_dir, ingest.broker_host, ingest.broker_port)
                if all(c.serving for c in embedded.components()):
                    break
        if not self._stopping.is_set():
            self._out.print(f"ready: {self._url}/", style="bold green", markup=False)
