"""Alarms: from the wire to a webhook beside a saturated bulk lane; ten thousand open ones; a thousand at once; a flood.

`alarms.fire_to_webhook_*`: publish to receipt at a loopback webhook, by a steady clock of one process.
"""

import json
import statistics
import threading
import time
from dataclasses import replace
from pathlib import Path

from bench.park_of_load import fill
from bench.platform import Load, platform
from park.alarm_ports import CaseFilter
from park.alarms import Act, CaseVerb
from park.delivery import Batch, Channel, Outcome, Target, Verdict
from park.events import Finding, Reason, Severity
from park.metrics import Lane
from park.model import Device, Park, Place, PlaceKind, Point
from park.settings import DeliverySettings, Settings
from runtime import clock
from runtime.dead_letters import DeadLetters
from runtime.delivery import Courier
from runtime.delivery_network import Network
from runtime.delivery_send import Sender
from runtime.event_writer import EventWriter
from runtime.house import House
from runtime.storage.sql.delivery_dispatches import SqlDispatches
from runtime.storage.sql.delivery_facts import Basis
from runtime.storage.sql.delivery_targets import SqlTargets
from tests.alerts.alarm_house import Alarms
from tests.alerts.alarm_words import NOW, burns, fire, passes
from tests.alerts.receivers import Receiver

FIRES = 150
OPEN = 10_000
FINDINGS, STEPS = 10_000, 100  # of a flood, and records that they come in


def measure(work: Path, seconds: float) -> dict[str, float]:
    """Return every figure of alarms."""
    found = {**fires(work / "alarms-fire", seconds), **many(work), **at_once(work), **flood(work)}
    return {f"alarms.{name}": value for name, value in found.items()}


