"""What every registry promises."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from park.directory import Directory
from park.errors import Conflict, NotFound, UserError
from park.metrics import Lane
from park.model import Device, DeviceMode, DeviceState, Enterprise, Lease, Park, Place, PlaceKind, Point
from runtime.storage.sql.database import Database
from runtime.storage.sql.registry import SqlRegistry

T0 = 1_760_000_000_000
DAY = 86_400_000
WHO = {"actor": "li", "reason": "test", "now": T0}

PLAN = [
    Park(-1, "north", "North Park", area_mu=30),
    Place(-2, -1, -1, PlaceKind.BUILDING, "A", "Hall A"),
    Place(-3, -1, -2, PlaceKind.UNIT, "A-101", "Unit 101", area=120, outline=((0, 0), (10, 0), (10, 12))),
    Place(-4, -1, -2, PlaceKind.UNIT, "A-102", "Unit 102"),
    Enterprise(-1, -1, "E1", "Firm One"),
    Enterprise(-2, -1, "E2", "Firm Two"),
    Lease(0, -3, -1, T0 - 100 * DAY),
    Device(-1, -1, "native:north/-/gw1", "gateway", place=-2),
    Device(-2, -1, "native:north/gw1/m1", "meter", place=-3, gateway=-1),
    Point(-1, -2, "energy", source_key="energy", modulus=1e6, ratio=40),
    Point(-2, -2, "power", source_key="power", scale=0.001),
]


@pytest.fixture
def registry(where):
    database = Database.open(where)
    yield SqlRegistry(database)
    database.close()


@pytest.fixture
def planned(registry):
    registry.save(PLAN, **WHO)
    return registry


def one(registry, kind, /, **equal):
    (thing,) = registry.find(kind, **equal)
    return thing


def lone(registry, kind, /, **equal):
    return one(registry, kind, **equal).id


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


def row(config, point):
    (found,) = [r for r in config.points if r.point == point]
    return found


class TestConfig:
    def test_everything(self, planned):
        """A configuration from version 0 names all there is."""
        config = planned.config_since(0, T0)

        assert planned.version == config.version
        assert {p.id for p in planned.find(Point)} == {r.point for r in config.points}
        assert {d.id for d in planned.find(Device)} == {r.device for r in config.devices}
        assert ["park", "building", "unit", "unit"] == [r.kind for r in config.places]
        assert {480} == {r.utc_offset for r in config.places}

    def test_points_know_where_they_are(self, planned):
        """A point has the place, park and tenant of its device, and a register's ratio."""
        register = one(planned, Point, metric="energy")

        found = row(planned.config_since(0, T0), register.id)

        assert (3, 1, 1, 40.0, 1e6, 0) == (
            found.place, found.park, found.enterprise, found.ratio, found.modulus, found.effective,
        )  # fmt: skip

    def test_nothing_new(self, planned):
        """Nothing is named where nothing changed."""
        config = planned.config_since(planned.version, T0)

        assert ((), (), ()) == (config.points, config.devices, config.places)

    def test_only_what_changed(self, planned):
        """A change of one point names that point only."""
        version, power = planned.version, one(planned, Point, metric="power")
        planned.save([replace(power, interval=5_000)], **WHO)

        config = planned.config_since(version, T0)

        assert [(power.id, 5_000)] == [(r.point, r.interval) for r in config.points]
        assert ((), ()) == (config.devices, config.places)

    def test_another_tenant(self, planned):
        """A lease that ends and one that begins give the points of the unit another enterprise."""
        version, power = planned.version, lone(planned, Point, metric="power")
        planned.retire(Lease, lone(planned, Lease), **WHO)
        vacant = planned.config_since(version, T0)
        planned.save([Lease(0, 3, 2, T0 + DAY)], **WHO)

        before = planned.config_since(version, T0 + DAY - 1)
        after = planned.config_since(version, T0 + DAY)

        assert (0, T0) == (row(vacant, power).enterprise, row(vacant, power).effective)
        assert 0 == row(before, power).enterprise
        assert (2, T0 + DAY) == (row(after, power).enterprise, row(after, power).effective)

    def test_time_itself_changes_tenants(self, planned):
        """When a lease comes into force, the calendar makes a new version that names its points."""
        planned.retire(Lease, lone(planned, Lease), **WHO)
        planned.save([Lease(0, 3, 2, T0 + DAY)], **WHO)
        version = planned.advance(T0 + 1)

        still = planned.advance(T0 + DAY - 1)
        turned = planned.advance(T0 + DAY)

        assert version == still < turned == planned.advance(T0 + DAY + 60_000)
        assert {2} == {r.enterprise for r in planned.config_since(version, T0 + DAY).points}

    def test_tenants_of_a_whole_building(self, planned):
        """A unit without a lease of its own is occupied by whoever has the building."""
        planned.save([Lease(0, 2, 2, T0 - DAY)], **WHO)
        version = planned.version
        planned.save([Device(-1, 1, "native:w", "meter", place=4), Point(0, -1, "water", source_key="w")], **WHO)

        config = planned.config_since(version, T0)

        assert {2} == {r.enterprise for r in config.points}

    def test_a_move(self, planned):
        """A device that moves takes its points to another place."""
        version, meter = planned.version, one(planned, Device, kind="meter")
        planned.save([replace(meter, place=4, mode=DeviceMode.TEST)], **WHO)

        config = planned.config_since(version, T0)

        assert {(4, 0)} == {(r.place, r.enterprise) for r in config.points}
        assert ["test"] == [r.mode for r in config.devices]

    def test_retired_devices_are_told(self, planned):
        """The stages learn that nothing more is expected of a retired device."""
        version, meter = planned.version, lone(planned, Device, kind="meter")
        planned.retire(Device, meter, **WHO)

        config = planned.config_since(version, T0)

        assert [(meter, True)] == [(d.device, d.retired) for d in config.devices]

    def test_steps_lead_where_one_leap_does(self, planned):
        """A directory that took every change in turn equals one that took all at once."""
        stepped = Directory()
        stepped.apply(planned.config_since(0, T0))
        for things in (
            [Enterprise(0, 1, "E3", "Third")],
            [Lease(0, 4, 3, 0)],
            [Device(-1, 1, "native:z", "meter", place=4), Point(0, -1, "energy", source_key="e")],
            [Place(0, 1, 4, PlaceKind.ZONE, "Z", "Zone")],
        ):
            planned.save(things, **WHO)
            stepped.apply(planned.config_since(stepped.version, T0))

        leapt = Directory()
        leapt.apply(planned.config_since(0, T0))

        assert (leapt.points, leapt.devices, leapt.places) == (stepped.points, stepped.devices, stepped.places)


