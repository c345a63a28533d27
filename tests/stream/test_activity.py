"""The ladder of activity as a stage, day by day."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from park.activity import Evidence, Sign, said
from park.readings import batch_of
from park.records import Batch, Config, PointRow
from park.wire import decode_event, decode_states, encode_event, encode_states
from stream.activity import Activity
from stream.pipeline import Pipeline
from tests.stream.contract import DAY, EMPTY_EDGE, HOUR
from tests.stream.firms import MONDAY, Town, after, by_reason, config, lived, normal, paper, spread

LOW = {"stopped", "dormant", "zombie_suspect"}


class TestObserved:
    def test_learning_then_active(self):
        """For four weeks nothing is said; then an ordinary half year is active, Sundays too."""
        told = lived(normal(200)).states()

        assert {"unknown"} == set(told[:28])
        assert {"active"} == set(told[28:])

    @pytest.mark.parametrize("weekday", range(7))
    def test_abrupt_stop(self, weekday):
        """A stop is seen as reduced within two workdays and as stopped within five days, on any weekday."""
        at = 70 + weekday
        told = lived([*normal(at), *([8.0] * 95)]).states()

        assert "stopped" == told[at + 4]
        assert "active" != told[at + 2]
        assert LOW >= set(told[at + 4 :])
        assert "dormant" == told[-1]

    def test_slow_decline(self):
        """A decline over eight weeks ends as stopped: the baseline does not follow it down."""
        told = lived([*normal(98), *(x * max(0.1, 1 - n / 56) for n, x in enumerate(normal(150)))]).states()

        assert "stopped" in told
        assert "dormant" == told[-1]

    def test_one_shift_less(self):
        """Half of the usual is reduced or half stopped, never stopped."""
        told = lived([*normal(100), *(x * 0.5 for x in normal(60))]).states()

        assert {"reduced", "half_stopped"} >= set(told[104:])

    def test_remembers(self):
        """An enterprise that stopped more than a year ago is still measured by its working past."""
        town = lived([*normal(70), *([8.0] * 423)])

        assert "dormant" == town.last().state
        assert after(70) == town.last().since
        assert 80 < town.last().expected < 120

    def test_season(self):
        """A season of three to one is no stop, whichever end the recording begins at."""
        for phase in (0.0, np.pi):
            wave = [x * (1 + 0.5 * np.sin(2 * np.pi * n / 365 + phase)) for n, x in enumerate(normal(400))]

            assert not LOW & set(lived(wave).states())

    def test_visits(self):
        """One day of work a week does not end a stop, and is told; three in five do."""
        visited = [8.0 if n % 7 else 90.0 for n in range(1, 60)]
        town = lived([*normal(70), *visited])

        assert {"stopped"} == set(town.states()[78:])
        assert by_reason(town.last())["visits"][0]["days"] == 8

        back = lived([*normal(70), *([8.0] * 21), *normal(14)]).states()
        assert "stopped" == back[92]
        assert "active" == back[-1]

    def test_wild_value(self):
        """One wild value leaves the baseline where it was."""
        amounts = normal(90)
        wild = [*amounts[:60], 5e7, *amounts[61:]]

        assert lived(amounts).last().expected == pytest.approx(lived(wild).last().expected, rel=0.05)
        assert "active" == lived(wild).last().state


class TestFaults:
    def test_missing_is_not_zero(self):
        """Days without readings are unknown, whatever went before, and say that the meter is the fault."""
        town = lived([*normal(100), *([None] * 30)])

        assert {"unknown"} == set(town.states()[100:])
        assert [{"hours": 0, "of": 24}] == by_reason(town.last())["unheard"]

    def test_stopped_stays_through_an_outage(self):
        """An outage of the meter within a stop neither ends it nor restarts its clock."""
        told = lived([*normal(70), *([8.0] * 20), *([None] * 20), *([8.0] * 10)])

        assert {"unknown"} == set(told.states()[90:110])
        assert {"stopped"} == set(told.states()[110:])
        assert after(70) == told.last().since

    def test_partly_heard(self):
        """A day of which half is missing is no half-day of work."""
        town = lived(normal(70))
        town.day(70, p10=[*spread(100.0)[:9], *([None] * 15)])

        assert "unknown" == town.last().state

    def register(self, still, **beside):
        """Return the states of a firm whose register stands still from day 70 on, with points beside it."""
        metrics = ["energy", "energy_use", *beside]
        town = Town(config(*metrics))
        total = 1000.0
        for n, amount in enumerate([*normal(70), *([0.0] * still)]):
            use = spread(amount, n)
            register = (total + np.cumsum(use)).tolist()
            total = register[-1]
            values = {f"p{12 + k}": (f(n, amount)) for k, f in enumerate(beside.values())}
            town.day(n, p10=register, p11=use, **values)
        return town

    def test_stuck_register(self):
        """A register that stands still, and nothing beside it, is a fault of the meter."""
        town = self.register(30)

        assert {"unknown"} == set(town.states()[70:])
        assert "stuck" in by_reason(town.last())

    def test_zero_with_a_heartbeat(self):
        """Exact zero is idleness where the meter's voltage goes on."""
        town = self.register(30, voltage=lambda n, _: [229.0 + n % 3] * 24)

        assert {"stopped"} == set(town.states()[74:])

    def test_power_stands_in(self):
        """Where the register is stuck and power is drawn, power stands in: nobody has stopped."""
        town = self.register(30, power=lambda n, _: (np.array(spread(100.0 if n % 7 < 6 else 12.0, n))).tolist())

        assert {"active"} == set(town.states()[70:])
        assert [{"measure": "power"}] == by_reason(town.last())["instead"]

    def test_repeated_value(self):
        """One value all day from a meter whose readings always differed is a meter that is stuck."""
        town = lived(normal(70))
        for n in range(70, 90):
            town.day(n, p10=[0.6] * 24)

        assert {"unknown"} == set(town.states()[70:])
        assert [{"value": 0.6}] == by_reason(town.last())["repeated"]

    def test_constant_by_nature(self):
        """A load that is one value every day is judged by it; so is one that falls to its nightly floor."""
        town = Town(config())
        for n in range(90):
            town.day(n, p10=[5.0] * 24 if n < 60 else [0.5] * 24)
        floor = Town(config())
        for n in range(90):
            busy = n < 60 and n % 7 < 6
            floor.day(n, p10=[0.5] * 8 + [(9.0 + (n * h) % 5 if busy else 0.5) for h in range(10)] + [0.5] * 6)

        assert ("active", "stopped") == (town.states()[50], town.states()[-1])
        assert ("active", "stopped") == (floor.states()[50], floor.states()[-1])

    def test_stands_still_on_sundays(self):
        """A shop that draws nothing on Sundays teaches that its register may stand still."""
        town = Town(config("energy", "energy_use"))
        total = 10.0
        for n, amount in enumerate([*normal(70, sunday=0.0), *([0.0] * 20)]):
            use = spread(amount, n)
            register = (total + np.cumsum(use)).tolist()
            total = register[-1]
            town.day(n, p10=register, p11=use)

        assert {"active"} == set(town.states()[40:70])
        assert "stopped" == town.states()[-1]

    def test_one_of_two_meters(self):
        """With one of two meters silent a day is unknown, not half a day's work."""
        point = PointRow(19, "energy_use", 1, 101, 1, 1, interval=HOUR)
        town = Town(replace(config(), points=(*config().points, point)))
        for n, amount in enumerate(normal(80)):
            town.day(n, p10=spread(amount, n), p19=spread(amount, n) if n < 70 else [])

        assert "active" == town.states()[69]
        assert {"unknown"} == set(town.states()[70:])

    def test_sub_meters_are_not_counted_twice(self):
        """What the unit's meter counts, one within the unit does not count again."""
        inner = PointRow(19, "energy_use", 1, 500, 1, 1, interval=HOUR)
        base = config()
        zone = replace(base.places[1], place=500, parent=101, kind="zone")
        town = Town(replace(base, points=(*base.points, inner), places=(*base.places, zone)))
        town.day(0, p10=spread(100.0), p19=spread(40.0))

        assert town.last().amount == pytest.approx(sum(spread(100.0)), abs=1e-3)


