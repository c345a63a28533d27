"""The ladder of activity, held to the contract of every stage."""

from hypothesis import settings
from hypothesis import strategies as st

from park.readings import Quality
from stream.activity import Activity
from tests.stream.contract import DAY, HOUR, START, Case, contract_of
from tests.stream.firms import config

DAILY = config("energy_use", "people_in", interval=DAY, firms=2)


def days(point):
    """Return some forty days of a point, one reading a day, some of them late."""

    def rows(amounts, delays):
        return [
            (point, START + n * DAY + 12 * HOUR, x, int(Quality.GOOD), START + n * DAY + 12 * HOUR + d)
            for n, (x, d) in enumerate(zip(amounts, delays, strict=False))
            if x is not None
        ]

    amount = st.sampled_from([None, 0.0, 1.5, 20.0, 90.0, 100.0, 110.1])
    delay = st.sampled_from([0, 0, 0, HOUR, 2 * DAY, 9 * DAY, 20 * DAY])
    return st.builds(rows, st.lists(amount, min_size=30, max_size=45), st.lists(delay, min_size=45, max_size=45))


TestActivityContract = contract_of(
    Case(
        "activity", lambda d: (Activity(d),), DAILY, st.builds(lambda a, b: a + b[::3], days(10), days(20)),
        event_time=True, lateness=5 * HOUR,
    ),
    settings(max_examples=8, deadline=None),
)  # fmt: skip
