"""Snapshots: customers, products and patterns as known at the run's date.

Reads `ops_run`, `feature_customer_day`, `feature_visitor_day`, `clean_*`, the MLflow registry; writes
`feature_customer`, `feature_product`, `feature_pattern`.

A published snapshot is never rewritten: published dates are left out. Late data is in the next snapshot. Refused
(exit code 2) while `tile` has not added what a run brought: such a snapshot would lack that night.
`--dates` makes the customers' snapshots of several dates in one pass, as training needs them; one of a published date
too, where it was lost or thinned.
"""

from datetime import date, timedelta
from typing import TYPE_CHECKING

from jobs import runtime, session_patterns
from jobs.errors import MissingInputError
from jobs.staging import staging
from jobs.tables import Run
from schemas.clean import CLEAN_EVENTS, CLEAN_ORDER_LINES, CLEAN_PRODUCTS, CLEAN_REVIEWS
from schemas.feature import (
    FEATURE_CUSTOMER,
    FEATURE_CUSTOMER_DAY,
    FEATURE_PATTERN,
    FEATURE_PRODUCT,
    FEATURE_VISITOR_DAY,
)
from schemas.identity import CLEAN_IDENTITY
from schemas.ops import OPS_RUN

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FIRST_VERSION = 1


def main(arguments: list[str]) -> None:
    """Write the snapshots of the run's date, or of `--dates`."""
    parser = runtime.parser("snapshot", __doc__)
    parser.add_argument("--dates", type=date.fromisoformat, nargs="+", help="dates up to --as-of, instead of it alone")
    given = parser.parse_args(arguments)
    run = runtime.run_of(given)
    asked = set(given.dates or [run.as_of_date])
    lost = set(given.dates or ()) - run.dates(FEATURE_CUSTOMER)  # or thinned: made again, it replaces nothing
    dates = sorted(asked - (run.published_dates() - lost))
    if dates:
        refuse_untiled(run, dates[-1])
        write_customers(run, dates)
    if run.as_of_date in dates and not run.is_published():
        write_products_and_patterns(run)


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


def write_customers(run: Run, dates: list[date]) -> None:
    """`feature_customer` of the dates; the days between them keep their snapshots."""
    from features.rolling import next_snapshot
    from features.snapshot import Identity, snapshots

    run.ensure(FEATURE_CUSTOMER)
    also = "as_of_date IN ({})".format(", ".join(f"DATE'{day}'" for day in dates))
    identity = None
    if run.exists(CLEAN_IDENTITY):
        run.ensure(FEATURE_VISITOR_DAY)  # Sail can't plan a join with the empty frame that stands for a missing table
        identity = Identity(run.read(CLEAN_IDENTITY), run.read(FEATURE_VISITOR_DAY))
    tiles = run.read(FEATURE_CUSTOMER_DAY)
    before = day_before(run, dates[0], tiles) if len(dates) == 1 else None
    if before is None:
        rows = snapshots(tiles, dates, FIRST_VERSION, identity)
    else:
        rows = next_snapshot(before, tiles, dates[0], FIRST_VERSION, identity)
    with runtime.step("snapshot_customers", made_of="all tiles" if before is None else "the day before"):
        run.replace(rows, FEATURE_CUSTOMER, dates[0], dates[-1], also)


def day_before(run: Run, day: date, tiles: "DataFrame") -> "DataFrame | None":
    """The snapshot that the day's can be made from: published, so that no tile under it changes, and whole.

    None where there is none, or where so few tiles are read faster. An erasure leaves one without state.
    """
    from pyspark.sql import functions as F

    yesterday = day - timedelta(days=1)
    if yesterday not in run.published_dates() or tiles.count() < run.settings.rolling_from_tiles:
        return None
    before = run.read(FEATURE_CUSTOMER).filter(F.col("as_of_date") == F.lit(yesterday))
    is_whole = F.col("state_order_amount").isNotNull() & (F.col("snapshot_version") == FIRST_VERSION)
    told = before.agg(F.count(F.lit(1)).alias("all"), F.sum(is_whole.cast("int")).alias("whole")).collect()[0]
    return before if told["all"] and told["all"] == told["whole"] else None


def write_products_and_patterns(run: Run) -> None:
    """`feature_product` and `feature_pattern` of the run's date; no training set needs them of others."""
    from features.patterns import customer_patterns
    from features.products import product_features

    day = run.as_of_date
    events, reviews = run.read(CLEAN_EVENTS), run.read(CLEAN_REVIEWS)
    products = product_features([day], run.read(CLEAN_ORDER_LINES), events, reviews, run.read(CLEAN_PRODUCTS))
    run.replace(products, FEATURE_PRODUCT, day, day)
    tiles = run.read(FEATURE_CUSTOMER_DAY)
    if run.exists(CLEAN_IDENTITY):
        from features.persons import events_of_persons, of_persons_at

        identity = run.read(CLEAN_IDENTITY)
        events, tiles = events_of_persons(events, identity, day), of_persons_at(tiles, identity, day)
    with staging(run, f"patterns-{day}") as keep:
        coded = session_patterns.of_champion(run, events, keep)
        run.replace(customer_patterns([day], events, tiles, coded), FEATURE_PATTERN, day, day)


if __name__ == "__main__":
    runtime.start(main)
