"""People where they are counted: how dense a zone is, and on how many nights somebody stayed.

Arrival-ordered, behind the occupancy stage. Density is judged at each count (Fruin's levels: free walking
0.43, slowed at 2, involuntary contact at 3.57 people/m2), unless the zone has a point of its own for it.

Somebody stayed for certain when the count less what the doors may have miscounted (2 % of the crossings)
was never below one from 01:00 to 04:00: living in the plant (三合一). The week's nights are counted; a night
on which no door spoke the day before is none. Declared night shifts are rules of a narrower scope.
"""

import json

import numpy as np

from park.directory import Directory
from park.metrics import CODE
from park.operator import Emit, State
from park.readings import Float64, Int64, Quality, ReadingBatch
from park.records import Config, LimitRow
from stream.holding import Holding, of_place
from stream.occupancy import OccupancyRule
from stream.scopes import MINUTE, chain, fitting, offset_of

VERSION = 1
NIGHTS = 7
_DAY_MINUTES = 1_440
_BEGIN, _END = 60, 240  # minutes of the park day: after late shifts, before the count is set to zero at 04:00
_SURE = 1.0  # people
_INSIDE, _DENSITY, _IN, _OUT = (CODE[m] for m in ("people_inside", "people_density", "people_in", "people_out"))
_DOOR = -1


