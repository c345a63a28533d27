"""Whatever happens to workers and their engines: nothing is lost, nothing stands twice, and the ledger closes.

Workers are processes, started by the program's own command; faults are real (signals, a broker that is killed, wires
that are cut without a word, a database of series that is away, refuses or is slow, another worker that the group
knows nothing of). What they end up with is compared with what one machine makes of the same logs.
"""

import os
import signal
import time
from contextlib import closing
from functools import partial

import pytest

from park.events import Level
from park.metrics import Lane
from runtime.city_parts import Workshop
from runtime.city_worker import LanePartitions
from runtime.kafka_node import kafka_home
from runtime.storage.influx import Influx
from runtime.storage.sql.assignments import holders
from tests.city.worker_city import ends_of
from tests.city.worker_ground import Flow, Ground, Process, ground
from tests.city.worker_truth import outcome, raw_of, rolled_of, stands, truth
from tests.tools import SLOWER, until

LONG = bool(os.environ.get("PARK_LONG"))
ROUNDS = 5 if LONG else 1
OUTAGE = 600.0  # s
CHANGES = 8 if LONG else 2  # of who holds each log, in a fight
_WHY = "PARK_LONG=1: namespaces, for cuts that TCP notices"
FULL = 500  # "no space left on device", as InfluxDB 2 says it

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.skipif(kafka_home(os.environ) is None, reason="a broker is killed here: Apache Kafka is not installed"),
]


def until_taken(city: Ground, worker: Process, before: dict[str, float]) -> None:
    """Wait until others hold the logs that a worker held."""
    others = [w for w in city.workers if w is not worker]

    def taken() -> bool:
        held = {s: e for w in others for s, e in w.figures("park_worker_epoch").items()}
        return all(held.get(stream, 0) > epoch for stream, epoch in before.items())

    until(taken, 60, every=0.2)


def shared(city: Ground) -> list[dict[str, float]]:
    """Return what each worker holds, once the groups are complete and each log has one worker; else []."""
    if not city.joined():  # else who holds a log now may be given another in its place
        return []
    held = [worker.figures("park_worker_epoch") for worker in city.workers]
    once = sorted(city.engines.streams) == sorted(s for of in held for s in of)
    return held if once and all(all(of.values()) for of in held) else []


def until_behind(city: Ground) -> None:
    """Wait until the stores of some log have not got everything."""
    until(lambda: any(n > 0 for n in city.figures("park_worker_store_behind").values()), 60)


def killed(city: Ground) -> None:
    """Kill a worker, and start another in its place."""
    city.drop(city.workers[0])
    city.begin()


def stopped(city: Ground) -> None:
    """Stop a worker for longer than its session, and let it wake up: others hold its logs by then."""
    worker = city.workers[0]
    before = until(lambda: worker.figures("park_worker_epoch"), 60, every=0.2)
    worker.signal(signal.SIGSTOP)
    until_taken(city, worker, before)
    worker.signal(signal.SIGCONT)


def broker_killed(city: Ground) -> None:
    """Kill Kafka, and start it again with what it had."""
    city.node.kill()
    city.node.start()


def cut_from_kafka(city: Ground) -> None:
    """Cut a worker from Kafka alone until others hold its logs; it may still write to the databases."""
    worker = city.workers[0]
    before = until(lambda: worker.figures("park_worker_epoch"), 60, every=0.2)
    worker.way.cables["kafka"].cut()
    until_taken(city, worker, before)
    worker.way.cables["kafka"].mend()


def cut_from_postgres(city: Ground) -> None:
    """Cut a worker from PostgreSQL alone: it runs on and tells, or leaves what it cannot take to the other."""
    worker = city.workers[0]
    until(lambda: worker.figures("park_worker_position"), 60, every=0.2)
    worker.way.cables["postgres"].cut()
    before = city.figures("park_worker_position")
    until(lambda: all(n > before.get(s, 0) for s, n in city.figures("park_worker_position").items()), 120, every=0.2)
    if LONG:
        until_behind(city)
    worker.way.cables["postgres"].mend()


def given_what_it_cannot_take(city: Ground) -> None:
    """Cut a worker from PostgreSQL alone and kill the other: who comes then has all logs, those that it ran, too."""
    worker, other = city.workers
    before, _ = until(lambda: shared(city), 60, every=0.2)
    worker.way.cables["postgres"].cut()
    city.drop(other)
    # It is given what was the other's, cannot take it, and leaves the group; what it runs goes on meanwhile.
    until(lambda: set(city.engines.streams) == set(worker.figures("park_worker_epoch")), 60, every=0.2)
    until(lambda: set(before) == set(worker.figures("park_worker_epoch")), 120, every=0.2)
    alone = worker.figures("park_worker_position")
    until(lambda: all(worker.figures("park_worker_position")[s] > alone[s] for s in alone), 60, every=0.2)
    city.begin()
    until_taken(city, worker, before)
    worker.way.cables["postgres"].mend()


