"""`park run`: everything on one machine, from the first check to the last sync."""

import contextlib
import gc
import ipaddress
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from api.app import create_app
from park.errors import SettingsError
from park.metrics import Lane
from park.roles import Role
from park.settings import Settings
from runtime import clock
from runtime.broker import Broker
from runtime.doors import doors
from runtime.embedded import Embedded
from runtime.house import House
from runtime.instance import Instance, remove_instance, write_instance
from runtime.lean import be_lean, give_back
from runtime.names import DATABASE
from runtime.simulated import Devices, found_park, promise_live, read_scenario
from runtime.storage.sql.keys import RESERVED
from runtime.troubles import Troubles
from runtime.web_server import WebServer

# Seconds that a busy thread may keep the interpreter from one that waits. Python's own 5 ms, times three busy
# threads, is what a fire waited for beside a saturated bulk lane: p99 220 ms; with this one 50 ms.
_SWITCH = 0.001
_AGAIN = 5.0  # s until devices that fell silent are started again
_LOOK = 0.1  # s between two looks at how far the start is


@dataclass(frozen=True, slots=True)
class Simulation:
    """The simulated park that a run brings with it."""

    enterprises: int
    days: int  # of history


def serve(settings: Settings, simulation: Simulation | None, out: Console) -> int:
    """Run until told to stop; return the exit code. Raises UserError and MachineryError before it is up."""
    require_keys = keys_needed(settings)
    be_lean()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until there is more to stop than us
    with ExitStack() as stack:
        opened: list[socket.socket] = []

        def first() -> None:
            """Find out what can fail at once before anything long begins; the folder is ours by now."""
            opened.append(doors(settings))
            stack.callback(opened[0].close)
            if simulation is not None:
                _found(settings, simulation, out)

        house = stack.enter_context(House.open(settings, first))
        speak_to = (settings.ingest.broker_host, settings.ingest.broker_port)
        if not settings.ingest.broker_host:
            broker = Broker.start(settings.data_dir / "broker", port=settings.ingest.broker_port)
            stack.callback(broker.stop)
            if broker.lacks:
                out.print(broker.lacks, style="yellow", markup=False)
            speak_to = ("127.0.0.1", broker.port)  # devices speak MQTT 3.1.1, which may have a port of its own
            ingest = replace(settings.ingest, broker_host="127.0.0.1", broker_port=broker.port5)
            house.settings = replace(settings, ingest=ingest)
        embedded = Embedded(house)
        server = WebServer(house.live.close, create_app(embedded.services(require_keys=require_keys)), settings.api)
        for signum in (signal.SIGINT, signal.SIGTERM):
            # uvicorn raises again what it has caught once it has stopped; the rest of us still has to.
            signal.signal(signum, lambda *_: setattr(server, "should_exit", True))
        if not require_keys:
            said = "API keys are off: whoever can log in to this machine can read and change everything."
            out.print(said, style="yellow")
        stack.callback(embedded.stop)
        sys.setswitchinterval(_SWITCH)
        embedded.start()
        url = f"http://{_shown(settings.api.host)}:{opened[0].getsockname()[1]}"
        stack.enter_context(_known(house, url))
        devices = Devices(settings, *speak_to) if simulation is not None else None
        watching = _Watch(embedded, url, out, devices)
        stack.callback(watching.stop)
        watching.start()
        server.run(sockets=[opened[0]])
        watching.stop()
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


def _shown(host: str) -> str:
    """Return an address as it is put into a URL; from every address, loopback."""
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - recognised, not bound
    return everywhere.get(host) or (f"[{host}]" if ":" in host else host)


def _found(settings: Settings, simulation: Simulation, out: Console) -> None:
    if read_scenario(settings.data_dir) is not None:
        return
    with _progress() as bars:
        task = bars.add_task(f"writing {simulation.days} days of history", total=1.0, visible=False)
        try:
            found_park(
                settings, settings.data_dir / DATABASE, simulation.enterprises, simulation.days,
                lambda share: bars.update(task, completed=share, visible=True),
            )  # fmt: skip
        except KeyboardInterrupt:
            bars.stop()
            out.print("stopped; the history is begun anew at the next start")
            raise


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description:<32}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )


@contextlib.contextmanager
def _known(house: House, url: str) -> Iterator[None]:
    """Tell other commands of this folder that we are here, and how to reach us."""
    now = clock.now()
    for key in house.keys.all():
        if key.name == RESERVED and key.revoked is None:
            house.keys.revoke(key.id, actor=RESERVED, now=now)
    token, key = house.keys.make(RESERVED, Role.ADMIN, actor=RESERVED, now=now)
    write_instance(house.settings.data_dir, Instance(os.getpid(), url, token))
    try:
        yield
    finally:
        remove_instance(house.settings.data_dir)
        house.keys.revoke(key.id, actor=RESERVED, now=clock.now())


class _Watch:
    """Shows how the start goes, says when all is ready, and lets simulated devices speak as long as we listen."""

    def __init__(self, embedded: Embedded, url: str, out: Console, devices: Devices | None) -> None:
        self._embedded = embedded
        self._url = url
        self._out = out
        self._devices = devices
        self._troubles = Troubles("simulated devices")
        self._promised = False
        self._stopping = threading.Event()
        # Not a daemon: devices end with the thread that started them.
        self._thread = threading.Thread(target=self._run, name="watch")

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """End; the simulated devices fall silent first. Twice is as good as once."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._starting()
            # What is there now stays: the collector need not walk over a city's registry again and again.
            gc.collect()
            give_back()
            gc.freeze()
            gc.set_threshold(100_000, 50, 1_000)
            if not self._stopping.is_set():
                self._out.print(f"ready: {self._url}/ (Ctrl-C stops it)", style="bold green", markup=False)
            while not self._stopping.wait(_AGAIN):
                self._speak()
                self._promise()
        finally:
            if self._devices is not None:
                self._devices.stop()

    def _starting(self) -> None:
        embedded = self._embedded
        with _progress() as bars:
            tasks = {lane: bars.add_task(f"{lane} lane", total=1) for lane in Lane}
            store = bars.add_task("store", total=1)
            while not self._stopping.wait(_LOOK):
                for lane, task in tasks.items():
                    state = embedded.lanes[lane].state
                    bars.update(task, completed=max(state.position, embedded.ran_ahead(lane)), total=max(1, state.end))
                total = max(1, sum(embedded.lanes[lane].state.end for lane in Lane))
                bars.update(store, completed=total - embedded.projector.state().lag_bytes, total=total)
                if all(w.live.is_set() for w in embedded.lanes.values()):
                    self._speak()
                if all(c.serving for c in embedded.components()):
                    for task in (*tasks.values(), store):
                        bars.update(task, completed=1, total=1)
                    return

    def _promise(self) -> None:
        """Once the simulated devices speak live, hold them to it."""
        if self._promised or self._devices is None or not self._devices.heard():
            return
        with self._troubles.passing("the simulated devices' rhythm could not be promised"):
            house = self._embedded.house
            promise_live(house.settings.data_dir, house.registry, clock.now())
            self._embedded.roster.sync()
            self._promised = True

    def _speak(self) -> None:
        """See that the simulated devices speak."""
        if self._devices is not None and not self._devices.running():
            code = self._devices.ended
            if code is not None:
                said = f"the simulated devices fell silent (exit code {code}); they are started again"
                self._out.print(said, style="yellow")
            self._devices.start()
