"""What holds ordinary alarms back, in a small park: its tree, windows, silences; and that they are told in the end."""

import shutil
from dataclasses import replace

import msgspec
import pytest
from sqlalchemy import update

from alerts import matching
from alerts.rotas import on_duty
from park.alarm_ports import CaseFilter
from park.alarms import Answer, CaseVerb, DeliveryState
from park.duty import Chain, MaintenanceWindow, Matcher, MatchOperator, Officer, Rota, Shift, Silence, Step, Substitute
from park.errors import Conflict, NotFound, UserError
from park.events import AlarmState, Severity, Status
from runtime.storage.sql.registry import SqlRegistry
from runtime.storage.sql.tables_alarms import duty_plans
from tests.alerts.alarm_house import Alarms, small_park
from tests.alerts.alarm_words import HOUR, MINUTE, NOW, burns, does, health, passes, silent

EVERYTHING = (Matcher("family", MatchOperator.MATCHES, ".*"),)


@pytest.fixture(scope="module")
def founded(tmp_path_factory):
    """Return a database with a small park, made once, and its ids."""
    path = tmp_path_factory.mktemp("alarms") / "park.db"
    alarms = Alarms(path)
    ids = small_park(SqlRegistry(alarms.database))
    alarms.close()
    return path, ids


@pytest.fixture
def alarms(tmp_path, founded):
    opened = Alarms(shutil.copy(founded[0], tmp_path / "park.db"))
    yield opened
    opened.close()


@pytest.fixture
def ids(founded):
    return founded[1]


def reasons(alarms):
    """Return what is held back, by subject: the reasons."""
    return {h.case.subject: [s.reason.value for s in h.why] for h in alarms.store.hidden(None, limit=1_000)}


def waits(alarms):
    """Return the cases that messages wait for."""
    return {d.notification.case for d in alarms.outbox.deliveries(state=DeliveryState.WAITING.value, limit=1_000)}


class TestGateway:
    def test_mutes_what_is_behind_it(self, alarms, ids):
        """When a gateway is down, silence of the devices behind it calls nobody; that of others does."""
        down = alarms.tell(health(ids.gateway, Status.GATEWAY_DOWN))
        alarms.tell(silent(ids.behind[0]), silent(ids.behind[1]))
        alone = alarms.tell(silent(ids.alone))

        assert {f"device:{d}": ["gateway_down"] for d in ids.behind[:2]} == reasons(alarms)
        assert {down.id, alone.id} == waits(alarms)

    def test_told_before(self, alarms, ids):
        """Silence that was told before its gateway is held back from then on, and its messages with it."""
        alarms.tell(silent(ids.behind[0]), health(ids.gateway, Status.GATEWAY_DOWN, NOW + 5))

        assert {f"device:{ids.behind[0]}": ["gateway_down"]} == reasons(alarms)
        assert {2} == waits(alarms)

    def test_back(self, alarms, ids):
        """When the gateway is back, a device that is still silent is told."""
        alarms.tell(health(ids.gateway, Status.GATEWAY_DOWN), silent(ids.behind[0]))
        alarms.tell(health(ids.gateway, Status.ONLINE, NOW + MINUTE))
        alarms.store.turn(NOW + 2 * MINUTE)

        assert {} == reasons(alarms)
        assert "unsuppress" in alarms.verbs(2)
        assert 2 in waits(alarms)

    def test_fire_behind_it(self, alarms, ids):
        """A fire behind a gateway that is down is told."""
        alarms.tell(health(ids.gateway, Status.GATEWAY_DOWN))
        fire = alarms.tell(burns(device=ids.smoke, place=ids.unit, park=ids.park))

        assert fire.id in waits(alarms)

    def test_a_silent_smoke_detector(self, alarms, ids):
        """That a smoke detector fell silent is worse than that a meter did: nobody watches there."""
        assert (Severity.HIGH, Severity.MEDIUM) == (
            alarms.tell(silent(ids.smoke)).severity, alarms.tell(silent(ids.alone)).severity
        )  # fmt: skip

    def test_a_gateway_of_a_smoke_detector(self, alarms, ids):
        """A gateway is as bad as the worst silence that it hides, so that somebody is asked to answer."""
        down = alarms.tell(health(ids.gateway, Status.GATEWAY_DOWN), silent(ids.smoke, NOW + 1), now=NOW)
        other = alarms.tell(health(ids.alone, Status.GATEWAY_DOWN))

        assert {f"device:{ids.smoke}": ["gateway_down"]} == reasons(alarms)
        assert (Severity.HIGH, Severity.MEDIUM) == (alarms.store.get(1).severity, other.severity)
        assert down.severity is Severity.HIGH


