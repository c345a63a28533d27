"""`park simulate`: a simulated park's devices, against any broker or straight to files."""

import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from park.errors import Conflict, SettingsError, UserError
from park.settings import IngestSettings, Settings
from runtime import clock
from runtime.cli_flags import FolderFlag, SettingsFlag, errors, progress, settings_of
from runtime.names import FIRES, LABELS, PARKS, SPEAKING

if TYPE_CHECKING:
    from simulators.equipment import Plan
    from simulators.live import Live
    from simulators.scenario import Scenario

_DAYS = 30  # of past that goes to files where nobody says how much
_EVERY = 1_000  # ms of the park's time between two notes of how far it is
_DAY = 86_400_000  # ms


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(simulate)


def simulate(
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
    host: Annotated[str, typer.Option(help="of the broker")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65_535, help="of the broker")] = 1883,
    enterprises: Annotated[int, typer.Option(min=1, max=500, help="where the folder holds no park yet")] = 45,
    seed: Annotated[int, typer.Option(min=0, help="of a park that the folder does not hold yet")] = 1,
    days: Annotated[
        int | None, typer.Option(min=0, max=400, help="of past; none, or 30 to files", show_default=False)
    ] = None,
    speed: Annotated[float, typer.Option(min=0.01, help="times as fast as the clock, until it has caught up")] = 1.0,
    fire: Annotated[
        str | None,
        typer.Option(
            help="set a unit of the running simulation on fire, e.g. b1-101; of a city park-01.b1-101",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="write CSV tables, a map and labels into this folder", show_default=False)
    ] = None,
    parks: Annotated[
        int | None,
        typer.Option(min=1, max=200, help="of a city: registered in its database, at its broker", show_default=False),
    ] = None,
    wait: Annotated[
        float, typer.Option(min=0, help="s that a broker is waited for which is not there; 0: as long as it takes")
    ] = 30.0,
    ends_with_input: Annotated[bool, typer.Option("--ends-with-input", hidden=True)] = False,
) -> None:
    """Speak for every device of a simulated park over MQTT, until stopped; or write it to files."""
    settings = settings_of(settings_file, data_dir=data_dir)
    folder = settings.data_dir
    if parks is not None:
        _city(settings, parks, enterprises)
        return
    if fire is not None:
        _light(folder, fire)
        return
    from runtime.simulated import read_scenario, read_until
    from simulators.registry import park_plan
    from simulators.scenario import scenario_before

    now = clock.now()
    past = days if days is not None else _DAYS if out is not None else 0
    scenario = read_scenario(folder) or scenario_before(now, past, seed=seed, enterprises=enterprises)
    if out is not None:
        begin = scenario.origin if days is None else max(scenario.origin, now - days * _DAY)
        _to_files(scenario, begin, now, out)
        return
    from simulators.live import Live

    told = read_until(folder) if folder.is_dir() else None
    begin, counted = told or (scenario.origin if past else now, None)
    with ExitStack() as stack:
        if folder.is_dir():
            from runtime.lock import FolderLock

            try:
                stack.enter_context(FolderLock(folder / SPEAKING))
            except Conflict as why:
                raise Conflict(f"the devices of {folder} speak already") from why
        plan = park_plan(scenario)
        patience = inf if ends_with_input or not wait else wait
        _speak(
            Live(plan, begin, counted=counted), plan, folder, settings.ingest, host, port, speed, patience,
            ends_with_input=ends_with_input,
        )  # fmt: skip


def _speak(
    live: "Live",
    plan: "Plan",
    folder: Path,
    ingest: IngestSettings,
    host: str,
    port: int,
    speed: float,
    patience: float,
    *,
    ends_with_input: bool,
) -> None:
    """Speak until Ctrl-C or, as a child of the platform, until its end of our input is closed."""
    from runtime.simulated import write_until
    from simulators.publish import Sent, publish

    stop, sent = threading.Event(), Sent()
    if ends_with_input:
        threading.Thread(target=_until_closed, args=(stop,), daemon=True).start()
    else:
        senders = sum(not d.key.startswith("virtual:") for d in plan.devices)
        errors.print(f"{senders} devices speak to {host}:{port}; Ctrl-C stops them", markup=False)
        if not _answers(host, port):
            span = "as long as it takes" if patience == inf else f"{patience:g} s"
            errors.print(f"no broker listens at {host}:{port}; they wait {span}", style="yellow", markup=False)
    labels = _Labels(folder / LABELS, live, plan) if folder.is_dir() else None
    noted = 0

    def asked() -> Iterator[tuple[str, int]]:
        nonlocal noted
        if labels is not None and sent.now >= noted + _EVERY:
            write_until(folder, sent.now)
            labels.note(sent.now)
            noted = sent.now
        for path in sorted((folder / FIRES).glob("*")) if (folder / FIRES).is_dir() else ():
            path.unlink()
            if any(u.code == path.name for u in plan.site.units):
                yield path.name, 1
                noted = 0  # so that a restart in this second knows of it

    try:
        publish(
            live, host=host, port=port, now=clock.now, stop=stop, speed=speed, sent=sent, ask=asked,
            username=ingest.username, password=_password(ingest), tls=ingest.tls, tls_ca_file=ingest.tls_ca_file,
            patience=patience,
        )  # fmt: skip
    except UserError as why:
        hint = "`park run` starts one; --host and --port name another; --wait 0 waits as long as it takes"
        raise UserError(f"{why}: {hint}") from why
    except KeyboardInterrupt:
        errors.print(f"{sent.messages} messages sent")
    if labels is not None and sent.now:
        write_until(folder, sent.now)
        labels.note(sent.now)


