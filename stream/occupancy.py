"""Count the people in a zone from those who come in and go out, and say how far the count may be off.

Doors miscount: with an error `e` a crossing, the count of N crossings is within e x N. So it is held
at or above zero, and set to zero at an hour when the zone is known to be empty; when it was off by more
than the bound, a person is told that a counter is at fault.

A zone that counts has a device of kind "zone_counter" with a point `people_inside` (and, where there is
a use for it, `people_density`); its doors are the points `people_in` and `people_out` of the same place.
"""

from dataclasses import dataclass

import numpy as np

from park.directory import Directory, grown
from park.events import Finding, Reason, Severity
from park.metrics import CODE
from park.operator import Emit, State
from park.readings import Bool, Float64, Int64, Quality, ReadingBatch, batch_of, concat
from park.records import Config
from stream.meters import woven

VERSION = 1
_DAY = 86_400_000
_INSIDE, _DENSITY, _IN, _OUT = (CODE[m] for m in ("people_inside", "people_density", "people_in", "people_out"))


@dataclass(frozen=True, slots=True)
class OccupancyRule:
    """How doors are trusted. 2 % is what good 3-D counters reach; infrared beams miss ten times as many."""

    error: float = 0.02  # share of crossings that a door miscounts
    empty_at: int = 4 * 3_600_000  # ms after midnight, park time, when nobody is inside
    least: float = 5.0  # people: a drift below this is not worth a person's time


@dataclass(frozen=True, slots=True)
class Bound:
    """A count of people, and between which numbers the truth lies."""

    inside: float
    low: float
    high: float