class TestSupply:
    def test_main_switch_off(self, alarms, ids):
        """A main meter without voltage mutes silence and low voltage below it, not what is high."""
        low = {"rule": "limit.under_voltage", "family": "limit.under_voltage", "park": ids.park}
        alarms.tell(passes(point=1, device=ids.main, place=ids.building, value=0.0, **low))
        alarms.tell(passes(point=2, device=ids.behind[0], place=ids.unit, value=0.0, **low))
        alarms.tell(silent(ids.behind[1]))
        alarms.tell(passes(point=3, device=ids.behind[2], place=ids.unit, park=ids.park))

        assert {"point:2": ["supply_off"], f"device:{ids.behind[1]}": ["supply_off"]} == {
            k: v for k, v in reasons(alarms).items() if k != "point:1"
        }

    def test_a_low_voltage_is_no_cut(self, alarms, ids):
        """A voltage that is low mutes nothing."""
        low = {"rule": "limit.under_voltage", "family": "limit.under_voltage", "park": ids.park}
        alarms.tell(passes(point=1, device=ids.main, place=ids.building, value=190.0, **low))
        alarms.tell(passes(point=2, device=ids.behind[0], place=ids.unit, value=188.0, **low))

        assert {} == reasons(alarms)


class TestSilences:
    def silence(self, **more):
        """Return a silence of everything for an hour."""
        return Silence(
            **({"matchers": EVERYTHING, "starts": NOW, "ends": NOW + HOUR, "actor": "li", "note": "x"} | more)
        )

    def test_hides_and_ends(self, alarms):
        """A silence holds back until it ends; then what still stands is told."""
        alarms.plans.save(self.silence(), actor="li", now=NOW)
        case = alarms.tell(passes())
        hidden, quiet = reasons(alarms), waits(alarms)
        alarms.store.turn(NOW + HOUR)

        assert ({"point:40": ["silence"]}, set()) == (hidden, quiet)
        assert ({}, {case.id}) == (reasons(alarms), waits(alarms))

    def test_what_is_open_already(self, alarms):
        """A new silence takes what is open, and takes back what waits to be sent."""
        alarms.tell(passes())
        alarms.plans.save(self.silence(), actor="li", now=NOW)
        alarms.store.turn(NOW)

        assert ({"point:40": ["silence"]}, set()) == (reasons(alarms), waits(alarms))

    def test_never_a_fire(self, alarms):
        """A silence of everything hides no fire."""
        alarms.plans.save(self.silence(), actor="li", now=NOW)
        case = alarms.tell(burns())

        assert ({}, {case.id}) == (reasons(alarms), waits(alarms))

    def test_of_one_park(self, alarms):
        """A silence of a park leaves the others alone."""
        alarms.plans.save(self.silence(park=2), actor="li", now=NOW)
        alarms.tell(passes())

        assert {} == reasons(alarms)

    def test_still_counted(self, alarms):
        """What is held back is evaluated and counted all the same."""
        alarms.plans.save(self.silence(), actor="li", now=NOW)
        alarms.tell(passes(), passes(NOW + 5), passes(NOW + 5, NOW + 9, state=AlarmState.CLEARED))

        (case,) = alarms.store.cases(CaseFilter())
        assert (2, "returned") == (case.count, case.state)

    def test_changed_meanwhile(self, alarms):
        """Two who change a silence at once do not overwrite each other."""
        kept = alarms.plans.save(self.silence(), actor="li", now=NOW)
        alarms.plans.save(self.silence(id=kept.id, version=kept.version, note="y"), actor="li", now=NOW)

        with pytest.raises(Conflict, match="version 2"):
            alarms.plans.save(self.silence(id=kept.id, version=kept.version, note="z"), actor="wu", now=NOW)
        assert ["li", "li"] == [actor for _, actor, _, _ in alarms.plans.changes(kept.id)]


