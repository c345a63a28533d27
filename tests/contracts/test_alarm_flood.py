"""What every store of alarms does in a flood: few are told by themselves, the rest together, a fire always."""

from alerts.suppression import FLOOD_BEGINS, FLOOD_SPAN
from park.alarm_ports import CaseFilter
from park.alarms import CaseVerb
from tests.alerts.alarm_words import HOUR, MINUTE, NOW, burns, does, fire, passes


class TestFlood:
    def flood(self, alarms, count=100):
        """Tell of many passed limits within a minute."""
        for k in range(count):
            at = NOW + k * 100
            alarms.store.trigger([passes(at, point=1_000 + k)], at)

    def test_summary(self, alarms):
        """In a flood a few are told by themselves and the rest in one summary; nothing is dropped."""
        self.flood(alarms)
        cases = alarms.store.cases(CaseFilter(), limit=1_000)
        flood = next(c for c in cases if c.family == "flood")
        alone = [n for n in alarms.said() if n.endswith("raised/all")]

        assert (101, FLOOD_BEGINS + 1) == (len(cases), len(alone))
        assert f"case-{flood.id}/1/0/raised/all" in alone
        assert 100 - FLOOD_BEGINS == flood.count
        assert 100 - FLOOD_BEGINS == len(alarms.store.hidden(None, limit=1_000))

    def test_fire_in_a_flood(self, alarms):
        """A fire within a flood is told at once, by itself."""
        self.flood(alarms)
        case = alarms.tell(burns())

        assert ([f"{fire().id}/all"], ()) == (alarms.said(case=case.id), case.held_back)
        (first, *_) = alarms.outbox.claim(NOW + HOUR, lease=MINUTE)
        assert case.id == first.notification.case

    def test_summaries_go_on(self, alarms):
        """The summary is told again while the flood lasts."""
        self.flood(alarms)
        alarms.store.turn(NOW + 9 * MINUTE)

        assert 1 == sum("summary" in n for n in alarms.said())

    def test_its_end(self, alarms):
        """When few alarms come the flood is over; what stood in it is not told one by one."""
        self.flood(alarms)
        held = {h.case.id for h in alarms.store.hidden(None, limit=1_000)}
        alarms.store.turn(NOW + FLOOD_SPAN + MINUTE)
        alarms.store.turn(NOW + FLOOD_SPAN + 2 * MINUTE)

        assert [] == alarms.store.hidden(None)
        assert [] == [n for key in held for n in alarms.said(case=key)]

    def test_what_was_told_before(self, alarms):
        """An alarm that people were told of before a flood stays theirs."""
        case = alarms.tell(passes())
        self.flood(alarms)
        alarms.store.act(case.id, does(CaseVerb.COMMENT, note="x"), NOW + MINUTE)
        alarms.store.turn(NOW + MINUTE)

        assert () == alarms.store.get(case.id).held_back
