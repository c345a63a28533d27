"""The one gate before everything that holds an alarm back: life safety passes it, always."""

from park.alarms import LIFE_FAMILIES, Case, Trigger


def exempt(alarm: Case | Trigger) -> bool:
    """Tell whether an alarm is of life safety: fire, gas, CO. Then nothing may hold it back.

    Not a setting, not a rule, not a person's wish: GB/T 45839-2025, 5.10.4 gives 15 s to tell people, and
    nobody who hides such an alarm can know that it is false. Whatever shelves, silences, suppresses,
    groups or delays asks here first.
    """
    return alarm.family.partition(".")[0] in LIFE_FAMILIES