class Occupancy:
    """Append to the readings how many people are inside, after each count of a door.

    Arrival-ordered by zone. A late count still counts, unless it is from before the last time the zone
    was empty; a retained one was counted before. A reset is appended before the first readings after it.
    """

    name = "occupancy"

    def __init__(self, directory: Directory, rule: OccupancyRule | None = None) -> None:
        self._directory = directory
        self._rule = rule or OccupancyRule()
        # by point
        self._zone = np.zeros(0, np.int32)  # place whose people a door's point counts; 0: none
        # by place
        self._inside_point = np.zeros(0, np.int32)
        self._density_point = np.zeros(0, np.int32)
        self._inside: Float64 = np.zeros(0)
        self._crossings: Float64 = np.zeros(0)  # since the zone was empty
        self._below: Float64 = np.zeros(0)  # people that left without having come, since then
        self._empty: Int64 = np.zeros(0, np.int64)  # when it was, epoch ms
        self._newest: Int64 = np.zeros(0, np.int64)  # ts of the last reading told
        self._due: Bool = np.zeros(0, np.bool_)  # it was reset, and no reading has said so yet
        self._grow()

    def _grow(self) -> None:
        size = self._directory.place_size
        self._zone = grown(self._zone, len(self._directory.metric))
        self._inside_point = grown(self._inside_point, size)
        self._density_point = grown(self._density_point, size)
        self._inside, self._crossings = grown(self._inside, size), grown(self._crossings, size)
        self._below, self._empty = grown(self._below, size), grown(self._empty, size)
        self._newest = grown(self._newest, size)
        self._due = grown(self._due, size, fill=False)

    def bound(self, place: int) -> Bound:
        """Return how many people are inside a zone, and how sure that is."""
        inside, off = float(self._inside[place]), self._rule.error * float(self._crossings[place])
        return Bound(inside, max(0.0, inside - off), inside + off)

    def on_batch(self, batch: ReadingBatch, emit: Emit) -> ReadingBatch:
        """Return the readings with counts of people after the doors' own."""
        del emit
        if not len(batch):
            return batch
        resets = self._resets(int(batch.received[0]))
        rows = np.flatnonzero(self._zone[batch.point])
        if len(rows):
            quality = batch.quality[rows]
            good = (quality < Quality.SUSPECT) & (quality != Quality.RETAINED)
            rows = rows[good | (quality == Quality.WRONG_CLOCK)]
        after: list[int] = []
        made: list[tuple[int, int, float, int, int]] = []
        point = batch.point[rows]
        coming = self._directory.metric[point] == _IN
        people = np.where(coming, batch.value[rows], -batch.value[rows])
        columns = (rows, self._zone[point], batch.ts[rows], people, batch.received[rows])
        # A door speaks once a minute: tens of rows a second in a city.
        for row, place, ts, some, received in zip(*(c.tolist() for c in columns), strict=True):
            before = len(made)
            self._count(place, ts, some, received, made)
            after += [row] * (len(made) - before)
        if made:
            batch = woven(batch, np.array(after, np.intp), batch_of(made))
        return concat([batch_of(resets), batch]) if resets else batch

    def _count(
        self, place: int, ts: int, people: float, received: int, made: list[tuple[int, int, float, int, int]]
    ) -> None:
        """Take one count of a door: people who came in, or less than none who left."""
        if ts <= self._empty[place]:
            return
        inside = float(self._inside[place]) + people
        self._crossings[place] += abs(people)
        if inside < 0.0:
            self._below[place] -= inside
            inside = 0.0
        self._inside[place] = inside
        self._newest[place] = at = max(ts, int(self._newest[place]) + 1)  # one time says one thing
        made += self._readings(place, at, received)

    def _readings(self, place: int, ts: int, received: int) -> list[tuple[int, int, float, int, int]]:
        inside = float(self._inside[place])
        made = [(int(self._inside_point[place]), ts, inside, int(Quality.GOOD), received)]
        area = self._directory.places[place].area if place in self._directory.places else 0.0
        if self._density_point[place] and area > 0:
            made.append((int(self._density_point[place]), ts, inside / area, int(Quality.GOOD), received))
        return made

    def _resets(self, received: int) -> list[tuple[int, int, float, int, int]]:
        """Return readings of the zones that were reset since the last batch."""
        made: list[tuple[int, int, float, int, int]] = []
        if self._due.any():
            for place in np.flatnonzero(self._due).tolist():
                made += self._readings(place, int(self._newest[place]), received)
            self._due[:] = False
        return made

    def on_tick(self, now: int, emit: Emit) -> None:
        """Empty the zones whose known-empty hour has come, and tell where the count was off by too much."""
        d, rule = self._directory, self._rule
        for place in np.flatnonzero(self._inside_point).tolist():
            point = int(self._inside_point[place])
            park = d.places.get(int(d.park[point]))
            shift = (park.utc_offset if park else 480) * 60_000 - rule.empty_at
            empty = (now + shift) // _DAY * _DAY - shift
            if empty <= self._empty[place]:
                continue
            drift = float(self._inside[place] - self._below[place])  # all that came, less all that left
            off = max(rule.least, rule.error * float(self._crossings[place]))
            if self._empty[place] and abs(drift) > off:
                emit(
                    Finding(
                        "occupancy", point, empty, now, Severity.LOW, Reason.DRIFT_RESET, value=drift, expected=0.0,
                        low=-off, high=off, device=int(d.device[point]), place=place, park=int(d.park[point]),
                    )
                )  # fmt: skip
            if self._empty[place]:
                self._due[place] |= bool(self._inside[place])
                self._inside[place] = self._crossings[place] = self._below[place] = 0.0
                self._newest[place] = max(empty, int(self._newest[place]) + 1)
            self._empty[place] = empty

    def on_config(self, config: Config, emit: Emit) -> None:
        """Learn which doors belong to which zone."""
        del emit
        self._grow()
        if not config.points and not config.devices:
            return
        d = self._directory
        for metric, column in ((_INSIDE, self._inside_point), (_DENSITY, self._density_point)):
            column[:] = 0
            for point in np.flatnonzero(d.metric == metric).tolist():
                device = d.devices.get(int(d.device[point]))
                if device is not None and device.kind == "zone_counter":
                    column[d.place[point]] = point
        doors = np.flatnonzero((d.metric == _IN) | (d.metric == _OUT))
        self._zone[:] = 0
        places = d.place[doors]
        counted = (places < len(self._inside_point)) & (
            self._inside_point[np.minimum(places, len(self._inside_point) - 1)] > 0
        )
        self._zone[doors[counted]] = places[counted]

    def snapshot(self) -> State:
        """Return copies of all state; what is known from the configuration is not part of it."""
        n = self._directory.place_size
        return {
            "version": np.array(VERSION), "inside": self._inside[:n].copy(), "crossings": self._crossings[:n].copy(),
            "below": self._below[:n].copy(), "empty": self._empty[:n].copy(), "newest": self._newest[:n].copy(),
            "due": self._due[:n].copy(),
        }  # fmt: skip

    def restore(self, state: State) -> None:
        """Take the state of an earlier `snapshot`."""
        self._inside, self._crossings = state["inside"].copy(), state["crossings"].copy()
        self._below, self._empty = state["below"].copy(), state["empty"].copy()
        self._newest, self._due = state["newest"].copy(), state["due"].copy()
        self._grow()
