"""Whatever comes into a city's logs that is no such thing waits for a person with its reason, and the flow goes on."""

from contextlib import ExitStack, closing
from dataclasses import replace

import httpx
import numpy as np
import pytest

from park.metrics import Lane
from park.readings import batch_of
from park.records import Batch, Edge, Tick
from park.settings import ApiSettings
from park.streams import lane_of, partition_of
from park.told import Told, encode_told
from park.wire import encode
from runtime import clock
from runtime.kafka_log import Partition
from runtime.role_alarms import run_alarms
from runtime.role_api import run_api
from runtime.topics import EVENTS, events_partition, topic_of
from runtime.topics import partition_of as home_of
from tests.city.told_city import fire, thread_of
from tests.city.worker_city import Ingester, Working, ends_of, engines, recorded, worked
from tests.tools import free_port, until

pytestmark = [pytest.mark.server, pytest.mark.slow]
YEAR = 365 * 86_400_000  # ms
NONE = np.zeros(0, np.int32)


def batch(received):
    """Return the bytes of a batch of one reading."""
    return encode(Batch(batch_of([(1, received, 1.5, 0, received)]), Edge(NONE, NONE, NONE)))


def strangers(partition):
    """Return the code of a park whose records belong elsewhere."""
    return next(code for code in ("liuxi", "dongpu", "beihai", "keqiao") if home_of(code, 2) != partition).encode()


def bad(stream):
    """Return (key, value, what the reason says) of what is no record of a log."""
    now, partition = clock.now(), partition_of(stream)
    whole = batch(now)
    return [
        (b"", b"\x02" + whole[1:], "version 2"),
        (b"", whole[: len(whole) // 2], "cannot be read"),
        (b"", b"\x01\x01\xff\xff\xff\x7f" + whole[6:], "cannot be read"),
        (strangers(partition), whole, "does not belong into partition"),
        (b"\xff\xfe", whole, "the key is no park's code"),
        (b"", encode(Tick((now + YEAR) // 60_000 * 60_000)), "a clock is wrong"),
        (b"", b"x" * 900_000, "version 120"),
    ]


FOREIGN = [
    (b"no such thing", "cannot be read"),
    (b'{"version":2,"stream":"life-0","epoch":1,"position":1,"last":true,"events":[]}', "version"),
    (encode_told(Told("bulk-1", 1, 1, ()))[:-9], "cannot be read"),
    (encode_told(Told("life-1", 1, 1, (fire(91),))), "it tells of life-1"),
    (encode_told(Told("life-0", 1 << 40, 1, (fire(92),))), "was never given out"),
]


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """Run a city into whose logs all that came, before and between what is right; yield (engines, base of the API)."""
    folder, port = tmp_path_factory.mktemp("city"), free_port()
    with engines(folder) as made, ExitStack() as stack:
        records = recorded(made, minutes=5)
        client = made.client()
        stack.callback(client.close)
        ingester = Ingester(made)
        stack.callback(ingester.close)
        api = replace(made.settings, data_dir=folder / "api", api=ApiSettings(port=port))
        worker = stack.enter_context(Working(made.settings))
        stack.enter_context(thread_of(run_alarms, made.settings))
        stack.enter_context(thread_of(run_api, api))
        for lane in Lane:
            ingester.put(lane, records[lane][:3])
        for stream in made.streams:
            with closing(Partition(client, topic_of(lane_of(stream)), partition_of(stream))) as log:
                log.append([(key, value) for key, value, _ in bad(stream)])
        with closing(Partition(client, EVENTS, events_partition("life-0"))) as events:
            events.append([(b"life-0", value) for value, _ in FOREIGN])
        for lane in Lane:
            ingester.put(lane, records[lane][3:])
        worked(worker, ends_of(made))
        yield made, f"http://127.0.0.1:{port}/api/v1"


def waiting(base):
    """Return the refused messages that wait, once there are any."""
    try:
        return httpx.get(f"{base}/quarantine", params={"limit": 1_000}, timeout=10).json()["items"]
    except httpx.HTTPError:
        return []


def test_records(city):
    """Each message that is no record of its log waits for a person under that log, with the reason."""
    made, base = city
    wanted = [(stream, why) for stream in made.streams for _, _, why in bad(stream)]

    def found():
        rows = waiting(base)
        return [
            (stream, why)
            for stream, why in wanted
            if any(row["topic"] == stream and why in row["detail"] for row in rows)
        ]

    until(lambda: wanted == found(), 30, 0.5)
    assert len(wanted) == len([row for row in waiting(base) if row["topic"] in made.streams])


@pytest.fixture(scope="module")
def foreign(city):
    """Return the messages that no worker of ours told, as they wait before a person looks at them."""
    _, base = city

    def found():
        return [row for row in waiting(base) if row["topic"] == f"{EVENTS}-{events_partition('life-0')}"]

    return until(lambda: len(found()) == len(FOREIGN) and found(), 30, 0.5)


def test_what_workers_did_not_tell(foreign):
    """Each message that no worker of ours told waits with the reason; one with a fire in it says so."""
    rows = foreign

    assert [True] * len(FOREIGN) == [why in row["detail"] for row, (_, why) in zip(rows, FOREIGN, strict=True)]
    assert ["", "", "", "fire", "fire"] == [row["alarm"] for row in rows]
    assert ["bulk"] * 3 + ["life"] * 2 == [row["lane"] for row in rows]


def test_a_person_who_believes_it(city, foreign):
    """What a person takes in again becomes the alarm that it tells of; what is nothing stays where it is."""
    _, base = city
    fires = [row["id"] for row in foreign if row["alarm"]]
    nonsense = foreign[0]["id"]
    answer = httpx.post(f"{base}/quarantine/retry", json={"ids": [*fires, nonsense]}, timeout=20)

    assert {"moved": 2} == answer.json()
    subjects = [item["subject"] for item in httpx.get(f"{base}/alarms", timeout=10).json()["items"]]
    assert {"place:91", "place:92"} <= set(subjects)
    assert nonsense in [row["id"] for row in waiting(base)]
