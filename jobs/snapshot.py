"""Snapshots: customers, products and patterns as known at the run's date.

Reads `feature_customer_day`, `clean_*`; writes `feature_customer`, `feature_product`, `feature_pattern`.

A published snapshot is never rewritten: published dates are left out. Late data is in the next snapshot.
`--dates` makes the snapshots of several dates in one pass, as training needs them.
"""

from datetime import date

from jobs import runtime
from schemas.clean import CLEAN_EVENTS, CLEAN_ORDER_LINES, CLEAN_PRODUCTS, CLEAN_REVIEWS
from schemas.feature import FEATURE_CUSTOMER, FEATURE_CUSTOMER_DAY, FEATURE_PATTERN, FEATURE_PRODUCT

FIRST_VERSION = 1


def main(arguments: list[str]) -> None:
    """Write the snapshots of the run's date, or of `--dates`."""
    parser = runtime.parser("snapshot", __doc__)
    parser.add_argument("--dates", type=date.fromisoformat, nargs="+", help="dates up to --as-of, instead of it alone")
    given = parser.parse_args(arguments)
    run = runtime.run_of(given)
    asked = set(given.dates or [run.as_of_date])
    dates = sorted(asked - run.published_dates())
    with runtime.step("snapshot", dates=len(dates), published=len(asked) - len(dates)):
        if dates:
            write_snapshots(run, dates)


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
