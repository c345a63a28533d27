"""Whatever happens in whatever order: what must always hold of cases in SQL."""

from contextlib import suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from alerts.lifecycle import PERSONS
from park.alarm_ports import CaseFilter
from park.alarms import CaseState, CaseVerb, DeliveryState, TransitionReason, Verdict
from park.duty import Matcher, MatchOperator, Silence
from park.errors import Conflict, Forbidden, UserError
from park.events import AlarmState, Severity, Status
from park.metrics import Lane
from tests.alerts.alarm_house import Alarms
from tests.alerts.alarm_words import HOUR, MINUTE, NOW, anomaly, burns, does, health, passes

places = st.integers(1, 3)
lanes = st.sampled_from(list(Lane))


class CasesMachine(RuleBasedStateMachine):
    """Triggers, people and time, in any order."""

    @initialize()
    def begin(self):
        """Open an empty database."""
        self.alarms = Alarms("sqlite://")  # in memory: nothing here is about disks
        self.now = NOW
        self.standing = {}  # (lane, family, subject) -> beginning of its condition
        self.seen = {}  # case -> its version when we looked last

    def teardown(self):
        """Leave nothing behind."""
        if hasattr(self, "alarms"):
            self.alarms.close()

    def tell(self, trigger):
        """Tell one trigger, now."""
        self.alarms.store.trigger([trigger], self.now)

    @rule(place=places, device=st.integers(1, 4), lane=lanes, confirmed=st.booleans())
    def burn(self, place, device, lane, confirmed):
        """Tell of a fire, or of more of it."""
        since = self.standing.setdefault((lane, "fire", place), self.now)
        self.tell(burns(since, self.now, lane, place=place, device=device, confirmed=confirmed))

    @rule(place=places, lane=lanes, state=st.sampled_from([AlarmState.LATCHED, AlarmState.CLEARED]))
    def burn_out(self, place, lane, state):
        """Tell that a fire's values are back, or that it was reset."""
        since = self.standing.get((lane, "fire", place))
        if since is not None:
            self.tell(burns(since, self.now, lane, place=place, state=state))
            if state is AlarmState.CLEARED:
                del self.standing[lane, "fire", place]

    @rule(point=st.integers(1, 15), severity=st.sampled_from(list(Severity)))
    def pass_limit(self, point, severity):
        """Tell of a passed limit."""
        since = self.standing.setdefault(("bulk", "limit", point), self.now)
        self.tell(passes(since, self.now, point=point, severity=severity))

    @rule(point=st.integers(1, 15))
    def come_back(self, point):
        """Tell that a value is back."""
        since = self.standing.pop(("bulk", "limit", point), None)
        if since is not None:
            self.tell(passes(since, self.now, point=point, state=AlarmState.CLEARED))

    @rule(point=st.integers(1, 3))
    def find(self, point):
        """Tell of a finding."""
        self.tell(anomaly(self.now, point=point))

    @rule(device=st.integers(1, 3), status=st.sampled_from([Status.SILENT, Status.ONLINE, Status.GATEWAY_DOWN]))
    def ail(self, device, status):
        """Tell of a device's health."""
        self.tell(health(device, status, self.now))

    @rule(
        key=st.integers(1, 12),
        verb=st.sampled_from(sorted(PERSONS - {CaseVerb.ATTACH})),
        why=st.sampled_from([TransitionReason.PERSON, TransitionReason.CONFIRMED_CLEAR]),
        verdict=st.sampled_from([None, Verdict.REAL]),
        data=st.data(),
    )
    def do(self, key, verb, why, verdict, data):
        """Let a person do something, sensible or not."""
        cases = self.alarms.store.cases(CaseFilter(open=None), limit=100)
        if not cases:
            return
        case = cases[key % len(cases)]
        version = data.draw(st.sampled_from([None, case.version, case.version + 1]))
        asked = does(verb, note="words", until=self.now + HOUR, why=why, verdict=verdict)
        with suppress(Conflict, Forbidden, UserError):
            self.alarms.store.act(case.id, asked, self.now, version=version)
            assert version in {None, case.version}

    @rule(lasts=st.sampled_from([MINUTE, HOUR]))
    def silence(self, lasts):
        """Silence everything for a while."""
        everything = (Matcher("family", MatchOperator.MATCHES, ".*"),)
        self.alarms.plans.save(Silence(everything, self.now, self.now + lasts, "li", "x"), actor="li", now=self.now)

    @rule(passed=st.sampled_from([1_000, MINUTE, 7 * MINUTE, 2 * HOUR]))
    def turn(self, passed):
        """Let time pass."""
        self.now += passed
        self.alarms.store.turn(self.now)
        assert 0 == self.alarms.store.turn(self.now)  # what is due is done once

    @invariant()
    def holds(self):
        """See that what must hold does."""
        if not hasattr(self, "alarms"):
            return
        cases = self.alarms.store.cases(CaseFilter(open=None), limit=1_000)
        opened = [c.key for c in cases if c.closed is None]
        assert len(opened) == len(set(opened))
        told = {}
        for d in self.alarms.outbox.deliveries(limit=10_000):
            told.setdefault(d.notification.case, []).append(d)
        for case in cases:
            assert case.version >= self.seen.get(case.id, 0)
            if case.life:
                assert () == case.held_back
                assert any(d.notification.life for d in told[case.id])
                assert all(d.state is DeliveryState.WAITING for d in told[case.id])  # nothing takes it back
            if self.seen.get(case.id) != case.version:
                self.unbroken(case)
            self.seen[case.id] = case.version
        burning = {("fire", f"place:{place}") for _, family, place in self.standing if family == "fire"}
        assert burning <= {(c.family, c.subject) for c in cases if c.closed is None or c.reset_asked is not None}

    def unbroken(self, case):
        """See that a case's history is one line from its beginning to what it is now."""
        lines = self.alarms.store.history(case.id)
        assert lines[0].before is None
        assert case.state is lines[-1].after
        state = None
        for line in lines:
            assert line.before in {state, CaseState.UNACKNOWLEDGED, CaseState.ACKNOWLEDGED}
            state = line.after


TestCases = CasesMachine.TestCase
TestCases.settings = settings(max_examples=12, stateful_step_count=40, deadline=None)
