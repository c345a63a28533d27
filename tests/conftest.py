"""What holds for every test."""

import gc
import json
import os
import sys
from collections import Counter
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parents[1]
COSTS = Path(__file__).with_name("costs.json")  # seconds by file, of those over one; COSTS=1 writes what a run took
SPENT = Counter()

# A shared machine is no stopwatch: no test fails for being slow but by the whole run's time limit.
settings.register_profile("park", deadline=None)
settings.load_profile("park")

# Tests start a hundred Pythons. Half of a start is compiling, where a machine says that nothing compiled be kept: here
# it is kept, beside the source as always, where that of the libraries lies already.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(scope="session")
def file(tmp_path_factory):
    """Return a SQLite file that has its tables, to be copied: to make them takes a tenth of a second."""
    from runtime.storage.sql.database import Database

    path = tmp_path_factory.mktemp("ready") / "park.sqlite"
    Database.open(path).close()
    return path


def pytest_configure(config):
    """Give files to processes in our order; by itself xdist would begin with those of many tests, which are quick."""
    if hasattr(config.option, "loadscopereorder"):
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items):
    """Begin with the files that take long, those that wait for servers beside those that calculate, all the way.

    At the end short ones are left, and no process waits for another; meanwhile no core waits for a server.
    """
    costs = json.loads(COSTS.read_text("utf-8"))
    waits, seconds = {}, {}
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        new = 10.0 * ("slow" in marks) + 2.0 * ("server" in marks) + 0.1  # of a file that is not in the table yet
        waits[item.path] = waits.get(item.path, False) or "server" in marks
        seconds[item.path] = max(seconds.get(item.path, 0.0), costs.get(item.nodeid.partition("::")[0], new))
    place = {}
    for kind in (True, False):
        files = sorted((path for path in seconds if waits[path] is kind), key=lambda path: -seconds[path])
        spent = list(accumulate((seconds[path] for path in files), initial=0.0))
        place |= {path: before / spent[-1] for path, before in zip(files, spent, strict=False)}
    items.sort(key=lambda item: place[item.path])  # in chance's order otherwise: a stable sort


def pytest_runtest_logreport(report):
    """Add what a test took to its file's."""
    SPENT[report.nodeid.partition("::")[0]] += report.duration


def pytest_collection_finish():
    """Let the garbage collector leave alone what was collected: thousands of tests last until the end."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish(session):
    """End the servers that files of tests have shared, if any was asked for; COSTS=1: write what files took."""
    servers = sys.modules.get("tests.servers")
    if servers is not None:
        servers.AT_THE_END.close()
    if os.environ.get("COSTS") and not hasattr(session.config, "workerinput"):
        held = json.loads(COSTS.read_text("utf-8")) | {name: round(spent, 1) for name, spent in SPENT.items()}
        here = {name: spent for name, spent in sorted(held.items()) if spent >= 1 and (ROOT / name).exists()}
        COSTS.write_text(json.dumps(here, indent=1) + "\n", "utf-8")