class TestWindows:
    def test_of_a_place(self, alarms, ids):
        """Work on a building holds back what is in it, while it lasts."""
        window = MaintenanceWindow(NOW + MINUTE, NOW + HOUR, "li", "x", place=ids.building, park=ids.park)
        alarms.plans.save(window, actor="li", now=NOW)
        before = alarms.tell(passes(place=ids.unit, park=ids.park))
        alarms.store.turn(NOW + MINUTE)

        assert () == before.held_back
        assert {"point:40": ["maintenance"]} == reasons(alarms)

    def test_of_a_device(self, alarms, ids):
        """Work on a device holds back that device only."""
        window = MaintenanceWindow(NOW, NOW + HOUR, "li", "x", device=ids.behind[0], park=ids.park)
        alarms.plans.save(window, actor="li", now=NOW)
        alarms.tell(silent(ids.behind[0]), silent(ids.behind[1]))

        assert {f"device:{ids.behind[0]}": ["maintenance"]} == reasons(alarms)


BAD = {
    "unknown officer": (Chain("x", (Step(0, ("officer:99",)),)), "no officer"),
    "unknown rota": (Chain("x", (Step(0, ("rota:99",)),)), "no rota"),
    "unknown chain": (Chain("x", (Step(0, ("all",)),), then=99), "no chain 99"),
    "no steps": (Chain("x", ()), "steps"),
    "steps back": (Chain("x", (Step(5, ("all",)), Step(1, ("all",)))), "rises"),
    "nobody to tell": (Chain("x", (Step(0, ()),)), "targets"),
    "a wait of a week": (Chain("x", (Step(0, ("all",)),), wait=7 * 24 * HOUR), "day"),
    "a bad name": (Chain("\n", (Step(0, ("all",)),)), "name"),
    "a shift of a stranger": (Rota("x", (Shift(99, 0, 60),)), "no officer 99"),
    "a shift without days": (Rota("x", (Shift(99, 0, 60, days=()),)), "days"),
    "a bad date": (Rota("x", (Shift(99, 0, 60, first="2026-02-30"),)), "no date"),
    "no time zone": (Rota("x", (), timezone="Mars/Olympus"), "time zone"),
    "a path as time zone": (Rota("x", (), timezone="../../etc/passwd"), "time zone"),
    "stands in for himself": (Rota("x", (), (Substitute(1, 1, 0, 1),)), "somebody else"),
    "a contact with a line": (Officer("x", (("sms", "a\nb"),)), "contact"),
    "a language": (Officer("x", language="tlh"), "zh or en"),
}


