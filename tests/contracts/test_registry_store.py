"""What every registry promises."""

import shutil
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from park.errors import Conflict, NotFound, UserError
from park.metrics import Lane
from park.model import Device, DeviceState, Enterprise, Lease, Park, Place, PlaceKind, Point
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry
from tests.contracts.registry_plan import DAY, PLAN, T0, WHO, lone, one


class TestSave:
    def test_references_within_one_save(self, planned):
        """Things of one save refer to each other by the negative numbers they were given."""
        meter = one(planned, Device, key="native:north/gw1/m1")

        assert one(planned, Device, kind="gateway").id == meter.gateway
        assert one(planned, Place, code="A-101").id == meter.place
        assert meter.park == planned.get(Place, meter.place).park

    def test_returns_what_was_given(self, registry):
        """The answer holds the given things in their order, with their numbers."""
        saved = registry.save(PLAN, **WHO)

        assert [type(t) for t in PLAN] == [type(t) for t in saved]
        assert all(t.id > 0 for t in saved)
        assert saved == [registry.get(type(t), t.id) for t in saved]

    def test_parks_and_places_share_numbers(self, planned):
        """No place has the number of a park."""
        numbers = [t.id for kind in (Park, Place) for t in planned.find(kind)]

        assert [1, 2, 3, 4] == sorted(numbers)

    def test_register_brings_its_derived_point(self, planned):
        """A register point comes with the point of what was used."""
        register = one(planned, Point, metric="energy")
        derived = one(planned, Point, source=register.id)

        assert ("energy_use", register.device, "") == (derived.metric, derived.device, derived.source_key)

    def test_derived_point_follows(self, planned):
        """A register that is saved again keeps its one derived point, and hands its channel on."""
        register = one(planned, Point, metric="energy")
        derived = one(planned, Point, source=register.id)

        planned.save([replace(register, channel="a")], **WHO)

        assert [replace(derived, channel="a")] == planned.find(Point, source=register.id)

    def test_doors_bring_the_counter_of_their_place(self, planned):
        """A place whose doors count people gets one virtual device with people inside."""
        place = lone(planned, Place, code="A-101")
        doors = [Device(-k, 1, f"native:north/-/door{k}", "door_counter", place=place) for k in (1, 2)]
        planned.save([*doors, *(Point(0, -k, "people_in", source_key="in") for k in (1, 2))], **WHO)

        counter = one(planned, Device, kind="zone_counter")

        assert place == counter.place
        assert ["people_inside"] == [p.metric for p in planned.find(Point, device=counter.id)]

    def test_a_door_that_moves(self, planned):
        """A door that is moved to another place brings a counter there too."""
        a, b = lone(planned, Place, code="A-101"), lone(planned, Place, code="A-102")
        door, _ = planned.save(
            [Device(-1, 1, "native:north/-/d", "door_counter", place=a), Point(0, -1, "people_out", source_key="out")],
            **WHO,
        )

        planned.save([replace(door, place=b)], **WHO)

        assert {a, b} == {d.place for d in planned.find(Device, kind="zone_counter")}

    def test_fire_detectors_are_of_the_life_lane(self, planned):
        """A device of a life-safety kind never waits behind meters, whatever was said."""
        planned.save([Device(0, 1, "z2m:kitchen", "smoke_detector", lane=Lane.BULK)], **WHO)

        assert Lane.LIFE is one(planned, Device, key="z2m:kitchen").lane

    def test_saving_again_changes_nothing(self, planned):
        """What is as it was leaves no trace in the audit."""
        version = planned.version

        planned.save([t for kind in (Park, Place, Enterprise, Lease, Device, Point) for t in planned.find(kind)], **WHO)

        assert version == planned.version

    def test_a_new_ratio_has_a_date(self, planned):
        """A changed transformer ratio holds from now, or from the date that is given."""
        register = one(planned, Point, metric="energy")

        (now,) = planned.save([replace(register, ratio=60)], actor="li", reason="", now=T0 + 5)
        (then,) = planned.save([replace(now, ratio=80, effective=T0 - DAY)], **WHO)

        assert (0, T0 + 5, T0 - DAY) == (register.effective, now.effective, then.effective)


