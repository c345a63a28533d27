"""A single-node Apache Kafka (KRaft) of our own: for the demonstration of a city and for tests.

Not for production: one node, one copy. It needs a Java runtime and Kafka's jars, in `<home>/libs`. Where they are
is said by `PARK_KAFKA_HOME`. A node keeps its records in a folder and comes back with them after `start`.
"""

import contextlib
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from park.errors import Unavailable

VARIABLE = "PARK_KAFKA_HOME"
_CLUSTER = "4L6g3nShT-eMCtK--X86sw"  # any base64 UUID: one node is the whole cluster
_PATIENCE = 90.0  # s until it serves; 5 on a quiet machine
_FAREWELL = 20.0  # s of an ordered stop
_JVM = ("-Xms64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-XX:-UsePerfData",
        "-Djava.awt.headless=true")  # fmt: skip
_LOGGING = """\
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{HH:mm:ss.SSS} %p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{listeners}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}{advertised}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{protocols}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.cleaner.dedupe.buffer.size=2097152
num.network.threads=2
num.io.threads=4
background.threads=2
num.recovery.threads.per.data.dir=1
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
"""


def kafka_home(environ: Mapping[str, str]) -> Path | None:
    """Return where Kafka's jars are, if they are and there is a Java runtime."""
    home = Path(environ.get(VARIABLE) or "/opt/kafka")
    there = any((home / "libs").glob("kafka-clients-*.jar"))
    return home if there and shutil.which("java") else None


class KafkaNode:
    """One node and its records."""

    def __init__(
        self, home: Path, folder: Path, port: int = 0, heap: str = "256m", doors: Sequence[tuple[int, str]] = ()
    ) -> None:
        """Take Kafka's home, the node's folder, and a port; 0: any that is free, the same from then on.

        `doors` are further ports with the addresses by which clients who come there reach it: host:port.
        """
        self.port = port or _free_port()
        self._doors = doors
        self._home = home
        self._folder = folder
        self._heap = heap
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """host:port."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Of its process; 0: it does not run."""
        return self._process.pid if self._process is not None else 0

    def start(self) -> None:
        """Start it, with the records that it had; return when it serves. Raises Unavailable."""
        config = self._folder / "server.properties"
        if not config.exists():
            self._format(config)
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                self._command("kafka.Kafka", str(config)),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C is for those who use it first
            )
        deadline = time.monotonic() + _PATIENCE
        while not _answers(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                tail = (self._folder / "log").read_text("utf-8", "replace")[-500:].strip()
                raise Unavailable(f"Kafka does not start: {tail}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it in order; twice is as good as once."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash would."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_FAREWELL)
            return
        process.kill()
        process.wait()

    def _format(self, config: Path) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "log4j2.properties").write_text(_LOGGING)
        draft = self._folder / "server.properties.tmp"
        doors = {f"DOOR{n}": door for n, door in enumerate(self._doors)}
        draft.write_text(
            _PROPERTIES.format(
                port=self.port,
                controller=_free_port(),
                data=self._folder / "data",
                listeners="".join(f",{name}://127.0.0.1:{port}" for name, (port, _) in doors.items()),
                advertised="".join(f",{name}://{address}" for name, (_, address) in doors.items()),
                protocols="".join(f",{name}:PLAINTEXT" for name in doors),
            )
        )
        command = self._command("kafka.tools.StorageTool", "format", "--cluster-id", _CLUSTER, "--config", str(draft))
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - our own command
        if done.returncode:
            raise Unavailable(f"Kafka's folder cannot be prepared: {done.stderr.decode('utf-8', 'replace')[-500:]}")
        draft.rename(config)

    def _command(self, program: str, *arguments: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self._folder / 'log4j2.properties'}"
        return ["java", f"-Xmx{self._heap}", *_JVM, logging, "-cp", f"{self._home / 'libs'}/*", program, *arguments]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: int) -> bool:
    """Tell whether it counts itself as a live broker: an open port is not enough, it opens before that.

    Asks for Metadata, version 1, of no topics (Kafka's protocol guide).
    """
    body = struct.pack(">hhih", 3, 1, 1, -1) + struct.pack(">i", 0)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.settimeout(2)
            connection.sendall(struct.pack(">i", len(body)) + body)
            reply = b""
            while len(reply) < 12:
                got = connection.recv(4096)
                if not got:
                    return False
                reply += got
    except OSError:
        return False
    return int(struct.unpack(">i", reply[8:12])[0]) >= 1
