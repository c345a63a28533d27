"""Settings from flags, environment and a file."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from park.errors import SettingsError
from park.settings import Settings
from runtime.settings_file import read_settings, unheard, variables


def written(folder, text):
    """Return a settings file with some text."""
    path = folder / "park.toml"
    path.write_text(text, "utf-8")
    return path


class TestStrength:
    def test_defaults(self):
        """Where nothing is said, everything has its default."""
        assert Settings() == read_settings(None, {}, {"api.port": None})

    def test_order(self, tmp_path):
        """A flag is stronger than a variable, a variable stronger than the file."""
        file = written(tmp_path, '[api]\nport = 1\nhost = "a"\nlive_buffer = 7\n')
        environ = {"PARK_HTTP_PORT": "2", "PARK_HOST": "b"}

        api = read_settings(file, environ, {"api.port": 3}).api

        assert (3, "b", 7) == (api.port, api.host, api.live_buffer)

    def test_every_setting_has_a_variable(self):
        """Each setting can be given by a variable of its own."""
        paths = list(variables().values())

        assert len(paths) == len(set(paths))
        assert {("data_dir",), ("ingest", "tls"), ("api", "require_keys"), ("log", "keep_bytes")} <= set(paths)


GOOD = [
    ("PARK_DATA_DIR", "/x", replace(Settings(), data_dir=Path("/x"))),
    ("PARK_LANGUAGE", "en", replace(Settings(), language="en")),
    ("PARK_INGEST_TLS", "Yes", replace(Settings(), ingest=replace(Settings().ingest, tls=True))),
    ("PARK_INGEST_BATCH_NAP", "0.5", replace(Settings(), ingest=replace(Settings().ingest, batch_nap=0.5))),
    ("PARK_API_REQUIRE_KEYS", "0", replace(Settings(), api=replace(Settings().api, require_keys=False))),
    ("PARK_LOG_KEEP_BYTES", " 1_000 ", replace(Settings(), log=replace(Settings().log, keep_bytes=1_000))),
]

BAD_VARIABLES = [
    ("PARK_HTTP_PORT", "eighty", "'eighty' is not int"),
    ("PARK_HTTP_PORT", "65536", "more than 65535"),
    ("PARK_HTTP_PORT", "-1", "less than 0"),
    ("PARK_HTTP_PORT", "1.5", "is not int"),
    ("PARK_HTTP_PORT", "", "is not int"),
    ("PARK_LANGUAGE", "fr", "none of zh, en"),
    ("PARK_INGEST_MQTT_VERSION", "3", "none of 4, 5"),
    ("PARK_INGEST_TLS", "perhaps", "is not bool"),
    ("PARK_INGEST_BATCH_NAP", "nan", "is not float"),
    ("PARK_INGEST_BATCH_NAP", "-0.1", "less than 0"),
    ("PARK_DATA_DIR", "", "is not Path"),
    ("PARK_LOG_SEGMENT_BYTES", "0", "less than 65536"),
]

BAD_FILES = [
    ("[api\n", "not a TOML file"),
    ("colour = 3\n", "there is no such setting; there are api, city, data_dir"),
    ("[api]\ncolour = 3\n", "[api] colour: there is no such setting; there are connections"),
    ('[api]\nport = "x"\n', "'x' is not int; a whole number is expected"),
    ("[api]\nport = 80.5\n", "80.5 is not int"),
    ("[api]\nport = true\n", "True is not int"),
    ("[api]\nhost = 3\n", "3 is not str"),
    ("[api]\nrequire_keys = 1\n", "1 is not bool"),
    ("[ingest]\nbatch_nap = true\n", "True is not float"),
    ("[ingest]\nbatch_nap = inf\n", "inf is not float"),
    ("[data_dir]\nx = 1\n", "data_dir is no table"),
    ("api = 3\n", "api is a table of settings"),
    ("[api.port]\nx = 3\n", "{'x': 3} is not int"),
]


class TestValues:
    @pytest.mark.parametrize(("name", "text", "expected"), GOOD, ids=[f"{n}={t}" for n, t, _ in GOOD])
    def test_good(self, name, text, expected):
        """A variable's text becomes what the setting is."""
        assert expected == read_settings(None, {name: text}, {})

    @pytest.mark.parametrize(("name", "text", "why"), BAD_VARIABLES, ids=[f"{n}={t}" for n, t, _ in BAD_VARIABLES])
    def test_bad_variable(self, name, text, why):
        """A variable that cannot be is named, with what was expected."""
        with pytest.raises(SettingsError, match=f"^{name}: ") as raised:
            read_settings(None, {name: text}, {})

        assert why in str(raised.value)

    @pytest.mark.parametrize(("text", "why"), BAD_FILES, ids=[t.strip() for t, _ in BAD_FILES])
    def test_bad_file(self, tmp_path, text, why):
        """A file that is wrong is named, with the place and what is wrong there."""
        file = written(tmp_path, text)

        with pytest.raises(SettingsError) as raised:
            read_settings(file, {}, {})

        assert str(raised.value).startswith(f"{file}: ")
        assert why in str(raised.value)

    def test_missing_file(self, tmp_path):
        """A file that is not there is named."""
        with pytest.raises(SettingsError, match=r"none\.toml: cannot be read"):
            read_settings(tmp_path / "none.toml", {}, {})

    def test_flag(self):
        """A flag that cannot be is named as the person typed it."""
        with pytest.raises(SettingsError, match=r"^--http-port: 70000 is more than 65535"):
            read_settings(None, {}, {"api.port": 70_000})

    @given(st.sampled_from(sorted(variables())), st.text(max_size=20))
    def test_any_text(self, name, text):
        """Whatever a variable holds, it is a setting or one sentence that names it."""
        said = f"{name}: "
        try:
            read_settings(None, {name: text}, {})
        except SettingsError as why:
            said = str(why)

        assert said.startswith(f"{name}: ")


class TestUnheard:
    def test_typing_error(self):
        """A variable that looks like a setting and is none is told, with what was meant."""
        (sentence,) = unheard(["PARK_HTTPPORT", "PARK_HOST", "PATH", "PARK_SETTINGS", "PARK_TRACEBACK"])

        assert "PARK_HTTPPORT is no setting" in sentence
        assert "PARK_HTTP_PORT" in sentence
