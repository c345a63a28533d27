"""Which stages stand in which pipeline, and in which order. To add a stage, add it to a tuple."""

from park.directory import Directory
from park.operator import Operator
from stream.fire import Fire
from stream.limits import Limits


def life_stages(directory: Directory) -> tuple[Operator, ...]:
    """Return the stages of the life-safety lane; fire stands first: no gate comes before it."""
    return (Fire(directory), Limits(directory))


def bulk_stages(directory: Directory) -> tuple[Operator, ...]:
    """Return the stages of the bulk lane."""
    return (Fire(directory), Limits(directory))


def store_stages(_directory: Directory) -> tuple[Operator, ...]:
    """Return the stages whose readings and rollups go into the store."""
    return ()
