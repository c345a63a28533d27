"""Pages and API of a city: what workers tell is heard live, what people do reaches the logs and every other process."""

import asyncio
import json
import socket
import threading
from contextlib import ExitStack
from dataclasses import replace
from itertools import count

import httpx
import pytest

from park.metrics import Lane
from park.records import Batch, Command, Verb
from park.streams import partition_of as number_of
from runtime.city_live import OVERLAP
from runtime.kafka_log import KafkaLog
from runtime.role_alarms import run_alarms
from runtime.role_api import run_api
from runtime.topics import partition_of, prepare_topics, topic_of
from tests.city.kafka import PROGRAM, kafka
from tests.city.told_city import fire, settings_in, thread_of, worker_in
from tests.influx_v2 import influx_v2
from tests.servers import postgresql
from tests.tools import free_port, until

pytestmark = [
    pytest.mark.server,
    pytest.mark.skipif(
        not PROGRAM.exists(), reason="the Kafka-protocol broker's package has no program for this machine"
    ),
]


class Page:
    """A live page: what it hears until it is closed."""

    def __init__(self, base, last=None):
        self.heard = []
        self.ids = []
        self._closing = threading.Event()
        headers = {} if last is None else {"Last-Event-ID": str(last)}
        self._client = httpx.Client(timeout=30)
        self._request = self._client.stream("GET", f"{base}/api/v1/live", headers=headers)
        self._answer = self._request.__enter__()
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self):
        event = key = ""
        try:
            for line in self._answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    event = value
                elif name == "id":
                    key = value
                elif name == "data" and event not in {"ping", "latest"}:
                    self.heard.append((event, json.loads(value)))
                    self.ids.append(int(key or 0))
        except (httpx.HTTPError, httpx.StreamError, OSError):
            if not self._closing.is_set():
                raise

    def subjects(self, event="condition"):
        """Return the subjects of the events of a name."""
        return [body.get("subject") or body["case"]["subject"] for name, body in self.heard if name == event]

    def close(self):
        """Leave."""
        self._closing.set()
        # What is only closed leaves whoever reads from it asleep until the next word.
        self._answer.extensions["network_stream"].get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        self._thread.join(20)
        self._answer.close()
        self._client.close()


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """Run engines, the alarms and two processes of the API; yield (addresses, settings, worker)."""
    folder = tmp_path_factory.mktemp("city")
    with kafka() as address, postgresql() as url, influx_v2(folder) as series:
        for bucket in ("raw", "minutes", "quarters", "hours", "days", "bands", "receipts"):
            series.make(bucket)
        settings = settings_in(folder, address, url, influx=series.url, token=series.token)
        asyncio.run(prepare_topics(settings.city))
        ports = [free_port(), free_port()]
        apis = [replace(settings, data_dir=folder / str(port), api=replace(settings.api, port=port)) for port in ports]
        bases = [f"http://127.0.0.1:{port}" for port in ports]
        with ExitStack() as stack:
            worker = stack.enter_context(worker_in(settings, url))
            for role, own in ((run_alarms, settings), (run_api, apis[0]), (run_api, apis[1])):
                stack.enter_context(thread_of(role, own))
            for base in bases:
                until(lambda base=base: _well(base), 60)
            yield bases, settings, worker


def _well(base):
    try:
        return httpx.get(f"{base}/api/v1/health", timeout=5).json()["status"] == "ok"
    except httpx.HTTPError:
        return False


def test_every_page_hears_what_a_worker_tells(city):
    """A fire is heard on the pages of both processes, and so is the case that is made of it."""
    bases, _, worker = city
    pages = [Page(base) for base in bases]
    try:
        worker.tell("life-0", [fire(11)])
        for page in pages:
            until(lambda page=page: "place:11" in page.subjects("condition"))
            until(lambda page=page: "place:11" in page.subjects("alarm"))
    finally:
        for page in pages:
            page.close()


