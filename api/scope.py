"""Which park a call is about, and whether the key's scope holds it.

What lies outside a scope is answered as if it were not there: a key learns nothing of other parks.
"""

from park.alarms import Case
from park.errors import Forbidden, NotFound, UserError
from park.roles import Principal

NATIVE = "native:"  # dialect whose device keys begin with their park's code


def park_asked(caller: Principal, park: int | None) -> int:
    """Return the park to ask for; 0 for all of them. Raises NotFound, UserError."""
    if park:
        if not caller.sees(park):
            raise NotFound(f"there is no park {park}")
        return park
    if caller.parks is None:
        return 0
    if len(caller.parks) == 1:
        return next(iter(caller.parks))
    raise UserError(f"name one of the parks of this key: park={', '.join(str(p) for p in sorted(caller.parks))}")


def sees_alarm(caller: Principal, case: Case) -> bool:
    """Tell whether a key may see an alarm; a stranger's fire, of no park that is known, is everybody's."""
    return caller.hears(case.park) if case.life else caller.sees(case.park)


def whole(caller: Principal) -> None:
    """See that a key is of all parks, as the table of rules is. Raises Forbidden."""
    if caller.parks is not None:
        raise Forbidden("rules hold in all parks: their text and history are for keys of all parks")


def check_key(caller: Principal, key: str, code: str) -> None:
    """See that a key of some parks takes no device that speaks in another park's name. Raises NotFound.

    Its messages, and a fire among them, would from then on be told to the wrong park.
    """
    if caller.parks is not None and key.startswith(NATIVE) and not key.startswith(f"{NATIVE}{code}/"):
        raise NotFound(f"there is no device {key[:64]!r} in the park {code}")
