"""A city whose workers are processes, each on wires of its own to Kafka and the databases, and a flow into it."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from sqlalchemy import make_url

from park.errors import Unavailable
from park.metrics import Lane
from runtime.kafka_node import KafkaNode
from tests.city.apart import Way, joined
from tests.city.kafka import apache_kafka, group_of
from tests.city.worker_city import Engines, Ingester, engines, recorded
from tests.tools import SLOWER, free_port

PARKS = ("liuxi", "dongpu", "keqiao", "beihai")


class Process:
    """A worker, and what joins it to the engines; started again where it ends by itself, as in a city."""

    def __init__(self, way: Way, settings: Path, log: Path) -> None:
        self.way = way
        self.port = free_port()
        self._command = [*way.before, sys.executable, "-m", "runtime", "worker", "--settings", str(settings)]
        self._log = log
        self.start()

    def start(self) -> None:
        """Start it."""
        with self._log.open("ab") as log:
            self.child = subprocess.Popen([*self._command, "--role-port", str(self.port)], stdout=log, stderr=log)

    def figures(self, name: str) -> dict[str, float]:
        """Return a figure by stream; nothing while it cannot be asked."""
        if self.child.poll() is not None:
            self.start()
        try:
            text = httpx.get(f"http://{self.way.host}:{self.port}/metrics", timeout=2).text
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
        return self.child.wait(60 * SLOWER)

    def kill(self) -> None:
        """End it as a crash would."""
        self.child.kill()
        self.child.wait()


@dataclass
class Ground:
    """A city with workers, and a flow of records into it."""

    engines: Engines
    node: KafkaNode
    folder: Path
    ways: list[Way]
    workers: list[Process] = field(default_factory=list)

    def begin(self) -> Process:
        """Start a worker, on wires that nobody uses."""
        taken = [worker.way for worker in self.workers]
        n, way = next((n, way) for n, way in enumerate(self.ways) if way not in taken)
        worker = Process(way, self.folder / f"city-{n}.toml", self.folder / "workers.log")
        self.workers.append(worker)
        return worker

    def drop(self, worker: Process) -> None:
        """Kill a worker."""
        worker.kill()
        self.workers.remove(worker)

    def figures(self, name: str) -> dict[str, float]:
        """Return a figure by stream, the greatest of all workers."""
        found: dict[str, float] = {}
        for worker in self.workers:
            for stream, value in worker.figures(name).items():
                found[stream] = max(value, found.get(stream, value))
        return found

    def joined(self) -> bool:
        """Tell whether Kafka's group of each lane has all workers, and nobody joins or leaves it."""
        groups = {group_of(self.node.port, f"park-worker-{lane}") for lane in Lane}
        return groups == {("Stable", len(self.workers))}

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
def ground(folder: Path, *, cables: bool = False) -> Iterator[Ground]:
    """Start a city without workers, with ways for two: wires, or cables into namespaces of their own."""
    with ExitStack() as stack:
        ports = [{"kafka": free_port(), "postgres": 0, "influx": 0} for _ in range(2)]
        ways = [stack.enter_context(joined(n, of, cables=cables)) for n, of in enumerate(ports)]
        node = stack.enter_context(apache_kafka([(w.wires["kafka"].to, w.wires["kafka"].address) for w in ways]))
        made = stack.enter_context(engines(folder, kafka=node.address))
        city = made.settings.city
        url = make_url(Path(city.postgres_url_file).read_text())
        for n, way in enumerate(ways):
            kafka, postgres, influx = (way.wires[name] for name in ("kafka", "postgres", "influx"))
            # They are started behind Kafka, which must know the addresses of its doors.
            postgres.to, influx.to = url.port, urlsplit(made.influx.url).port
            over = url.set(host=postgres.host, port=postgres.port)
            (folder / f"postgres-{n}").write_text(over.render_as_string(hide_password=False))
            (folder / f"city-{n}.toml").write_text(
                f'data_dir = "{folder}/data"\n[city]\nkafka = "{kafka.address}"\npartitions = {city.partitions}\n'
                f'postgres_url_file = "{folder}/postgres-{n}"\ninflux_url = "http://{influx.address}"\n'
                f'influx_token_file = "{city.influx_token_file}"\ninflux_org = "park"\nrole_host = "{way.host}"\n'
            )
        held = Ground(made, node, folder, ways)
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
        self._silence = threading.Event()  # between steps, until somebody wants no more
        self._thread = threading.Thread(target=self._run, name="flow")
        self._thread.start()

    def _run(self) -> None:
        longest = max(map(len, self._records.values()))
        for at in range(0, longest, 4):
            if self._silence.is_set():
                return
            for lane, of in self._records.items():  # side by side: no lane's log stands still before the other's
                begin, end = (n * len(of) // longest for n in (at, at + 4))
                self._put(lane, of[begin:end])
            # Slower and slower, so that something is left for the last fault, however slow the machine.
            self._silence.wait(self._pause * longest / (longest - at))

    def _put(self, lane: Lane, step: Sequence[object]) -> None:
        while step:
            try:
                self._ingester.put(lane, step)
            except Unavailable:
                threading.Event().wait(0.2)
            else:
                return

    @property
    def over(self) -> bool:
        """Whether all of it is in the logs."""
        return not self._thread.is_alive()

    def close(self) -> None:
        """End behind the step at hand."""
        self._silence.set()
        self._thread.join(120)
        self._ingester.close()
