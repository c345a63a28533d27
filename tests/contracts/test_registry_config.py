"""What every registry tells the stages and the readers of messages: configuration, bindings, gateways."""

from dataclasses import replace

from park.directory import Directory
from park.metrics import Lane
from park.model import Device, DeviceMode, Enterprise, Lease, Place, PlaceKind, Point
from tests.contracts.registry_plan import DAY, T0, WHO, lone, one


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

    of = gateway.id
    assert [(1, of, False), (2, of, False), (3, of, True), (4, 0, False)] == list(planned.gateways())


def test_park_codes(planned):
    """Stages learn the codes of parks: a stranger's topic begins with one."""
    (code,) = {row.code for row in planned.config_since(0, T0).places if row.kind == "park"}

    assert "north" == code
