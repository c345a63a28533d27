"""Whoever makes the alarms is cut off without a word: another does, and each alarm is there once."""

import asyncio
import os
from contextlib import ExitStack
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import pytest
from sqlalchemy import make_url

from runtime.storage.sql.database import Database
from runtime.topics import prepare_topics
from tests.city.apart import Cable, joined
from tests.city.kafka import apache_kafka
from tests.city.told_city import (
    T0,
    Process,
    Worker,
    cases,
    fire,
    settings_in,
    webhook,
    with_webhook,
    worker_in,
    written,
)
from tests.city.wire import Wire
from tests.servers import postgresql
from tests.tools import free_port, until

pytestmark = [pytest.mark.server, pytest.mark.slow]


LONG = bool(os.environ.get("PARK_LONG"))


@dataclass
class Alarms:
    """One of two processes, and what joins it to the engines."""

    process: Process
    wires: dict[str, Wire] | dict[str, Cable]

    @property
    def leads(self) -> bool:
        """Whether it does the work."""
        return self.process.figures().get("park_alarms_leads") == "1"


@dataclass
class Ground:
    """Two processes of which one does the work, what stands for the workers, and what people were told."""

    both: list[Alarms]
    worker: Worker
    database: Database
    notes: list
    told: int = 0

    def leader(self) -> Alarms:
        """Wait for the one that does the work."""
        return until(lambda: next((one for one in self.both if one.leads), None), 60, 0.1)

    def tell(self, count: int = 3) -> None:
        """Tell of more fires."""
        for _ in range(count):
            self.told += 1
            self.worker.tell(f"life-{self.told % 2}", [fire(self.told)])

    def all_there(self) -> None:
        """Wait until each fire is an alarm, and people were told of it."""
        wanted = sorted((f"place:{n}", 1) for n in range(1, self.told + 1))
        until(lambda: wanted == sorted(cases(self.database)), 60, 0.2)
        until(lambda: set(range(1, self.told + 1)) <= {since for since, _ in self.raised()}, 60, 0.2)

    def raised(self) -> set[tuple[int, str]]:
        """Return (fire, id) of the calls that people had."""
        alarms = [alarm for note in list(self.notes) for alarm in note["alarms"] if alarm["kind"] == "raised"]
        return {(alarm["since"] - T0, alarm["id"]) for alarm in alarms}


@pytest.fixture(params=["wires", pytest.param("cables", marks=pytest.mark.skipif(not LONG, reason="PARK_LONG=1"))])
def ground(request, tmp_path):
    """Run two processes, each joined to the engines by itself."""
    with ExitStack() as stack:
        url = stack.enter_context(postgresql())
        address, notes = stack.enter_context(webhook())
        doors = [free_port(), free_port()]
        both_ways = {"postgres": make_url(url).port, "webhook": urlsplit(address).port}
        ports = [{"kafka": door} | both_ways for door in doors]
        ways = [stack.enter_context(joined(n, of, cables=request.param == "cables")) for n, of in enumerate(ports)]
        kafkas = [(door, way.wires["kafka"].address) for door, way in zip(doors, ways, strict=True)]
        node = stack.enter_context(apache_kafka(kafkas))
        direct = settings_in(tmp_path, node.address, url)
        asyncio.run(prepare_topics(direct.city))
        both = []
        for n, way in enumerate(ways):
            wire = way.wires["postgres"]
            over = make_url(url).set(host=wire.host, port=wire.port).render_as_string(hide_password=False)
            own = settings_in(tmp_path / str(n), way.wires["kafka"].address, over)
            own = with_webhook(own, f"http://{way.wires['webhook'].address}/told")
            own = replace(own, city=replace(own.city, role_host=way.host))
            file = written(own, tmp_path / str(n) / "city.toml")
            process = Process("alarms", file, before=way.before, host=way.host)
            stack.callback(process.kill)
            both.append(Alarms(process, way.cables))
        database = Database.open(url)
        stack.callback(database.close)
        yield Ground(both, stack.enter_context(worker_in(direct, url)), database, notes)


@pytest.mark.parametrize("engine", ["postgres", "kafka"])
def test_the_one_at_work_is_cut_off(ground, engine):
    """The other takes over, and the first, back again, changes nothing: each fire is one alarm under one id."""
    first = ground.leader()
    ground.tell()
    ground.all_there()
    first.wires[engine].cut()
    ground.tell()
    ground.all_there()
    second = next(one for one in ground.both if one is not first)
    until(lambda: second.leads, 10)
    first.wires[engine].mend()
    until(lambda: not first.leads and first.process.health()[0] == 200, 60, 0.2)
    ground.tell()
    ground.all_there()

    assert ground.told == len(ground.raised())
    assert [0, 0] == [one.process.end() for one in ground.both]
