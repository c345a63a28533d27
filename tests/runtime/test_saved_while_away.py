"""A store's stages are saved as they were behind a chunk, never as one that broke off has left them."""

from contextlib import closing

import pytest
from lane_parts import until
from projector_desk import Desk, records, whole_morning

from park.errors import Unavailable
from park.metrics import Lane
from runtime.log import SegmentLog

SAVED = 90  # records that a snapshot knows, the configuration among them


class Fleeting(SegmentLog):
    """A log that can be away: nobody can ask where it begins, and reading it breaks off."""

    away = False
    read_first = 0  # records that a reader still gets, as from memory
    missed = 0  # questions that it did not answer

    @property
    def begin(self):
        """Fail while it is away."""
        if self.away:
            self.missed += 1
            raise Unavailable("the log is away")
        return super().begin

    def read(self, position, end=None):
        """Break off while it is away."""
        for n, found in enumerate(super().read(position, end)):
            if self.away and n >= self.read_first:
                raise Unavailable("the log is away")
            yield found


@pytest.fixture(scope="module")
def wanted(tmp_path_factory):
    """Return what comes of the morning in one go."""
    return whole_morning(tmp_path_factory.mktemp("wanted"))


@pytest.mark.parametrize("stored", [SAVED, SAVED + 40], ids=["stores with the snapshot", "stores ahead of it"])
@pytest.mark.parametrize("read_first", [0, 8])
def test_a_log_that_is_away_when_it_is_time_to_save(tmp_path, wanted, read_first, stored):
    """While a log is away states are saved again and again, and what is made of it once it is back is the same."""
    whole = records()
    with closing(Desk(tmp_path).append(*whole[:SAVED])) as desk:
        desk.projector.catch_up()
        desk.append(*whole[SAVED:stored])
        while desk.projector._advance(Lane.BULK):  # and then it dies, before it saves again
            pass
        desk.store.flush()

    with closing(Desk(tmp_path, log=Fleeting, snapshot_seconds=0.0)) as desk:
        log = desk.append(*whole[stored:]).log[Lane.BULK]
        desk.projector.recover()
        log.read_first, log.away = read_first, True
        desk.projector.start()
        until(lambda: log.missed > 2)  # between two of them it was time to save
        log.away = False
        until(lambda: desk.projector.state().lag_bytes == 0)

        assert wanted == desk.outcome()
