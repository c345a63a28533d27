"""Messages of a lane's topic handed to a worker, through Faust: the only file that imports it.

Faust is a thin adapter here, by measurement: it costs 160-230 us a message whatever is in it (so a message is a
columnar record, never a reading), and it acknowledges what a failing agent never finished (so nothing raises out of
the agent, and positions belong to our own snapshots; what it commits counts for nothing). No tables, no windows: state
is the pipeline's. What Faust is for: it says which partitions are ours, and brings what comes from then on, in order;
what was in the log before, whoever takes a partition reads for himself: brought through here it would be read twice.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import faust  # noqa: TID251 - the one place
from mode.threads import WorkerThread

from park.settings import CitySettings
from runtime.city_settings import brokers, kafka_access
from runtime.kafka_client import quiet
from runtime.kafka_log import Entry
from runtime.troubles import Troubles

_SESSION = 6.0  # s of silence after which the group gives a worker's partitions away: the least that Kafka allows
_HEARTBEAT = 1.5
_REBALANCE = 12.0  # s that the group waits for a member that is alive and does not come; more than `REVOKED`
REVOKED = 8.0  # s that a worker may take to let go
_COMMIT = 0.5
_HANG = 60.0  # s without a turn of its loop after which it is given up: libraries of it wait for threads without end
_LOOK = 0.1  # s between looks at whether we are to end
_REST = (1.0, 15.0)  # s before an app is built anew: at first, at most
_ALONE = 0.25  # s between looks for messages that nobody puts
_FULL = 0.02  # s between looks at whether there is room again
_BUFFER = 512  # messages that wait between Kafka and the agent


class Takes(Protocol):
    """Who gets the messages (runtime.city_worker)."""

    def assigned(self, partitions: frozenset[int]) -> None:
        """Learn which partitions are ours from now on: these, and no others. Never waits."""

    def revoked(self, timeout: float) -> None:
        """Learn that they may be another's soon; s that there are to let go."""

    def reached(self, ends: Mapping[int, int]) -> None:
        """Learn that partitions reach so far, and that messages are put from there on. Never waits."""

    def put(self, partition: int, entry: Entry) -> None:
        """Take the next message. Never waits, never fails."""

    def room(self, partition: int) -> bool:
        """Tell whether more may be put."""

    @property
    def able(self) -> bool:
        """Whether partitions could be taken now; asked before the group is joined."""

    @property
    def helpless(self) -> bool:
        """Whether we hold partitions that we can do nothing with: another member of the group perhaps can."""

    def left(self) -> None:
        """Learn that we left the group for that. Never waits."""

    def follow(self) -> None:
        """Learn that nobody puts messages now: what is ours looks for them itself. Never fails."""