class TestChains:
    def officer(self, alarms, name):
        """Return the number of a new officer."""
        return alarms.plans.save(Officer(name), actor="li", now=NOW).id

    def test_rota_and_stand_in(self, alarms):
        """A step tells whoever is on duty, and his stand-in while there is one."""
        one, two = self.officer(alarms, "A"), self.officer(alarms, "B")
        rota = Rota("day", (Shift(one, 0, 1_440),), (Substitute(one, two, NOW + HOUR, NOW + 2 * HOUR),))
        rota = alarms.plans.save(rota, actor="li", now=NOW)
        alarms.plans.save(Chain("x", (Step(0, (f"rota:{rota.id}",)),)), actor="li", now=NOW)
        alarms.tell(burns(place=1))
        alarms.tell(burns(NOW + HOUR, place=2))

        assert [f"{burns(place=1).id}/officer:{one}", f"{burns(NOW + HOUR, place=2).id}/officer:{two}"] == alarms.said()

    def test_nobody_on_duty(self, alarms):
        """A step that finds nobody is passed at once, and the history says so; a fire reaches everyone then."""
        one = self.officer(alarms, "A")
        rota = alarms.plans.save(Rota("never", (Shift(one, 0, 1_440, last="2020-01-01"),)), actor="li", now=NOW)
        alarms.plans.save(Chain("x", (Step(0, (f"rota:{rota.id}",)),)), actor="li", now=NOW)
        case = alarms.tell(burns())

        assert [f"{burns().id}/all"] == alarms.said()
        assert "nobody_on_duty" in [line.why.value for line in alarms.store.history(case.id)]

    def test_of_its_park_first(self, alarms):
        """The first chain by order that matches is taken; one of another park is not."""
        one, two = self.officer(alarms, "A"), self.officer(alarms, "B")
        alarms.plans.save(Chain("other", (Step(0, (f"officer:{one}",)),), order=1, park=9), actor="li", now=NOW)
        alarms.plans.save(Chain("mine", (Step(0, (f"officer:{two}",)),), order=2), actor="li", now=NOW)
        alarms.tell(burns())

        assert [f"{burns().id}/officer:{two}"] == alarms.said()

    def test_chain_after_chain(self, alarms):
        """When nobody answers in a chain, the one that comes then goes on."""
        one = self.officer(alarms, "A")
        second = alarms.plans.save(
            Chain("second", (Step(0, (f"officer:{one}",)),), EVERYTHING, order=200), actor="li", now=NOW
        )
        alarms.plans.save(Chain("first", (Step(0, ("all",)),), wait=MINUTE, then=second.id), actor="li", now=NOW)
        alarms.tell(burns())
        alarms.store.turn(NOW + MINUTE)

        assert [f"case-1/2/0/escalated/officer:{one}"] == [n for n in alarms.said() if "officer" in n]

    def test_a_chain_that_asks_nobody(self, alarms):
        """A chain that asks for no answer tells an ordinary alarm once; of a fire it says that nobody could be told."""
        one = self.officer(alarms, "A")
        alarms.plans.save(Chain("once", (Step(0, (f"officer:{one}",)),), wait=0), actor="li", now=NOW)
        alarms.tell(burns(), passes())
        for passed in (MINUTE, HOUR):
            alarms.store.turn(NOW + passed)

        assert {Answer.UNREACHED: "fire", Answer.NONE: passes().family} == {
            c.answer: c.family for c in alarms.store.cases(CaseFilter())
        }
        assert ["case-1/1/0/nobody/all"] == [n for n in alarms.said() if "nobody" in n][:1]

    def test_stands_too_long(self, alarms):
        """A fire that was seen and still stands after the chain's time is told again."""
        alarms.tell(burns())
        alarms.store.act(1, does(CaseVerb.ACKNOWLEDGE), NOW)
        alarms.store.turn(NOW + 30 * MINUTE)

        assert ("unacknowledged", True) == (alarms.store.get(1).state, "case-1/2/0/again/all" in alarms.said())

    @pytest.mark.parametrize(("plan", "why"), BAD.values(), ids=BAD.keys())
    def test_refused(self, alarms, plan, why):
        """A plan that cannot be meant is refused with a sentence, and nothing of it is kept."""
        with pytest.raises(UserError, match=why):
            alarms.plans.save(plan, actor="li", now=NOW)
        assert [] == alarms.plans.plans(type(plan))

    def test_circle_of_itself(self, alarms):
        """A chain cannot go on with itself."""
        kept = alarms.plans.save(Chain("x", (Step(0, ("all",)),)), actor="li", now=NOW)
        with pytest.raises(UserError, match="circle"):
            alarms.plans.save(
                Chain("x", kept.steps, then=kept.id, id=kept.id, version=kept.version), actor="li", now=NOW
            )

    def test_what_is_used(self, alarms):
        """An officer whom a chain names cannot go; ended plans are gone."""
        one = self.officer(alarms, "A")
        chain = alarms.plans.save(Chain("x", (Step(0, (f"officer:{one}",)),)), actor="li", now=NOW)
        with pytest.raises(Conflict, match="leads to this officer"):
            alarms.plans.end(Officer, one, actor="li", now=NOW)
        alarms.plans.end(Chain, chain.id, actor="li", now=NOW)
        alarms.plans.end(Officer, one, actor="li", now=NOW)

        assert ([], []) == (alarms.plans.plans(Chain), alarms.plans.plans(Officer))
        with pytest.raises(NotFound):
            alarms.plans.end(Officer, one, actor="li", now=NOW)


