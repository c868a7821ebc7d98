"""Snapshots: customers, products and patterns as known at the run's date.

Reads `feature_customer_day`, `clean_*`; writes `feature_customer`, `feature_product`, `feature_pattern`.

A published snapshot is never rewritten: for a published date the job ends with exit code 5 and changes nothing.
`--dates` makes the snapshots of several dates in one pass, as training needs them.
"""

from datetime import date

from jobs import runtime
from jobs.errors import PublishedError
from schemas.clean import CLEAN_EVENTS, CLEAN_ORDER_LINES, CLEAN_PRODUCTS, CLEAN_REVIEWS
from schemas.feature import FEATURE_CUSTOMER, FEATURE_CUSTOMER_DAY, FEATURE_PATTERN, FEATURE_PRODUCT
from schemas.score import CUSTOMER_360

FIRST_VERSION = 1


def main(arguments: list[str]) -> None:
    """Write the snapshots of the run's date, or of `--dates`."""
    parser = runtime.parser("snapshot", __doc__)
    parser.add_argument("--dates", type=date.fromisoformat, nargs="+", help="dates up to --as-of, instead of it alone")
    given = parser.parse_args(arguments)
    run = runtime.run_of(given)
    dates = sorted(set(given.dates or [run.as_of_date]))
    refuse_published(run, dates)
    with runtime.step("snapshot", dates=len(dates)):
        write_snapshots(run, dates)


def refuse_published(run: runtime.Run, dates: list[date]) -> None:
    """Published snapshots stay as they are."""
    from pyspark.sql import functions as F

    published = run.read(CUSTOMER_360).filter(F.col("as_of_date").isin(dates)).select("as_of_date").distinct().collect()
    if published:
        days = ", ".join(str(row.as_of_date) for row in published)
        raise PublishedError(f"{days} is published, its snapshot stays; late data is in the next one")


def write_snapshots(run: runtime.Run, dates: list[date]) -> None:
    """One slice per date and table."""
    from features.patterns import customer_patterns
    from features.products import product_features
    from features.snapshot import snapshots

    tiles = run.read(FEATURE_CUSTOMER_DAY)
    events, reviews = run.read(CLEAN_EVENTS), run.read(CLEAN_REVIEWS)
    products = product_features(dates, run.read(CLEAN_ORDER_LINES), events, reviews, run.read(CLEAN_PRODUCTS))
    # The days between the dates keep their snapshots.
    also = "as_of_date IN ({})".format(", ".join(f"DATE'{day}'" for day in dates))
    for rows, table in (
        (snapshots(tiles, dates, FIRST_VERSION), FEATURE_CUSTOMER),
        (products, FEATURE_PRODUCT),
        (customer_patterns(dates, events, tiles), FEATURE_PATTERN),
    ):
        run.replace(rows, table, dates[0], dates[-1], also)


if __name__ == "__main__":
    runtime.start(main)
