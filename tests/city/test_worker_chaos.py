"""Whatever happens to workers and their engines: nothing is lost, nothing stands twice, and the ledger closes.

Workers are processes, started by the program's own command; faults are real (signals, a broker that is killed, a
database of series that is away, refuses or is slow). What they end up with is compared with what one machine makes of
the same logs.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from park.errors import Unavailable
from park.metrics import Lane
from runtime.kafka_node import kafka_home
from tests.city.kafka import apache_kafka
from tests.city.worker_city import Engines, Ingester, ends_of, engines, recorded
from tests.city.worker_truth import outcome, raw_of, rolled_of, stands, truth
from tests.tools import free_port, until

LONG = bool(os.environ.get("PARK_LONG"))
ROUNDS = 5 if LONG else 1
PARKS = ("liuxi", "dongpu", "keqiao", "beihai")
SESSION = 6.0  # s, after which a silent worker's partitions are given away

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(kafka_home(os.environ) is None, reason="a broker is killed here: Apache Kafka is not installed"),
]


class Process:
    """A worker."""

    def __init__(self, settings: Path, log: Path, port: int = 0) -> None:
        self.port = port or free_port()
        command = [sys.executable, "-m", "runtime", "worker", "--settings", str(settings)]
        with log.open("ab") as file:
            self.child = subprocess.Popen([*command, "--role-port", str(self.port)], stdout=file, stderr=file)

    def figures(self, name: str) -> dict[str, float]:
        """Return a figure by stream; nothing while it cannot be asked."""
        try:
            text = httpx.get(f"http://127.0.0.1:{self.port}/metrics", timeout=2).text
        except httpx.HTTPError:
            return {}
        rows = [line for line in text.splitlines() if line.startswith(f"{name}{{")]
        return {row.partition('stream="')[2].partition('"')[0]: float(row.rpartition(" ")[2]) for row in rows}

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.child.send_signal(number)

    def end(self) -> int:
        """Stop it in order; return its exit code."""
        self.child.send_signal(signal.SIGCONT)
        self.child.terminate()
        return self.child.wait(60)

    def kill(self) -> None:
        """End it as a crash would."""
        self.child.kill()
        self.child.wait()


@dataclass
class Ground:
    """A city with workers, and a flow of records into it."""

    engines: Engines
    node: object
    folder: Path
    settings: Path
    workers: list[Process] = field(default_factory=list)

    def begin(self) -> Process:
        """Start a worker."""
        worker = Process(self.settings, self.folder / "workers.log")
        self.workers.append(worker)
        return worker

    def drop(self, worker: Process) -> None:
        """Kill a worker."""
        worker.kill()
        self.workers.remove(worker)

    def through(self, ends: dict[str, int]) -> bool:
        """Tell whether all logs are run and stored by whoever holds them now."""
        newest: dict[str, tuple[float, float, float]] = {}
        for worker in self.workers:
            position, behind = worker.figures("park_worker_position"), worker.figures("park_worker_store_behind")
            for stream, epoch in worker.figures("park_worker_epoch").items():
                if epoch > newest.get(stream, (0.0,))[0]:
                    newest[stream] = epoch, position.get(stream, -1), behind.get(stream, 1)
        return all(s in newest and newest[s][1] >= end and newest[s][2] == 0 for s, end in ends.items())


@contextmanager
def ground(folder: Path) -> Iterator[Ground]:
    """Start a city without workers."""
    with ExitStack() as stack:
        node = stack.enter_context(apache_kafka())
        made = stack.enter_context(engines(folder, kafka=node.address))
        city = made.settings.city
        (folder / "city.toml").write_text(
            f'data_dir = "{folder}/data"\n[city]\nkafka = "{city.kafka}"\npartitions = {city.partitions}\n'
            f'postgres_url_file = "{city.postgres_url_file}"\ninflux_url = "{city.influx_url}"\n'
            f'influx_token_file = "{city.influx_token_file}"\ninflux_org = "park"\n'
        )
        held = Ground(made, node, folder, folder / "city.toml")
        try:
            yield held
        finally:
            for worker in held.workers:
                worker.kill()


class Flow:
    """Puts records into the logs step by step, whatever is away; each step once."""

    def __init__(self, engines: Engines, minutes: int, pause: float) -> None:
        self._records = recorded(engines, minutes, PARKS)
        self._ingester = Ingester(engines)
        self._pause = pause
        self._silence = threading.Event()
        self._thread = threading.Thread(target=self._run, name="flow")
        self._thread.start()

    def _run(self) -> None:
        longest = max(map(len, self._records.values()))
        for at in range(0, longest, 4):
            for lane in Lane:
                self._put(lane, self._records[lane][at : at + 4])
            self._silence.wait(self._pause)

    def _put(self, lane: Lane, step: Sequence[object]) -> None:
        while step:
            try:
                self._ingester.put(lane, step)
            except Unavailable:
                self._silence.wait(0.2)
            else:
                return

    @property
    def over(self) -> bool:
        """Whether all of it is in the logs."""
        return not self._thread.is_alive()

    def close(self) -> None:
        """Wait for the end."""
        self._thread.join(120)
        self._ingester.close()


def killed(city: Ground) -> None:
    """Kill a worker, and start another in its place."""
    city.drop(city.workers[0])
    city.begin()


def stopped(city: Ground) -> None:
    """Stop a worker for longer than its session, and let it wake up: others hold its logs by then."""
    worker = city.workers[0]
    before = worker.figures("park_worker_epoch")
    worker.signal(signal.SIGSTOP)
    others = [w for w in city.workers if w is not worker]

    def taken() -> bool:
        held = {s: e for w in others for s, e in w.figures("park_worker_epoch").items()}
        return all(held.get(stream, 0) > epoch for stream, epoch in before.items())

    until(taken, 60, every=0.2)
    worker.signal(signal.SIGCONT)


def broker_killed(city: Ground) -> None:
    """Kill Kafka, and start it again with what it had."""
    city.node.kill()
    city.node.start()


def series_away(city: Ground) -> None:
    """Let InfluxDB be away, refuse the token, and be overloaded."""
    influx = city.engines.influx
    for answers in ([401] * 6, [503] * 6, [429] * 6):
        influx.answers = list(answers)
        until(lambda: not influx.answers, 60)
    influx.down = True
    until(lambda: any(n > 0 for w in city.workers for n in w.figures("park_worker_store_behind").values()), 60)
    influx.down = False


FAULTS = (killed, stopped, broker_killed, series_away)


@pytest.mark.timeout(900 if LONG else 240)
def test_faults_one_after_the_other(tmp_path):
    """Workers are killed, stopped and woken, Kafka is killed, InfluxDB is away: the end is that of one machine."""
    with ground(tmp_path) as city:
        for _ in range(2):
            city.begin()
        flow = Flow(city.engines, 150 * ROUNDS, 0.1)
        until(lambda: all(w.figures("park_worker_position") for w in city.workers), 60)
        for fault in FAULTS * ROUNDS:
            fault(city)
        flow.close()
        ends = ends_of(city.engines)
        until(lambda: city.through(ends), 120, every=0.3)
        assert [0] * len(city.workers) == [worker.end() for worker in city.workers]

        wanted = truth(city.engines)
        found = outcome(city.engines, wanted)

    assert any(b'"fire' in event for events in wanted.events.values() for event in events)
    assert wanted.events == found.events
    assert stands(wanted.events) == found.conditions
    assert raw_of(wanted.store, wanted.points) == found.raw
    assert rolled_of(wanted.store, wanted.points) == found.rollups
    assert (0, True) == (found.unexplained, found.received > 0)
