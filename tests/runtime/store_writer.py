"""A process that writes and flushes until it is killed; run by the test of kills."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from test_duckdb_store import HOUR, SMALL, T0, steady

from park.metrics import Lane
from runtime.storage.duckdb import DuckStore

if __name__ == "__main__":
    store = DuckStore(Path(sys.argv[1]), SMALL)
    for k in range(store.position(Lane.BULK) + 1, 41):
        store.write(steady(k, T0 + (k * 37 % 40) * HOUR))
        print(k, flush=True)  # noqa: T201
        store.flush()