def test_what_a_person_does_is_seen_everywhere(city):
    """An alarm acknowledged through one process is acknowledged in the other, and its pages hear of it."""
    (one, two), _, worker = city
    page = Page(two)
    try:
        worker.tell("life-1", [fire(12)])
        case = until(lambda: next((c for c in _cases(one) if c["subject"] == "place:12"), None))
        answer = httpx.post(
            f"{one}/api/v1/alarms/{case['id']}/acknowledge", json={"version": case["version"], "note": "on my way"}
        )
        assert answer.is_success, answer.text
        until(lambda: [c["state"] for c in _cases(two) if c["subject"] == "place:12"] == [answer.json()["state"]])
        until(lambda: page.subjects("alarm").count("place:12") >= 2)
    finally:
        page.close()


def test_a_page_comes_back_elsewhere(city):
    """A page that loses its process hears from another what it missed meanwhile."""
    (one, two), _, worker = city
    page, other = Page(one), Page(two)
    # Some of what came before is told again: a process that has not heard for as long says that some may be missing.
    for n in count(100):
        worker.tell("life-0", [fire(n)])
        for each in (page, other):
            until(lambda each=each, n=n: f"place:{n}" in {*each.subjects("condition")} & {*each.subjects("alarm")})
        if min(each.ids[-1] - each.ids[0] for each in (page, other)) > OVERLAP * 1_000:
            break
    page.close()
    other.close()
    worker.tell("life-1", [fire(22)])
    back = Page(two, last=page.ids[-1])
    try:
        until(lambda: "place:22" in back.subjects())
        assert "gap" not in [event for event, _ in back.heard]
    finally:
        back.close()


def test_a_command_reaches_the_logs(city):
    """A person's reset of an alarm stands in the logs of its lane once it is answered."""
    (one, _), _, worker = city
    worker.tell("life-0", [fire(1)])
    case = until(lambda: next((c for c in _cases(one) if c["subject"] == "place:1"), None))
    answer = httpx.post(f"{one}/api/v1/alarms/{case['id']}/reset", json={"why": "below_alarm", "note": "seen on site"})
    assert answer.is_success, answer.text

    def commands(partition):
        log = KafkaLog(worker.client, topic_of(Lane.LIFE), partition)
        try:
            return [r for _, r in log.read(log.begin) if isinstance(r, Command)]
        finally:
            log.close()

    # It names a condition, not a place: every log of the lane has it, and the one that has the condition obeys.
    assert [[Verb.RESET]] * 2 == [[command.verb for command in commands(n)] for n in range(2)]


def test_messages_that_are_handed_in_are_in_the_log(city):
    """A message over HTTP is in the log of its park once it is answered."""
    (one, _), settings, worker = city
    topic = "parks/east/bulk/gw-1/meter-1"
    answer = httpx.post(f"{one}/api/v1/ingest", json={"messages": [{"topic": topic, "payload": {"power": 1.5}}]})
    assert answer.is_success, answer.text
    home = partition_of("east", settings.city.partitions)
    log = KafkaLog(worker.client, topic_of(Lane.BULK), home)
    try:
        found = [r for _, r in log.read(log.begin) if isinstance(r, Batch)]
    finally:
        log.close()

    assert topic in [refused.topic for batch in found for refused in batch.refused]
    assert home == number_of(f"bulk-{home}")


def test_health_names_what_is_missing(city):
    """Nobody works on the logs here: health says so once it stands still, and serves all the same."""
    (one, _), _, _ = city

    def ready():
        answer = httpx.get(f"{one}/api/v1/health")
        assert 200 == answer.status_code
        return {part["name"]: part["ready"] for part in answer.json()["components"]}

    until(lambda: all(ready()[name] for name in ("database", "time series", "Kafka", "alarms")))
    assert "workers" in ready()


def _cases(base):
    answer = httpx.get(f"{base}/api/v1/alarms")
    assert answer.is_success, answer.text
    return answer.json()["items"]
