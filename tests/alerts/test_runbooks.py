"""Every alarm says what to do, and is told by a name, a value with its unit and a reason, in both languages."""

from contextlib import closing
from dataclasses import replace

import pytest

from alerts import templates
from alerts.templates.texts import REASON, UNIT
from park.delivery import Channel, Target
from park.events import Reason, Status
from park.measures import MEASURES
from park.metrics import METRICS
from park.runbooks import RUNBOOKS, runbook_of
from runtime.delivery_office import basis_of
from runtime.storage.sql.delivery_facts import FactReader
from stream.rules import parse, shipped
from tests.alerts.alarm_house import Alarms
from tests.alerts.alarm_words import passes

ROWS = parse(shipped())
ALARMS = sorted(
    {f"limit.{row.rule}" for row in ROWS if not row.rule.startswith(("fire.", "gas."))}
    | {f"device.{status}" for status in Status if status not in {Status.ONLINE, Status.NEVER_SEEN}}
    | {f"{family}.{step}" for family in ("fire", "gas") for step in ("pre_alarm", "confirmed", "reported")}
    | {f"finding.{kind}" for kind in ("anomaly", "meter", "occupancy")}
    | {"unreadable", "flood", "device.set_apart", "test.alarm", "activity.zombie_suspect"}
)


@pytest.mark.parametrize("rule", ALARMS)
def test_what_to_do(rule):
    """It is said in both languages, and short enough for a message."""
    found = basis_of(lambda: ROWS, rule)

    assert 0 < len(found.runbook_zh) <= 70
    assert 0 < len(found.runbook_en) <= 140


def test_of_life_safety_in_a_table_of_ones_own():
    """A rule whose author wrote no words is told with those of its family, and with its own basis."""
    bare = tuple(replace(row, rule="gas", annotations=()) for row in ROWS if row.rule == "co_100")

    found = basis_of(lambda: bare, "gas")

    assert (bare[0].basis, RUNBOOKS["gas"].zh) == (found.basis, found.runbook_zh)
    assert "" == runbook_of("limit.of_my_own").zh


def test_reasons_in_chinese():
    """Every reason of the platform has a Chinese word, and every unit that is a word."""
    assert set() == {str(r) for r in Reason} - set(REASON)
    assert set(UNIT) <= {row.unit for row in (*METRICS.values(), *MEASURES.values())}


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("zh", ("疑似有人在厂房内留宿", "夜间留宿天数 3 晚 (限值 2.5 晚)", "高于限值")),
        ("en", ("Somebody may be living in the plant", "Night stay 3 nights (limit 2.5 nights)", "above limit")),
    ],
)
def test_a_measure_is_told(tmp_path, language, expected):
    """What no point measures is told by its rule's name, its measure's name and unit, and why."""
    with closing(Alarms(tmp_path / "park.db")) as house:
        case = house.tell(passes(rule="limit.night_stay", family="limit.night_stay", point=0, value=3.0, limit=2.5))
        (told, *_) = house.outbox.deliveries(case=case.id, limit=9)
        with house.database.read() as connection:
            facts = FactReader(connection, lambda rule: basis_of(lambda: ROWS, rule)).of(told.notification)

    said = templates.told(facts, language, "")

    assert expected == (said["what"], said["measured"], said["reason"])
    assert said["runbook"] in templates.text((facts,), Target("desk", Channel.DINGTALK, language=language), "")
