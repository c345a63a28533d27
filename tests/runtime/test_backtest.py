"""Changed rules over a recorded time: what would have fired, and that nothing is touched."""

import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from lane_parts import MINUTE, START

from park.errors import Conflict, NotFound, Unavailable
from park.metrics import Lane
from park.readings import batch_of
from park.records import Batch, Config, DeviceRow, Edge, PlaceRow, PointRow, Tick
from park.rulebook import DryRunState
from park.settings import LogSettings
from runtime.backtest import Asked, backtest
from runtime.dry_runs import DryRunner
from runtime.log import SegmentLog
from runtime.log_reading import LogReading
from runtime.storage.snapshots import FileSnapshots
from stream.pipeline import Pipeline
from stream.rules import parse
from stream.stages import bulk_stages, life_stages
from tests.runtime.park_command import Park
from tests.tools import until

HOUR = 60 * MINUTE
NONE = Edge(*(np.zeros(0, np.int32),) * 3)
STAGES = {Lane.LIFE: life_stages, Lane.BULK: bulk_stages}


def table(high, name="hot", metric="temperature", more=""):
    return (
        f'[[limit]]\nrule = "{name}"\nmetric = "{metric}"\nseverity = "high"\nhigh = {high}\nfor = "5m"\n{more}'
        'basis = "I: a test"\nversion = 2026-01-01\n'
    )


RULES = parse(table(70))
CONFIG = Config(
    1, START,
    points=(PointRow(1, "temperature", 1, 3, 1), PointRow(2, "co", 2, 3, 1), PointRow(3, "smoke", 2, 3, 1)),
    devices=(DeviceRow(1, 1, 3, Lane.BULK, "sensor"), DeviceRow(2, 1, 3, Lane.LIFE, "smoke_detector")),
    places=(PlaceRow(1, 1, 0, "park", "p"), PlaceRow(3, 1, 1, "unit", "u")), limits=RULES,
)  # fmt: skip


def records(minutes, values):
    """Return a minute of log time after the other, with what is read in it."""
    told = [CONFIG]
    for m in range(minutes):
        at = START + m * MINUTE
        rows = [(p, at, float(v), 0, at + 1) for p, v in values(m)]
        told += [Tick(at)] + ([Batch(batch_of(rows), NONE)] if rows else [])
    return told


def heat(minute):
    """Return an hour at 65, in which rules at 60 and at 70 do not agree, and ten minutes at 80."""
    yield 1, 80 if 300 <= minute < 310 else 65 if 120 <= minute < 180 else 20


def smoke(minute):
    yield 2, 0
    yield 3, float(minute >= 200)


