"""Devices that guard lives are set apart for a time: they come back by themselves, or each shift hears of them."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from alerts.triggers import APART
from park.alarm_ports import CaseFilter
from park.alarms import Act, CaseVerb
from park.apart import LONGEST, SHIFT, bounded, set_apart
from park.errors import MachineryError, UserError
from park.metrics import Lane
from park.model import Device, DeviceMode, Park
from runtime.registry_files import import_files
from tests.alerts.alarm_words import HOUR, MINUTE, NOW
from tests.governance.test_drills import Platform

NORMAL, TEST, WORK = DeviceMode.NORMAL, DeviceMode.TEST, DeviceMode.MAINTENANCE
SMOKE = Device(7, 1, "z2m:smoke", "smoke_detector", "烟感", 2, 0, Lane.LIFE)


@pytest.fixture
def platform(tmp_path):
    one = Platform(tmp_path)
    yield one
    one.database.close()


def put(platform, mode, until=0, key=None, by="li"):
    """Set a device apart, as an import does, or put it back."""
    device = platform.registry.get(Device, key or platform.ids.smoke)
    platform.registry.save(
        [replace(device, mode=mode, mode_until=until)], actor=by, reason="new head", now=platform.now
    )  # fmt: skip
    platform.sync()


def wait(platform, until, step=MINUTE):
    """Let minutes pass; do what is due in each."""
    while platform.now < until:
        platform.now = min(until, platform.now + step)
        platform.office.turn_apart()
        platform.cases.store.turn(platform.now)


def told(platform):
    """Return (case, kind, hours since the beginning) of what people are told."""
    rows = platform.cases.outbox.deliveries(limit=1_000)
    found = [(d.notification.case, d.notification.kind.value, (d.notification.created - NOW) / HOUR) for d in rows]
    return sorted((row for row in found if row[1] != "escalated"), key=lambda row: row[2])


def open_cases(platform):
    """Return the alarms that are open."""
    return platform.cases.store.cases(CaseFilter(family=APART))


def test_it_comes_back_by_itself(platform):
    """A device is normal again when its time is over, and nobody is called; but if it still alarms: that is a fire."""
    put(platform, TEST, NOW + HOUR)
    put(platform, TEST, NOW + 2 * HOUR, key=platform.second)
    platform.smoke(platform.second, 1)
    wait(platform, NOW + HOUR - 1, 30 * MINUTE)
    before = platform.mode(platform.ids.smoke)
    wait(platform, NOW + HOUR)
    after = platform.registry.get(Device, platform.ids.smoke)
    newest = platform.registry.changes(noun="device", key=after.id)[-1]

    assert (TEST, NORMAL, 0, "platform") == (before, after.mode, after.mode_until, newest.actor)
    assert [] == platform.fires()
    wait(platform, NOW + 2 * HOUR, HOUR)
    assert ([], ["fire.pre_alarm"]) == (open_cases(platform), [case.rule for case in platform.fires()])


def test_each_shift_hears_of_it(platform):
    """One without an end is told after a shift, and again each shift, until it is normal; then its alarm is over."""
    put(platform, WORK)
    wait(platform, NOW + SHIFT - 1, HOUR)
    early = told(platform)
    wait(platform, NOW + SHIFT)
    (case,) = open_cases(platform)
    platform.cases.store.act(case.id, Act(CaseVerb.ACKNOWLEDGE, "wang"), platform.now)
    wait(platform, NOW + 2 * SHIFT + HOUR, HOUR)
    put(platform, NORMAL)
    wait(platform, platform.now + MINUTE)

    assert ([], "li") == (early, case_note(platform, case).partition(": ")[0].partition(", ")[2])
    assert [("raised", 8.0), ("again", 16.0)] == [(kind, at) for _, kind, at in told(platform)][:2]
    assert [False] == [c.active for c in platform.cases.store.cases(CaseFilter(open=None, family=APART))]


def case_note(platform, case):
    """Return the words of the line that a case began with."""
    return platform.cases.store.history(case.id)[0].note


def test_also_where_nobody_answers(platform):
    """What nobody acknowledges is told again each shift, too."""
    put(platform, TEST)
    wait(platform, NOW + 3 * SHIFT + 2 * HOUR, HOUR)

    assert [8, 10, 18, 26] == [int(at) for _, kind, at in told(platform)]


def test_what_a_person_closed_is_told_by_the_next_shift(platform):
    """An alarm that is closed while the device is still apart comes again after a shift, and not before."""
    put(platform, TEST)
    wait(platform, NOW + SHIFT, HOUR)
    (case,) = open_cases(platform)
    platform.cases.store.act(case.id, Act(CaseVerb.CLOSE, "wang", "known"), platform.now)
    wait(platform, NOW + 2 * SHIFT - MINUTE, HOUR)
    quiet = open_cases(platform)
    wait(platform, NOW + 2 * SHIFT + MINUTE)

    assert ([], 1) == (quiet, len(open_cases(platform)))


def test_nothing_that_stands_is_touched(platform):
    """A fire that stands when its device is set apart goes on, as does its alarm, to the end and beyond."""
    platform.smoke(platform.ids.smoke, 1)
    put(platform, TEST, NOW + HOUR)
    wait(platform, NOW + 2 * HOUR, 10 * MINUTE)

    assert [True] == [c.active for c in platform.cases.store.cases(CaseFilter(life=True))]


def test_a_drill_is_left_alone(platform):
    """Devices that a drill has taken are the drill's to give back, and one that guards no life is nobody's concern."""
    platform.running(ends=NOW + MINUTE + SHIFT)
    put(platform, WORK, key=platform.ids.alone)
    wait(platform, NOW + SHIFT, 2 * HOUR)

    assert (TEST, []) == (platform.mode(platform.ids.smoke), open_cases(platform))


def test_what_a_drill_does_not_give_back(platform):
    """A detector that is still in test after its drill's end, whatever keeps the drill, is told each shift."""
    platform.running()
    wait(platform, NOW + 2 * SHIFT, HOUR)  # and nobody looks at drills

    (case,) = open_cases(platform)
    assert (TEST, platform.ids.smoke) == (platform.mode(platform.ids.smoke), case.device)


