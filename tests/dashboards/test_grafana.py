"""`park dashboards` and the marks of alarms, against a stand-in of Grafana's HTTP API."""

import pytest
from dashboards_grafana import TOKEN, grafana

from dashboards.boards import boards
from park.errors import Unavailable, UserError
from runtime.cli import main
from runtime.grafana import Grafana


@pytest.fixture
def stand_in():
    with grafana() as held:
        yield held


@pytest.fixture
def face(stand_in):
    opened = Grafana(stand_in.url, TOKEN)
    yield opened
    opened.close()


@pytest.fixture
def park(stand_in, tmp_path, capsys):
    token = tmp_path / "token"
    token.write_text(f"{TOKEN}\n")

    def run(*words):
        with pytest.raises(SystemExit) as ended:
            main(["dashboards", *words, "--url", stand_in.url, "--token-file", str(token)])
        said = capsys.readouterr()
        return ended.value.code, said.out + said.err

    return run


class TestCommand:
    def test_provision(self, park, stand_in):
        """All dashboards are brought there, and then there is no difference."""
        assert 0 == park("provision")[0]
        assert set(boards("x")) == set(stand_in.dashboards)
        assert (0, "the same\n") == park("diff")

    def test_provision_twice(self, park, stand_in):
        """A second time replaces them; nothing is doubled."""
        park("provision")
        park("provision")

        assert {2} == {board["version"] for board in stand_in.dashboards.values()}

    def test_diff(self, park, stand_in):
        """What somebody changed by hand is named, with exit code 1."""
        park("provision")
        stand_in.dashboards["park-city"]["panels"][0]["title"] = "mine"

        assert (1, "park-city: panel '园区 · Parks' differs\n") == park("diff")

    def test_check(self, park, stand_in):
        """Missing data sources are named."""
        stand_in.sources = [{"uid": "park-series"}]
        code, said = park("check")

        assert 2 == code
        assert "has no data source park-rows" in said

    def test_wrong_token(self, park, tmp_path):
        """A token that is refused is one sentence."""
        (tmp_path / "token").write_text("wrong")
        code, said = park("provision")

        assert 2 == code
        assert "refuses the token" in said
        assert "wrong" not in said

    def test_no_token(self, park, tmp_path):
        """A token file that is not there is one sentence."""
        (tmp_path / "token").unlink()

        assert 2 == park("check")[0]

    def test_write(self, tmp_path, capsys):
        """The files of provisioning can be written anywhere."""
        with pytest.raises(SystemExit):
            main(["dashboards", "write", str(tmp_path / "out")])
        capsys.readouterr()

        assert (tmp_path / "out" / "boards" / "park-city.json").exists()


class TestMarks:
    def test_one_mark_a_case(self, face, stand_in):
        """The end of an alarm amends its mark."""
        face.mark(12, 1_000, None, "火警", ("fire",))
        face.mark(12, 1_000, 9_000, "火警", ("fire",))

        marks = list(stand_in.annotations.values())
        assert [(1_000, 9_000, ["park-case-12", "fire"])] == [(m["time"], m["timeEnd"], m["tags"]) for m in marks]

    def test_down(self, face, stand_in):
        """A Grafana that is starting can be asked again later."""
        stand_in.down = True

        with pytest.raises(Unavailable):
            face.mark(12, 1_000, None, "x", ())

    def test_gone(self):
        """Nobody at the address: try again later."""
        with pytest.raises(Unavailable):
            Grafana("http://127.0.0.1:1", TOKEN).health()

    @pytest.mark.parametrize("url", ["", "ftp://x", "grafana:3000"])
    def test_no_address(self, url):
        """What is no address is refused before anything is asked."""
        with pytest.raises(UserError):
            Grafana(url, TOKEN)
