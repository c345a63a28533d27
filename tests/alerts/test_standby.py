"""A fire that the database lets nowhere is told straight, once, to those on duty, under the id that it has anyhow."""

import threading
from dataclasses import replace

import pytest

from alerts.escalation import Duty
from park.delivery import Channel, Outcome, Target, Verdict
from park.duty import Chain, Step
from park.events import AlarmState, DeviceStatus, Reason, Status
from park.metrics import Lane
from runtime.receipts import Receipts
from runtime.standby import EVERYBODY, Known, Standby
from tests.alerts.alarm_words import HOUR, NOW, fire, limit
from tests.tools import until

STATUS = DeviceStatus(1, Status.SILENT, NOW, NOW, Reason.SILENT, 1)


class Told:
    """A standby over nothing but given words, whose time is ours, and what it sends."""

    def __init__(self, known=None, verdict=Outcome.DELIVERED):
        self.sent, self.at, self.turned, self.now = [], 0.0, -1.0, NOW
        self.receipts = Receipts()
        self.verdict = verdict
        self._lock = threading.Lock()
        self.known = known or Known((target("desk"),))
        self.standby = Standby(
            lambda: self.known, self.send, self.receipts, lambda: self.turned, lambda: self.now, lambda: self.at, 8.0
        )
        self.standby.learn()

    def send(self, batch, _):
        """Take a message."""
        with self._lock:
            self.sent.append((batch.target.name, batch.id, batch.dispatches[0].facts.notification))
        return Verdict(self.verdict, "ok")

    def look(self, at):
        """Look at a time; return to whom messages went by then."""
        self.at = at
        self.standby.look()
        until(lambda: not self.standby._busy)
        return [name for name, _, _ in self.sent]


def target(name, **more):
    """Return a receiver."""
    return Target(name, Channel.WEBHOOK, "http://127.0.0.1:9/x", **more)


class TestWatch:
    def test_in_time(self):
        """What the database has and the courier has looked after is told by nobody else."""
        told = Told()
        told.standby.heard(Lane.LIFE, fire())
        told.standby.through(fire())
        told.turned = 0.5

        assert ([], 0) == (told.look(9.0), told.standby.waiting)

    def test_written_and_not_fetched(self):
        """What is written and lies there, for the courier cannot read it, is told."""
        told = Told()
        told.standby.heard(Lane.LIFE, fire())
        told.standby.through(fire())

        assert [[], ["desk"]] == [told.look(7.9), told.look(8.0)]

    def test_once(self):
        """However often it looks, a receiver that has it is told once, by the id that its dispatch will have."""
        told = Told()
        told.standby.heard(Lane.LIFE, fire())
        for at in (8.0, 8.5, 60.0, EVERYBODY, 2 * EVERYBODY):
            told.look(at)

        assert [("desk", f"{fire().id}/all")] == [(name, note) for name, _, note in told.sent]
        assert "ok" == told.receipts.of(told.sent[0][1])

    def test_who_has_it_already(self):
        """A receiver that the courier has reached is not told again."""
        first = Told()
        first.standby.heard(Lane.LIFE, fire())
        first.look(8.0)
        told = Told()
        told.receipts.put(first.sent[0][1], "seen")
        told.standby.heard(Lane.LIFE, fire())

        assert [] == told.look(8.0)

    @pytest.mark.parametrize("event", [limit(), STATUS, fire(state=AlarmState.CLEARED), replace(fire(), family="test")])
    def test_nothing_else(self, event):
        """Only what burns now is told so; the rest waits for the database."""
        told = Told()
        told.standby.heard(Lane.LIFE, event)

        assert [] == told.look(100.0)

    @pytest.mark.parametrize(("state", "sent"), [(AlarmState.LATCHED, ["desk"]), (AlarmState.CLEARED, [])])
    def test_history(self, state, sent):
        """To what a log tells again of hours ago people are called where it still stands a while later."""
        told = Told()
        told.now = NOW + 3 * HOUR
        told.standby.heard(Lane.LIFE, fire(), live=False)
        told.standby.heard(Lane.LIFE, fire(state=state, at=NOW + HOUR), live=False)

        assert [[], sent] == [told.look(17.9), told.look(18.0)]

    def test_what_happens_now_and_ends(self):
        """A fire of now that ends at once is told all the same."""
        told = Told()
        told.standby.heard(Lane.LIFE, fire())
        told.standby.heard(Lane.LIFE, fire(state=AlarmState.CLEARED))

        assert ["desk"] == told.look(8.0)

    def test_those_on_duty_first(self):
        """The first step of the chain says who is told; after three minutes everybody is."""
        chain = Chain("x", (Step(0, ("target:first",)),), id=1)
        known = Known((target("first"), target("second")), Duty((chain,)))
        told = Told(known)
        told.standby.heard(Lane.LIFE, fire())

        assert ["first"] == told.look(8.0)
        assert {"first", "second"} == set(told.look(EVERYBODY))
