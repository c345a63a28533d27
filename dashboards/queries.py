"""Queries in InfluxQL and SQL: texts with Grafana's variables, and the same texts with values in their place.

InfluxQL runs on every InfluxDB: 1.x, 2.x through the virtual mapping of a bucket to a database of its name,
and 3. Names are quoted; a value never comes from a person's free text, only from variables that Grafana fills
from the stores (`$park` is a code, `$points` a list of numbers).
"""

from collections.abc import Mapping

from park.metrics import METRICS, Kind
from park.series import BUCKETS, measurement_text

# What a window of many points says, by kind: how values of several series become one (InfluxQL over the
# rollups' own fields). A register is never shown: its use is.
_OVER_TIME = {
    Kind.GAUGE: 'mean("mean")',
    Kind.INTERVAL: 'sum("total")',
    Kind.COUNT: 'sum("total")',
    Kind.STATE: 'max("high")',
}


def series(metric: str, *, where: str = "", by: str = "", step: str = "$__interval", bucket: str = "$level") -> str:
    """Return a query of one metric over time. Raises KeyError for a metric or bucket that is not known."""
    pick = _OVER_TIME[METRICS[metric].kind]
    return (
        f'SELECT {pick} AS "value" FROM {source(metric, bucket)} WHERE {_where(where)} '
        f"GROUP BY time({step}){_by(by)} fill(none)"
    )


def extremes(metric: str, *, where: str = "", step: str = "$__interval", bucket: str = "$level") -> str:
    """Return a query of the least, mean and greatest value of a gauge over time."""
    return (
        f'SELECT min("low") AS "low", mean("mean") AS "mean", max("high") AS "high" '
        f"FROM {source(metric, bucket)} WHERE {_where(where)} GROUP BY time({step}) fill(none)"
    )


def total(metric: str, *, where: str = "", by: str = "", bucket: str = "$level") -> str:
    """Return a query of one number, or one per tag, over the whole time shown."""
    pick = _OVER_TIME[METRICS[metric].kind]
    group = f" GROUP BY {_by(by)[2:]}" if by else ""
    return f'SELECT {pick} AS "value" FROM {source(metric, bucket)} WHERE {_where(where)}{group}'


def latest(metric: str, *, where: str = "", by: str = "device") -> str:
    """Return a query of the newest raw value of each device."""
    group = f" GROUP BY {_by(by)[2:]}" if by else ""
    return f'SELECT last("value") AS "value" FROM {source(metric, "raw")} WHERE {_where(where)}{group}'


def figure(name: str, *, by: str = "role", rate: bool = False) -> str:
    """Return a query of one of the platform's own figures; a counter as its rate a second."""
    pick = 'non_negative_derivative(max("value"), 1s)' if rate else 'max("value")'
    return (
        f'SELECT {pick} AS "value" FROM {quoted("platform")}..{quoted(name)} WHERE $timeFilter '
        f"GROUP BY time($__interval){_by(by)} fill(none)"
    )


def source(metric: str, bucket: str) -> str:
    """Return a measurement of a bucket; `$level` stands for the one that the page's reader picked."""
    if bucket != "$level" and bucket not in BUCKETS:
        raise KeyError(bucket)
    return f"{quoted(bucket)}..{quoted(measurement_text(METRICS[metric].name))}"


def quoted(name: str) -> str:
    """Return an identifier of InfluxQL."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def text_of(value: str) -> str:
    """Return a string of InfluxQL."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def filled(query: str, values: Mapping[str, str], *, start: int, end: int, interval: str = "1h") -> str:
    """Return a query as Grafana would send it, with every variable in its place. Raises KeyError for one unknown.

    `start` and `end` are epoch ms. What Grafana does, a test must do: so that each query runs on a real engine.
    """
    span = f"time >= {start}ms AND time <= {end}ms"
    query = query.replace("$timeFilter", span).replace("$__interval", interval)
    for name in sorted(values, key=len, reverse=True):
        query = query.replace(f"${{{name}:regex}}", values[name]).replace(f"${{{name}}}", values[name])
        query = query.replace(f"${name}", values[name])
    left = query.split("/$/")[0]
    if "$" in left.replace("$/", ""):
        raise KeyError(query[query.index("$") :][:20])
    return query


def filled_sql(query: str, values: Mapping[str, str], *, start: int, end: int) -> str:
    """Return an SQL query as Grafana would send it. Raises KeyError for a variable that is not known."""
    query = query.replace("$__unixEpochFrom()", str(start // 1_000)).replace("$__unixEpochTo()", str(end // 1_000))
    for name in sorted(values, key=len, reverse=True):
        query = query.replace(f"${{{name}:sqlstring}}", text_of(values[name])).replace(f"${{{name}}}", values[name])
    if "$" in query:
        raise KeyError(query[query.index("$") :][:20])
    return query


def _where(where: str) -> str:
    return f"{where} AND $timeFilter" if where else "$timeFilter"


def _by(by: str) -> str:
    return "".join(f", {quoted(tag)}" for tag in by.split()) if by else ""
