"""`kill -9` at every commit: what was committed is whole, and going on gives what an undisturbed run gives.

A child process lives through some hours of alarms in virtual time, and is killed by a real SIGKILL just before
a numbered commit, or just after it. We then go on as the platform does after a restart: the log is read again
from its beginning, people try again what was not answered, the outbox is claimed anew.
"""

import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, select

from park.alarm_ports import CaseFilter
from park.alarms import CaseVerb, TransitionReason, Verdict
from park.duty import Matcher, MatchOperator, Silence
from park.errors import Conflict
from park.events import AlarmState, DeviceStatus, Finding, Reason, Severity, Status
from park.metrics import Lane
from runtime.storage.sql.tables_alarms import case_timers
from tests.alerts.alarm_house import Alarms
from tests.alerts.alarm_words import HOUR, MINUTE, NOW, SECOND, does, fire, limit

pytestmark = pytest.mark.slow
LEASE = MINUTE
COMMITS = 82  # points that are tried: one more than the scenario has
STEP = 1 if os.environ.get("PARK_LONG") else 5  # every fifth of them in the suite; all of them in the long form

# (ms from the beginning, what happens). Records of the log are numbered by their place.
SCENARIO = (
    (0, "log", Lane.LIFE, [fire()]),
    (10, "log", Lane.BULK, [fire(NOW + 10)]),  # the other lane hears it, too
    (20, "send"),
    (5 * SECOND, "log", Lane.BULK, [limit(NOW + 5_000), limit(NOW + 5_000, point=41, severity=Severity.MEDIUM)]),
    (6 * SECOND, "log", Lane.LIFE, [fire(NOW, NOW + 6_000, device=8, confirmed=True)]),
    (7 * SECOND, "act", "fire", does(CaseVerb.ACKNOWLEDGE, note="act 1")),
    (8 * SECOND, "log", Lane.LIFE, [fire(NOW, NOW + 8_000, device=9, confirmed=True)]),
    (9 * SECOND, "act", "fire", does(CaseVerb.COMMENT, note="act 2")),
    (70 * SECOND, "turn"),
    (71 * SECOND, "send"),
    (2 * MINUTE, "log", Lane.BULK, [DeviceStatus(3, Status.GATEWAY_DOWN, NOW + 120_000, NOW, Reason.GATEWAY_DOWN, 1)]),
    (3 * MINUTE, "silence"),
    (4 * MINUTE, "log", Lane.BULK, [
        Finding("anomaly", 50, NOW + 240_000, NOW + 240_000, Severity.HIGH, Reason.UNUSUAL, 1.0, park=1),
        *(limit(NOW + 240_000 + k, point=60 + k) for k in range(12)),
    ]),
    (5 * MINUTE, "turn"),
    (6 * MINUTE, "act", "fire", does(CaseVerb.RESET, note="act 3", why=TransitionReason.VIDEO_CLEAR)),
    (7 * MINUTE, "log", Lane.LIFE, [
        replace(fire(NOW, NOW + 420_000, confirmed=True), state=AlarmState.CLEARED, reason=Reason.PERSON_RESET)]),
    (7 * MINUTE + 1, "log", Lane.BULK, [
        replace(fire(NOW + 10, NOW + 420_001), state=AlarmState.CLEARED, reason=Reason.PERSON_RESET)]),
    (8 * MINUTE, "act", "fire", does(CaseVerb.ACKNOWLEDGE, note="act 4")),
    (9 * MINUTE, "act", "fire", does(CaseVerb.CLOSE, note="act 5", verdict=Verdict.UNWANTED)),
    (20 * MINUTE, "turn"),
    (2 * HOUR, "turn"),
    (3 * HOUR, "send"),
    (4 * HOUR, "send"),  # what was claimed and not told is due again after its lease
)  # fmt: skip


def live(alarms, received, begin=0, step=lambda _: None):
    """Go through the scenario: from its beginning, or on from the step at which a kill fell; the log always whole."""
    position = 0
    for number, (after, what, *given) in enumerate(SCENARIO):
        now = alarms.now = NOW + max(after, SCENARIO[begin][0])
        if number < begin and what != "log":
            continue
        step(number)
        if what == "log":
            lane, events = given
            position += 1
            alarms.events.apply(lane, position, events)
        elif what == "act":
            family, asked = given
            (case,) = alarms.store.cases(CaseFilter(open=None, family=family))
            if asked.note not in {line.note for line in alarms.store.history(case.id)}:
                alarms.store.act(case.id, asked, now)
        elif what == "silence":
            if not alarms.plans.plans(Silence):
                points = (Matcher("point", MatchOperator.MATCHES, "6."),)
                alarms.plans.save(Silence(points, now, now + HOUR, "li", "x"), actor="li", now=now)
        elif what == "turn":
            alarms.store.turn(now)
        else:
            while claimed := alarms.outbox.claim(now, lease=LEASE):
                for d in claimed:
                    received(d.notification.id)
                    alarms.outbox.delivered(d.notification.id, "ok", now)


