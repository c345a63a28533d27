"""`park simulate`: a simulated park's devices, against any broker or straight to files."""

import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from park.errors import UserError
from runtime import clock
from runtime.cli import FolderFlag, SettingsFlag, errors, settings_of
from runtime.names import FIRES, UNTIL
from runtime.simulated import read_scenario


def add(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(simulate)


def simulate(
    settings_file: SettingsFlag = None,
    data_dir: FolderFlag = None,
    host: Annotated[str, typer.Option(help="of the broker")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="of the broker")] = 1883,
    enterprises: Annotated[int, typer.Option(min=1, max=500, help="where the folder holds no park yet")] = 45,
    seed: Annotated[int, typer.Option()] = 1,
    days: Annotated[int, typer.Option(min=0, max=400, help="of past, with --out or --speed")] = 0,
    speed: Annotated[float, typer.Option(min=0.01, help="times as fast as the clock, until it has caught up")] = 1.0,
    fire: Annotated[str | None, typer.Option(help="set a unit of the running simulation on fire, e.g. A1-101")] = None,
    out: Annotated[Path | None, typer.Option(help="write CSV tables, a map and labels there instead")] = None,
) -> None:
    """Speak for every device of a simulated park over MQTT, until stopped; or write it to files."""
    folder = settings_of(settings_file, data_dir=data_dir).data_dir
    if fire is not None:
        _light(folder, fire)
        return
    from simulators.registry import park_plan
    from simulators.scenario import scenario_before

    now = clock.now()
    scenario = read_scenario(folder) or scenario_before(now, days, seed=seed, enterprises=enterprises)
    plan = park_plan(scenario)
    if out is not None:
        from simulators.files import files

        out.mkdir(parents=True, exist_ok=True)
        for name, text in files(scenario, scenario.origin, now):
            with (out / name).open("a" if (out / name).exists() else "w", encoding="utf-8") as file:
                file.write(text)
        typer.echo(f"{out / 'map.toml'}: run `park replay {out / 'map.toml'} --out results` on it")
        return
    from simulators.live import Live
    from simulators.publish import Sent, publish

    until = folder / UNTIL
    begin = int(until.read_text()) if until.exists() else scenario.origin if days else now
    stop, sent = threading.Event(), Sent()
    if not sys.stdin.isatty():  # started by the platform: the end of its pipe is the sign to stop
        threading.Thread(target=_until_closed, args=(stop,), daemon=True).start()

    def asked() -> Iterator[tuple[str, int]]:
        if folder.is_dir() and sent.now:
            until.write_text(str(sent.now))
        for path in sorted((folder / FIRES).glob("*")) if (folder / FIRES).is_dir() else ():
            path.unlink()
            if any(u.code == path.name for u in plan.site.units):
                yield path.name, 1

    try:
        publish(
            Live(plan, begin), host=host, port=port, now=clock.now, stop=stop, speed=speed, sent=sent, ask=asked
        )  # fmt: skip
    except KeyboardInterrupt:
        errors.print(f"{sent.messages} messages sent")


def _until_closed(stop: threading.Event) -> None:
    sys.stdin.read()
    stop.set()


def _light(folder: Path, unit: str) -> None:
    scenario = read_scenario(folder)
    if scenario is None:
        raise UserError(f"no simulated park lives in {folder}")
    from simulators.registry import park_plan

    codes = [u.code for u in park_plan(scenario).site.units]
    if unit not in codes:
        raise UserError(f"there is no unit {unit!r}; there are {', '.join(codes)}")
    (folder / FIRES).mkdir(exist_ok=True)
    (folder / FIRES / unit).touch()
    typer.echo(f"{unit} will burn within a second")
