"""The console's house with the stores of alarms in it, and a browser's ways to its pages."""

from dataclasses import replace

from playwright.sync_api import expect

from park.events import AlarmState, ConditionChange, Reason, Severity
from park.metrics import Lane
from park.roles import Principal, Role
from park.settings import DeliverySettings
from runtime.cases import Cases
from runtime.delivery_office import DeliveryOffice
from runtime.storage.sql.events import SqlEvents

NOW = 1_795_219_200_000
MINUTE = 60_000


def with_alarms(house, folder):
    """Give a house the stores of alarms, keys of an admin and an operator, and serve it anew."""
    database = house.services.registry._database
    cases = Cases(database, folder, house.services.live.publish, lambda: NOW, lambda: 0.0)
    operator = Principal("operator", Role.OPERATOR, frozenset({house.ids.park}))
    house.services.keys.add(operator, Principal("admin", Role.ADMIN, None))
    house.go_away()
    delivery = DeliveryOffice(database, tuple).services(DeliverySettings(), lambda: NOW, lambda: None)
    house.services = replace(
        house.services, alarms=cases.services(), events=SqlEvents(database, cases.intake), delivery=delivery
    )
    return house


def over_voltage(house, n=0, *, severity=Severity.MEDIUM, at=NOW, state=AlarmState.ACTIVE, unit=0):
    """Return that a limit is passed in a unit; `n` tells points apart that the registry need not know."""
    point = house.ids.power + 1_000 * n
    return ConditionChange(
        "limit.over_voltage", "limit.over_voltage", f"point:{point}", at, at, at, state, severity, Reason.ABOVE_LIMIT,
        house.ids.park, house.ids.units[unit], house.ids.meter, point if n == 0 else 0, 250.0, 242.0,
    )  # fmt: skip


def many(house, number):
    """Raise so many alarms at once; later ones are newer."""
    house.position += 1
    found = [over_voltage(house, n, at=NOW - (number - n) * 100, unit=n % 6) for n in range(1, number + 1)]
    house.services.events.apply(Lane.BULK, house.position, found)


def alarms_of(house, **asked):
    """Return the stored alarms, the worst first."""
    from park.alarm_ports import CaseFilter

    return house.services.alarms.store.cases(CaseFilter(**asked), limit=20_000)


def go(desk, opened, page, *, key="", language="", **more):
    """Open a page of the park and wait until it is live."""
    query = f"?lang={language}" if language else ""
    shown = opened(f"{desk.address}{query}#/park/{desk.ids.park}/{page}", host=desk.address, **more)
    if key:
        shown.locator("dialog input").fill(key)
        shown.locator("dialog button[type=submit]").click()
        opened.expected.add("401")
    expect(shown.locator(".line.live")).to_be_visible()
    return shown
