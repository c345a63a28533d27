"""Leakage and heat at once in one place."""

from contract import MINUTE, START, Case, contract_of, rows
from hypothesis import strategies as st

from park.events import AlarmState, ConditionChange, Severity
from park.metrics import Lane
from park.readings import Quality, batch_of
from park.records import Config, DeviceRow, PlaceRow, PointRow, Tick
from stream.fire_electrical import ElectricalFire
from stream.pipeline import Pipeline
from stream.rules import parse, shipped

LEAK, CABLE, SECOND_CABLE, LEAK_ELSEWHERE, LOOSE_LEAK, LOOSE_CABLE = range(1, 7)
PLACES = {LEAK: 10, CABLE: 10, SECOND_CABLE: 10, LEAK_ELSEWHERE: 11, LOOSE_LEAK: 1, LOOSE_CABLE: 1}
CONFIG = Config(
    1, START,
    points=tuple(
        PointRow(n, "residual_current" if n in {LEAK, LEAK_ELSEWHERE, LOOSE_LEAK} else "cable_temperature", n, place, 1)
        for n, place in PLACES.items()
    ),
    devices=tuple(DeviceRow(n, 1, place, Lane.BULK, "electrical_monitor") for n, place in PLACES.items()),
    places=(PlaceRow(1, 1, 0, "park", "p"), PlaceRow(10, 1, 1, "unit", "u"), PlaceRow(11, 1, 1, "unit", "v")),
    limits=parse(shipped()),
)  # fmt: skip
BEGINS = ("limit.electrical_fire", Severity.CRITICAL, AlarmState.ACTIVE)


class Board:
    """A stage, and a hand to give it readings."""

    def __init__(self):
        self.pipeline = Pipeline(lambda d: (ElectricalFire(d),))
        self.told = []
        self.pipeline.run(CONFIG, self.told.append)

    def says(self, at, quality=Quality.GOOD, **named):
        """Pass readings (`p1=400`) at some seconds, then a tick; return what was told."""
        self.told = []
        ts = START + int(at * 1_000)
        batch = batch_of([(int(name[1:]), ts, float(v), int(quality), ts) for name, v in named.items()])
        self.pipeline.operators[0].on_batch(batch, self.told.append)
        self.pipeline.run(Tick(ts // MINUTE * MINUTE), self.told.append)
        return [(e.rule, e.severity, e.state) for e in self.told if isinstance(e, ConditionChange)]


class TestBoth:
    def test_together(self):
        """Leakage and heat at their limits for ten seconds are told, about the place."""
        board = Board()
        board.says(0, p1=320, p2=75)

        assert [BEGINS] == board.says(10, p1=320, p2=75)
        assert ("place:10", 1, 10) == (board.told[0].subject, board.told[0].park, board.told[0].place)

    def test_one_alone(self):
        """Either alone, in another place, below its limit, of a wrong quality or of no known place says nothing."""
        cases = (
            {"p1": 900}, {"p2": 150, "p3": 150}, {"p4": 900, "p2": 150}, {"p1": 290, "p2": 150}, {"p1": 900, "p2": 65},
            {"p5": 900, "p6": 150},
        )  # fmt: skip
        told = []
        for named in cases:
            board = Board()
            told += [s for at in range(0, 120, 10) for s in board.says(at, **named)]
        board = Board()
        told += [s for at in range(0, 120, 10) for s in board.says(at, Quality.SUSPECT, p1=900, p2=150)]

        assert [] == told

    def test_never_at_the_same_time(self):
        """A leak of half an hour ago is not together with heat now."""
        board = Board()
        board.says(0, p1=900)

        assert [] == [s for at in range(1_800, 1_900, 10) for s in board.says(at, p2=150)]


class TestEnd:
    def stands(self):
        """Return a board with an alarm that stands."""
        board = Board()
        board.says(0, p1=320, p2=75)
        board.says(10, p1=320, p2=75)
        return board

    def test_silence(self):
        """A sensor that falls silent, or says nonsense, ends nothing."""
        board = self.stands()

        assert [] == [s for at in range(60, 7_200, 60) for s in board.says(at, p2=76, p1=float("nan"))]

    def test_values_back(self):
        """Values that are well back for five minutes end it."""
        board = self.stands()
        told = [s for at in range(60, 600, 60) for s in board.says(at, p1=50, p2=75)]

        assert [AlarmState.CLEARED] == [state for _, _, state in told]

    def test_one_of_two_cables(self):
        """While another cable is still hot it stands."""
        board = self.stands()
        board.says(20, p3=80)

        assert [] == [s for at in range(60, 900, 60) for s in board.says(at, p1=320, p2=30, p3=80)]

    def test_a_new_registry(self):
        """What the registry says anew about others ends nothing."""
        board = self.stands()
        board.told = []
        board.pipeline.run(Config(2, START + 30_000, (PointRow(9, "power", 4, 11, 1),)), board.told.append)

        assert [] == board.told
        assert [] == board.says(60, p2=76)


some = st.builds(
    lambda *lists: [item for items in lists for item in items],
    rows([LEAK, LOOSE_LEAK, LEAK_ELSEWHERE], st.sampled_from([20.0, 250.0, 310.0, 900.0]), span=40 * MINUTE),
    rows([CABLE, SECOND_CABLE, LOOSE_CABLE], st.sampled_from([20.0, 60.0, 72.0, 150.0]), span=40 * MINUTE),
)
TestElectricalContract = contract_of(Case("electrical_fire", lambda d: (ElectricalFire(d),), CONFIG, some))
