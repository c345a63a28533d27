"""What the dashboards ask of PostgreSQL: names, alarms, health, the ledger; one file of `sql/` a query.

All are read only and bounded, and no free text of a person enters them: variables are filled by Grafana from
other queries here, and quoted by it. Times are epoch ms in the tables; Grafana wants timestamps.
"""

from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice of a page's reader, filled by a query; `several`: all by default, and out of sight."""

    label: str
    query: str  # file of `sql/`
    several: bool = False


VARIABLES = MappingProxyType({
    "park": Variable("园区 · Park", "variable_park"),
    "enterprise": Variable("企业 · Enterprise", "variable_enterprise"),
    # Points of the units that it rents now: what was used there before is not its page's.
    "points": Variable("点位 · Points", "variable_points", several=True),
    "life_points": Variable("点位 · Points", "variable_life_points", several=True),
})  # fmt: skip


def query(name: str) -> str:
    """Return a query's text. Raises FileNotFoundError for one that is not there."""
    return (files("dashboards") / "sql" / f"{name}.sql").read_text(encoding="utf-8").strip()


def names() -> list[str]:
    """Return the names of all queries."""
    return sorted(f.name.removesuffix(".sql") for f in (files("dashboards") / "sql").iterdir())