# NOW is Friday 2027-01-15 16:00 in Shanghai.
SHIFTS = {
    "within": (Shift(1, 960, 1_020), 0, True),
    "its end is not in it": (Shift(1, 900, 960), 0, False),
    "past midnight, before it": (Shift(1, 1_200, 480), 5 * HOUR, True),
    "past midnight, after it": (Shift(1, 1_200, 480), 12 * HOUR, True),
    "past midnight, over": (Shift(1, 1_200, 480), 16 * HOUR, False),
    "on its day": (Shift(1, 0, 1_440, days=(4,)), 0, True),
    "on another day": (Shift(1, 0, 1_440, days=(5,)), 0, False),
    "a night that began on Friday": (Shift(1, 1_200, 480, days=(4,)), 12 * HOUR, True),
    "a night that began on Saturday": (Shift(1, 1_200, 480, days=(5,)), 12 * HOUR, False),
    "from tomorrow": (Shift(1, 0, 1_440, first="2027-01-16"), 0, False),
    "until today": (Shift(1, 0, 1_440, last="2027-01-15"), 0, True),
}


@pytest.mark.parametrize(("shift", "later", "on"), SHIFTS.values(), ids=SHIFTS.keys())
def test_shifts(shift, later, on):
    """A shift holds in its own time zone, on its days, past midnight where it says so."""
    assert on is (on_duty(Rota("x", (shift,)), NOW + later) == (1,))


def test_stand_ins_in_a_circle():
    """Two who stand in for each other leave the duty with the first."""
    rota = Rota("x", (Shift(1, 0, 1_440),), (Substitute(1, 2, 0, 1 << 60), Substitute(2, 1, 0, 1 << 60)))

    assert (2,) == on_duty(rota, NOW)


@pytest.mark.parametrize(
    "pattern", ["(a+)+", "(a|aa)+x", "((a+))*", "(a|a){99}", ".*.*.*.*x", "a?" * 30 + "a" * 30, "(.*|b)" * 9]
)
def test_a_pattern_that_may_never_end(pattern):
    """A pattern on which a fire would wait is refused."""
    with pytest.raises(UserError, match="never end"):
        matching.checked([Matcher("subject", MatchOperator.MATCHES, pattern)])


@pytest.mark.parametrize("pattern", [".*", "limit\\..*", ".*power.*|.*voltage.*|finding\\..*", "place:(1|2|3[0-9]?)"])
def test_a_pattern_of_every_day(pattern):
    """What people write is taken."""
    matching.checked([Matcher("subject", MatchOperator.MATCHES, pattern)])


class TestPatternsOfOlderPrograms:
    """What was saved before patterns were looked at is looked at when it is read."""

    ENDLESS = (Matcher("family", MatchOperator.MATCHES, "(f+)+$|(i+)+|" + "(fire|fir|fi)+" * 9),)

    def keep(self, alarms, plan):
        """Write a plan into its row as no program of today would."""
        kept = alarms.plans.save(replace(plan, matchers=EVERYTHING), actor="li", now=NOW)
        body = msgspec.json.encode(replace(kept, matchers=self.ENDLESS)).decode()
        with alarms.database.write() as connection:
            connection.execute(update(duty_plans).where(duty_plans.c.id == kept.id).values(body=body))

    def test_a_silence(self, alarms, caplog):
        """A silence whose pattern may never end hides nothing, and the log says so."""
        self.keep(alarms, Silence(EVERYTHING, NOW, NOW + HOUR, "li", "x"))
        alarms.tell(passes())

        assert {} == reasons(alarms)
        assert "is passed over" in caplog.text

    def test_a_chain(self, alarms):
        """A fire goes by the built-in chain where its own cannot be used."""
        self.keep(alarms, Chain("x", (Step(0, ("target:nobody",)),)))
        alarms.tell(burns())

        assert [f"{burns().id}/all"] == alarms.said()

    def test_what_cannot_be_read(self, alarms):
        """A chain, a rota or an officer of another program keeps nobody from being told of a fire."""
        one = alarms.plans.save(Officer("A"), actor="li", now=NOW)
        alarms.plans.save(Rota("r", (Shift(one.id, 0, 1_440),)), actor="li", now=NOW)
        alarms.plans.save(Chain("x", (Step(0, ("target:nobody",)),)), actor="li", now=NOW)
        with alarms.database.write() as connection:
            connection.execute(update(duty_plans).values(body='{"name":7}'))
        alarms.tell(burns())

        assert ([f"{burns().id}/all"], 1) == (alarms.said(), alarms.store.get(1).id)
