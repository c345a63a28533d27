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
from park.delivery import Channel, Target
from park.metrics import Lane
from park.model import Device, Park, Place, PlaceKind, Point
from park.settings import DeliverySettings, Settings
from runtime.delivery import Courier
from runtime.delivery_network import Network
from runtime.delivery_send import Sender
from runtime.house import House
from runtime.storage.sql.delivery_dispatches import SqlDispatches
from runtime.storage.sql.delivery_facts import Basis
from runtime.storage.sql.delivery_targets import SqlTargets
from tests.alerts.alarm_house import Alarms
from tests.alerts.alarm_words import NOW, anomaly, burns, passes
from tests.alerts.receivers import Receiver

FIRES = 150
OPEN = 10_000


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
    """Ten thousand findings in ten seconds of the log, and a fire among them."""
    alarms = Alarms(work / "flood.db")
    SqlTargets(alarms.database).save(Target("desk", Channel.WEBHOOK, "http://x", rate=6_000), actor="bench", now=NOW)
    dispatches = SqlDispatches(alarms.database, lambda _: Basis())
    told: list[tuple[float, list[str], bool]] = []
    began = time.monotonic()
    settings = DeliverySettings()
    network = Network(settings, time.monotonic)
    words = Sender(settings, network, {})

    def send(batch, now):
        from park.delivery import Outcome, Verdict

        words.message(batch, now)
        told.append((time.monotonic() - began, [d.facts.family for d in batch.dispatches], batch.life))
        return Verdict(Outcome.DELIVERED, "ok")

    alarms.now = NOW
    courier = Courier(dispatches, send, lambda: alarms.now, time.monotonic)
    courier.start()
    fire_raised = 0.0
    for step in range(100):
        alarms.now = NOW + step * 100
        alarms.store.trigger([anomaly(alarms.now, point=step * 100 + k + 1) for k in range(100)], alarms.now)
        if step == 50:
            fire_raised = time.monotonic() - began
            alarms.store.trigger([burns(alarms.now)], alarms.now)
        courier.wake()
    took = time.monotonic() - began
    alarms.now = NOW + 40_000
    alarms.store.turn(alarms.now)
    for _ in range(100):
        courier.wake()
        if dispatches.next_due() is None or dispatches.next_due() > alarms.now:
            break
        time.sleep(0.1)
    courier.stop()
    network.close()
    cases = alarms.store.cases(CaseFilter(), limit=10_000)
    total = len(cases) + len(alarms.store.cases(CaseFilter(open=False), limit=10_000))
    alarms.close()
    fire_told = next((at for at, _, life in told if life), float("inf"))
    return {
        "flood_findings": 10_000,
        "flood_alarms_kept": total,
        "flood_taken_in_s": round(took, 1),
        "flood_messages": len(told),
        "flood_summary": sum("flood" in families for _, families, _ in told),
        "flood_fire_told_after_ms": round((fire_told - fire_raised) * 1_000, 1),
        "flood_ordinary_before_fire": sum(at < fire_told for at, _, life in told if not life),
    }