class Crowding:
    """Hold zones to the rules on people."""

    name = "crowding"

    def __init__(self, directory: Directory, error: float = OccupancyRule().error) -> None:
        self._directory = directory
        self._error = error
        self._rules: tuple[LimitRow, ...] = ()
        self._of: dict[int, tuple[LimitRow, ...]] = {}  # by place
        self._role = np.zeros(2, np.int32)  # by point: row of a zone, or minus the row for its doors; the last: beyond
        self._rows: dict[int, int] = {}  # place -> row, from 1 on
        # by row
        self._places: list[int] = [0]
        self._area: Float64 = np.zeros(1)  # m2; 0: not known, or another point tells the density
        self._offset: Int64 = np.zeros(1, np.int64)  # minutes from UTC to park time
        self._inside: Float64 = np.zeros(1)
        self._crossed: Float64 = np.zeros(1)  # since the last 04:00
        self._least: Float64 = np.full(1, np.inf)  # certainly inside, this night so far
        self._night: Int64 = np.zeros(1, np.int64)  # of park time, that `least` is of; 0: none
        self._stayed: dict[int, list[tuple[int, bool]]] = {}  # place -> (night, somebody stayed)
        self._holding = Holding(directory, of_place)

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Take counts of people; they go on as they came."""
        role = self._role.take(batch.point, mode="clip")
        rows = np.flatnonzero(role)
        if not len(rows):
            return batch
        quality = batch.quality[rows]
        rows = rows[(quality < Quality.LATE) & np.isfinite(batch.value[rows])]
        for line, value, ts, at in zip(
            role[rows].tolist(),
            batch.value[rows].tolist(),
            batch.ts[rows].tolist(),
            batch.received[rows].tolist(),
            strict=True,
        ):  # a door speaks once a minute: tens of rows a second in a city
            if line < 0:
                self._crossed[-line] += value
                continue
            self._inside[line] = value
            if self._area[line] > 0:
                place = self._places[line]
                for rule in self._of.get(place, ()):
                    if rule.metric == "zone_density":
                        crowd = value / self._area[line] if value >= rule.floor else 0.0
                        self._holding.step(rule, place, float(crowd), ts, at, emit)
        return batch

    def on_tick(self, now: int, emit: Emit) -> None:
        """Watch the night, and count it when it is over."""
        minute = now // MINUTE + self._offset
        night, of_day = minute // _DAY_MINUTES, minute % _DAY_MINUTES
        over = (self._night > 0) & ((night > self._night) | (of_day >= _END))
        for line in np.flatnonzero(over).tolist():
            self._count(line, now, emit)
        asleep = (of_day >= _BEGIN) & (of_day < _END)
        asleep[0] = False
        if asleep.any():
            sure = self._inside - self._error * self._crossed
            self._least[asleep] = np.minimum(self._least[asleep], sure[asleep])
            self._night[asleep] = night[asleep]
        self._holding.on_tick(now, emit)

    def _count(self, line: int, now: int, emit: Emit) -> None:
        """Add a night that is over to the week."""
        place, night = self._places[line], int(self._night[line])
        spoke, stayed = self._crossed[line] > 0, bool(self._least[line] >= _SURE)
        self._night[line], self._least[line], self._crossed[line] = 0, np.inf, 0.0
        nights = self._stayed.setdefault(place, [])
        if spoke:
            nights.append((night, stayed))
        nights[:] = [(n, s) for n, s in nights if n > night - NIGHTS]
        value = float(sum(s for _, s in nights))
        for rule in self._of.get(place, ()):
            if rule.metric == "night_stay":
                self._holding.step(rule, place, value, now - 1, now, emit)

    # ── registry and snapshots ───────────────────────────────────────────────────────────────────

    def on_config(self, config: Config, emit: Emit) -> None:
        """Take a new table, and learn which zones count and by which doors."""
        d = self._directory
        if config.limits is not None:
            self._rules = tuple(r for r in d.limits if r.metric in {"zone_density", "night_stay"} and not r.finding)
        elif not config.points and not config.places and not config.devices:
            return
        if len(self._role) < d.size + 1:
            self._role = np.zeros(max(d.size + 1, 2 * len(self._role)), np.int32)
        self._role[:] = 0
        self._of = {}
        dense = set(d.place[np.flatnonzero(d.metric == _DENSITY)].tolist())
        for point in np.flatnonzero(d.metric == _INSIDE).tolist():
            place = int(d.place[point])
            if place in d.places:
                self._zone(point, place, own_density=place in dense)
        for point in np.flatnonzero((d.metric == _IN) | (d.metric == _OUT)).tolist():
            line = self._rows.get(int(d.place[point]), 0)
            if line and self._places[line] in self._of:
                self._role[point] = _DOOR * line
        self._holding.fit(self._of, config.received, emit)

    def _zone(self, point: int, place: int, *, own_density: bool) -> None:
        d = self._directory
        row = d.places[place]
        device = d.devices.get(int(d.device[point]))
        rules = fitting(self._rules, chain(d, place), park=row.park, kind=device.kind if device else "")
        if not rules:
            return
        self._of[place] = rules
        line = self._rows.get(place)
        if line is None:
            line = self._rows[place] = len(self._places)
            self._places.append(place)
            for name, fill in (("_area", 0), ("_offset", 0), ("_inside", 0), ("_crossed", 0), ("_least", np.inf),
                               ("_night", 0)):  # fmt: skip
                column = getattr(self, name)
                setattr(self, name, np.append(column, np.array([fill]).astype(column.dtype)))
        self._area[line] = 0.0 if own_density else row.area
        self._offset[line] = offset_of(d, row.park)
        self._role[point] = line

    def snapshot(self) -> State:
        """Return copies of counts, of the week's nights, and of what is held."""
        rows = [
            (place, float(self._inside[line]), float(self._crossed[line]), float(self._least[line]),
             int(self._night[line]), self._stayed.get(place, []))
            for place, line in self._rows.items()
        ]  # fmt: skip
        text = np.frombuffer(json.dumps(rows).encode(), np.uint8).copy()
        return {**self._holding.snapshot(), "version": np.array(VERSION), "text": text}

    def restore(self, state: State) -> None:
        """Take the state of an earlier `snapshot`."""
        for place, inside, crossed, least, night, stayed in json.loads(state["text"].tobytes()):
            line = self._rows.get(place)
            if line is not None:
                self._inside[line], self._crossed[line] = inside, crossed
                self._least[line], self._night[line] = least, night
                if stayed:
                    self._stayed[place] = [(n, s) for n, s in stayed]
        self._holding.restore(state, self._of)