class TestExplained:
    def test_paper(self):
        """A registered pause of supply explains silence, and its clock does not go on afterwards."""
        town = lived([*normal(98), *([2.0] * 14), *normal(28)], papers=[paper("supply_pause", 98, 111)])

        assert {"unknown"} == set(town.states()[98:112])
        assert {"active"} == set(town.states()[112:])

    def test_paper_filed_late(self):
        """A paper that is filed afterwards takes back the days that it explains, as a revision of the same days."""
        town = lived([*normal(70), *([2.0] * 9)])
        before = town.states()
        town.pipeline.run(Config(2, 0, papers=(paper("supply_pause", 70, 90),)), town.told.append)
        town.day(79, p10=spread(2.0))

        assert "stopped" == before[-1]
        assert {"unknown"} == set(town.states()[70:])
        assert 80 == len(town.states())

    def test_spring_festival(self):
        """Two weeks around Spring Festival are not judged: the state before stands."""
        begin = date(2025, 10, 6)  # a Monday; New Year's Day is 2026-02-17, day 134
        town = Town(config(calendar="CN"), begin)
        for n in range(190):
            amount = 4.0 if 128 <= n < 144 else normal(190)[n]
            town.day(n, p10=spread(amount, n))
        festival = [e for e in town.told if "2026-02-10" <= e.day <= "2026-03-03"]

        assert not LOW & set(town.states())
        assert {"active"} == {e.state for e in festival}
        assert all("holiday" in by_reason(e) for e in festival)

    def test_stopped_through_the_festival(self):
        """One that had stopped before the festival is still stopped during and after it."""
        town = Town(config(calendar="CN"), date(2025, 10, 6))
        for n in range(170):
            town.day(n, p10=spread(normal(170)[n] if n < 110 else 5.0, n))

        assert {"stopped"} == set(town.states()[116:])

    @pytest.mark.parametrize(
        ("stops", "works_again", "stopped"),
        [(56, 100, "05-01"), (57, 100, "05-06"), (59, 100, "05-08"), (57, 64, ""), (59, 64, ""), (58, 65, "")],
        ids=["three days before", "two days before", "with it", "closed two days before", "closed", "a day each side"],
    )
    def test_a_stop_around_a_holiday(self, stops, works_again, stopped):
        """Idle days of a holiday count as Sundays do; a stop takes three workdays, closing for a holiday is none."""
        town = Town(config(calendar="CN"))  # labour day is on 1 to 5 May, days 59 to 63
        for n in range(70):
            idle = stops <= n < works_again or 59 <= n < 64
            town.day(n, p10=spread(8.0 if idle else normal(70)[n], n))

        first = next((e.day for e in town.told if e.state in LOW), "")

        assert stopped == first[5:]

    def test_new_tenant(self):
        """A tenant that starts from zero is learned, not suspected."""
        told = lived([*([0.0] * 20), *(x * min(1.0, n / 40) for n, x in enumerate(normal(100)))]).states()

        assert not LOW & set(told)

    def test_another_tenant(self):
        """A unit that is let to another begins anew: the past of the one before says nothing of it."""
        town = lived(normal(70))
        other = replace(config(), version=2, points=(PointRow(10, "energy_use", 1, 101, 1, 7, interval=HOUR),))
        town.pipeline.run(other, town.told.append)
        for n in range(70, 80):
            town.day(n, p10=spread(5.0, n))

        assert 70 == len(town.states(1))
        assert {"unknown"} == set(town.states(7))


