"""`kill -9` between every step of delivery: each message reaches each receiver at least once, under one id.

A child lives through a fire and some ordinary alarms in virtual time, with one receiver that is away for a
while, and is killed by a real SIGKILL at a numbered point: before or after a commit, before or after a sending.
We then go on as the platform does after a restart.
"""

import json
import os
import shutil
import signal

import pytest
from sqlalchemy import event

from park.delivery import Channel, Outcome, Target, Verdict
from park.events import AlarmState
from park.metrics import Lane
from runtime.delivery import Courier
from runtime.storage.sql.delivery_dispatches import SqlDispatches
from runtime.storage.sql.delivery_facts import Basis
from runtime.storage.sql.delivery_targets import SqlTargets
from tests.alerts.alarm_house import Alarms
from tests.alerts.alarm_words import MINUTE, NOW, SECOND, fire, limit

pytestmark = pytest.mark.slow
RUNS = 200 if os.environ.get("PARK_LONG") else 12

TIMES = tuple(NOW + s * SECOND for s in (0, 1, 5, 31, 36, 70, 130, 180, 190, 250, 600, 3_600, 7_200, 10_800))
LOG = (
    (0, Lane.LIFE, [fire()]),
    (SECOND, Lane.BULK, [limit(NOW + 1_000, point=40 + k) for k in range(3)]),
    (5 * SECOND, Lane.LIFE, [fire(NOW, NOW + 5_000, device=8, confirmed=True)]),
    (3 * MINUTE, Lane.BULK, [limit(NOW + 1_000, NOW + 180_000, point=40, state=AlarmState.CLEARED)]),
)


class Life:
    """Alarms and a courier in virtual time; what is sent is a line in a file that outlives a kill."""

    def __init__(self, path, lines, point=lambda: None):
        self.alarms = Alarms(path)
        self.dispatches = SqlDispatches(self.alarms.database, lambda _: Basis())
        self.courier = Courier(self.dispatches, self.send, lambda: self.alarms.now, lambda: 0.0)
        self._lines = lines
        self._point = point
        engine = self.alarms.database._engine
        event.listen(engine, "commit", lambda _: point())
        self.after = point

    def send(self, batch, now):
        """Take a message, unless the receiver is away: the second one is, for two minutes."""
        self._point()
        if batch.target.name == "b" and now < NOW + 2 * MINUTE:
            return Verdict(Outcome.LATER, "HTTP 503")
        told = [[batch.target.name, batch.id, d.id, d.facts.notification, d.facts.case] for d in batch.dispatches]
        with self._lines.open("a") as file:
            file.write(json.dumps(told) + "\n")
        self._point()
        return Verdict(Outcome.DELIVERED, "ok")

    def live(self, start):
        """Go on from a time; the log is read whole, as after a restart."""
        self.dispatches.release()
        for now in (t for t in TIMES if t >= start):
            self.alarms.now = now
            for position, (after, lane, events) in enumerate(LOG, 1):
                if NOW + after <= now:
                    self.alarms.events.apply(lane, position, events)
                    self.after()
            self.alarms.store.turn(now)
            while True:
                self.dispatches.spread(now)
                self.after()
                found = self.dispatches.claim(now, lease=MINUTE, busy=frozenset(), ready=lambda *_: True)
                self.after()
                for batch in found:
                    self.courier.bring(batch)
                    self.after()
                if not found:
                    break


def read(lines):
    """Return what was told: (receiver, message, dispatch, notification, case), in order."""
    return [tuple(row) for line in lines.read_text().splitlines() for row in json.loads(line)]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Return a database with two receivers, what an undisturbed run tells them, and how many points it passes."""
    folder = tmp_path_factory.mktemp("delivery-kill")
    alarms = Alarms(folder / "empty.db")
    for name in ("a", "b"):
        SqlTargets(alarms.database).save(
            Target(name, Channel.WEBHOOK, "https://x.example/", rate=6_000), actor="test", now=NOW
        )
    alarms.close()
    passed = []
    life = Life(shutil.copy(folder / "empty.db", folder / "whole.db"), folder / "lines", lambda: passed.append(1))
    life.live(NOW)
    count = len(passed)
    states = {d.state.value for d in life.dispatches.list(limit=1_000)}
    life.alarms.close()
    assert {"delivered"} == states
    return folder / "empty.db", read(folder / "lines"), count


def killed(path, lines, point):
    """Live in a child that is killed at a point; return the time that it had come to, and whether it was."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        passed = 0

        def at():
            nonlocal passed
            passed += 1
            if passed == point:
                os.write(writer, str(life.alarms.now).encode())
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            life = Life(path, lines, at)
            life.live(NOW)
        finally:
            os._exit(7)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    came_to = os.read(reader, 100)
    os.close(reader)
    return int(came_to or NOW), os.WIFSIGNALED(status)


def test_kill_at_every_step(undisturbed, tmp_path):
    """After a kill anywhere, everybody is told all of it, of each alarm in order, and no more than one twice."""
    empty, whole, count = undisturbed
    expected = {(name, note) for name, _, _, note, _ in whole}
    ids = {(name, note): dispatch for name, _, dispatch, note, _ in whole}
    runs = 0
    for point in range(1, count + 1, max(1, count // RUNS)):
        path, lines = tmp_path / f"{point}.db", tmp_path / f"{point}.lines"
        shutil.copy(empty, path)
        lines.touch()
        since, was_killed = killed(path, lines, point)
        life = Life(path, lines)
        life.live(since)
        told = read(lines)

        assert was_killed
        assert expected == {(name, note) for name, _, _, note, _ in told}, point
        assert ids == {(name, note): dispatch for name, _, dispatch, note, _ in told}, point
        assert len(told) - len(expected) <= 3, point  # at most the one message that was on its way
        assert {"delivered"} == {d.state.value for d in life.dispatches.list(limit=1_000)}, point
        for name in ("a", "b"):
            for case in {row[4] for row in told}:
                order = list(dict.fromkeys(n for x, _, _, n, c in told if (x, c) == (name, case)))
                assert [n for x, _, _, n, c in whole if (x, c) == (name, case)] == order, point
        life.alarms.close()
        path.unlink()
        runs += 1

    assert RUNS <= runs
