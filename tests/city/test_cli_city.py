"""The commands of a city's roles: what a person can mend is one sentence and exit code 2."""

import os
import subprocess
import sys

import pytest

ROLES = ("ingest", "worker", "alarms", "api")


def park(*arguments):
    """Run the command; return (exit code, what it said)."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PARK_")}
    done = subprocess.run(
        [sys.executable, "-m", "runtime", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=clean,
        check=False,
    )
    return done.returncode, " ".join(done.stderr.split())


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_a_missing_secret_is_a_sentence(role, tmp_path):
    """Without the address of the database no role starts, and says which setting it lacks."""
    code, said = park(role, "--data-dir", str(tmp_path))

    assert 2 == code
    assert said.endswith("park: [city] postgres_url_file: which file?")


@pytest.mark.slow
def test_a_secret_is_never_shown(tmp_path):
    """A file that holds no address of PostgreSQL is named, and nothing of what is in it is."""
    (tmp_path / "url").write_text("mysql://root:hunter2@there/db")
    (tmp_path / "city.toml").write_text(f'[city]\npostgres_url_file = "{tmp_path}/url"\n')
    code, said = park("alarms", "--settings", str(tmp_path / "city.toml"), "--data-dir", str(tmp_path / "data"))

    assert 2 == code
    assert "holds no address of PostgreSQL" in said
    assert "hunter2" not in said
