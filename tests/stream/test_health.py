"""Health of devices: silence, gateways, stuck values, flapping, batteries."""

from contract import MINUTE, START, Case, contract_of, rows
from hypothesis import strategies as st

from park.events import Reason, Status
from park.metrics import Lane
from park.readings import Quality, batch_of
from park.records import Command, Config, DeviceRow, PlaceRow, PointRow, Tick, Verb
from stream.health import Health
from stream.pipeline import Pipeline

METER, METER_VOLTS, SMOKE, ONLINE, BATTERY, LOW, BEHIND_1, BEHIND_2, BEHIND_3 = range(1, 10)
CONFIG = Config(
    1, START,
    points=(
        PointRow(METER, "power", 1, 10, 9), PointRow(METER_VOLTS, "voltage", 1, 10, 9),
        PointRow(SMOKE, "smoke", 2, 10, 9), PointRow(ONLINE, "online", 1, 10, 9),
        PointRow(BATTERY, "battery", 2, 10, 9), PointRow(LOW, "low_battery", 3, 10, 9),
        *(PointRow(n, "temperature", n, 10, 9) for n in (BEHIND_1, BEHIND_2, BEHIND_3)),
    ),
    devices=(
        DeviceRow(1, 9, 10, Lane.BULK, "meter"),
        DeviceRow(2, 9, 10, Lane.LIFE, "smoke_detector", interval=20 * 60 * MINUTE),
        DeviceRow(3, 9, 10, Lane.BULK, "sensor", interval=10 * MINUTE),
        *(DeviceRow(n, 9, 10, Lane.BULK, "sensor", gateway=20) for n in (BEHIND_1, BEHIND_2, BEHIND_3)),
        DeviceRow(20, 9, 10, Lane.BULK, "gateway"),
    ),
    places=(PlaceRow(9, 9, 0, "park", "p"),),
)  # fmt: skip


def run(*steps, config=CONFIG):
    """Return (device, status, minutes) of what steps bring.

    A step is (point, value, minutes[, quality]), a minute to tick, or a record.
    """
    pipeline = Pipeline(lambda d: (Health(d),))
    told = []
    pipeline.run(config, told.append)
    for step in steps:
        if isinstance(step, tuple):
            number, value, at, *quality = step
            ts = START + int(at * MINUTE)
            batch = batch_of([(number, ts, float(value), int(*quality), ts)])
            pipeline.operators[0].on_batch(batch, told.append)
        elif isinstance(step, Command):
            pipeline.run(step, told.append)
        else:
            pipeline.run(Tick(START + step * MINUTE), told.append)
    return [(e.device, e.status, (e.at - START) / MINUTE) for e in told]


def deaf(since, until):
    """Return the record that nobody listened between two minutes."""
    arguments = {"since": str(START + since * MINUTE)}
    return Command(Verb.LISTEN, START + until * MINUTE, "platform", arguments=arguments)