def test_one_that_cannot_be_given_back(platform):
    """A device that the registry refuses keeps no other apart, and is told of as any other that stays."""
    put(platform, TEST, NOW + HOUR)
    put(platform, TEST, NOW + HOUR, key=platform.second)
    save = platform.registry.save

    class Refusing:
        """A registry that refuses the first device."""

        def __getattr__(self, name):
            return getattr(platform.registry, name)

        def save(self, things, **more):
            if things[0].id == min(platform.ids.smoke, platform.second):
                raise MachineryError("away")
            return save(things, **more)

    platform.office._apart._registry = Refusing()
    platform.now = NOW + HOUR
    with pytest.raises(MachineryError):
        platform.office.turn_apart()

    modes = [platform.registry.get(Device, key).mode for key in sorted((platform.ids.smoke, platform.second))]
    assert [TEST, NORMAL] == modes


def test_what_people_change_meanwhile_stays(platform):
    """One that a person sets apart for longer while it is looked at stays so: nothing of his is written over."""
    put(platform, TEST, NOW + HOUR)
    find = platform.registry.find

    class Slow:
        """A registry that somebody writes to between two of our questions."""

        def __getattr__(self, name):
            return getattr(platform.registry, name)

        def find(self, *what, **more):
            found = find(*what, **more)
            if found:
                put(platform, WORK, NOW + 3 * HOUR, by="wang")
            return found

    platform.office._apart._registry = Slow()
    platform.now = NOW + HOUR
    platform.office.turn_apart()
    device = platform.registry.get(Device, platform.ids.smoke)

    assert (WORK, NOW + 3 * HOUR) == (device.mode, device.mode_until)


@pytest.mark.parametrize("at_once", [1, 3])
def test_more_than_one_page_of_them(platform, at_once):
    """Many that are apart are each told once a shift, however many alarms a look at them finds at once."""
    extra = [
        replace(SMOKE, id=0, park=platform.ids.park, place=platform.ids.other, key=f"z2m:{n}", mode=TEST)
        for n in range(4)
    ]
    platform.registry.save(extra, actor="li", reason="painters", now=NOW)
    store = platform.cases.store

    class Short:
        """Alarms of which few are told at once."""

        def __getattr__(self, name):
            return getattr(store, name)

        def cases(self, asked, *, before="", limit=100):
            return store.cases(asked, before=before, limit=min(limit, at_once))

    platform.office._apart._alarms = Short()
    wait(platform, NOW + SHIFT + 5 * MINUTE, SHIFT)
    wait(platform, platform.now + 5 * MINUTE)

    assert [1] * len(extra) == [case.count for case in open_cases(platform)]


