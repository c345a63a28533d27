"""deploy/influx_setup.py: buckets, and tokens that may do no more than they must."""

import os
import subprocess
import sys

import pytest

from deploy.influx_setup import ACCESS, setup
from park.errors import MachineryError, SettingsError
from park.series import BUCKETS
from tests.deploy.influx_rights import ADMIN, influx_rights
from tests.deploy.prepared import ROOT


@pytest.fixture
def influx():
    with influx_rights() as held:
        yield held


@pytest.fixture
def secrets(tmp_path):
    """Give a folder as deploy/prepare.py leaves it."""
    for name, text in (("influx_admin_token", ADMIN), ("influx_token", ""), ("influx_read_token", "")):
        (tmp_path / name).write_text(text)
    return tmp_path


def token(secrets, name="influx_token"):
    return (secrets / name).read_text()


class TestSetup:
    def test_first(self, influx, secrets):
        """Every bucket of the platform is made with its retention, and two tokens."""
        done = setup(influx.url, "park", secrets)

        assert [*(f"bucket {name}" for name in BUCKETS), "token 'park roles'", "token 'park grafana'"] == done
        kept = {
            n: b["retentionRules"][0]["everySeconds"] if b["retentionRules"] else 0 for n, b in influx.buckets.items()
        }
        assert {n: b.keep for n, b in BUCKETS.items()} == kept

    def test_rights(self, influx, secrets):
        """Roles read and write buckets, Grafana reads them; neither may do anything else."""
        setup(influx.url, "park", secrets)
        roles, grafana = token(secrets), token(secrets, "influx_read_token")

        assert [True, True] == [influx.may(roles, a) for a in ("read", "write")]
        assert [True, False] == [influx.may(grafana, a) for a in ("read", "write")]
        kinds = {p["resource"]["type"] for given in influx.given.values() for p in given["permissions"]}
        assert {"buckets"} == kinds

    def test_twice(self, influx, secrets):
        """A second time changes nothing."""
        setup(influx.url, "park", secrets)
        before = (token(secrets), token(secrets, "influx_read_token"))

        assert [] == setup(influx.url, "park", secrets)
        assert before == (token(secrets), token(secrets, "influx_read_token"))

    def test_of_another_influxdb(self, influx, secrets):
        """Where InfluxDB is new and the files are old, buckets and tokens are made anew."""
        setup(influx.url, "park", secrets)
        before = token(secrets)
        influx.forget()
        done = setup(influx.url, "park", secrets)

        assert len(BUCKETS) + len(ACCESS) == len(done)
        assert before != token(secrets)
        assert influx.may(token(secrets), "write")

    def test_a_lost_file(self, influx, secrets):
        """A token that was lost is replaced, and the old one opens nothing any more."""
        setup(influx.url, "park", secrets)
        (secrets / "influx_token").write_text("")
        done = setup(influx.url, "park", secrets)

        assert ["token 'park roles'"] == done
        assert len(ACCESS) == len(influx.given)

    def test_in_place(self, influx, secrets):
        """The file stays the same file: compose has bound it into other containers already."""
        before = (secrets / "influx_token").stat().st_ino
        (secrets / "influx_token").write_text("an older and much longer token " * 10)
        setup(influx.url, "park", secrets)

        assert before == (secrets / "influx_token").stat().st_ino
        assert token(secrets).startswith("token-")
        assert token(secrets).endswith("==")


class TestRefusals:
    def test_down(self, influx, secrets):
        """Where InfluxDB does not answer, nothing is written."""
        influx.down = True
        with pytest.raises(MachineryError):
            setup(influx.url, "park", secrets)

        assert "" == token(secrets)

    def test_wrong_administrator(self, influx, secrets):
        """A wrong administrator's token is told of, without showing it."""
        (secrets / "influx_admin_token").write_text("wrong-token")
        with pytest.raises(MachineryError) as why:
            setup(influx.url, "park", secrets)

        assert "wrong-token" not in str(why.value)

    def test_no_administrator(self, influx, secrets):
        """Without the administrator's token it says which file is empty."""
        (secrets / "influx_admin_token").write_text("")
        with pytest.raises(SettingsError, match="influx_admin_token is empty"):
            setup(influx.url, "park", secrets)

    def test_no_organisation(self, influx, secrets):
        """An organisation that is not there is told of."""
        setup(influx.url, "park", secrets)
        (secrets / "influx_token").write_text("")
        with pytest.raises(SettingsError, match="no organisation 'other'"):
            setup(influx.url, "other", secrets)

    def test_as_compose_runs_it(self, influx, secrets):
        """As a program it says what it did, and ends well; without InfluxDB it ends with one sentence."""
        command = [sys.executable, str(ROOT / "deploy" / "influx_setup.py"), influx.url, "park", str(secrets)]
        environ = {**os.environ, "PYTHONPATH": str(ROOT)}
        first = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
        influx.down = True
        second = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)

        assert (0, "") == (first.returncode, first.stderr)
        assert "token 'park grafana'" in first.stdout
        assert (1, 1) == (second.returncode, len(second.stderr.splitlines()))
