"""Log time never stops and never goes back, whatever happens to the clock; a fire is paged in order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lane_parts import CONFIG, MINUTE, START, Bench, Clock, message, until

from park.events import AlarmState, ConditionChange
from park.records import Batch, Command, Tick, Verb
from runtime.log_time import HOLD, Agreement, LogTime

DAY, HOUR = 86_400_000, 3_600_000


class Machine:
    """A machine whose clock somebody sets, and the log time of a lane on it."""

    def __init__(self, agreement=None):
        self.clock = Clock()
        self.time = LogTime(
            self.clock, lambda: self.clock.elapsed, lambda: self.clock.disciplined, agreement or Agreement()
        )

    def after(self, seconds, jump=0, floor=0):
        """Let time pass, set the clock by some ms; return log time since START, ms."""
        self.clock.elapsed += seconds
        self.clock.now += int(seconds * 1000) + jump
        return self.time.now(floor) - START


def stamps(*times):
    """Return times that devices gave themselves."""
    return np.array([START + t for t in times], np.int64)


class TestAhead:
    @pytest.mark.parametrize(("jump", "taken"), [(HOUR, True), (DAY - 1, True), (DAY + 1, False), (900 * DAY, False)])
    def test_how_far(self, jump, taken):
        """Up to a day the clock is taken at its word; beyond it time goes on by what has passed."""
        machine = Machine()
        machine.after(0)

        assert (10_000 + jump if taken else 10_000) == machine.after(10, jump)

    def test_back_again(self):
        """A jump that is taken back has left no trace."""
        machine = Machine()
        machine.after(0)
        machine.after(10, 9 * DAY)
        assert "9.0 days ahead" in machine.time.said

        assert (20_000, "") == (machine.after(10, -9 * DAY), machine.time.said)

    def test_nobody_contradicts(self):
        """A clock that stays where it is for minutes is believed."""
        machine = Machine()
        machine.after(0)
        machine.after(1, 9 * DAY)

        assert 1_000 * HOLD == machine.after(HOLD - 1)
        assert 9 * DAY + 1_000 * (HOLD + 1) == machine.after(1)

    def test_devices_contradict(self):
        """As long as devices tell the time that was expected, the clock is not believed."""
        machine = Machine()
        machine.after(0)
        machine.after(1, 9 * DAY)
        for n in range(1, 50):
            passed = machine.after(60)
            machine.time.witness(stamps(passed))
            assert 1_000 + n * MINUTE == passed

    def test_devices_confirm(self):
        """A device that tells the clock's time is enough."""
        machine = Machine()
        machine.after(0)
        machine.after(1, 9 * DAY)

        assert START + 9 * DAY + 1_000 == machine.time.witness(stamps(9 * DAY + 70_000))
        assert "" == machine.time.said

    def test_a_device_of_last_year(self):
        """A clock far behind tells nothing: it neither confirms nor contradicts."""
        machine = Machine()
        machine.after(0)
        machine.after(1, 9 * DAY)
        for _ in range(7):
            machine.after(60)
            machine.time.witness(stamps(-300 * DAY))

        assert machine.time.now(0) - START > 9 * DAY

    def test_the_kernel_confirms(self):
        """Where a time server keeps the clock, it is right."""
        machine = Machine()
        machine.after(0)
        machine.clock.disciplined = True

        assert 9 * DAY + 1_000 == machine.after(1, 9 * DAY)

    def test_the_other_lane_confirms(self):
        """What a witness has told one lane holds for the other."""
        agreement = Agreement()
        machines = [Machine(agreement) for _ in range(2)]
        for machine in machines:
            machine.after(0)
            machine.after(1, 9 * DAY)
        machines[0].time.witness(stamps(9 * DAY))

        assert 9 * DAY + 2_000 == machines[1].after(1)

    def test_what_a_broker_kept(self):
        """Messages of a week that are read after it pull time along: none is dated by the first day."""
        machine = Machine()
        machine.after(0)
        machine.after(1, 7 * DAY)
        seen = [machine.time.witness(stamps(day * DAY)) - START for day in range(1, 8)]

        assert [*(day * DAY for day in range(1, 7)), 7 * DAY + 1_000] == seen