def all_of(alarms):
    """Return everything that lasts, without the numbers of rows: cases, histories, messages, timers."""
    cases = alarms.store.cases(CaseFilter(open=None), limit=1_000)
    lines = {c.id: [replace(line, id=0) for line in alarms.store.history(c.id)] for c in cases}
    messages = {d.notification.id: (d.notification, d.state) for d in alarms.outbox.deliveries(limit=10_000)}
    with alarms.database.read() as connection:
        timers = sorted(tuple(row) for row in connection.execute(select(case_timers)))
    return {c.id: c for c in cases}, lines, messages, timers


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Return an empty database, what an undisturbed run makes of it, and how many commits it takes."""
    folder = tmp_path_factory.mktemp("kill")
    Alarms(folder / "empty.db").close()
    alarms = Alarms(shutil.copy(folder / "empty.db", folder / "whole.db"))
    commits, got = [], []
    event.listen(alarms.database._engine, "commit", commits.append)
    live(alarms, got.append)
    count = len(commits)
    whole = all_of(alarms)
    alarms.close()
    return folder / "empty.db", whole, count, set(got)


def killed(path: Path, point: int, *, after: bool) -> int:
    """Live in a child process that is killed at a numbered commit; return how it ended."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    count = 0

    def commit(_):
        nonlocal count
        count += 1
        if count == point and not after:
            os.kill(os.getpid(), signal.SIGKILL)

    def begin(_):
        if count >= point and after:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        alarms = Alarms(path)
        event.listen(Engine, "commit", commit)
        event.listen(Engine, "begin", begin)
        with path.with_suffix(".received").open("a", buffering=1) as out:
            live(alarms, lambda key: out.write(f"{key}\n"), step=lambda k: path.with_suffix(".step").write_text(str(k)))
    finally:
        os._exit(0)


def test_scenario_is_rich(undisturbed):
    """The undisturbed run has enough of everything to be disturbed: cases, calls, suppression, a flood."""
    _, (cases, lines, messages, _), commits, got = undisturbed
    verbs = {line.verb for of_case in lines.values() for line in of_case}

    assert {"fire", "limit.over_voltage", "device", "finding.anomaly"} <= {c.family for c in cases.values()}
    assert {CaseVerb.WORSEN, CaseVerb.JOIN, CaseVerb.ESCALATE, CaseVerb.SUPPRESS, CaseVerb.UNSUPPRESS} <= verbs
    assert COMMITS - 1 == commits
    assert {key for key, (_, state) in messages.items() if state == "delivered"} == got


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("point", range(1, COMMITS, STEP))
def test_killed(undisturbed, tmp_path, point, after):
    """Whatever commit the kill falls on: each alarm once, each message at least once, the timers as undisturbed."""
    empty, whole, commits, got = undisturbed
    path = Path(shutil.copy(empty, tmp_path / "park.db"))
    ended = killed(path, point, after=after)
    assert ended == signal.SIGKILL or point >= commits

    received = []
    alarms = Alarms(path)
    try:
        live(alarms, received.append, int(path.with_suffix(".step").read_text()))
        found = all_of(alarms)
    finally:
        alarms.close()
    received += path.with_suffix(".received").read_text().split()

    for there, expected in zip(found[:2], whole[:2], strict=True):
        assert expected == there
    assert set(whole[2]) == set(found[2])
    assert got <= set(received)
    assert whole[3] == found[3]


def test_conflict_is_no_crash(undisturbed, tmp_path):
    """What a person tries again after a crash that came behind the commit is refused, not done twice."""
    alarms = Alarms(shutil.copy(undisturbed[0], tmp_path / "park.db"))
    alarms.events.apply(Lane.LIFE, 1, [fire()])
    alarms.store.act(1, does(CaseVerb.ACKNOWLEDGE), NOW)
    with pytest.raises(Conflict):
        alarms.store.act(1, does(CaseVerb.ACKNOWLEDGE), NOW)
    alarms.close()