class TestSilence:
    def test_silent_and_back(self):
        """A device that says nothing for 2.5 promised silences is silent, once, until it speaks."""
        assert [(1, Status.ONLINE, 1), (1, Status.SILENT, 3), (1, Status.ONLINE, 61)] == run(
            (METER, 1, 0), 1, 2, 3, 4, 60, (METER, 2, 60.5), 61
        )

    def test_life_safety_within_a_day(self):
        """A life-safety device is missed within 24 h, whatever it promised."""
        assert [(2, Status.ONLINE, 1), (2, Status.SILENT, 1441)] == run((SMOKE, 0, 0), 1, 1440, 1441)

    def test_nobody_listened(self):
        """The time in which nobody listened is no silence; what is left of the patience counts from its end."""
        assert [(1, Status.ONLINE, 1), (1, Status.SILENT, 33)] == run(
            (METER, 1, 0), 1, deaf(1, 31), 31, 32, 33, 34
        )  # 2.5 minutes: one before the stop, the rest after it

    def test_silent_before_and_after(self):
        """Who was silent before nobody listened is silent after it, and neither comes nor goes."""
        assert [(1, Status.ONLINE, 1), (1, Status.SILENT, 5)] == run((METER, 1, 0), 1, 5, deaf(5, 35), 35, 36, 40)

    def test_gateways_of_a_time_in_which_nobody_listened(self):
        """A gateway that speaks through the devices behind it is not down for a time in which nobody listened."""
        spoken = [(n, 20, 0) for n in (BEHIND_1, BEHIND_2, BEHIND_3)]
        again = [(n, 21, 31.5) for n in (BEHIND_1, BEHIND_2, BEHIND_3)]
        told = run(*spoken, 1, deaf(1, 31), 31, 32, *again, 33)

        assert {Status.ONLINE} == {status for _, status, _ in told}

    def test_retained_is_no_sign_of_life(self):
        """A message that the broker kept does not bring a silent device back."""
        assert [(1, Status.ONLINE, 1), (1, Status.SILENT, 5)] == run(
            (METER, 1, 0), 1, 5, (METER, 1, 6, Quality.RETAINED), 7
        )

    def test_late_is_a_sign_of_life(self):
        """A back-filled message shows that its device is there."""
        assert (1, Status.ONLINE, 7) == run((METER, 1, 0), 1, 5, (METER, 1, 6, Quality.LATE), 7)[-1]

    def test_last_will(self):
        """A last will is told at once, retained or not; so is its opposite."""
        assert [(1, Status.ONLINE, 1), (1, Status.SILENT, 1.5), (1, Status.ONLINE, 1.7)] == run(
            (METER, 1, 0), 1, (ONLINE, 0, 1.5, Quality.RETAINED), (ONLINE, 1, 1.7), 2
        )

    def test_device_speaks_after_its_last_will(self):
        """A device that speaks is not offline, though nobody took its last will back."""
        assert (1, Status.ONLINE, 3) == run((METER, 1, 0), 1, (ONLINE, 0, 1.5), (METER, 1, 2.5), 3)[-1]

    def test_retired_and_maintenance(self):
        """Nothing is expected of a device that is retired or under maintenance."""
        for row in (
            DeviceRow(1, 9, 10, Lane.BULK, "meter", retired=True),
            DeviceRow(1, 9, 10, Lane.BULK, "meter", mode="maintenance"),
        ):
            config = Config(1, START, CONFIG.points[:1], (row,))

            assert [] == run((METER, 1, 0), 1, 60, config=config)

    def test_reason(self):
        """A change says why, and when the device was last seen."""
        pipeline = Pipeline(lambda d: (Health(d),))
        told = []
        pipeline.run(CONFIG, told.append)
        pipeline.operators[0].on_batch(batch_of([(METER, START, 1.0, 0, START + 1)]), told.append)
        pipeline.run(Tick(START + 9 * MINUTE), told.append)

        assert [(Reason.SILENT, START + 1, 9)] == [(e.reason, e.last_seen, e.park) for e in told]


class TestGateway:
    def speak(self, minute, *points):
        """Return readings of points around a minute, some seconds apart."""
        return [(p, 20 + minute, minute + n / 10) for n, p in enumerate(points)]

    def test_one_event_for_all(self):
        """When all behind a gateway fall silent, the gateway is told and they are not; then it is back."""
        everyone = (BEHIND_1, BEHIND_2, BEHIND_3)
        told = run(*self.speak(0, *everyone), 1, 2, 3, 4, 5, 20, *self.speak(20.5, *everyone), 21, 22, 23)

        assert [(20, Status.GATEWAY_DOWN, 3), (20, Status.ONLINE, 21)] == [t for t in told if t[2] > 1]

    def test_one_behind_it(self):
        """When one of those behind a gateway falls silent, it is told alone."""
        steps = [*self.speak(0, BEHIND_1, BEHIND_2, BEHIND_3), 1]
        for minute in range(1, 6):
            steps += [*self.speak(minute, BEHIND_2, BEHIND_3), minute + 1]

        assert [(BEHIND_1, Status.SILENT, 3)] == [t for t in run(*steps) if t[2] > 1]

    def test_time_to_speak_after_its_return(self):
        """Devices behind a gateway that comes back get their own time to speak before they are missed."""
        everyone = (BEHIND_1, BEHIND_2, BEHIND_3)
        told = run(
            *self.speak(0, *everyone), 1, 10,
            *self.speak(10.5, BEHIND_1), 11, *self.speak(11.5, BEHIND_1, BEHIND_2), 12, *self.speak(12.5, BEHIND_1), 13,
            *self.speak(13.5, BEHIND_1, BEHIND_2), 14,
        )  # fmt: skip

        assert [(20, Status.GATEWAY_DOWN, 10), (20, Status.ONLINE, 11), (BEHIND_3, Status.SILENT, 14)] == [
            t for t in told if t[2] > 1
        ]


