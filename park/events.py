"""What the stages find: facts with derived ids, so that a replay names the same fact alike."""

from dataclasses import dataclass
from enum import StrEnum

from park.activity import Evidence
from park.readings import Bool, Float64, Int32, Int64


class Severity(StrEnum):
    """紧急, 高, 中, 低 (domain: ISA-18.2 priorities)."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class AlarmState(StrEnum):
    """State of a condition while it stands, and once it is over."""

    ACTIVE = "active"
    ACKNOWLEDGED = "acknowledged"
    LATCHED = "latched"
    CLEARED = "cleared"


class Reason(StrEnum):
    """Why a stage says what it says."""

    ABOVE_LIMIT = "above_limit"
    BELOW_LIMIT = "below_limit"
    BACK_IN_LIMITS = "back_in_limits"
    OUT_OF_SCHEDULE = "out_of_schedule"  # the hours, days or dates that a rule holds in are over
    RULE_CHANGED = "rule_changed"  # the rule is gone, or holds here no more
    DETECTOR_ALARM = "detector_alarm"  # the device itself says fire or gas
    SECOND_DEVICE = "second_device"  # an independent device of the same place confirms
    CALL_POINT = "call_point"
    RATE_OF_RISE = "rate_of_rise"
    JOINT_RISE = "joint_rise"  # small rises of two kinds in one place
    CONTAMINATED = "contaminated"  # a detector's clean air has risen for weeks: dust
    CLEAN = "clean"  # and is back: it was cleaned
    DEVICE_RESET = "device_reset"  # a real reset message of the device
    PERSON_RESET = "person_reset"
    UNREADABLE = "unreadable"  # messages of life safety that nobody can read
    READABLE = "readable"  # none of them for an hour
    SILENT = "silent"
    BACK = "back"
    STUCK = "stuck"
    MOVES_AGAIN = "moves_again"
    FLAPPING = "flapping"
    STEADY = "steady"
    LOW_BATTERY = "low_battery"
    BATTERY_OK = "battery_ok"
    GATEWAY_DOWN = "gateway_down"
    WRONG_CLOCK = "wrong_clock"
    CLOCK_OK = "clock_ok"
    UNUSUAL = "unusual"  # far from the learned baseline
    USUAL_AGAIN = "usual_again"  # an episode of unusual values is over
    DRIFT_RESET = "drift_reset"  # a count of people corrected at a known-empty hour
    METER_RESET = "meter_reset"
    METER_ROLLOVER = "meter_rollover"
    METER_GLITCH = "meter_glitch"
    METER_SWAP = "meter_swap"  # another meter, at another reading
    NIGHT_USE = "night_use"  # of a larger share than ever: living in, or another's night shift
    OTHER_SHAPE = "other_shape"  # the hours of a day are not those of its past: another use
    OUT_OF_RANGE = "out_of_range"  # for an hour it says what its metric cannot be: a wrong unit, a broken sensor
    BELOW_PEERS = "below_peers"  # uses little for its area against its trade, and nobody comes: idle since ever
    REPORTED = "reported"  # a person says so
    ZOMBIE_SUSPECT = "zombie_suspect"  # an enterprise that, by all that is known, works no more
    NOT_SUSPECT = "not_suspect"  # it works again, or more than it did
    EXPLAINED = "explained"  # a paper on file explains its silence
    MOVED_OUT = "moved_out"  # it leases nothing in the park any more
    SET_APART = "set_apart"  # in test or maintenance for longer than a shift
    FLOOD = "flood"  # more alarms at once than anybody can read


class Label(StrEnum):
    """What makes an alarm less than ordinary; it is raised all the same, and says so."""

    LATE = "late"
    RETAINED = "retained"
    WRONG_CLOCK = "wrong_clock"
    SUSPECT = "suspect"
    UNCLAIMED = "unclaimed"
    TEST = "test"
    MAINTENANCE = "maintenance"
    HISTORY = "history"  # received long ago, and taken in only now: its device was claimed since


class Anomaly(StrEnum):
    """What is unusual about the values of a point."""

    SPIKE = "spike"  # far above all that was likely
    DIP = "dip"
    SHIFT = "shift"  # another level
    DRIFT = "drift"  # another level, reached little by little
    VARIANCE = "variance"  # moves more, or less, than it usually does
    STUCK = "stuck"
    MISSING = "missing"  # values did not come
    SHAPE = "shape"  # many small surprises: a day unlike others
    CONTEXT = "context"  # right value, wrong hour


class Baseline(StrEnum):
    """What an unusual value was held against."""

    FORECAST = "forecast"  # the mixture: the value before, the slow level, this half hour, this hour of the week
    HALF_HOUR = "half_hour"  # what this half hour of the day usually has
    LEVEL = "level"  # the slow level of two weeks
    MOVEMENT = "movement"  # how much the values usually move
    PACE = "pace"  # how often values usually come
    HOUR_OF_WEEK = "hour_of_week"  # what this hour of this weekday usually has
    SIBLINGS = "siblings"  # the day's mean of the park's other sensors, and how far this one usually is from them


class Statistic(StrEnum):
    """What of a value may be unusual: each has a tail of its own, and the rarest names the episode."""

    ABOVE = "above"  # higher than the forecasts
    BELOW = "below"
    HOUR_ABOVE = "hour_above"  # higher than this half hour usually is
    HOUR_BELOW = "hour_below"
    STEP = "step"  # the newest values together, against the slow level
    SHIFT = "shift"  # many of the last values together, against the slow level
    MOVED = "moved"  # moves more, or less, than it usually does
    RUN = "run"  # values in a row that do not move
    SHAPE = "shape"  # many small surprises of one sign
    UNLIKE = "unlike"  # a course that is none of its past days'


@dataclass(frozen=True, slots=True)
class Part:
    """One statistic that spoke for an episode, at its worst value."""

    statistic: Statistic
    rarity: float  # log10 of how many values are needed to see one like it


@dataclass(frozen=True, slots=True)
class ConditionChange:
    """A condition began, changed or ended. One open condition per `condition_id`."""

    rule: str  # "fire.pre_alarm", "fire.confirmed", "limit.over_voltage", ...
    family: str  # "fire", "gas", "limit.over_voltage": one open condition per family and subject
    subject: str  # "place:12", "point:40", "device:7", "unclaimed:z2m:kitchen"
    since: int  # epoch ms, log time (received) at which this condition began: part of its identity
    at: int  # epoch ms, log time of this change
    ts: int  # epoch ms by the device's clock, of the reading that decided it
    state: AlarmState
    severity: Severity
    reason: Reason
    park: int = 0
    place: int = 0
    device: int = 0
    point: int = 0
    value: float | None = None  # always finite
    limit: float | None = None
    labels: tuple[Label, ...] = ()
    actor: str = ""  # the named person whose command ended it; "" for nobody

    @property
    def condition_id(self) -> str:
        """The same from pre-alarm to confirmed to cleared."""
        return f"{self.family}/{self.subject}/{self.since}"

    @property
    def id(self) -> str:
        """Two of the same id are the same fact."""
        return f"{self.condition_id}/{self.rule}/{self.at}/{self.state}/{self.device}/{self.ts}"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something worth looking at that is no condition of its own: an anomaly, a meter swap."""

    kind: str  # "anomaly", "meter", "occupancy", ...
    point: int
    ts: int  # epoch ms by the device's clock
    at: int  # epoch ms, log time
    severity: Severity
    reason: Reason
    value: float | None = None
    expected: float | None = None
    low: float | None = None  # of the expected band
    high: float | None = None
    score: float = 0.0  # 0..1
    device: int = 0
    place: int = 0
    park: int = 0
    episode: str = ""  # anomalies: the same from the first finding of an episode to the one that says it is over
    since: int = 0  # epoch ms: the episode's first value
    until: int = 0  # epoch ms: its last; 0: it is under way
    anomaly: Anomaly | None = None
    baseline: Baseline | None = None
    rising: bool | None = None  # upward or downward
    times: float = 0.0  # one of so many values of this point is so unusual
    similar: tuple[int, ...] = ()  # up to three past episodes of the point that were most like it, by `since`
    parts: tuple[Part, ...] = ()  # what spoke, the rarest first
    labels: tuple[Label, ...] = ()

    @property
    def id(self) -> str:
        """Two of the same id are the same fact."""
        return f"{self.kind}/{self.point}/{self.ts}/{self.reason}"


