"""An ingester that cannot be built says why, and leaves nothing behind: it is tried again and again."""

import threading
from contextlib import closing

import pytest

from park.errors import SettingsError
from park.settings import CitySettings, IngestSettings, Settings
from runtime.city_ingest import CityIngest
from runtime.storage.sql.database import Database


@pytest.mark.parametrize(
    "wrong", [{"username": "gw", "password_file": "/nowhere/password"}, {"tls": True, "tls_ca_file": "/nowhere/ca"}]
)
def test_a_file_that_is_not_there(tmp_path, wrong):
    """A secret's file that cannot be read is a sentence for people, and no thread to Kafka stays."""
    settings = Settings(data_dir=tmp_path, ingest=IngestSettings(**wrong), city=CitySettings(kafka="127.0.0.1:9"))
    with closing(Database.open(tmp_path / "park.db")) as database, pytest.raises(SettingsError, match="/nowhere/"):
        CityIngest(settings, database)

    assert [] == [t.name for t in threading.enumerate() if t.name.startswith("kafka-ingest")]