class TestBehind:
    def test_an_hour(self):
        """Time goes on at half pace until the clock has caught up, and then with it."""
        machine = Machine()
        machine.after(0)
        assert 30_000 == machine.after(60, -HOUR)
        assert "59 minutes behind" in machine.time.said

        assert [MINUTE, 31 * MINUTE, 60 * MINUTE, 61 * MINUTE] == [machine.after(s) for s in (60, 3600, 3480, 60)]
        assert (machine.clock.now, "") == (START + 61 * MINUTE, machine.time.said)

    def test_a_log_from_the_future(self):
        """Where the log is years ahead for whatever reason, its time goes on all the same."""
        machine = Machine()

        assert [800 * DAY, 800 * DAY + 30_000] == [machine.after(s, floor=START + 800 * DAY) for s in (0, 60)]


@given(st.lists(st.tuples(st.integers(0, 600), st.integers(-800 * DAY, 800 * DAY)), max_size=40))
def test_never_back(steps):
    """Whatever is done to the clock, log time rises, and by at least half of what has passed."""
    machine = Machine()
    before = machine.after(0)
    for seconds, jump in steps:
        now = machine.after(seconds, jump)
        assert now >= before + seconds * 500 - 1
        before = now


def ticks(bench):
    """Return the minutes since START that are in the log."""
    return [(r.now - START) // MINUTE for _, r in bench.log.read(0) if isinstance(r, Tick)]


def conditions(events):
    """Return what is told of conditions."""
    return [e for e in events if isinstance(e, ConditionChange)]


class TestLane:
    def test_a_clock_far_ahead(self, tmp_path):
        """A year ahead is not taken: ticks go on by what passes, health says so, and after it all is as ever."""
        bench = Bench(tmp_path).start()
        bench.clock.now += 365 * DAY
        bench.clock.elapsed += 120
        until(lambda: bench.worker.runner.tick == START + 2 * MINUTE)
        assert "365.0 days ahead" in bench.worker.state.clock
        bench.run(message("smoke", {"smoke": True}, START + 2 * MINUTE))
        bench.clock.now = START + 3 * MINUTE
        bench.clock.elapsed += 60
        until(lambda: bench.worker.runner.tick == START + 3 * MINUTE)
        bench.run(message("smoke", {"smoke": False}, START + 3 * MINUTE))
        bench.worker.stop(20)

        assert [0, 2, 3] == ticks(bench)
        assert [START + 2 * MINUTE, START + 3 * MINUTE] == [e.at for e in conditions(bench.published)]
        assert "" == bench.worker.state.clock
        bench.log.close()

    def test_after_a_week_of_rest(self, tmp_path):
        """A platform that rested takes the clock with the first message that agrees, and dates that message right."""
        first = Bench(tmp_path).start()
        first.run(message("meter", {"power": 1.0}))
        first.stop()
        again = Bench(tmp_path)
        again.clock.now += 7 * DAY
        again.start(configure=False)
        again.run(message("meter", {"power": 2.0}, START + 7 * DAY - 5_000))
        again.worker.stop(20)

        batches = [r for _, r in again.log.read(0) if isinstance(r, Batch)]
        assert [0, 7 * DAY] == [int(b.readings.received[0]) - START for b in batches]
        assert [START, START + 7 * DAY - 5_000] == [int(b.readings.ts[0]) for b in batches]
        again.log.close()

    def test_an_hour_back(self, tmp_path):
        """Ticks go on, a fire is paged, and its reset and what came before it stand in their order."""
        bench = Bench(tmp_path).start()
        bench.run(message("smoke", {"smoke": True}))
        bench.clock.now -= HOUR
        bench.clock.elapsed += 600
        until(lambda: bench.worker.runner.tick == START + 5 * MINUTE)
        bench.run(message("heat", {"heat": True}))
        bench.worker.submit(Command(Verb.RESET, bench.clock.now, "Lin", place=3)).result(20)
        bench.clock.elapsed += 120
        until(lambda: bench.worker.runner.tick == START + 6 * MINUTE)
        bench.run(message("smoke", {"smoke": True}))
        bench.stop()

        told = conditions(bench.published)
        states = ["fire.pre_alarm", "fire.confirmed", "fire.confirmed", "fire.pre_alarm"]
        assert states == [e.rule for e in told]
        assert [0, 5, 5, 6] == [(e.at - START) // MINUTE for e in told]
        assert AlarmState.CLEARED == told[2].state

    def test_a_reset_of_a_wrong_clock(self, tmp_path):
        """A person's reset that is stamped a month ahead ends what stands, and nothing that begins later."""
        bench = Bench(tmp_path).start()
        bench.run(message("smoke", {"smoke": True}))
        bench.worker.submit(Command(Verb.RESET, START + 30 * DAY, "Lin", place=3)).result(20)
        bench.clock.now += MINUTE
        bench.run(message("heat", {"heat": True}, START + MINUTE - 1_000))
        bench.stop()

        assert ["fire.pre_alarm", "fire.pre_alarm", "fire.pre_alarm"] == [e.rule for e in conditions(bench.published)]
        assert [AlarmState.ACTIVE, AlarmState.CLEARED, AlarmState.ACTIVE] == [
            e.state for e in conditions(bench.published)
        ]

    def test_a_tick_after_a_wrong_future(self, tmp_path):
        """A log that holds a tick of next year, from whatever time, is gone on with: time passes, fires are told."""
        first = Bench(tmp_path).start()
        first.stop()
        again = Bench(tmp_path)
        again.log.append([CONFIG, Tick(START + 365 * DAY)])
        again.start(configure=False)
        until(lambda: again.worker.state.clock)
        again.clock.elapsed += 240
        until(lambda: again.worker.runner.tick == START + 365 * DAY + 2 * MINUTE)
        again.run(message("smoke", {"smoke": True}))

        assert "minutes behind the log" in again.worker.state.clock
        again.stop()
        (fire,) = conditions(again.published)
        assert (fire.rule, fire.at >= START + 365 * DAY) == ("fire.pre_alarm", True)


class TestAnEngineWithAClock:
    """Kafka dates what is appended: one more witness, for a log into which several machines write."""

    def machine(self, ahead=0, engine=0):
        """Return a machine whose clock is ahead by some ms, and how to set the engine's clock; it is right at first."""
        machine = Machine()
        machine.said, begun = engine, machine.clock.elapsed
        machine.time = LogTime(
            machine.clock, lambda: machine.clock.elapsed, lambda: machine.clock.disciplined,
            engine=lambda: START + machine.said + int((machine.clock.elapsed - begun) * 1000),
        )  # fmt: skip
        machine.clock.now += ahead
        return machine

    @pytest.mark.parametrize("ahead", [HOUR // 2, 20 * HOUR, 9 * DAY])
    def test_ahead(self, ahead):
        """A clock that is ahead of the engine's and of what was expected is not believed, however long it stays so."""
        machine = self.machine()
        machine.after(0)

        assert 10_000 == machine.after(10, ahead)
        assert 10_000 + HOUR == machine.after(3_600)
        assert "hours ahead" in machine.time.said or "days ahead" in machine.time.said

    @pytest.mark.parametrize("floor", [0, START - 3 * DAY])
    def test_ahead_at_the_start(self, floor):
        """One that is ahead when we begin writes no tick of a time to come: time begins where the engine is."""
        assert 0 == self.machine(20 * HOUR).after(0, floor=floor)

    def test_a_rest(self):
        """After a rest of days the right clock is believed at once: the engine has the same."""
        machine = self.machine()

        assert 5_000 == machine.after(5, floor=START - 9 * DAY)
        assert "" == machine.time.said

    def test_the_engine_is_behind(self):
        """An engine that is behind by hours takes nothing from a clock that goes on as it was."""
        machine = self.machine(engine=-9 * HOUR)
        machine.after(0, floor=START)

        assert 60_000 == machine.after(60, floor=START)

    def test_devices_decide(self):
        """Where clock and engine contradict each other devices tell which one is right."""
        machine = self.machine(engine=-9 * HOUR)
        before = machine.after(0, floor=START - 10 * HOUR)
        said = machine.time.witness(stamps(0, 500))

        assert (-9 * HOUR, START, "") == (before, said, machine.time.said)

    def test_the_kernel_decides(self):
        """A clock that the kernel calls disciplined is right."""
        machine = self.machine(engine=-9 * HOUR)
        machine.clock.disciplined = True

        assert 0 == machine.after(0, floor=START - 10 * HOUR)