class _Labels:
    """The file that says what was injected, where and when: a line for each, once it has begun."""

    def __init__(self, path: Path, live: "Live", plan: "Plan") -> None:
        self._path = path
        self._live = live
        self._plan = plan
        self._told: set[str] = set()
        if path.exists():
            import msgspec

            labels = []
            for line in path.read_bytes().splitlines():
                with suppress(msgspec.DecodeError):  # a line that was being written when the machine stopped
                    labels.append(msgspec.json.decode(line, type=dict[str, Any]))
            self._told = {x["id"] for x in labels}
            live.relight(labels)

    def note(self, now: int) -> None:
        """Add what has begun by now."""
        from simulators.injections import labels

        new = tuple(x for x in self._live.injected if x.start <= now and x.id not in self._told)
        if new:
            with self._path.open("a", encoding="utf-8") as file:
                file.writelines(line + "\n" for line in labels(self._plan, new))
            self._told |= {x.id for x in new}


def _city(settings: Settings, parks: int, enterprises: int) -> None:
    """Speak for all parks of a city at the broker of its settings until SIGTERM or Ctrl-C."""
    from runtime.city_devices import Door, run_devices
    from runtime.cli_city import signs

    ingest = settings.ingest
    door = Door(
        ingest.broker_host or "127.0.0.1", ingest.broker_port, ingest.username, _password(ingest), ingest.tls,
        ingest.tls_ca_file,
    )  # fmt: skip
    run_devices(settings, door, parks, enterprises, signs(), lambda text: errors.print(text, markup=False))


def _to_files(scenario: "Scenario", begin: int, end: int, out: Path) -> None:
    """Write tables, map and labels into a folder that has none of them yet."""
    from simulators.files import LABELS as OUT_LABELS
    from simulators.files import MAP, TABLES, files
    from simulators.scenario import HOUR

    names = (MAP, OUT_LABELS, *TABLES)
    old = [name for name in names if (out / name).exists()]
    if old:
        raise Conflict(f"{out / old[0]} exists already; give a new folder")
    parts: set[str] = set()
    try:
        out.mkdir(parents=True, exist_ok=True)
        try:
            step = 24 * HOUR
            whole = max(1, -(-(end - begin) // step)) * len(TABLES)
            with progress(f"writing {(end - begin) / _DAY:.0f} days") as told:
                for done, (name, text) in enumerate(files(scenario, begin, end, step)):
                    with (out / f"{name}.part").open("a" if name in parts else "w", encoding="utf-8") as file:
                        file.write(text)
                    parts.add(name)
                    told(min(1.0, done / whole))
                told(1.0)
            (out / f"{OUT_LABELS}.part").touch()  # also where nothing was injected
            for name in parts | {OUT_LABELS}:
                (out / f"{name}.part").rename(out / name)
        finally:
            for name in parts:
                (out / f"{name}.part").unlink(missing_ok=True)
    except OSError as why:
        raise UserError(f"{out} cannot be written ({why.strerror})") from why
    typer.echo(f"{out / MAP}: run `park replay {out / MAP} --out results` on it")


def _password(ingest: IngestSettings) -> str:
    if not ingest.password_file:
        return ""
    try:
        return Path(ingest.password_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as why:
        raise SettingsError(f"the password file {ingest.password_file} cannot be read") from why


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), 1.0):
            return True
    except OSError:
        return False


def _until_closed(stop: threading.Event) -> None:
    sys.stdin.read()
    stop.set()


def _light(folder: Path, unit: str) -> None:
    if (folder / PARKS).exists():
        from runtime.city_devices import light

        typer.echo(light(folder, unit))
        return
    from runtime.lock import holder
    from runtime.simulated import read_scenario
    from simulators.registry import park_plan

    scenario = read_scenario(folder)
    if scenario is None:
        raise UserError(f"no simulated park lives in {folder}")
    codes = [u.code for u in park_plan(scenario).site.units]
    if unit not in codes:
        raise UserError(f"there is no unit {unit!r}; there are {', '.join(codes)}")
    if not holder(folder / SPEAKING):
        raise UserError(f"nobody speaks for the park in {folder} now; `park run --simulate` lets it speak")
    (folder / FIRES).mkdir(exist_ok=True)
    (folder / FIRES / unit).touch()
    typer.echo(f"{unit} burns within a second; its detectors follow as the smoke reaches them")
