"""The one gate before everything that holds an alarm back: life safety passes it, always."""

from park.alarms import LIFE_FAMILIES, Case, Trigger
from park.events import ConditionChange


def exempt(alarm: Case | Trigger | ConditionChange) -> bool:
    """Tell whether an alarm is of life safety: fire, gas, CO. Then nothing may hold it back.

    Not a setting, not a rule, not a person's wish: GB/T 45839-2025, 5.10.4 gives 15 s to tell people, and
    nobody who hides such an alarm can know that it is false. Whatever shelves, silences, suppresses,
    groups or delays asks here first.
    """
    return alarm.family.partition(".")[0] in LIFE_FAMILIES


BLIND = "unreadable"  # family of inputs of life safety that nobody can read: what they would say is not known


def at_once(alarm: Case | Trigger) -> bool:
    """Tell whether people hear of an alarm at any hour and beside whatever else there is, without waiting.

    Life safety, and what makes it blind: a detector whose messages cannot be read guards nobody. That may be
    put aside by a person who knows of it; the flood of other alarms, quiet hours and company do not hold it up.
    So many of these that they are a flood themselves are told in a summary, and so is that: at once.
    """
    return exempt(alarm) or BLIND in {alarm.family, alarm.cause if alarm.family == "flood" else ""}