def write(folder, saved_at=None):
    """Write a data folder's logs, and snapshots at a minute."""
    snapshots = FileSnapshots(folder / "snapshots")
    for lane, values in ((Lane.BULK, heat), (Lane.LIFE, smoke)):
        log = SegmentLog(folder / "log" / lane, LogSettings(reserve_bytes=0), lane)
        pipeline, saved = Pipeline(STAGES[lane]), saved_at is None
        for record in records(360, values):
            position = log.append([record])
            if saved:
                continue
            pipeline.run(record, lambda _: None)
            if isinstance(record, Tick) and record.now == START + saved_at * MINUTE:
                saved = True
                tick = {"version": np.array(1), "tick": np.array(record.now)}
                snapshots.save(lane.value, position, {**pipeline.snapshot(), "lane": tick})
        log.close()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A data folder with six hours of log, made once and copied for each test."""
    made = tmp_path_factory.mktemp("written")
    write(made)
    return made


@pytest.fixture
def folder(tmp_path, written):
    """A data folder with six hours of log."""
    return shutil.copytree(written, tmp_path / "park")


def asked(folder, changed, begin=0, end=360, present=RULES):
    return Asked(folder, parse(changed), present, START + begin * MINUTE, START + end * MINUTE)


def found(*arguments, **more):
    return backtest(asked(*arguments, **more), lambda _: None)


def counts(result):
    return {row["rule"]: (row["present"], row["changed"], row["gone"], row["new"]) for row in result["rules"]}


def bytes_of(folder):
    """Return every file of a folder, by name, size, content and time of change."""
    return {
        str(p.relative_to(folder)): (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns)
        for p in sorted(folder.rglob("*")) if p.is_file()
    }  # fmt: skip


class TestBacktest:
    def test_side_by_side(self, folder):
        """A lower limit finds what the present one finds, and more; the fire is found by both."""
        result = found(folder, table(60))

        assert {"limit.hot": (1, 2, 0, 1), "fire.pre_alarm": (1, 1, 0, 0)} == counts(result)
        (new,) = result["only_changed"]
        assert (START + 125 * MINUTE + 1, 65.0, 60.0) == (new["since"], new["value"], new["limit"])
        assert (False, []) == (result["approximate"], result["only_present"])

    def test_a_rule_taken_out(self, folder):
        """What a rule found is gone without it, and a new rule's findings are new."""
        result = found(folder, table(60, "warm"))

        assert {"limit.hot": (1, 0, 1, 0), "limit.warm": (0, 2, 0, 2)}.items() <= counts(result).items()

    def test_only_the_time_that_was_asked(self, folder):
        """What began before the start or from the end on is not counted."""
        assert {"limit.hot": (1, 1, 0, 0)}.items() <= counts(found(folder, table(60), 200, 360)).items()
        assert (0, 1) == counts(found(folder, table(60), 0, 200))["limit.hot"][:2]

    @pytest.mark.parametrize("saved", [60, 150])
    def test_from_a_snapshot(self, tmp_path, folder, saved):
        """From a snapshot before the start comes what comes from the log's beginning."""
        other = tmp_path / "saved"
        write(other, saved)

        result, whole = (found(f, table(60), 200, 360) for f in (other, folder))

        assert {k: result[k] for k in ("rules", "only_changed", "only_present")} == {
            k: whole[k] for k in ("rules", "only_changed", "only_present")
        }
        assert [START + saved * MINUTE] * 2 == [lane["from"] for lane in result["lanes"]]
        assert result["lanes"][1]["readings"] < whole["lanes"][1]["readings"]

    def test_a_snapshot_after_the_start_is_not_used(self, tmp_path):
        """A snapshot that knows what came later is no beginning."""
        write(tmp_path / "late", 250)

        assert (1, 2, 0, 1) == counts(found(tmp_path / "late", table(60)))["limit.hot"]

    def test_rules_of_that_time(self, folder):
        """Against the rules of that time, the log's own tables hold on the present side."""
        result = found(folder, table(60), present=None)

        assert (("then", (1, 2, 0, 1))) == (result["against"], counts(result)["limit.hot"])

    def test_nothing_is_touched(self, tmp_path):
        """The folder is the same afterwards, byte for byte and time for time."""
        folder = tmp_path / "park"
        write(folder, 150)
        before = bytes_of(folder)

        found(folder, table(60), 200, 360)

        assert before == bytes_of(folder)

    def test_beyond_the_log(self, folder):
        """A start before the log's first record is answered, and called approximate."""
        result = found(folder, table(60), begin=-600)

        assert result["approximate"]
        assert "the log begins" in result["notes"][0]

    def test_progress(self, folder):
        """Shares rise from near nothing to one."""
        shares = []
        backtest(asked(folder, table(60)), shares.append)

        assert sorted(shares) == shares
        assert 1.0 == shares[-1]


class TestLogReading:
    def test_same_as_the_owner(self, folder):
        """A reader sees every record that the owner of the log sees, at the same positions."""
        log = SegmentLog(folder / "log" / "bulk", LogSettings(reserve_bytes=0))
        own = [position for position, _ in log.read(0)]
        read = [position for position, _ in LogReading(folder / "log" / "bulk").read(0)]
        log.close()

        assert own == read

    def test_while_it_grows(self, folder):
        """A log that its owner has open, with room set aside, ends where its records end."""
        log = SegmentLog(folder / "log" / "bulk", LogSettings(reserve_bytes=0))
        log.append([Tick(START + 400 * MINUTE)])

        records = [record for _, record in LogReading(folder / "log" / "bulk").read(0)]
        log.close()

        assert Tick(START + 400 * MINUTE) == records[-1]

    def test_no_log(self, tmp_path):
        """A folder without a log is told."""
        with pytest.raises(Unavailable, match="no log"):
            LogReading(tmp_path)


