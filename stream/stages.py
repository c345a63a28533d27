"""Which stages stand in which pipeline, and in which order. To add a stage, add it to a tuple.

```
 life    fire -> unreadable -> quality -> health -> limits -> electrical fire -> contamination
 bulk    fire -> unreadable -> quality -> implausible -> health -> meters -> occupancy -> limits -> electrical fire
              -> means -> electricity -> balance -> demand -> crowding -> discharge -> unusual -> repeated -> activity
 store           quality           -> meters -> occupancy -> rollups
```
Fire stands first: no gate comes before it. Health stands before meters, whose readings no device sent.
Repeated stands behind all who find: it hears what the others found. Activity hears readings only.
"""

from park.directory import Directory
from park.metrics import Lane
from park.operator import Operator
from stream.activity import Activity
from stream.balance import Balance
from stream.crowding import Crowding
from stream.demand import Demand
from stream.detectors.unusual import Unusual
from stream.discharge import Discharge
from stream.electricity import Electricity
from stream.fire import Fire
from stream.fire_contamination import Contamination
from stream.fire_electrical import ElectricalFire
from stream.health import Health
from stream.implausible import Implausible
from stream.limits import Limits
from stream.means import Means
from stream.meters import Meters
from stream.occupancy import Occupancy
from stream.quality import QualityGate
from stream.repeated import Repeated
from stream.rollups import Rollups
from stream.unreadable import Unreadable


def life_stages(directory: Directory) -> tuple[Operator, ...]:
    """Return the stages of the life-safety lane."""
    return (
        Fire(directory), Unreadable(directory), QualityGate(directory), Health(directory), Limits(directory),
        ElectricalFire(directory), Contamination(directory),
    )  # fmt: skip


def bulk_stages(directory: Directory) -> tuple[Operator, ...]:
    """Return the stages of the bulk lane."""
    return (
        Fire(directory), Unreadable(directory, Lane.BULK), QualityGate(directory), Implausible(directory),
        Health(directory), Meters(directory), Occupancy(directory), Limits(directory), ElectricalFire(directory),
        Means(directory), Electricity(directory), Balance(directory), Demand(directory), Crowding(directory),
        Discharge(directory), Unusual(directory), Repeated(directory), Activity(directory),
    )  # fmt: skip


def store_stages(directory: Directory) -> tuple[Operator, ...]:
    """Return the stages whose readings and rollups go into the store."""
    return (QualityGate(directory), Meters(directory), Occupancy(directory), Rollups(directory))