REFUSED = [
    ("a code twice", [Park(0, "north", "Other")], Conflict, "taken"),
    ("a bad code", [Park(0, "Süd", "South")], UserError, "a-z"),
    ("no time zone", [Park(0, "south", "South", "Mars/Base")], UserError, "time zone"),
    ("no park", [Place(0, 99, 99, PlaceKind.UNIT, "X", "X")], NotFound, "no park 99"),
    ("no parent", [Place(0, 1, 99, PlaceKind.UNIT, "X", "X")], NotFound, "no parent 99"),
    ("a park as a place", [Place(0, 1, 1, PlaceKind.PARK, "X", "X")], UserError, "Park"),
    ("place code twice", [Place(0, 1, 1, PlaceKind.UNIT, "A", "X")], Conflict, "taken"),
    ("twins in one save", [Enterprise(0, 1, "E9", "a"), Enterprise(0, 1, "E9", "b")], Conflict, "taken"),
    ("a lease over another", [Lease(0, 3, 2, T0)], Conflict, "leased to Firm One"),
    ("a lease backwards", [Lease(0, 4, 2, T0, T0 - 1)], UserError, "ends before"),
    ("a lease of nothing", [Lease(0, 77, 2, T0)], NotFound, "77"),
    ("a device twice", [Device(0, 1, "native:north/gw1/m1", "meter")], Conflict, "taken"),
    ("a bad key", [Device(0, 1, "m1", "meter")], UserError, "dialect"),
    ("a wild card in a key", [Device(0, 1, "native:#", "meter")], UserError, "dialect"),
    ("no gateway", [Device(0, 1, "native:x", "meter", gateway=2)], NotFound, "no gateway 2"),
    ("no such metric", [Point(0, 1, "happiness", source_key="h")], UserError, "no such metric"),
    ("a name twice", [Point(0, 2, "power", source_key="energy")], Conflict, "taken"),
    ("no device", [Point(0, 9, "power", source_key="p")], NotFound, "no device 9"),
    ("scale of nothing", [Point(0, 2, "power", source_key="p", scale=0)], UserError, "scale"),
    ("not a number", [Point(0, 2, "power", source_key="p", offset=float("nan"))], UserError, "finite"),
    ("a metric changed", [Point(2, 2, "voltage", source_key="power")], Conflict, "retire it"),
    ("no such thing", [Point(50, 2, "power", source_key="p")], NotFound, "no point 50"),
    ("a loose end", [Point(0, -7, "power", source_key="p")], NotFound, "not among"),
    ("a source that is none", [Point(0, 2, "energy_use", source=2)], NotFound, "no register"),
    ("a number twice", [Enterprise(1, 1, "E1", "a"), Enterprise(1, 1, "E1", "b")], Conflict, "twice"),
    ("an endless name", [Enterprise(0, 1, "E9", "x" * 300)], UserError, "200"),
    ("a line break", [Enterprise(0, 1, "E9", "a\nb")], UserError, "printable"),
]


