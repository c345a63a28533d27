"""A projector on real files, and a morning of a park for it."""

from dataclasses import replace

import numpy as np
from lane_parts import CONFIG, HEAT, MINUTE, POWER, START

from park.events import Level
from park.metrics import Lane
from park.readings import Quality, batch_of
from park.records import Batch, DeviceRow, Edge, PointRow, Refusal, Refused, Tick
from park.settings import LogSettings, StoreSettings
from runtime.journal import journals_in
from runtime.log import SegmentLog
from runtime.projector import Projector, ProjectorSettings
from runtime.storage.duckdb import DuckStore
from runtime.storage.snapshots import FileSnapshots
from runtime.storage.sql.database import Database
from runtime.storage.sql.ledger import SqlLedger
from runtime.storage.sql.quarantine import SqlQuarantine
from stream.stages import store_stages

HOUR = 60 * MINUTE
REGISTER, USE = 4, 5
GATEWAY = 20
POINTS = replace(
    CONFIG,
    points=(
        *(replace(p, interval=10_000) for p in CONFIG.points),
        PointRow(REGISTER, "energy", 10, 3, 1),
        PointRow(USE, "energy_use", 10, 3, 1, source=REGISTER),
    ),
    devices=(
        *(replace(d, gateway=GATEWAY) for d in CONFIG.devices), DeviceRow(GATEWAY, 1, 1, Lane.BULK, "gateway"),
    ),
)  # fmt: skip


def edge(messages, readings):
    return Edge(*(np.array([n], np.int32) for n in (GATEWAY, messages, readings)))


def rows(point, start, values, step=10_000, quality=Quality.GOOD, received=None):
    at = [START + start + i * step for i in range(len(values))]
    came = [t if received is None else START + received for t in at]
    return [(point, t, float(v), int(quality), r) for t, v, r in zip(at, values, came, strict=True)]


def batch(*readings, refused=()):
    return Batch(
        batch_of(list(readings)), edge(len(readings), len(readings) + sum(r.readings for r in refused)), refused
    )


def unknown(received, values=2):
    return Refused(
        Refusal.UNKNOWN_DEVICE, "t", b"{}", 2, START + received, device_key="x", gateway=GATEWAY, readings=values
    )


def records(hours=2):
    """Return a morning of a park: readings, a register, duplicates, late ones, some twice, refused ones."""
    out = [Tick(START), POINTS]
    for minute in range(hours * 60):
        at = minute * MINUTE
        if minute:
            out.append(Tick(START + at))
        power = rows(POWER, at, [minute % 7 + k for k in range(6)])
        out.append(batch(*power, *rows(REGISTER, at, [100 + minute * 0.5])))
        if minute % 9 == 4:
            out.append(batch(*power[:2]))  # delivered twice
        if minute % 11 == 5:  # an hour ago, odd seconds: new, then again
            late = rows(HEAT, at - HOUR - 3_000, [0.0, 1.0, 0.0], 700, Quality.LATE, at)
            out += [batch(*late), batch(*late)]
        if minute % 13 == 12:  # long ago and stored: the quality stage has forgotten it
            out.append(batch(*rows(POWER, at - 10 * MINUTE, [(minute - 10) % 7 + k for k in range(6)], received=at)))
        if minute % 17 == 3:
            out.append(batch(refused=(unknown(at),)))
    return out


class Desk:
    """A projector on real files."""

    def __init__(
        self, folder, *, store=None, stages=store_stages, lanes=(Lane.BULK,), saving=None, log=SegmentLog, **settings
    ):
        self.folder = folder
        self.gateways = np.zeros(64, np.int32)
        self.gateways[[POWER, REGISTER, USE, HEAT]] = GATEWAY
        self.log = {lane: log(folder / lane, LogSettings(reserve_bytes=0, segment_bytes=1 << 14)) for lane in lanes}
        self.store = store or DuckStore(folder / "store", StoreSettings(duckdb_memory="256MB"), lambda: self.gateways)
        (folder / "sql").mkdir(exist_ok=True)
        self.database = Database.open(folder / "sql" / "park.db")
        self.ledger, self.quarantine = SqlLedger(self.database), SqlQuarantine(self.database)
        self.snapshots = FileSnapshots(folder / "snapshots")
        self.found = []
        self.projector = Projector(
            logs=self.log,
            stages=stages,
            store=self.store,
            quarantine=self.quarantine,
            ledger=self.ledger,
            snapshots=self.snapshots,
            journals=journals_in(folder),
            found=lambda _lane, _position, events: self.found.extend(events),
            settings=ProjectorSettings(**{"rows": 50, "cycle": 0.01, **settings}),
            saving=saving,
        )

    def append(self, *what, lane=Lane.BULK):
        """Put records into the log."""
        for record in what:
            self.log[lane].append([record])
        return self

    def outcome(self):
        """Return everything that the stores say, in plain words."""
        points = [POWER, HEAT, REGISTER, USE]
        raw = {p: self.store.raw(p, 0, 1 << 50, 100_000) for p in points}
        parts = {}
        for level in (Level.MINUTE, Level.HOUR):
            r = self.store.rollups(level, points, START - 100 * HOUR, START + 100 * HOUR)
            parts[level.value] = [c.tolist() for c in (r.point, r.start, r.count, r.total, r.low, r.high)]
        ledger = self.ledger.rows(START - HOUR, START + 100 * HOUR, self.stored(), {})
        return {
            "raw": {p: (r.ts.tolist(), r.value.tolist()) for p, r in raw.items()},
            "parts": parts,
            "ledger": ledger,
            "waiting": len(self.quarantine.waiting()),
        }

    def stored(self):
        """Count what is stored, less what the meters made: no device sent it."""
        counts = dict(self.store.stored(START - HOUR, START + 100 * HOUR))
        made = self.store.raw(USE, 0, 1 << 50, 100_000).received // HOUR * HOUR
        for hour in made.tolist():
            counts[GATEWAY, hour] -= 1
        return counts

    def close(self):
        """Let go of the files."""
        self.projector.stop(60)
        for log in self.log.values():
            log.close()
        self.store.close()
        self.database.close()


def whole_morning(folder):
    """Return what comes of the morning in one go."""
    desk = Desk(folder, rows=1_000_000).append(*records())
    desk.projector.catch_up()
    outcome = desk.outcome()
    desk.close()
    return outcome
