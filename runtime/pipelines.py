"""The pipeline of each lane, as every process that runs one builds it."""

from park.metrics import Lane
from stream.pipeline import Pipeline
from stream.stages import bulk_stages, life_stages

_STAGES = {Lane.LIFE: life_stages, Lane.BULK: bulk_stages}


def pipeline_of(lane: Lane) -> Pipeline:
    """Return a lane's stages, knowing nothing yet."""
    return Pipeline(_STAGES[lane])