class TestBindings:
    def test_everything(self, planned):
        """Every name on the wire leads to its point; devices without points are known as well."""
        bound = {b[:2]: b for b in planned.bindings_since(0)}

        meter = bound["native:north/gw1/m1", "power"]
        assert (0.001, "power", 1, Lane.BULK) == (meter.scale, meter.metric, meter.gateway, meter.lane)
        assert ("native:north/-/gw1", "") in bound
        assert 4 == len(bound)

    def test_a_new_name(self, planned):
        """A point whose name on the wire changes is bound to the new one, and the old one ends."""
        version, power = planned.version, one(planned, Point, metric="power")
        planned.save([replace(power, source_key="P")], **WHO)

        bound = {b.source_key: b.point for b in planned.bindings_since(version)}

        assert (0, power.id) == (bound["power"], bound["P"])

    def test_a_retired_device(self, planned):
        """The name of a retired device means nothing any more."""
        version = planned.version
        planned.retire(Device, lone(planned, Device, kind="meter"), **WHO)

        bound = planned.bindings_since(version)

        assert ("native:north/gw1/m1", "", 0, 0) == (
            bound[0].device_key,
            bound[0].source_key,
            bound[0].point,
            bound[0].device,
        )
        assert not any(b.point for b in bound)


def test_gateways(planned):
    """Every point, retired ones too, leads to the gateway of its device: the ledger's second count needs it."""
    meter, gateway = one(planned, Device, kind="meter"), one(planned, Device, kind="gateway")
    planned.save([Point(0, gateway.id, "signal", source_key="rssi")], **WHO)
    planned.retire(Device, meter.id, **WHO)

    assert [(1, gateway.id), (2, gateway.id), (3, gateway.id), (4, 0)] == planned.gateways()


@settings(max_examples=25, deadline=None)
@given(saves=st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abc"), st.booleans()), max_size=12))
def test_numbers_rise(saves, tmp_path_factory):
    """Whatever is saved, renamed and retired, no number is given twice."""
    database = Database.open(tmp_path_factory.mktemp("registry") / "park.sqlite")
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


def test_park_codes(planned):
    """Stages learn the codes of parks: a stranger's topic begins with one."""
    (code,) = {row.code for row in planned.config_since(0, T0).places if row.kind == "park"}

    assert "north" == code
