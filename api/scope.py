"""Which park a call is about, and whether the key's scope holds it.

What lies outside a scope is answered as if it were not there: a key learns nothing of other parks.
"""

from park.errors import NotFound, UserError
from park.roles import Principal


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
