"""The simulated parks of a city: registered in its database once, and their devices speaking, a connection a park."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec

from api.services import Component, Figure
from park.errors import Conflict, ParkError, SettingsError, UserError
from park.settings import Settings
from runtime import clock
from runtime.city_house import open_database
from runtime.doors import make_folder
from runtime.lock import FolderLock, holder
from runtime.names import FIRES, PARKS, SPEAKING
from runtime.role_door import RoleDoor
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry
from simulators.equipment import Plan
from simulators.live import FIRE_LASTS, Live
from simulators.publish import Sent, publish
from simulators.registry import live_rhythm, load, park_plan
from simulators.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Door:
    """Where devices speak to, and as whom."""

    host: str
    port: int
    username: str = ""
    password: str = ""
    tls: bool = False
    tls_ca_file: str = ""


def found_parks(folder: Path, database: Database, parks: int, enterprises: int) -> list[tuple[Plan, Live]]:
    """Register simulated parks, or find those of before in `folder`; return what brings their devices to life."""
    now = clock.now()
    registry = SqlRegistry(database)
    lives = []
    for scenario in _scenarios(folder, parks, enterprises, now):
        plan = park_plan(scenario)
        numbers = load(plan, registry, now=scenario.origin)
        live_rhythm(plan, registry, numbers, now=now)
        lives.append((plan, Live(plan, now)))
    return lives


class CityDevices:
    """The devices of all parks, a thread each. A file `fires/<park>.<unit>` in the folder sets that unit on fire."""

    def __init__(self, lives: Sequence[tuple[Plan, Live]], door: Door, folder: Path) -> None:
        """Prepare to speak."""
        self._stop = threading.Event()
        self._door = door
        self._fires = folder / FIRES
        self._lit = self._fires / "lit"
        self.refused: list[str] = []  # why a park's devices speak no more, a sentence each
        self._sent = [Sent() for _ in lives]
        self._threads = [
            threading.Thread(target=self._speak, args=(plan, live, sent), name=f"devices-{plan.site.park.code}")
            for (plan, live), sent in zip(lives, self._sent, strict=True)
        ]

    @property
    def fires(self) -> Path:
        """The folder in which fires are asked for."""
        return self._fires

    def start(self) -> None:
        """Let them speak."""
        self._lit.mkdir(parents=True, exist_ok=True)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let them finish their sentence."""
        self._stop.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def components(self) -> Sequence[Component]:
        """Return whether the devices of all parks are connected."""
        away = sum(not sent.connected for sent in self._sent)
        said = self.refused[0] if self.refused else f"devices of {away} parks are not connected" if away else ""
        return [Component("devices", not said, said, serving=not said)]

    def figures(self) -> Sequence[Figure]:
        """Return how much was said."""
        said = float(sum(sent.messages for sent in self._sent))
        return [
            Figure("park_simulated_messages_total", "counter", "messages that simulated devices sent", [({}, said)])
        ]

    def _speak(self, plan: Plan, live: Live, sent: Sent) -> None:
        code, door = plan.site.park.code, self._door
        units = {unit.code for unit in plan.site.units}

        def asked() -> Iterator[tuple[str, int]]:
            for path in sorted(self._fires.glob(f"{code}.*")):
                unit = path.name.removeprefix(f"{code}.")
                if unit in units:
                    path.replace(self._lit / path.name)  # with the time at which it was asked for
                    yield unit, 1
                else:
                    path.unlink()

        try:
            self._relight(live, code)
            publish(
                live, host=door.host, port=door.port, now=clock.now, stop=self._stop, ask=asked,
                username=door.username, password=door.password, client_id=f"devices-{code}",
                tls=door.tls, tls_ca_file=door.tls_ca_file, sent=sent,
            )  # fmt: skip
        except ParkError as why:
            self.refused.append(f"{code}: {why}")

    def _relight(self, live: Live, code: str) -> None:
        """Let fires that were asked for before a restart burn on; else their detectors would say that all is well."""
        for path in sorted(self._lit.glob(f"{code}.*")):
            began = int(path.stat().st_mtime * 1_000)
            if live.now - began < FIRE_LASTS:
                live.ignite(path.name.removeprefix(f"{code}."), began)
            else:
                path.unlink()


def run_devices(
    settings: Settings, door: Door, parks: int, enterprises: int, stop: threading.Event, told: Callable[[str], None]
) -> None:
    """Speak for all parks of a city until told to stop. Raises UserError, MachineryError."""
    folder, city = settings.data_dir, settings.city
    make_folder(folder)
    with ExitStack() as stack:
        try:
            stack.enter_context(FolderLock(folder / SPEAKING))
        except Conflict as why:
            raise Conflict("the devices of these parks speak already") from why
        database = open_database(settings)
        try:
            lives = found_parks(folder, database, parks, enterprises)
        finally:
            database.close()
        devices = CityDevices(lives, door, folder)
        shown = RoleDoor(city.role_port, "simulate", devices.components, devices.figures, host=city.role_host)
        stack.callback(shown.stop)
        shown.start()
        stack.callback(devices.stop)
        devices.start()
        told(f"devices of {len(lives)} parks speak to {door.host}:{door.port}")
        while not stop.wait(1.0):
            if devices.refused:
                raise UserError(devices.refused[0])


def light(folder: Path, unit: str) -> str:
    """Set a unit of a simulated city on fire ("park-01.b1-101"); return what to tell. Raises UserError."""
    units = [
        f"{plan.site.park.code}.{u.code}"
        for plan in map(park_plan, _read(folder / PARKS))
        for u in plan.site.units
    ]  # fmt: skip
    if unit not in units:
        raise UserError(f"there is no unit {unit!r}; there is {units[0]}, for one")
    if not holder(folder / SPEAKING):
        raise UserError(f"nobody speaks for the parks in {folder} now")
    (folder / FIRES).mkdir(exist_ok=True)
    (folder / FIRES / unit).touch()
    return f"{unit} burns within a second; its detectors follow as the smoke reaches them"


def _scenarios(folder: Path, parks: int, enterprises: int, now: int) -> list[Scenario]:
    path = folder / PARKS
    if path.exists():
        return _read(path)
    made = [Scenario(now, n, enterprises, f"park-{n:02}", f"小微企业园 {n:02}") for n in range(1, parks + 1)]
    part = path.with_name(path.name + ".part")
    part.write_bytes(msgspec.json.encode([asdict(scenario) for scenario in made]))
    part.rename(path)
    return made


def _read(path: Path) -> list[Scenario]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[Scenario])
    except (OSError, msgspec.DecodeError) as why:
        raise SettingsError(f"{path} cannot be read: {why}") from why