def percentile(values: list[float], share: float) -> float:
    """Return the value below which a share of them lie."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def fires(folder: Path, seconds: float) -> dict[str, float]:
    """Raise fires one after the other, beside as much bulk as is taken."""
    folder.mkdir(parents=True)
    data = folder / "data"
    fill(replace(Settings(), data_dir=data), 2_000)
    with House.open(replace(Settings(), data_dir=data)) as house:
        save = lambda *things: house.registry.save(list(things), actor="bench", reason="", now=1_000)  # noqa: E731
        park = house.registry.get(Park, 1)
        units = save(*(Place(0, park.id, park.id, PlaceKind.BUILDING, f"f{n}", f"F{n}") for n in range(FIRES)))
        hour = 3_600_000
        detectors = save(
            *(Device(0, park.id, f"native:{park.code}/-/f{n}", "smoke_detector", f"F{n}", unit.id, lane=Lane.LIFE,
                     interval=24 * hour) for n, unit in enumerate(units))
        )  # fmt: skip
        save(*(Point(0, d.id, "smoke", source_key="smoke", interval=24 * hour) for d in detectors))
    with Receiver() as receiver, platform(data, PARK_WEBHOOK=receiver.url) as running:
        load = Load(running.mqtt, 4 * seconds, credit=True)
        took, over = [], threading.Event()

        def feed() -> None:
            begin = running.figures().get('park_messages_total{lane="bulk"}', 0.0)
            while not over.is_set() and load.running():
                done = running.figures().get('park_messages_total{lane="bulk"}', 0.0) - begin
                load.grant(int(done) + 60_000)
                over.wait(0.2)

        threading.Thread(target=feed, daemon=True).start()
        took = _raised(running, receiver, park.code)
        over.set()
        load.process.kill()
        load.process.wait()
    return {
        "fires": len(took),
        "fire_to_webhook_p50_ms": round(statistics.median(took), 1),
        "fire_to_webhook_p99_ms": round(percentile(took, 0.99), 1),
        "fire_to_webhook_max_ms": round(max(took), 1),
    }


def _raised(running, receiver: Receiver, code: str) -> list[float]:
    """Raise each detector once; return the ms until its receipt."""
    from paho.mqtt.client import Client
    from paho.mqtt.enums import CallbackAPIVersion

    client = Client(CallbackAPIVersion.VERSION2, "bench-alarms")
    client.connect("127.0.0.1", running.mqtt)
    client.loop_start()
    time.sleep(5)  # until the bulk lane is full
    took: list[float] = []
    for n in range(FIRES):
        at = time.monotonic()
        body = {"ts": time.time_ns() // 1_000_000, "v": {"smoke": True}}  # noqa: TID251 - devices have clocks
        client.publish(f"parks/{code}/life/-/f{n}", json.dumps(body), 1)
        seen = f'"place":"F{n}"'.encode()
        while not any(seen in content for _, _, content in list(receiver.got)) and time.monotonic() - at < 30:
            time.sleep(0.001)
        took.append((time.monotonic() - at) * 1_000)
    client.loop_stop()
    return took


def many(work: Path) -> dict[str, float]:
    """List and change among ten thousand open alarms."""
    alarms = Alarms(work / "many.db")
    for first in range(0, OPEN, 500):
        alarms.store.trigger([passes(point=n) for n in range(first + 1, first + 501)], NOW)
    listed, changed = [], []
    for n in range(300):
        at = time.perf_counter()
        alarms.store.cases(CaseFilter(), limit=100)
        listed.append((time.perf_counter() - at) * 1_000)
        at = time.perf_counter()
        alarms.store.act(n + 1, Act(CaseVerb.ACKNOWLEDGE, "wang"), NOW + n)
        changed.append((time.perf_counter() - at) * 1_000)
    alarms.close()
    return {
        "open": OPEN,
        "list_p99_ms": round(percentile(listed, 0.99), 2),
        "transition_p99_ms": round(percentile(changed, 0.99), 2),
    }


def at_once(work: Path) -> dict[str, float]:
    """Trigger the same alarm a thousand times from twenty threads."""
    alarms = Alarms(work / "once.db")

    def tell(first: int) -> None:
        for n in range(50):
            alarms.store.trigger([burns(NOW, NOW + first * 50 + n)], NOW + 1_000)

    threads = [threading.Thread(target=tell, args=(k,)) for k in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = alarms.store.cases(CaseFilter(), limit=10)
    alarms.close()
    return {"at_once_alarms": len(found), "at_once_count": found[0].count}


def flood(work: Path) -> dict[str, float]:
    """Ten thousand findings in ten seconds, by the clock, as lanes hand them over; and a fire in their midst."""
    alarms = Alarms(work / "flood.db")
    alarms.intake._now = clock.now
    SqlTargets(alarms.database).save(Target("desk", Channel.WEBHOOK, "http://x", rate=6_000), actor="bench", now=1)
    dispatches = SqlDispatches(alarms.database, lambda _: Basis())
    network = Network(DeliverySettings(), time.monotonic)
    words = Sender(DeliverySettings(), network, {})
    told: list[tuple[float, list[str], bool]] = []

    def send(batch: Batch, now: int) -> Verdict:
        words.message(batch, now)
        told.append((time.monotonic(), [d.facts.family for d in batch.dispatches], batch.life))
        return Verdict(Outcome.DELIVERED, "ok")

    courier = Courier(dispatches, send, clock.now, time.monotonic)
    alarms.store._told = lambda _cases, notified: courier.wake() if notified else None
    writer = EventWriter(alarms.events, DeadLetters(work / "refused.jsonl"))
    courier.start()
    writer.start()
    began, used, fire_raised = time.monotonic(), time.process_time(), 0.0
    for step in range(STEPS):
        now = clock.now()
        found = [
            Finding("anomaly", step * 100 + k + 1, now, now, Severity.HIGH, Reason.UNUSUAL, 9.0, park=1)
            for k in range(FINDINGS // STEPS)
        ]
        writer.put(Lane.BULK, step + 1, found)
        if step == STEPS // 2:
            fire_raised = time.monotonic()
            writer.put(Lane.LIFE, 1, [fire(now)])
        time.sleep(max(0.0, began + (step + 1) * 10 / STEPS - time.monotonic()))
    while writer.waiting:
        time.sleep(0.01)
    took, used = time.monotonic() - began, time.process_time() - used
    writer.stop()
    until = time.monotonic() + 60  # ordinary messages wait for company first
    while not any("flood" in families for _, families, _ in told) and time.monotonic() < until:
        time.sleep(0.1)
    courier.stop()
    network.close()
    kept = sum(len(alarms.store.cases(CaseFilter(family=f), limit=10_000)) for f in ("finding", "fire"))
    (summary,) = alarms.store.cases(CaseFilter(family="flood"))
    alarms.close()
    fire_told = next((at for at, _, life in told if life), float("inf"))
    return {
        "flood_findings": FINDINGS,
        "flood_alarms_kept": kept,
        "flood_counted_in_summary": summary.count,
        "flood_taken_in_s": round(took, 1),
        "flood_cpu_ms_a_finding": round(used * 1_000 / FINDINGS, 3),
        "flood_messages": len(told),
        "flood_summary": sum("flood" in families for _, families, _ in told),
        "flood_fire_told_after_ms": round((fire_told - fire_raised) * 1_000, 1),
        "flood_ordinary_before_fire": sum(fire_raised < at < fire_told for at, _, life in told if not life),
    }