AT = NOW + HOUR
BOUNDS = {
    "nobody says when": (replace(SMOKE, mode=TEST), None, NOW + SHIFT),
    "somebody does": (replace(SMOKE, mode=TEST, mode_until=AT), None, AT),
    "normal": (replace(SMOKE, mode_until=AT), replace(SMOKE, mode=TEST, mode_until=AT), 0),
    "as it was": (replace(SMOKE, mode=TEST), replace(SMOKE, mode=TEST, mode_until=AT), AT),
    "as it was, and its time is over": (
        replace(SMOKE, mode=TEST), replace(SMOKE, mode=TEST, mode_until=NOW - 1), NOW + SHIFT
    ),
    "said again": (
        replace(SMOKE, mode=TEST, mode_until=NOW - 1), replace(SMOKE, mode=TEST, mode_until=NOW - 1), NOW - 1
    ),
    "another mode": (replace(SMOKE, mode=WORK), replace(SMOKE, mode=TEST, mode_until=AT), NOW + SHIFT),
    "a smoke detector on the other lane": (replace(SMOKE, mode=TEST, lane=Lane.BULK), None, NOW + SHIFT),
    "a meter": (replace(SMOKE, mode=WORK, kind="meter", lane=Lane.BULK), None, 0),
}  # fmt: skip


@pytest.mark.parametrize("case", BOUNDS)
def test_an_end(case):
    """A device that guards lives is set apart until a time, that of a shift where nobody says when."""
    device, old, until = BOUNDS[case]

    assert until == bounded(device, old, NOW).mode_until


@pytest.mark.parametrize("until", [NOW, NOW + LONGEST + 1])
def test_no_end_to_be_taken_seriously(until):
    """An end that is over, or further away than a week, is refused."""
    with pytest.raises(UserError, match="seven days"):
        bounded(replace(SMOKE, mode=TEST, mode_until=until), None, NOW)


def test_who_it_was(platform):
    """The audit says who set a device apart first, since it was normal last."""
    for mode, by in ((TEST, "a"), (NORMAL, "b"), (TEST, "li"), (WORK, "c")):
        platform.now += MINUTE
        put(platform, mode, by=by)
    who = set_apart(platform.registry, platform.registry.get(Device, platform.ids.smoke))

    assert (NOW + 3 * MINUTE, "li", "new head") == (who.since, who.by, who.reason)


LIST = {
    "nobody says when": (0, NOW + LONGEST),
    "an hour": (NOW + HOUR, NOW + HOUR),
    "over": (NOW - HOUR, 0),
    "the longest": (NOW + LONGEST, NOW + LONGEST),
}


@pytest.mark.parametrize("kind", ["smoke_detector", "meter"])
@pytest.mark.parametrize(("said", "until"), LIST.values(), ids=LIST)
def test_a_list_that_is_imported(platform, tmp_path, said, until, kind):
    """What a list sets apart ends within seven days if lives hang on it; what is over by then is normal."""
    report = taken(platform, tmp_path, f"native:north/-/x,{kind},test,{shown(said)}")
    (device,) = platform.registry.find(Device, key="native:north/-/x")

    if not said and kind == "meter":
        until = 0
    mode = NORMAL if 0 < said <= NOW else TEST
    assert ((), mode, until) == (report.problems, device.mode, device.mode_until)
    again = taken(platform, tmp_path, f"native:north/-/x,{kind},{device.mode},{shown(until)}")
    assert {"devices": 1} == again.same


def test_a_list_that_says_too_much(platform, tmp_path):
    """A row that asks for more than seven days is named, with why, and nothing is saved."""
    day = shown(NOW + LONGEST + MINUTE)
    report = taken(platform, tmp_path, f"native:north/-/x,smoke_detector,test,{day}")

    assert [("devices.csv", 2, "a device is set apart until a time within the next seven days")] == [
        (bad.file, bad.line, bad.reason) for bad in report.problems
    ]
    assert [] == platform.registry.find(Device, key="native:north/-/x")


def shown(at):
    """Return a time as a list has it."""
    return datetime.fromtimestamp(at / 1_000, UTC).isoformat() if at else ""


def taken(platform, folder, row):
    """Import a list of one device."""
    (park,) = platform.registry.find(Park)
    (folder / "devices.csv").write_text(f"park,key,kind,mode,mode_until\n{park.code},{row}\n", "utf-8")
    return import_files(platform.registry, folder / "devices.csv", actor="li", reason="list", now=platform.now)
