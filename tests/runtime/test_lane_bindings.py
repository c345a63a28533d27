"""A device that is registered before it speaks is known when it is heard, however soon that is."""

from lane_parts import CONFIG, SMOKE, Bench, message, until

from park.records import Batch


def test_registered_and_spoke_at_once(tmp_path):
    """A message that waits together with the configuration that names its device is read behind it."""
    bench = Bench(tmp_path)
    bench.worker.submit(CONFIG, bench.bind)
    bench.source.give(message("smoke", {"smoke": "alarm"}))
    bench.worker.start()
    until(lambda: bench.source.acknowledged)
    batches = [r for _, r in bench.log.read(0) if isinstance(r, Batch)]
    bench.stop()

    assert [SMOKE] == [point for batch in batches for point in batch.readings.point.tolist()]
    assert [] == [refused for batch in batches for refused in batch.refused]