class TestFusion:
    def test_people_contradict_the_meter(self):
        """A meter that falls while people come as ever is no stop, and is told to be checked."""
        people = [40.0 if n % 7 < 6 else 0.0 for n in range(95)]
        town = lived([*normal(70), *([6.0] * 25)], {"people_in": people})
        stopped = lived([*normal(70), *([6.0] * 25)], {"people_in": [p * (n < 70) for n, p in enumerate(people)]})

        assert not LOW & set(town.states())
        assert any("contradicted" in by_reason(e) for e in town.told)
        assert "stopped" == stopped.states()[74]

    def test_standing_load(self):
        """Fifteen days of nothing but a standing load of half the usual are a stop."""
        town = Town(config())
        for n in range(110):
            busy = n < 80 and n % 7 < 6
            town.day(n, p10=[2 + (n * h % 3) / 50 for h in range(8)] + [(6.0 if busy else 2.0) + (n * h % 3) / 50
                     for h in range(10)] + [2 + (n * h % 3) / 50 for h in range(6)])  # fmt: skip

        assert "stopped" not in town.states()[80:93]
        assert "stopped" == town.last().state
        assert by_reason(town.last())["standing"][0]["days"] >= 15

    def test_cold_store(self):
        """A load whose night is as its day is not taken for a standing load."""
        town = Town(config())
        for n in range(120):
            town.day(n, p10=[10 + (n * h % 7) / 10 for h in range(24)])

        assert {"active"} == set(town.states()[28:])

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("people", "papers", "state"),
        [
            (False, (), "dormant"),
            (True, (), "zombie_suspect"),
            (False, (paper("return_missing", 150, 400),), "zombie_suspect"),
            (True, (paper("filed_suspension", 100, 400),), "unknown"),
        ],
    )
    def test_zombie(self, people, papers, state):
        """Six months of idleness are a suspicion with another signal only, and never with a paper on file."""
        amounts = [*normal(98), *([5.0] * 200)]
        others = {"people_in": [30.0 * (n < 98) for n in range(298)]} if people else None

        town = lived(amounts, others, papers=papers)

        assert state == town.last().state
        if state == "zombie_suspect":
            assert {"clock", "no_paper", "visit", "run", "clears"} <= set(by_reason(town.last()))
            assert after(98) == town.last().since

    def test_peers(self):
        """One that has stopped is shown beside the others of its trade."""
        town = Town(config(firms=5))
        for n in range(80):
            town.day(n, **{f"p{10 * f}": spread(normal(80, f)[n] if f > 1 or n < 70 else 5.0, n) for f in range(1, 6)})

        assert ("stopped", "active") == (town.last(1).state, town.last(3).state)
        assert [4] == [f["count"] for f in by_reason(town.last(1))["peers"]]
        assert 0.8 < by_reason(town.last(1))["peers"][0]["share"] < 1.25


