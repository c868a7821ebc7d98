"""Snapshots: customers, products and patterns as known at the run's date.

Reads `feature_customer_day`, `clean_*`; writes `feature_customer`, `feature_product`, `feature_pattern`.

A published snapshot is never rewritten: published dates are left out. Late data is in the next snapshot.
`--dates` makes the customers' snapshots of several dates in one pass, as training needs them.
"""

from datetime import date

from jobs import runtime
from jobs.tables import Run
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
    if dates:
        write_customers(run, dates)
    if run.as_of_date in dates:
        write_products_and_patterns(run)


def write_customers(run: Run, dates: list[date]) -> None:
    """`feature_customer` of the dates; the days between them keep their snapshots."""
    from features.snapshot import snapshots

    also = "as_of_date IN ({})".format(", ".join(f"DATE'{day}'" for day in dates))
    rows = snapshots(run.read(FEATURE_CUSTOMER_DAY), dates, FIRST_VERSION)
    run.replace(rows, FEATURE_CUSTOMER, dates[0], dates[-1], also)


def write_products_and_patterns(run: Run) -> None:
    """`feature_product` and `feature_pattern` of the run's date; no training set needs them of others."""
    from features.patterns import customer_patterns
    from features.products import product_features

    day = run.as_of_date
    events, reviews = run.read(CLEAN_EVENTS), run.read(CLEAN_REVIEWS)
    products = product_features([day], run.read(CLEAN_ORDER_LINES), events, reviews, run.read(CLEAN_PRODUCTS))
    run.replace(products, FEATURE_PRODUCT, day, day)
    run.replace(customer_patterns([day], events, run.read(FEATURE_CUSTOMER_DAY)), FEATURE_PATTERN, day, day)


if __name__ == "__main__":
    runtime.start(main)
