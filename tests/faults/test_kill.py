"""The platform killed again and again in mid-load: nothing acknowledged is lost, nothing is there twice."""

import os
import random
from dataclasses import replace

import numpy as np
import pytest
from ground import Load, Platform, Speaker, found, wanted

from park.events import ActivityDay, ConditionChange, DeviceStatus, Finding
from park.metrics import Lane
from park.records import Batch
from park.settings import LogSettings
from park.wire import decode_event, encode_event
from runtime.broker import Broker, Kind, installed
from runtime.log import SegmentLog
from runtime.storage.sql.database import Database
from runtime.storage.sql.events import SqlEvents
from runtime.storage.sql.tables import condition_changes
from stream.pipeline import Pipeline
from stream.stages import bulk_stages, life_stages
from tests.tools import until

pytestmark = [
    pytest.mark.server,
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.skipif(not installed(Kind.MOSQUITTO), reason="mosquitto is not installed"),
]
LONG = bool(os.environ.get("PARK_LONG"))
KILLS = 20 if LONG else 5  # each costs a start; five fall on every moment that there is
ENDS = {6, 13} if LONG else {1, 3}  # kills before which it ends in order
RATE = 600.0  # messages a second, of four readings
STAGES = {Lane.LIFE: life_stages, Lane.BULK: bulk_stages}
AGAIN = 600  # messages said again after a kill: more of a meter than any stage remembers
SMALL = {"PARK_LOG_SEGMENT_BYTES": str(1 << 20), "PARK_STORE_MEMORY_ROWS": "20000"}  # so that much happens in little


def test_kills(tmp_path):
    """Killed again and again in mid-load, the platform has every acknowledged reading once and every finding once."""
    ids = found(tmp_path / "data")
    broker = Broker.start(tmp_path / "broker", kind=Kind.MOSQUITTO)
    platform = Platform(tmp_path / "data", broker.port, spare=True, **SMALL)
    try:
        platform.start()
        speaker = Speaker(broker.port)
        fires = _under_fire(platform, speaker)
        rows = platform.settled()
        messages = [m for m in speaker.acknowledged() if "/bulk/" in m[0]]
        assert len(speaker.sent) == len(speaker.acknowledged())
        assert [] == [row for row in rows if row["unexplained"]]
        assert sum(row["duplicate"] for row in rows) > KILLS * AGAIN
        for name, expected in wanted(messages).items():
            there = platform.stored(ids.points[name])
            assert sorted(expected) == there, name
        standing = {c["subject"]: c for c in platform.conditions(standing="true")}
        assert {f"place:{ids.places[n]}" for n, reset in fires if not reset} == set(standing) & {
            f"place:{p}" for p in ids.places
        }
        speaker.close()
        assert 0 == platform.end()
    finally:
        platform.close()
        broker.stop()
    _same_as_uninterrupted(tmp_path / "data")


def _under_fire(platform, speaker):
    """Kill and start again under load, one fire between two kills; return which detectors burn and were reset."""
    chance = random.Random(20)
    fires = []
    load = Load(speaker, platform.now, RATE)
    try:
        for n in range(KILLS):
            _wait_for(MOMENTS[n % len(MOMENTS)], platform, load, chance)
            fires.append((n, n % 3 == 0))
            speaker.say(f"parks/p/life/-/s{n:02d}", {"ts": platform.now(), "v": {"smoke": True}})
            if n % 3 == 0:
                speaker.say(f"parks/p/life/-/s{n:02d}", {"ts": platform.now() + 1, "v": {"smoke": False}})
            if n in ENDS:  # between kills a clean end, so that the next starts are from snapshots
                platform.ready()
                assert 0 == platform.end()
                platform.start(wait=False)
                _wait_for("taking", platform, load, chance)
            platform.kill()
            platform.start(wait=False)
            for topic, body, _ in speaker.sent[-AGAIN:]:  # a gateway that has heard nothing says it again
                speaker.say(topic, body)
        platform.ready()
    finally:
        load.pause()
    load.stop()
    return fires


MOMENTS = ("starting", "open", "taking", "taking", "storing")  # of a life, at which it may end


def _wait_for(moment, platform, load, chance):
    if moment == "starting":  # anywhere in the first seconds, also before anything is open
        enough = load.sent + chance.random() * 3 * RATE
        until(lambda: load.sent > enough)
        return
    figure = {"open": "park_log_bytes_total", "storing": "park_stored_readings_total"}
    name = figure.get(moment, "park_readings_total")
    begun = chance.random() * RATE
    until(lambda: sum(v for k, v in platform.figures().items() if k.startswith(name)) > begun, 60)


def _same_as_uninterrupted(folder):
    """Compare what is in SQL with what a fresh pipeline finds in the log, with and without the repetitions."""
    database = Database.open(folder / "park.db")
    try:
        events = SqlEvents(database)
        with database.read() as connection:
            bodies = [
                b
                for (b,) in connection.execute(
                    condition_changes.select()
                    .with_only_columns(condition_changes.c.body)
                    .order_by(condition_changes.c.seq)
                )
            ]
        there = {
            ConditionChange: [encode_event(decode_event(b)) for b in bodies],
            Finding: [encode_event(f) for f in events.findings(limit=10_000)],
            DeviceStatus: [encode_event(s) for s in events.health()],
        }
    finally:
        database.close()
    whole, once, repeated = [], [], 0
    for lane in Lane:
        log = SegmentLog(folder / "log" / lane, LogSettings(), lane)
        try:
            assert log.begin == 0
            records = [record for _, record in log.read(0)]
        finally:
            log.close()
        whole += _found(records, lane)
        single, n = _without_repetitions(records)
        once += _found(single, lane)
        repeated += n
    assert repeated > KILLS * AGAIN
    for events in (whole, once):
        assert sorted(there[ConditionChange]) == sorted(_bodies(events, ConditionChange))
        assert sorted(there[Finding]) == sorted(_bodies(events, Finding))
        newest = {e.device: e for e in events if isinstance(e, DeviceStatus)}
        assert sorted(there[DeviceStatus]) == sorted(map(encode_event, newest.values()))
    assert there[ConditionChange]


def _bodies(events, kind):
    return list({e.id: encode_event(e) for e in events if isinstance(e, kind)}.values())


def _found(records, lane):
    pipeline = Pipeline(STAGES[lane])
    events = []
    for record in records:
        pipeline.run(record, events.append)
    return [e for e in events if isinstance(e, ConditionChange | Finding | DeviceStatus | ActivityDay)]


def _without_repetitions(records):
    """Return the records with each reading once, as if no connection had ever broken, and how many were not first."""
    seen, kept, repeated = set(), [], 0
    for record in records:
        if not isinstance(record, Batch):
            kept.append(record)
            continue
        r = record.readings
        first = np.ones(len(r), np.bool_)
        for i, key in enumerate(zip(r.point.tolist(), r.ts.tolist(), r.value.tolist(), strict=True)):
            first[i] = key not in seen
            seen.add(key)
        repeated += int((~first).sum())
        kept.append(replace(record, readings=r.rows(first)))
    return kept, repeated