@pytest.mark.parametrize(("things", "error", "word"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_refused(planned, things, error, word):
    """What cannot be is refused in a clear sentence, and nothing of the save remains."""
    version = planned.version

    with pytest.raises(error, match=word):
        planned.save([Enterprise(0, 1, "NEW", "New"), *things], **WHO)

    assert (version, []) == (planned.version, planned.find(Enterprise, code="NEW"))


def test_every_problem_is_told(planned):
    """A check names each thing that cannot be, by its place, and saves nothing."""
    things = [Park(0, "Bad Code", "x"), Enterprise(0, 1, "E7", "fine"), Point(0, 99, "power", source_key="p")]

    problems = planned.check(things)

    assert [0, 2] == [p.index for p in problems]
    assert [] == planned.find(Enterprise, code="E7")


class TestPlaces:
    def test_no_rings(self, planned):
        """A building cannot lie within its own unit."""
        hall, unit = one(planned, Place, code="A"), one(planned, Place, code="A-101")

        with pytest.raises(Conflict, match="within itself"):
            planned.save([replace(hall, parent=unit.id)], **WHO)


class TestFind:
    def test_pages(self, planned):
        """Pages by number hold everything once."""
        first = planned.find(Place, limit=2)
        second = planned.find(Place, limit=2, after=first[-1].id)

        assert planned.find(Place) == first + second

    def test_one_of(self, planned):
        """A list of values finds things that have one of them."""
        assert {"A-101", "A-102"} == {p.code for p in planned.find(Place, code=["A-101", "A-102", "A-103"])}

    def test_unknown_field(self, planned):
        """A field that the noun has not is refused, not guessed."""
        with pytest.raises(UserError, match="colour"):
            planned.find(Place, colour="red")

    def test_text_comes_back_as_it_went(self, planned):
        """Outlines and enums survive."""
        unit = one(planned, Place, code="A-101")

        assert (((0.0, 0.0), (10.0, 0.0), (10.0, 12.0)), PlaceKind.UNIT) == (unit.outline, unit.kind)
        assert isinstance(unit.kind, PlaceKind)


class TestRetire:
    def test_numbers_are_never_reused(self, planned):
        """A thing that comes after one that was retired has a new number, though the same key."""
        meter = one(planned, Device, key="native:north/gw1/m1")
        planned.retire(Device, meter.id, **WHO)

        (again,) = planned.save([replace(meter, id=0)], **WHO)

        assert again.id > meter.id

    def test_a_device_takes_its_points(self, planned):
        """Points go with their device, derived ones too; it is found as retired only."""
        meter = one(planned, Device, key="native:north/gw1/m1")

        planned.retire(Device, meter.id, **WHO)

        assert [] == planned.find(Point)
        assert [meter.id] == [d.id for d in planned.find(Device, state=DeviceState.RETIRED)]
        with pytest.raises(NotFound):
            planned.get(Device, meter.id)

    @pytest.mark.parametrize(
        ("kind", "equal", "word"),
        [
            (Park, {"code": "north"}, "3 places"),
            (Place, {"code": "A"}, "2 places, 1 device"),
            (Place, {"code": "A-101"}, "1 lease"),
            (Enterprise, {"code": "E1"}, "1 lease"),
            (Device, {"kind": "gateway"}, "1 device"),
        ],
    )
    def test_not_while_needed(self, planned, kind, equal, word):
        """What something else stands on cannot be retired."""
        with pytest.raises(Conflict, match=word):
            planned.retire(kind, lone(planned, kind, **equal), **WHO)

    def test_a_lease_ends(self, planned):
        """A retired lease is over, and stays to be asked for; one that has not begun is struck out."""
        lease = one(planned, Lease)
        (future,) = planned.save([Lease(0, 4, 2, T0 + DAY)], **WHO)

        planned.retire(Lease, lease.id, **WHO)
        planned.retire(Lease, future.id, **WHO)

        assert [replace(lease, valid_to=T0)] == planned.find(Lease)


class TestHistory:
    def test_as_of(self, planned):
        """What the registry said at a time can be asked."""
        firm = one(planned, Enterprise, code="E1")
        planned.save([replace(firm, name="New Name")], actor="wang", reason="renamed", now=T0 + DAY)

        assert None is planned.as_of(Enterprise, firm.id, T0 - 1)
        assert "Firm One" == planned.as_of(Enterprise, firm.id, T0 + DAY - 1).name
        assert "New Name" == planned.as_of(Enterprise, firm.id, T0 + DAY).name

    def test_retired_things_had_a_past(self, planned):
        """A retired thing is gone as of then, and not before."""
        firm = one(planned, Enterprise, code="E2")
        planned.retire(Enterprise, firm.id, actor="li", reason="left", now=T0 + DAY)

        assert firm == planned.as_of(Enterprise, firm.id, T0 + DAY - 1)
        assert None is planned.as_of(Enterprise, firm.id, T0 + DAY)

    def test_audit(self, planned):
        """The audit says who changed what, when and why, before and after."""
        firm = one(planned, Enterprise, code="E1")
        planned.save([replace(firm, name="New Name")], actor="wang", reason="renamed", now=T0 + DAY)

        last = planned.changes(noun="enterprise", key=firm.id)[-1]

        assert ("wang", "renamed", T0 + DAY, planned.version) == (last.actor, last.reason, last.at, last.id)
        assert "Firm One" in last.before
        assert "New Name" in last.after


@settings(max_examples=25, deadline=None)
@given(saves=st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abc"), st.booleans()), max_size=12))
def test_numbers_rise(saves, file, tmp_path_factory):
    """Whatever is saved, renamed and retired, no number is given twice."""
    database = Database.open(shutil.copy(file, tmp_path_factory.mktemp("registry") / "park.sqlite"))
    registry = SqlRegistry(database)
    registry.save([Park(0, "north", "North")], **WHO)
    given_out = set()
    for _, code, leaves in saves:
        try:
            (firm,) = registry.save([Enterprise(0, 1, code, "x")], **WHO)
        except Conflict:
            (firm,) = registry.find(Enterprise, code=code)
        else:
            assert firm.id not in given_out
            given_out.add(firm.id)
        if leaves:
            registry.retire(Enterprise, firm.id, **WHO)
    database.close()
