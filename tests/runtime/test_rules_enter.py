"""A change of rules enters the lanes' stages as a Config record of their logs, and comes back after a restart."""

import pytest

from api.services import Services
from park.errors import Full
from park.metrics import Lane
from park.records import Config
from park.rulebook import DryRunState
from park.settings import IngestSettings, LogSettings, Settings
from runtime.embedded import Embedded
from runtime.house import House
from stream.rules import parse, shipped
from tests.tools import free_port, until

WARM = """
[[limit]]
rule = "warm_room"
metric = "temperature"
severity = "low"
high = 35
basis = "I: a test"
version = 2026-01-01
"""


def settings_of(folder):
    """Return the settings of a platform whose broker is away."""
    return Settings(
        data_dir=folder, ingest=IngestSettings(broker_host="127.0.0.1", broker_port=free_port()),
        log=LogSettings(reserve_bytes=0),
    )  # fmt: skip


def tables(house, lane):
    """Return the rule tables in a lane's log, oldest first."""
    log = house.logs[lane]
    return [r.limits for _, r in log.read(log.begin) if isinstance(r, Config) and r.limits is not None]


def change(services: Services):
    return services.rules.replace(
        shipped() + WARM, actor="officer", reason="a test", expected=services.rules.current().version, life_safety=False
    )


class TestEntering:
    def test_change_and_restart(self, tmp_path):
        """What is saved is in both logs and in the stages, once; a restart adds nothing and forgets nothing."""
        with House.open(settings_of(tmp_path / "park")) as house, Embedded(house) as platform:
            services = platform.services(require_keys=False)
            until(lambda: all(len(tables(house, lane)) == 1 for lane in Lane), 30)

            change(services)

            until(lambda: all(len(tables(house, lane)) == 2 for lane in Lane), 30)
            expected = parse(shipped() + WARM)
            until(lambda: all(w.runner.stages.directory.limits == expected for w in platform.lanes.values()), 30)
            assert all(expected == tables(house, lane)[-1] for lane in Lane)
            assert services.rules.entered()
            assert expected == services.limits()
        with House.open(settings_of(tmp_path / "park")) as house, Embedded(house) as platform:
            until(house.rulebook.entered, 30)
            limits = {w.runner.stages.directory.limits for w in platform.lanes.values()}

            assert ({expected}, [2, 2]) == (limits, [len(tables(house, lane)) for lane in Lane])

    def test_a_lane_that_takes_nothing(self, roster):
        """A lane that is full when rules change is told with the next look; the other one at once."""
        lanes, told = roster
        rows = parse(WARM)
        lanes[Lane.LIFE].refusing = Full("no room")

        with pytest.raises(Full):
            told.rule(rows)
        assert [(), rows] == [lanes[lane].runner.stages.directory.limits for lane in (Lane.LIFE, Lane.BULK)]
        assert not told.ruled()

        lanes[Lane.LIFE].refusing = None
        told.sync()
        assert (rows, True) == (lanes[Lane.LIFE].runner.stages.directory.limits, told.ruled())

    def test_dry_run_of_a_running_platform(self, tmp_path):
        """A running platform answers a dry run, and nothing of it is left running when it stops."""
        with House.open(settings_of(tmp_path / "park")) as house, Embedded(house) as platform:
            services = platform.services(require_keys=False)
            until(lambda: all(len(tables(house, lane)) == 1 for lane in Lane), 30)
            now = services.now()

            run = services.dry_runs.begin(shipped() + WARM, now - 3_600_000, now, "officer")
            until(lambda: services.dry_runs.get(run.id).state is not DryRunState.RUNNING, 60)

            done = services.dry_runs.get(run.id)
            assert (DryRunState.DONE, "", []) == (done.state, done.problem, done.result["rules"])


@pytest.fixture
def roster(tmp_path):
    """Two lanes and a roster that knows no rules yet."""
    from test_roster import Ground

    ground = Ground(tmp_path)
    for lane in Lane:
        ground.roster.prepare(lane)
    return ground.workers, ground.roster
