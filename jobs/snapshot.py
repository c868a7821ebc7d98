"""Snapshots: customers, products and patterns as known at the run's date.

Reads `ops_run`, `feature_customer_day`, `feature_customer_product_day`, `feature_visitor_day`, `clean_*`, the MLflow
registry; writes `feature_customer`, `feature_product`, `feature_pattern`.

A published snapshot is never rewritten: published dates are left out. Late data is in the next snapshot. Refused
(exit code 2) while `tile` has not added what a run brought: such a snapshot would lack that night.
`--dates` makes the customers' snapshots of several dates, as training needs them; one of a published date too, where it
was lost or thinned.
"""

from datetime import date, timedelta
from typing import TYPE_CHECKING

from jobs import runtime, session_patterns
from jobs.staging import staging
from jobs.tables import Run
from jobs.tiled import known_identity, refuse_untiled
from schemas.clean import CLEAN_EVENTS, CLEAN_ORDER_LINES, CLEAN_PRODUCTS, CLEAN_REVIEWS
from schemas.contract import ERASED
from schemas.feature import (
    DECLARATION,
    FEATURE_CUSTOMER,
    FEATURE_CUSTOMER_DAY,
    FEATURE_CUSTOMER_PRODUCT_DAY,
    FEATURE_PATTERN,
    FEATURE_PRODUCT,
)
from schemas.identity import CLEAN_IDENTITY

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from features.customer_products import Products
    from features.persons import Identity

FIRST_VERSION = 1
ONE_DAY = timedelta(days=1)
DATES_AT_ONCE = 31  # each sees all tiles up to it: a year of dates at once would be 365 times the tiles


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


def write_customers(run: Run, dates: list[date]) -> None:
    """`feature_customer` of the dates; the days between them keep their snapshots.

    Few tiles are read once for so many dates as memory allows. Of many, each date is made of the day before where that
    is stored, also when it was made just now.
    """
    run.ensure(FEATURE_CUSTOMER)
    identity = known_identity(run)
    tiles = run.read(FEATURE_CUSTOMER_DAY)
    products = products_of(run, identity.rows if identity else None)
    if tiles.count() < run.settings.rolling_from_tiles:
        for place in range(0, len(dates), DATES_AT_ONCE):
            write_of_tiles(run, dates[place : place + DATES_AT_ONCE], tiles, identity, products)
        return
    fixed = run.published_dates()  # days whose tiles change no more
    erased = erased_until(run)
    for day in dates:
        is_rolled = day - ONE_DAY in fixed and (erased is None or day > erased)
        before = day_before(run, day) if is_rolled else None
        if before is None:
            write_of_tiles(run, [day], tiles, identity, products)
        else:
            write_of_day_before(run, day, before, tiles, identity, products)
        fixed.add(day)


def write_of_tiles(
    run: Run, dates: list[date], tiles: "DataFrame", identity: "Identity | None", products: "Products | None"
) -> None:
    """`feature_customer` of the dates from all tiles, in one pass over them."""
    from features.snapshot import snapshots

    only = "as_of_date IN ({})".format(", ".join(f"DATE'{day}'" for day in dates))
    with runtime.step("snapshot_customers", made_of="all tiles"):
        rows = snapshots(tiles, dates, FIRST_VERSION, identity, products)
        run.replace(rows, FEATURE_CUSTOMER, dates[0], dates[-1], only)


def write_of_day_before(
    run: Run,
    day: date,
    before: "DataFrame",
    tiles: "DataFrame",
    identity: "Identity | None",
    products: "Products | None",
) -> None:
    """`feature_customer` of a date from the snapshot before it and the tiles that come and go."""
    from features.rolling import next_snapshot

    with runtime.step("snapshot_customers", made_of="the day before"):
        rows = next_snapshot(before, tiles, day, FIRST_VERSION, identity, products)
        run.replace(rows, FEATURE_CUSTOMER, day, day, largest_day=before.count())


def products_of(run: Run, identity: "DataFrame | None") -> "Products | None":
    """What tells of products; None for a shop that sells and shows none."""
    from features.customer_products import Products

    if not run.exists(FEATURE_CUSTOMER_PRODUCT_DAY):
        return None
    run.ensure(CLEAN_PRODUCTS)
    return Products(run.read(FEATURE_CUSTOMER_PRODUCT_DAY), run.read(CLEAN_PRODUCTS), identity)


def day_before(run: Run, day: date) -> "DataFrame | None":
    """The snapshot of the day before if all its rows were made as this night makes them, or None."""
    from pyspark.sql import functions as F

    before = run.read(FEATURE_CUSTOMER).filter(F.col("as_of_date") == F.lit(day - ONE_DAY))
    made = before.groupBy("snapshot_version", "state_declaration").count().limit(2).collect()
    return before if [tuple(row)[:2] for row in made] == [(FIRST_VERSION, DECLARATION)] else None


def erased_until(run: Run) -> date | None:
    """The newest snapshot at the last erasure. What earlier ones were made of is no more."""
    from pyspark.sql import functions as F

    erased = run.read(FEATURE_CUSTOMER).filter(F.col("state_declaration") == F.lit(ERASED))
    [found] = erased.agg(F.max("as_of_date").alias("as_of_date")).collect()
    return found.as_of_date


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
