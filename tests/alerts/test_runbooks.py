"""Every alarm says what to do, and is told by a name, a value with its unit and a reason, in both languages."""

from contextlib import closing
from dataclasses import replace

import pytest

from alerts import templates
from alerts.templates.texts import REASON, UNIT
from park.alarms import MessageKind, Notification
from park.delivery import Channel, Facts, Target
from park.events import Reason, Severity, Status
from park.measures import MEASURES
from park.metrics import METRICS
from park.runbooks import RUNBOOKS, runbook_of
from runtime.delivery_office import basis_of
from runtime.storage.sql.delivery_facts import Basis, FactReader
from runtime.storage.sql.registry import SqlRegistry
from stream.rules import parse, shipped
from tests.alerts.alarm_house import Alarms, small_park
from tests.alerts.alarm_words import NOW, passes

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


@pytest.mark.parametrize(
    ("language", "words", "expected"),
    [
        ("zh", {"drill": "7", "zh": "吹烟：设备报警", "en": "smoke test"}, ("吹烟：设备报警", "/#/park/3/drill/7")),
        (
            "en",
            {"hazard": "9", "zh": "隐患已逾期：门", "en": "hazard overdue: door"},
            ("hazard overdue: door", "/#/park/3/hazard/9"),
        ),
        ("en", {"round": "1", "zh": "巡查未完成", "en": "round missed"}, ("round missed", "/#/park/3/round/1")),
        ("zh", {"title": "x"}, ("title: x", "")),
    ],
)
def test_of_the_office(language, words, expected):
    """A message of a drill, a hazard or a round says its own words, in its language, and leads to its page."""
    facts = Facts("n", 0, MessageKind.HAZARD, Severity.HIGH, life=False, at=NOW, park="西兴", park_id=3, words=words)
    said = templates.told(facts, language, "https://p")

    assert expected == (said["what"], str(said["link"]).removeprefix("https://p"))


def test_what_a_drill_is_about(tmp_path):
    """A message of no alarm names the device that its words give by number, and nothing for a number of none."""
    with closing(Alarms(tmp_path / "park.db")) as house:
        ids = small_park(SqlRegistry(house.database))
        note = Notification(
            "n", 0, "all", MessageKind.DRILL, Severity.HIGH, life=False, not_before=NOW, group="", created=NOW,
            park=ids.park,
        )  # fmt: skip
        with house.database.read() as connection:
            reader = FactReader(connection, lambda _: Basis())
            said = [{"device": key} for key in (str(ids.smoke), "999999", "x", "-1", "9" * 40)]
            found = [reader.of(replace(note, body=body)).device for body in said]

    assert ["烟感", "", "", "", ""] == found


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
