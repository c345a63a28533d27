"""What rules may speak of beside the catalogue's metrics: figures that stages make of several points.

A measure is data. A rule names it as its `metric`; the stage that makes it holds its value to the rule.
"""

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure made of several points, judged at the end of a clock window, or at each reading."""

    name: str
    stage: str  # that makes it
    unit: str
    subject: str  # what a condition on it is about: device | place
    window: str  # when it is judged
    floor: str  # what a rule's `floor` is an amount of; "": it has none
    zh: str
    en: str

    @property
    def title(self) -> str:
        """Its name as people read it in English; `en` says how it is made."""
        return self.name.replace("_", " ").capitalize()


_ALL = (
    Measure("voltage_unbalance", "electricity", "%", "device", "minute", "mean voltage, V", "电压不平衡度",
            "negative over positive sequence of the phase voltages"),
    Measure("current_unbalance", "electricity", "%", "device", "minute", "largest phase current, A", "电流不平衡度",
            "(largest - smallest) / largest phase current"),
    Measure("power_factor_month", "electricity", "", "device", "park day", "energy of the month so far, kWh",
            "当月功率因数", "active over apparent energy since the month began"),
    Measure("energy_imbalance", "balance", "%", "device", "park day", "energy of the main meter, kWh", "电量不平衡率",
            "(main meter - meters below it) / main meter"),
    Measure("energy_imbalance_change", "balance", "%", "device", "park day", "energy of the main meter, kWh",
            "电量不平衡率变化", "the imbalance less its median of two weeks, by the energy of a usual day"),
    Measure("water_imbalance", "balance", "%", "device", "park day", "water of the main meter, m3", "水量不平衡率",
            "(main meter - meters below it) / main meter"),
    Measure("water_imbalance_change", "balance", "%", "device", "park day", "water of the main meter, m3",
            "水量不平衡率变化", "the imbalance less its median of two weeks, by the water of a usual day"),
    Measure("demand_share", "demand", "%", "place", "15 minutes", "", "需量占合同需量",
            "mean power of a quarter hour by the demand that the place has contracted"),
    Measure("zone_density", "crowding", "1/m2", "place", "minute", "people inside", "区域人员密度",
            "people inside a zone by its area"),
    Measure("night_stay", "crowding", "nights", "place", "park day", "", "夜间留宿天数",
            "nights of the last seven on which somebody was inside for certain from 01:00 to 04:00"),
    Measure("idle_discharge", "discharge", "m3/h", "device", "hour", "", "停产排放流量",
            "mean flow of an hour in which its enterprise made nothing"),
    Measure("rarity", "unusual", "d", "point", "value", "distance from what was expected, in the metric's unit",
            "罕见程度",
            "days of a point's values among which one so unusual is expected; beyond `high` an episode is told"),
    Measure("electrical_fire", "electrical_fire", "", "place", "reading", "", "电气火灾综合比值",
            "the smaller of residual current and cable temperature of a place, each by its limit"),
)  # fmt: skip
MEASURES = MappingProxyType({m.name: m for m in _ALL})
