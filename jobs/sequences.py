"""Inputs of sequence models: customers by week, and each customer's newest events, as known at the run's date.

Reads `ops_run`, `feature_customer`, `feature_customer_day`, `feature_visitor_day`, `clean_*`; writes
`feature_customer_week`, `feature_event_sequence`.

No night needs them: `train_models` makes those of its date, `--dates` those of others that have a snapshot. What is
stored of a published date stays; of one that has none it is written still, for what was known then is known. Refused
(exit code 2) for a date without a snapshot, and while `tile` has not added what a run brought.
"""

from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING

from jobs import runtime
from jobs.errors import MissingInputError
from jobs.tables import Run
from jobs.tiled import known_identity, refuse_untiled
from schemas.clean import CLEAN_CAMPAIGN_EVENTS, CLEAN_EVENTS, CLEAN_ORDER_LINES, CLEAN_PRODUCTS, CLEAN_REVIEWS
from schemas.feature import FEATURE_CUSTOMER, FEATURE_CUSTOMER_DAY
from schemas.identity import CLEAN_IDENTITY
from schemas.sequences import FEATURE_CUSTOMER_WEEK, FEATURE_EVENT_SEQUENCE

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from schemas.contract import Table


def main(arguments: list[str]) -> None:
    """Write both tables for the run's date, or for `--dates`."""
    parser = runtime.parser("sequences", __doc__)
    parser.add_argument("--dates", type=date.fromisoformat, nargs="+", help="dates up to --as-of, instead of it alone")
    given = parser.parse_args(arguments)
    run = runtime.run_of(given)
    dates = sorted(set(given.dates or [run.as_of_date]))
    makers: dict[Table, tuple[Callable[[Run, date], DataFrame], int]] = {
        FEATURE_CUSTOMER_WEEK: (weeks_of, run.settings.panel_weeks),
        FEATURE_EVENT_SEQUENCE: (events_of, run.settings.sequence_events),
    }
    customers = customers_of(run, dates)
    missing = {table: missing_dates(run, table, dates) for table in makers}
    if any(missing.values()):
        refuse_untiled(run, max(day for days in missing.values() for day in days))
    for table, (make, most) in makers.items():
        for day in missing[table]:
            with runtime.step("sequences", table=table.name, as_of=day):
                run.replace(make(run, day), table, day, day, largest_day=customers[day] * most)


def customers_of(run: Run, dates: list[date]) -> dict[date, int]:
    """How many customers the snapshots of the dates have; each must be there."""
    from pyspark.sql import functions as F

    asked = run.read(FEATURE_CUSTOMER).filter(F.col("as_of_date").isin(dates))
    counts = {row["as_of_date"]: row["count"] for row in asked.groupBy("as_of_date").count().collect()}
    if without := [day for day in dates if day not in counts]:
        raise MissingInputError(
            f"no snapshot of {without[0]}; run `python -m jobs.snapshot --as-of {without[0]}` first"
        )
    return counts


def missing_dates(run: Run, table: "Table", dates: list[date]) -> list[date]:
    """The dates that may be written: a published one only where the table has nothing of it."""
    kept = run.published_dates() & run.dates(table)
    return [day for day in dates if day not in kept]


def weeks_of(run: Run, day: date) -> "DataFrame":
    """`feature_customer_week` of a date."""
    from features.customer_weeks import customer_weeks

    return customer_weeks(run.read(FEATURE_CUSTOMER_DAY), day, run.settings.panel_weeks, known_identity(run))


def events_of(run: Run, day: date) -> "DataFrame":
    """`feature_event_sequence` of a date, from the sources that the shop has."""
    from features import event_sequences as of

    run.ensure(CLEAN_PRODUCTS)  # Sail can't plan a join with the empty frame that stands for a missing table
    categories = of.known_categories(run.read(CLEAN_PRODUCTS), day)
    parts = []
    if run.exists(CLEAN_ORDER_LINES):
        lines = run.read(CLEAN_ORDER_LINES)
        parts += [of.order_events(lines, day, categories), of.return_events(lines, day, categories)]
    if run.exists(CLEAN_EVENTS):
        parts.append(of.click_events(run.read(CLEAN_EVENTS), day))
    if run.exists(CLEAN_REVIEWS):
        parts.append(of.review_events(run.read(CLEAN_REVIEWS), day))
    if run.exists(CLEAN_CAMPAIGN_EVENTS):
        parts.append(of.campaign_events(run.read(CLEAN_CAMPAIGN_EVENTS), day))
    if not parts:
        return run.spark.createDataFrame([], FEATURE_EVENT_SEQUENCE.struct)
    identity = run.read(CLEAN_IDENTITY) if run.exists(CLEAN_IDENTITY) else None
    return of.newest_events(of.persons(parts, day, identity), day, run.settings.sequence_events, categories)


if __name__ == "__main__":
    runtime.start(main)
