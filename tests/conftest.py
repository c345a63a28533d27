"""What holds for every test."""

import gc
import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# A shared machine is no stopwatch: no test fails for being slow but by the whole run's time limit.
settings.register_profile("park", deadline=None)
settings.load_profile("park")

# Tests start a hundred Pythons. Half of a start is compiling, where a machine says that nothing compiled be kept:
# here it is kept, in a folder of its own, for them and for us.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
if sys.pycache_prefix is None:
    sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = str(
        Path(__file__).parents[1] / ".pytest_cache" / "compiled"
    )


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
    """Begin with the files that take long: at the end short ones are left, and no process waits for another."""
    weight = {}
    for item in items:
        marks = {mark.name for mark in item.iter_markers()}
        weight[item.path] = max(weight.get(item.path, 0), 2 * ("slow" in marks) + ("server" in marks))
    items.sort(key=lambda item: -weight[item.path])  # in chance's order otherwise: a stable sort


def pytest_collection_finish():
    """Let the garbage collector leave alone what was collected: thousands of tests last until the end."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish():
    """End the servers that files of tests have shared, if any was asked for."""
    servers = sys.modules.get("tests.servers")
    if servers is not None:
        servers.AT_THE_END.close()
