"""What jobs that read tiles ask first: whether those of every run are there, and whose they are."""

from datetime import date
from typing import TYPE_CHECKING

from jobs.errors import MissingInputError
from jobs.tables import Run
from schemas.feature import FEATURE_VISITOR_DAY
from schemas.identity import CLEAN_IDENTITY
from schemas.ops import OPS_RUN

if TYPE_CHECKING:
    from features.persons import Identity


def refuse_untiled(run: Run, last: date) -> None:
    """Raise while `ops_run` tells of a run up to `last` whose rows are not in the tiles."""
    from pyspark.sql import functions as F

    is_missing = (F.col("ingest_date") <= F.lit(last)) & ~F.col("is_tiled")
    night = run.read(OPS_RUN).filter(is_missing).agg(F.min("ingest_date").alias("first")).first()
    if night and night.first:
        raise MissingInputError(
            f"what the run of {night.first} brought is not in feature_customer_day; "
            f"run `python -m jobs.conform` and `python -m jobs.tile`, both with --as-of {night.first}, first"
        )


def known_identity(run: Run) -> "Identity | None":
    """What tells whose accounts and visitors are; None in a lake that knows nothing of it."""
    from features.persons import Identity

    if not run.exists(CLEAN_IDENTITY):
        return None
    run.ensure(FEATURE_VISITOR_DAY)  # Sail can't plan a join with the empty frame that stands for a missing table
    return Identity(run.read(CLEAN_IDENTITY), run.read(FEATURE_VISITOR_DAY))
