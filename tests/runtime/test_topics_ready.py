"""Topics that a role prepares: how long it waits for a Kafka that does not answer."""

import socket
import threading
from contextlib import closing

import pytest

from park.errors import SettingsError
from park.settings import CitySettings
from runtime.topics_ready import TopicsReady
from tests.tools import until


@pytest.fixture
def mute():
    """A Kafka that takes connections and says nothing."""
    with closing(socket.create_server(("127.0.0.1", 0))) as door:
        yield door


def ready(door, **city):
    stop = threading.Event()
    return TopicsReady(CitySettings(kafka=f"127.0.0.1:{door.getsockname()[1]}", **city), stop), stop


def test_a_kafka_that_says_nothing(mute):
    """Who need not wait for Kafka goes on while it is still being asked; who does learns that it is away."""
    topics, stop = ready(mute)
    went_on = topics.begin(0.0), topics.troubles.newest
    mute.close()
    until(lambda: topics.troubles.newest)
    stop.set()

    assert (False, "") == went_on


def test_a_setting_that_is_wrong(mute, tmp_path):
    """What no patience mends is raised, at once or with the next look."""
    topics, _ = ready(mute, kafka_tls=True, kafka_tls_ca_file=str(tmp_path / "none"))
    with pytest.raises(SettingsError, match="kafka_tls_ca_file"):
        topics.begin()
    with pytest.raises(SettingsError, match="kafka_tls_ca_file"):
        topics.check()