class FaustFeed:
    """One topic's Faust app, in a thread with a loop of its own; built anew when it fails."""

    def __init__(self, settings: CitySettings, topic: str, group: str, folder: Path, takes: Takes) -> None:
        """Take who gets the messages; nothing runs before `start`. The topic must exist."""
        self.troubles = Troubles(f"feed of {topic}")
        self.cpu = 0.0  # s that the thread has used
        self.messages = 0
        self._hangs = threading.Event()  # set when its consumer does not end
        self._beat = time.monotonic()  # when its loop was seen to turn
        self.joined = threading.Event()  # set while the group has told us what is ours
        self._settings = settings
        self._topic = topic
        self._group = group
        self._folder = folder
        self._takes = takes
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"feed-{topic}", daemon=True)

    def start(self) -> None:
        """Join the group."""
        self._thread.start()

    def stop(self, timeout: float = 20.0) -> bool:
        """Leave the group, so that others take over at once; tell whether that went in time."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def stuck(self) -> bool:
        """Whether it hangs for good, perhaps as a member of the group that hears nothing."""
        return self._hangs.is_set() or (self._thread.is_alive() and time.monotonic() - self._beat > _HANG)

    async def _beats(self) -> None:
        while True:
            self._beat = time.monotonic()
            await asyncio.sleep(1.0)

    def _run(self) -> None:
        rest = _REST[0]
        while not self._stopping.is_set():
            began = self._beat = time.monotonic()
            if not self._takes.able:
                self._rest(_REST[0])
                continue
            with self.troubles.passing("Kafka's group cannot be joined"):
                asyncio.run(self._serve())
                continue
            if time.monotonic() - began > _REST[1]:
                rest = _REST[0]
            self._rest(rest)
            rest = min(2 * rest, _REST[1])

    def _rest(self, seconds: float) -> None:
        """Wait, while what is ours looks for messages itself."""
        over = time.monotonic() + seconds
        while time.monotonic() < over and not self._stopping.wait(_ALONE):
            self._beat = time.monotonic()
            self._takes.follow()

    async def _serve(self) -> None:
        """Run an app until we are to end, or it does; raises what it ended with."""
        app = self._app()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(_unheard)
        beats = asyncio.create_task(self._beats())
        consumer: Any = None
        try:
            app.finalize()
            consumer = app.consumer
            consumer._thread.Worker = _Daemon
            consumer.seek_to_committed = partial(self._seek_to_end, consumer)
            await app.start()
            while not self._stopping.is_set() and not app.should_stop and not self._takes.helpless:
                self.cpu = time.thread_time()
                await asyncio.sleep(_LOOK)
            why = app.crash_reason if not self._stopping.is_set() else None
        finally:
            self.joined.clear()
            with contextlib.suppress(Exception):
                await asyncio.wait_for(app.stop(), _SESSION)
            beats.cancel()
            thread = consumer._thread._thread if consumer is not None else None
            if thread is not None and thread.is_alive():
                self._hangs.set()
        if self._takes.helpless:
            self._takes.left()
            raise ConnectionError("what the group gives us cannot be taken over: it is left to others")
        if not self._stopping.is_set():
            raise ConnectionError(f"its app has ended: {why!r}") from why

    async def _seek_to_end(self, consumer: Any) -> Mapping[Any, int]:
        """Begin where partitions end now, in place of where the group's commits are; return where that is."""
        ends: Mapping[Any, int] = await consumer.highwaters(*consumer.assignment())
        await consumer.seek_wait(ends)
        self._takes.reached({tp.partition: end for tp, end in ends.items() if tp.topic == self._topic})
        return ends

    def _app(self) -> faust.App:
        self._folder.mkdir(parents=True, exist_ok=True)
        quiet()
        app = faust.App(
            self._group,
            broker=[f"kafka://{address}" for address in brokers(self._settings)],
            broker_credentials=_credentials(self._settings),
            datadir=str(self._folder),
            autodiscover=False,
            web_enabled=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            consumer_auto_offset_reset="earliest",
            broker_commit_interval=_COMMIT,
            broker_session_timeout=_SESSION,
            broker_heartbeat_interval=_HEARTBEAT,
            broker_rebalance_timeout=_REBALANCE,
            consumer_max_fetch_size=max(4 << 20, self._settings.message_bytes + (1 << 16)),
            stream_wait_empty=False,
            stream_buffer_maxsize=_BUFFER,
            worker_redirect_stdouts=False,
            value_serializer="raw",
            key_serializer="raw",
        )
        takes = self._takes

        @app.on_partitions_assigned.connect(weak=False)
        async def on_assigned(_app: faust.App, assigned: set[Any], **_: Any) -> None:
            ours = frozenset(tp.partition for tp in assigned if tp.topic == self._topic)
            with self.troubles.passing("partitions could not be taken"):
                takes.assigned(ours)
                self.joined.set()
                self.troubles.over()

        @app.on_partitions_revoked.connect(weak=False)
        async def on_revoked(_app: faust.App, _revoked: set[Any], **_: Any) -> None:
            with self.troubles.passing("partitions could not be let go of"):
                await asyncio.get_running_loop().run_in_executor(None, takes.revoked, REVOKED)

        @app.agent(app.topic(self._topic, key_type=bytes, value_type=bytes), concurrency=1, name=f"{self._group}.in")
        async def agent(stream: faust.StreamT[bytes]) -> None:
            async for event in stream.events():
                message = event.message
                partition = message.tp.partition
                entry = Entry(message.offset + 1, message.key or b"", message.value or b"", _ms(message.timestamp))
                takes.put(partition, entry)
                self.messages += 1
                while not takes.room(partition) and not self._stopping.is_set():  # noqa: ASYNC110 - of another thread
                    await asyncio.sleep(_FULL)

        return app


class _Daemon(WorkerThread):
    """The thread of Faust's consumer: one that hangs does not keep the process from ending."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.daemon = True


def _credentials(settings: CitySettings) -> Any:
    """Return what Faust connects with; None: nothing."""
    access = kafka_access(settings)
    context = access.get("ssl_context")
    if "sasl_mechanism" in access:
        return faust.SASLCredentials(
            username=access["sasl_plain_username"],
            password=access["sasl_plain_password"],
            mechanism=access["sasl_mechanism"],
            ssl_context=context,
        )
    return faust.SSLCredentials(context=context) if context is not None else None


def _ms(stamp: float | None) -> int:
    """Return Faust's time of a message, s, as epoch ms."""
    return round(stamp * 1_000) if stamp is not None and stamp > 0 else 0


def _unheard(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Say quietly what a task of a library ended with that nobody waits for."""
    logging.getLogger(__name__).debug("%s: %r", context.get("message"), context.get("exception"))
