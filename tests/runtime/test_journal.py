"""The journal of a store: where it cut, and what it decided of late rows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from runtime.journal import Cut, Journal


class TestJournal:
    @given(cuts=st.lists(st.lists(st.booleans(), max_size=20), max_size=6), cut=st.integers(0, 400))
    def test_any_prefix(self, tmp_path_factory, cuts, cut):
        """A journal that stops anywhere opens to whole entries, and takes new ones."""
        path = tmp_path_factory.mktemp("journal") / "bulk.journal"
        journal = Journal(path)
        wanted = [Cut(8 * n, 8 * n + 8, np.array(known, np.bool_)) for n, known in enumerate(cuts)]
        for entry in wanted:
            journal.append(entry)
        journal.close()
        path.write_bytes(path.read_bytes()[:cut])

        again = Journal(path)

        kept = again.after(0)
        assert [(c.start, c.position, c.known.tolist()) for c in wanted[: len(kept)]] == [
            (c.start, c.position, c.known.tolist()) for c in kept
        ]
        again.append(Cut(800, 808, np.ones(3, np.bool_)))
        again.close()
        last = Journal(path)
        assert 808 == last.after(0)[-1].position
        last.close()

    def test_forgetting(self, tmp_path):
        """What no snapshot needs goes; what comes after stays, over a restart as well."""
        journal = Journal(tmp_path / "bulk.journal")
        for n in range(5):
            journal.append(Cut(8 * n, 8 * n + 8, np.zeros(0, np.bool_)))

        journal.forget(16)
        journal.append(Cut(40, 48, np.ones(9, np.bool_)))
        journal.close()

        again = Journal(tmp_path / "bulk.journal")
        assert [24, 32, 40, 48] == [c.position for c in again.after(0)]
        again.close()