def cut_from_influx(city: Ground) -> None:
    """Cut all workers from InfluxDB, then let each word to it take a second."""
    for worker in city.workers:
        worker.way.cables["influx"].cut()
    until_behind(city)
    for worker in city.workers:
        worker.way.wires["influx"].lag = 1.0
        worker.way.cables["influx"].mend()
    until_behind(city)
    for worker in city.workers:
        worker.way.wires["influx"].lag = 0.0


def series_away(city: Ground) -> None:
    """Let InfluxDB be away, refuse the token, be overloaded, and be full."""
    influx = city.engines.influx
    for answers in ([401] * 6, [503] * 6, [429] * 6, [FULL] * 6):
        influx.answers = list(answers)
        until(lambda: not influx.answers, 60)
    influx.down = True
    until_behind(city)
    influx.down = False


def fought(city: Ground) -> None:
    """Let another worker, which believes that every log is its own, take them all, and the group's take them back."""
    settings, database = city.engines.settings.city, city.engines.database
    influx = partial(Influx, city.engines.influx.url, city.engines.influx.token, "park")

    def epochs() -> dict[str, int]:
        return {stream: epoch for stream, (epoch, _, _) in holders(database).items()}

    before = epochs()
    with closing(Workshop(settings, database, influx, "another")) as shop, closing(city.engines.client()) as client:
        lanes = [LanePartitions(lane, partial(shop.lane, client), epochs) for lane in Lane]
        for lane in lanes:
            lane.start()
            lane.assigned(frozenset(range(settings.partitions)))
        try:
            # Ours, theirs, ours, theirs: each of them takes back what the other took.
            until(lambda: all(e >= before[s] + CHANGES for s, e in epochs().items()), 300, 0.5)
        finally:
            ended = [lane.stop(20 * SLOWER) for lane in lanes]
    assert [True, True] == ended


def outage() -> None:
    """Wait for ten minutes."""
    over = time.monotonic() + OUTAGE
    until(lambda: time.monotonic() > over, OUTAGE + 60, 1.0)


def broker_away(city: Ground) -> None:
    """Let Kafka be away for ten minutes."""
    city.node.kill()
    outage()
    city.node.start()


def series_long_away(city: Ground) -> None:
    """Let InfluxDB be away for ten minutes: findings are told meanwhile, and the stores wait where they are."""
    city.engines.influx.down = True
    before = sum(city.figures("park_worker_position").values())
    outage()
    assert sum(city.figures("park_worker_position").values()) > before
    city.engines.influx.down = False


FAULTS = (
    killed, stopped, broker_killed, cut_from_kafka, cut_from_postgres, cut_from_influx, series_away, fought,
)  # fmt: skip


CUTS = (cut_from_kafka, cut_from_postgres, given_what_it_cannot_take, cut_from_influx)
OUTAGES = (given_what_it_cannot_take, broker_away, series_long_away) if LONG else ()


@pytest.mark.timeout(3_600 if LONG else 600)
@pytest.mark.parametrize("joined", ["wires", pytest.param("cables", marks=pytest.mark.skipif(not LONG, reason=_WHY))])
def test_faults_one_after_the_other(tmp_path, joined):
    """Workers are killed, stopped, cut off and fought, engines are away: the end is that of one machine."""
    with ground(tmp_path, cables=joined == "cables") as city:
        for _ in range(2):
            city.begin()
        with closing(Flow(city.engines, 600, 1.0 if LONG else 0.3)) as flow:
            until(lambda: all(w.figures("park_worker_position") for w in city.workers), 60)
            for fault in (*FAULTS * ROUNDS, *OUTAGES) if joined == "wires" else CUTS:
                assert not flow.over
                fault(city)
        ends = ends_of(city.engines)
        until(lambda: city.through(ends), 120, every=0.3)
        assert [0] * len(city.workers) == [worker.end() for worker in city.workers]

        wanted = truth(city.engines)
        found = outcome(city.engines, wanted)

    assert any(b'"fire' in event for events in wanted.events.values() for event in events)
    assert wanted.events == found.events
    assert stands(wanted.events) == found.conditions
    assert raw_of(wanted.store, wanted.points) == found.raw
    rolled = rolled_of(wanted.store, wanted.points)
    assert {Level.QUARTER, Level.HOUR} <= {level for level, *_ in rolled}  # else the next line could not fail
    assert rolled == found.rollups
    assert (0, True) == (found.unexplained, found.received > 0)