class TestDryRunner:
    def test_in_a_process_of_its_own(self, folder):
        """A dry run ends with what would have fired, and the folder as it was."""
        before = bytes_of(folder)
        runs = DryRunner(folder, lambda: table(70))

        begun = runs.begin(table(60), START, START + 6 * HOUR, "officer")
        until(lambda: runs.get(begun.id).state is not DryRunState.RUNNING, 60)
        runs.stop()

        done = runs.get(begun.id)
        assert (DryRunState.DONE, "", 1.0) == (done.state, done.problem, done.progress)
        assert {"limit.hot": (1, 2, 0, 1)}.items() <= counts(done.result).items()
        assert before == bytes_of(folder)

    def test_one_at_a_time(self, folder):
        """A second one while the first runs is refused; after a stop none is begun."""
        runs = DryRunner(folder, lambda: table(70))
        runs.begin(table(60), START, START + HOUR, "officer")

        with pytest.raises(Conflict, match="another dry run"):
            runs.begin(table(60), START, START + HOUR, "officer")
        runs.stop()
        with pytest.raises(Conflict):
            runs.begin(table(60), START, START + HOUR, "officer")

    def test_what_fails_is_told(self, tmp_path):
        """A run over a folder without a log fails with the reason."""
        runs = DryRunner(tmp_path, lambda: table(70))
        begun = runs.begin(table(60), START, START + HOUR, "officer")
        until(lambda: runs.get(begun.id).state is not DryRunState.RUNNING, 60)
        runs.stop()

        assert (DryRunState.FAILED, True) == (runs.get(begun.id).state, "no log" in runs.get(begun.id).problem)

    def test_unknown(self, tmp_path):
        """A run that never was is not found."""
        with pytest.raises(NotFound):
            DryRunner(tmp_path, str).get("x")


@pytest.fixture
def park(capfd):
    """The command."""
    return Park(capfd)


TIMES = ("--from", "2025-06-16T00:00", "--to", "2025-06-16T06:00")


class TestCommand:
    def test_table(self, park, folder, tmp_path):
        """The command prints both sides, rule by rule, and what is new; it leaves the folder alone."""
        rules = tmp_path / "rules.toml"
        rules.write_text(table(60))
        before = bytes_of(folder)

        assert 0 == park("backtest", rules, *TIMES, "--data-dir", folder, "--against", "then"), park.err

        assert "limit.hot" in park.out
        assert "new with the changed rules" in park.out
        assert before == bytes_of(folder)

    def test_json(self, park, folder, tmp_path):
        """With --json everything is printed; without a database the shipped rules are the present ones."""
        rules = tmp_path / "rules.toml"
        rules.write_text(table(60))

        result = park.json("backtest", rules, *TIMES, "--data-dir", folder)

        assert ("present", (0, 2, 0, 2)) == (result["against"], counts(result)["limit.hot"])

    def test_bad_rules(self, park, folder, tmp_path):
        """A table that is wrong is one sentence with line, rule and field."""
        rules = tmp_path / "rules.toml"
        rules.write_text(table("'x'"))

        assert "line 5: rule 'hot': high" in park.sentence("backtest", rules, *TIMES, "--data-dir", folder)


def test_result_is_json(folder):
    """What is found can be sent as it is."""
    result = found(folder, table(60))

    assert result == json.loads(json.dumps(result))


def test_configuration_of_that_time(tmp_path):
    """A point that was registered later is not judged before it was."""
    folder = tmp_path / "park"
    for lane in Lane:
        log = SegmentLog(folder / "log" / lane, LogSettings(reserve_bytes=0), lane)
        log.append([replace(CONFIG, points=()) if lane is Lane.BULK else CONFIG])
        for m in range(60):
            rows = batch_of([(1, START + m * MINUTE, 80.0, 0, START + m * MINUTE + 1)])
            log.append([Tick(START + m * MINUTE), *([Batch(rows, NONE)] if lane is Lane.BULK else [])])
            if m == 29:
                log.append([Config(2, START + m * MINUTE + 2, points=CONFIG.points)])
        log.close()

    (fired,) = found(folder, table(60), 0, 60, present=parse(table(90)))["only_changed"]

    assert START + 35 * MINUTE <= fired["since"] <= START + 36 * MINUTE
