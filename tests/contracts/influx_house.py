"""Stores over one InfluxDB of a run, each in buckets of its own."""

from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from park.series import BUCKETS
from runtime.storage.influx import Influx
from runtime.storage.influx_store import InfluxStore
from runtime.storage.memory import no_column
from tests.influx_v2 import influx_v2
from tests.noted import Noted
from tests.servers import memory_folder


class InfluxHouse:
    """Starts the server with the first store that is asked for."""

    def __init__(self):
        self._stack, self._served = ExitStack(), None

    def store(self, gateway_of=no_column):
        """Return a store of points that all measure power."""
        if self._served is None:
            folder = self._stack.enter_context(TemporaryDirectory(dir=memory_folder()))
            self._served = self._stack.enter_context(influx_v2(Path(folder)))
        served, refused = self._served, []
        client = Influx(
            served.url, served.token, "park", lambda *why: refused.append(why), prefix=f"{len(served.buckets())}_"
        )
        client.provision(list(BUCKETS.values()), keep=False)
        return InfluxStore(client, lambda p: ("power", f"power,park=a,point={p}"), Noted(), gateway_of=gateway_of)

    def close(self):
        """Stop the server."""
        self._stack.close()
