"""The software that speaks for devices waits for nobody to claim it; registered, it tells of all behind it."""

from ingest.batcher import Batcher
from ingest.resolver import Binding, Resolver
from park.events import DeviceStatus, Reason
from park.metrics import Lane
from park.records import Config, DeviceRow, PlaceRow, PointRow, Tick
from park.settings import IngestSettings
from stream.pipeline import Pipeline
from stream.stages import bulk_stages

START = 1_750_003_200_000
MINUTE = 60_000
CONFIG = Config(
    1, START,
    points=(PointRow(1, "online", 7, 1, 1), PointRow(2, "temperature", 8, 1, 1)),
    devices=(DeviceRow(7, 1, 1, Lane.BULK, "gateway"), DeviceRow(8, 1, 1, Lane.BULK, "climate", gateway=7)),
    places=(PlaceRow(1, 1, 0, "park", "p"),),
)  # fmt: skip
BINDINGS = [
    Binding("z2m:bridge", "availability", 1, metric="online", device=7),
    Binding("z2m:hall", "temperature", 2, metric="temperature", device=8, gateway=7),
]


def said(topic, payload, flags=2):
    """Return a message."""
    return f"zigbee2mqtt/{topic}".encode(), payload, b"\0\1", flags


class Ground:
    """A bulk lane's decoder and stages."""

    def __init__(self, bindings):
        resolver = Resolver(IngestSettings())
        resolver.bind(bindings)
        self.batcher = Batcher(IngestSettings(), resolver)
        self.pipeline = Pipeline(bulk_stages)
        self.told = []
        self.pipeline.run(CONFIG, self.told.append)

    def hear(self, *messages, after=0):
        """Take messages; return the batch that they are."""
        batch = self.batcher.batch(messages, START + after)
        self.pipeline.run(Tick(START + after), self.told.append)
        self.pipeline.run(batch, self.told.append)
        return batch


def test_nobody_claims_it():
    """Its state is neither a reading nor a message that waits; that of a device behind it still waits."""
    ground = Ground([])

    batch = ground.hear(said("bridge/state", b'{"state":"online"}', 3), said("bridge/info", b"{}"))
    other = ground.hear(said("hall/availability", b"online"))

    assert (0, ()) == (len(batch.readings), batch.refused)
    assert ["z2m:hall"] == [r.device_key for r in other.refused]


def test_registered():
    """Registered as a gateway it tells of its end, and of all behind it: they are not told one by one."""
    ground = Ground(BINDINGS)
    ground.hear(said("bridge/state", b'{"state":"online"}', 3), said("hall", b'{"temperature":20}'))
    ground.hear(said("bridge/state", b'{"state":"offline"}'), after=MINUTE)
    ground.pipeline.run(Tick(START + 2 * MINUTE), ground.told.append)
    ground.hear(said("bridge/state", b'{"state":"online"}'), after=3 * MINUTE)
    ground.pipeline.run(Tick(START + 4 * MINUTE), ground.told.append)

    states = [(e.device, e.reason) for e in ground.told if isinstance(e, DeviceStatus)]
    assert (7, Reason.GATEWAY_DOWN) in states
    assert (7, Reason.BACK) == states[-1]
    assert [] == [e for e in states if e == (8, Reason.SILENT)]