class TestTelling:
    def test_reasons(self):
        """A state carries its figures, dated, in both languages."""
        event = lived([*normal(98), *([8.0] * 11)]).last()
        run = next(e for e in event.evidence if e.sign is Sign.RUN)

        assert any("11 days in a row" in r for r in event.reasons)
        assert "连续 11 天用量不高于往常的 30%，自 2025-06-09 起" == said(run, "zh")
        assert 0.0 < event.ratio < 0.1
        assert event.ratio == pytest.approx(event.amount / event.expected)

    @pytest.mark.parametrize(
        ("sign", "zh", "en"),
        [
            (Evidence(Sign.CLOCK, {"days": 181, "since": "2025-06-09", "limit": 180, "basis": "A R5"}),
             "自 2025-06-09 起已停 181 天，超过 180 天（《公司法》：自行停业连续六个月）",
             "181 days since 2025-06-09, more than 180 (Company Law: closed by itself for six months)"),
            (Evidence(Sign.CLEARS, {"days": 3, "of": 5, "limit": 0.3}),
             "恢复条件：最近 5 个工作日有 3 天高于往常的 30%，或有在册文件说明",
             "it ends when 3 of 5 workdays exceed 30% of usual, or a paper on file explains it"),
            (Evidence(Sign.PAPER, {"kind": "supply_pause", "begin": "2025-06-09", "end": "2025-06-30"}),
             "有在册文件：暂停用电，2025-06-09 至 2025-06-30，不作停产判断",
             "paper on file: pause of supply (2025-06-09 to 2025-06-30): silence is explained"),
        ],
    )  # fmt: skip
    def test_words(self, sign, zh, en):
        """A clerk reads the law's name, what would clear a firm, and papers by their names; never a code."""
        assert (zh, en) == (said(sign, "zh"), said(sign, "en"))

    def test_wire(self):
        """An event with its evidence survives the wire."""
        event = lived([*normal(40), 5.0]).last()

        assert event == decode_event(encode_event(event))

    def test_every_sign_has_words(self):
        """Every sign can be said in both languages, whatever figures are missing."""
        words = [said(Evidence(sign), language) for sign in Sign for language in ("zh", "en")]

        assert all(words)

    def test_revision(self):
        """A day that comes in late is told again with the same identity, and only if it comes out otherwise."""
        town = lived(normal(60))
        town.day(60, p10=[])
        late = town.rows(60, 10, spread(100.0), received=town.start + 61 * DAY + 9 * HOUR)
        count = len(town.told)
        town.pipeline.run(Batch(batch_of(late), EMPTY_EDGE), town.told.append)
        town.day(61, p10=spread(100.0))
        again = town.told[count:]

        assert [after(60), after(61)] == [e.day for e in again]
        assert [("activity/1/" + after(60), "active")] == [(again[0].id, again[0].state)]

    def test_long_silence(self):
        """Each morning has its word, also when the log was silent for weeks."""
        town = lived(normal(30))
        town.tick(town.start + 60 * DAY)

        assert 59 == len(town.states())
        assert {"unknown"} == set(town.states()[30:])


@settings(max_examples=8, deadline=None)
@given(st.integers(30, 60), st.integers(0, 3), st.randoms(use_true_random=False))
def test_order_of_arrival(at, hold, chance):
    """In whatever order a day's readings of a stop arrive, and wherever a snapshot is taken, the days are the same."""
    amounts = [*normal(at), *([6.0] * 8)]
    whole = lived(amounts)
    town = Town(config())
    for n, amount in enumerate(amounts):
        rows = town.rows(n, 10, spread(amount, n))
        chance.shuffle(rows)
        town.tick(town.start + n * DAY)
        town.pipeline.run(Batch(batch_of(rows[: 6 * hold]), EMPTY_EDGE), town.told.append)
        if n == at:
            other = Pipeline(lambda d: (Activity(d),))
            other.restore(decode_states(encode_states(town.pipeline.snapshot())))
            town.pipeline = other
        town.pipeline.run(Batch(batch_of(rows[6 * hold :]), EMPTY_EDGE), town.told.append)
        town.tick(town.start + (n + 1) * DAY + 6 * HOUR)

    assert whole.told == town.told


def test_calendar_of_the_park():
    """A park without a calendar knows no festival."""
    begin = date(2025, 10, 6)
    town = Town(config(calendar="none"), begin)
    for n in range(145):
        town.day(n, p10=spread(4.0 if n >= 130 else normal(145)[n], n))

    assert "stopped" == town.last().state
    assert (begin + timedelta(days=144)).isoformat() == town.last().day
    assert MONDAY.isoformat() < town.last().day