class TestStuck:
    def day(self, power, volts):
        """Return a morning of readings every 10 minutes."""
        steps = []
        for n in range(40):
            steps += [(METER, power(n), 10 * n + 1), (METER_VOLTS, volts(n), 10 * n + 1.2), 10 * n + 2, 10 * n + 10]
        return [t for t in run(*steps, config=SLOW) if t[1] is not Status.ONLINE or t[2] > 10]

    def test_stuck(self):
        """A gauge that repeats one value for hours while its sibling moves is stuck, until it moves."""
        told = self.day(lambda n: 5.5 if 10 <= n < 35 else n, lambda n: 220 + n % 7)

        assert [Status.STUCK, Status.ONLINE] == [s for _, s, _ in told]
        assert 280 <= told[0][2] <= 300

    def test_zero_is_rest(self):
        """A machine that is off reads zero for hours; that is rest."""
        assert [] == self.day(lambda n: 0 if n >= 10 else n, lambda n: 220 + n % 7)

    def test_nothing_moves(self):
        """Where nothing moves, nothing is known to be stuck."""
        assert [] == self.day(lambda n: 5.5 if n >= 10 else n, lambda n: 220 if n >= 10 else n)

    def test_habit(self):
        """A gauge that is used to long rests is given twice its longest."""
        assert [] == self.day(lambda n: 3.0 if 2 <= n < 15 else 4.0 if n >= 16 else n, lambda n: 220 + n % 7)

    def week(self, *rows, every=60, hours=400):
        """Return who is told stuck, and after how many hours: (point, value by hour) each, from two sensors."""
        config = Config(
            1, START,
            points=(PointRow(METER, "power", 1, 10, 9, ratio=1.0), PointRow(METER_VOLTS, "voltage", 1, 10, 9),
                    PointRow(3, "energy", 1, 10, 9, ratio=10.0)),
            devices=(DeviceRow(1, 9, 10, Lane.BULK, "meter", interval=every * MINUTE),),
        )  # fmt: skip
        steps = []
        for n in range(hours):
            for point, value, *quality in rows:
                said = value(n)
                if said is not None:
                    steps.append((point, said, every * n + 1 + point / 10, *(q(n) for q in quality)))
            steps.append(every * n + 5)
        return [(s, round(at / 60)) for _, s, at in run(*steps, config=config) if at > 60]

    def test_known_after_a_few_readings(self):
        """Once it is known that a gauge hardly ever says a value twice, seven hourly readings of one are enough."""
        told = self.week((METER, lambda n: min(n, 300)), (METER_VOLTS, lambda n: n % 9 + 220))

        assert [(Status.STUCK, 306)] == told

    def test_wrong_values_are_no_rest(self):
        """While a device says what cannot be, or keeps a wrong clock, its last good value does not stand still."""
        bad = lambda n: Quality.OUT_OF_RANGE if 300 <= n < 350 else Quality.WRONG_CLOCK if n >= 360 else Quality.GOOD  # noqa: E731

        assert [] == self.week((METER, float, bad), (METER_VOLTS, lambda n: n % 9 + 220))

    def test_silence_is_no_rest(self):
        """What was silent for days and speaks on has not rested: six hours of one value are stuck as before."""
        quiet = lambda n: None if 250 <= n < 300 else min(n, 350)  # noqa: E731
        told = self.week((METER, quiet), (METER_VOLTS, lambda n: n % 9 + 220))

        assert (Status.STUCK, 356) == told[-1]

    def test_idle_analyser(self):
        """What cannot be negative and stands at the least it ever said is idle."""
        assert [] == self.week((METER, lambda n: n % 7), (METER_VOLTS, lambda n: max(220, 600 - n)), hours=450)

    def test_one_that_was_told_is_no_habit(self):
        """A gauge that was stuck for days is told again when it is stuck again."""
        twice = lambda n: 250 if 250 <= n < 290 else min(340, n)  # noqa: E731
        told = self.week((METER, twice), (METER_VOLTS, lambda n: n % 9 + 220))

        assert [Status.STUCK, Status.ONLINE, Status.STUCK] == [status for status, _ in told]

    def test_register_that_ignores_its_power(self):
        """A register that stands while the power beside it comes to many of its steps is stuck, until it counts."""
        told = self.week((METER, lambda n: 50 + n % 2), (3, lambda n: min(n, 50) if n < 60 else n), hours=100)

        assert [(Status.STUCK, 54), (Status.ONLINE, 60)] == told

    def test_speaks_at_the_time_of_looks(self):
        """A device that speaks at the very times of looks is looked at all the same."""
        steps = []
        for n in range(60):
            steps += [30 * n, (METER, min(n, 30), 30 * n), (METER_VOLTS, 220 + n % 7, 30 * n), 30 * n + 10, 30 * n + 20]

        assert Status.STUCK in [s for _, s, _ in run(*steps, config=SLOW)]

    def test_register_with_nothing_to_count(self):
        """A register at rest beside a power of nearly nothing is at rest."""
        assert [] == self.week((METER, lambda n: 0.01 + n % 2 / 1e3), (3, lambda n: min(n, 50)))