class Status(StrEnum):
    """Health of a device, worst first in the order that a person cares."""

    GATEWAY_DOWN = "gateway_down"
    SILENT = "silent"
    STUCK = "stuck"
    FLAPPING = "flapping"
    WRONG_CLOCK = "wrong_clock"
    LOW_BATTERY = "low_battery"
    ONLINE = "online"
    NEVER_SEEN = "never_seen"


@dataclass(frozen=True, slots=True)
class DeviceStatus:
    """A device's health changed."""

    device: int
    status: Status
    at: int  # epoch ms, log time
    last_seen: int  # epoch ms, log time of its last message; 0: never
    reason: Reason
    park: int = 0
    labels: tuple[Label, ...] = ()

    @property
    def id(self) -> str:
        """Two of the same id are the same fact."""
        return f"device/{self.device}/{self.at}/{self.status}"


@dataclass(frozen=True, slots=True)
class ActivityDay:
    """How active an enterprise was on a closed park day."""

    enterprise: int
    day: str  # ISO date, park time
    state: str  # unknown | active | reduced | half_stopped | stopped | dormant | zombie_suspect
    ratio: float
    score: float
    reasons: tuple[str, ...] = ()  # the evidence, in English
    park: int = 0
    at: int = 0  # epoch ms, log time
    measure: str = ""  # metric that it was judged by
    amount: float | None = None  # of the day, in the measure's unit; None: not known
    expected: float | None = None  # usual for such a day; None: not learned yet
    since: str = ""  # ISO date: first day of the state, of a stop its first idle day
    evidence: tuple[Evidence, ...] = ()

    @property
    def id(self) -> str:
        """Two of the same id are the same fact."""
        return f"activity/{self.enterprise}/{self.day}"