SLOW = Config(
    1, START, CONFIG.points[:2], (DeviceRow(1, 9, 10, Lane.BULK, "meter", interval=20 * MINUTE),)
)  # fmt: skip


class TestFlapping:
    def test_flapping(self):
        """A device that comes and goes is flapping, told once, until it has been steady."""
        wills = [(ONLINE, n % 2, 2 + n / 2) for n in range(8)]
        steady = [step for m in range(7, 30) for step in ((METER, m, m - 0.5), m)]
        told = run((METER, 1, 0.5), 1, *wills, *steady)

        assert [Status.ONLINE, Status.SILENT, Status.ONLINE, Status.SILENT, Status.FLAPPING, Status.ONLINE] == [
            s for _, s, _ in told
        ]


class TestBattery:
    def test_low(self):
        """A battery below 15 % is low until it is at 20 %."""
        assert [(2, Status.LOW_BATTERY, 1), (2, Status.ONLINE, 4)] == run(
            (BATTERY, 14, 0), 1, (BATTERY, 16, 2), 3, (BATTERY, 21, 3.5), 4
        )

    def test_low_by_its_own_word(self):
        """A device that says its battery is low is believed."""
        assert [(3, Status.LOW_BATTERY, 1), (3, Status.ONLINE, 3)] == run((LOW, 1, 0), 1, (LOW, 0, 2), 3)


STOPS = st.lists(st.tuples(st.integers(0, 10), st.integers(11, 30)).map(lambda stop: deaf(*stop)), max_size=2)
ITEMS = st.builds(
    lambda a, b, c: a + b + c,
    rows([METER, METER_VOLTS, BEHIND_1, BEHIND_2, BATTERY, LOW], st.sampled_from([0.0, 1.0, 5.0, 90.0]),
         span=30 * MINUTE, qualities=(Quality.GOOD, Quality.LATE, Quality.RETAINED)),
    rows([ONLINE], st.sampled_from([0.0, 1.0]), span=30 * MINUTE, max_size=10), STOPS,
)  # fmt: skip
TestHealthContract = contract_of(Case("health", lambda d: (Health(d),), CONFIG, ITEMS, after=60 * MINUTE))