class Level(StrEnum):
    """Widths of rollup windows; a day is a park day."""

    MINUTE = "1m"
    QUARTER = "15m"
    HOUR = "1h"
    DAY = "1d"


@dataclass(frozen=True, slots=True)
class Rollups:
    """Parts of windows, one row each, in columns: parts of one (point, start) add up.

    A window that was told already is amended by a further part, never by a twin: count, sum and
    good time add, min and max extend, `last` is the value with the greatest `last_ts`.
    """

    level: Level
    point: Int32
    start: Int64  # epoch ms
    count: Int32  # readings good for history
    total: Float64  # sum of their values
    low: Float64
    high: Float64
    last: Float64
    last_ts: Int64  # epoch ms
    good: Int64  # ms of the window that good readings stand for
    bad: Int32  # readings kept but not counted


@dataclass(frozen=True, slots=True)
class Counted:
    """What the quality stage set aside, one row a gateway and hour: part of the loss ledger."""

    gateway: Int32
    hour: Int64  # epoch ms, by `received`
    duplicates: Int32
    readings: Int32  # readings that entered the stage


@dataclass(frozen=True, slots=True)
class Bands:
    """What was usual of points in windows that are over, one row each: as it was known when the window began."""

    point: Int32
    start: Int64  # epoch ms
    width: int  # ms
    expected: Float64
    low: Float64  # of the usual band
    high: Float64
    score: Float64  # 0..1, the most of the window; 0.5 is notable
    learning: Bool  # too young to be judged


Event = ConditionChange | Finding | DeviceStatus | ActivityDay | Rollups | Counted | Bands
