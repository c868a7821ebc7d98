"""What a gate expects of a table's slice: the contract's own rules, and what no row can tell.

Volume against the same weekdays before, days after the run's, customers or scores that went missing, orders that lost
their customers.
"""

import math
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median
from typing import TYPE_CHECKING

from pyspark.sql import types as T

from jobs.tables import Run
from schemas.clean import CLEAN_EVENTS, CLEAN_ORDER_LINES
from schemas.contract import Column, Expectation, Table
from schemas.feature import FEATURE_CUSTOMER, HAS_ORDERED
from schemas.score import CUSTOMER_360, SCORE_CHURN, SCORE_CLV, SCORE_EMBEDDING, SCORE_RFM

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SCORED_CUSTOMERS = {SCORE_RFM: "true", SCORE_EMBEDDING: "true", SCORE_CHURN: HAS_ORDERED, SCORE_CLV: HAS_ORDERED}
SOURCE_OF = {CLEAN_ORDER_LINES.name: "transactions", CLEAN_EVENTS.name: "clickstream"}
WEEKS = 8  # of the same weekday that a volume is compared with
FEWEST_WEEKS = 4  # with less history there is nothing to compare
LATELY = timedelta(days=31)
FEWEST_LINES = 100  # of customers on such a weekday: with fewer, chance alone may bring guests for a day
LEAST_SHARE = 0.25  # of the usual share of lines that name a customer


@dataclass(frozen=True)
class Judged:
    """A table's slice and what is expected of it."""

    table: Table
    rows: "DataFrame"
    expectations: list[Expectation]


def judge(run: Run, table: Table) -> Judged:
    """The run's slice of a table, and what is expected of it; of a lost column only that it be there."""
    from pyspark.sql import functions as F

    rows = run.read(table)
    present = set(rows.columns)
    if table.slice_column in present:
        rows = rows.filter(F.col(str(table.slice_column)).between(F.lit(run.first), F.lit(run.as_of_date)))
    columns, *of_rows = table.expectations()
    expectations = [*of_rows, *of_days(run, table), *of_history(run, table)]
    for sentence, sql in table.checks:
        if {name for name in table.column_names if name in sql} <= present:
            rows = rows.withColumn(sentence, F.expr(sql))
            expectations.append(("expect_column_values_to_be_in_set", {"column": sentence, "value_set": [True]}))
            present.add(sentence)
            columns[1]["column_set"].append(sentence)
    for column in table.columns:
        if _is_money(column, present):
            rows = rows.withColumn(column.name, F.col(column.name).cast("double"))
    return Judged(table, rows, [columns, *(one for one in expectations if _columns_of(one) <= present)])


def _is_money(column: Column, present: set[str]) -> bool:
    return isinstance(column.type, T.DecimalType) and column.name in present  # doubles are judged ten times faster


def _columns_of(expectation: Expectation) -> set[str]:
    arguments = expectation[1]
    return {arguments["column"]} if "column" in arguments else set(arguments.get("column_list", ()))


def of_days(run: Run, table: Table) -> list[Expectation]:
    """No business day after the run's, but for what clocks may be off."""
    tolerance = timedelta(minutes=run.settings.future_tolerance_minutes)
    latest = run.as_of_date + timedelta(days=math.ceil(tolerance / timedelta(days=1)))
    return [
        ("expect_column_values_to_be_between", {"column": name, "max_value": latest})
        for name in ("event_date", "order_date")
        if name in table.column_names
    ]


def of_history(run: Run, table: Table) -> list[Expectation]:
    """The least number of rows that the table's own past, or the snapshot it stands on, lets expect."""
    if table.name in SOURCE_OF and SOURCE_OF[table.name] in run.settings.volume_sources:
        usual = usual_volume(run, table)
        least = least_rows(usual * run.settings.minimum_volume_ratio)
        return least + (named_customers(run, usual) if table is CLEAN_ORDER_LINES else [])
    if table is FEATURE_CUSTOMER:
        # Customers are never forgotten but for erasure; a snapshot that lost some has lost its inputs.
        counts = slice_counts(run, table, run.as_of_date - LATELY, run.as_of_date - timedelta(days=1))
        return least_rows(0.95 * counts[max(counts)]) if counts else least_rows(1)
    if table in SCORED_CUSTOMERS and has_scored(run, table):
        # A model that the shop never had is no fault; one that scored lately must score them all.
        return least_rows(customers_to_score(run, SCORED_CUSTOMERS[table]))
    return []


def named_customers(run: Run, usual: float) -> list[Expectation]:
    """Of the order lines, a share that names customers; a source may send the column and leave it blank."""
    named = usual_volume(run, CLEAN_ORDER_LINES, "customer_id IS NOT NULL")
    if named < FEWEST_LINES:
        return []
    share = round(LEAST_SHARE * min(1.0, named / usual), 3)
    return [("expect_column_values_to_not_be_null", {"column": "customer_id", "mostly": share})]


def has_scored(run: Run, table: Table) -> bool:
    """Whether a model gave scores lately, by its table or, where that was emptied, by the dates published from it."""
    from pyspark.sql import functions as F

    first = run.as_of_date - LATELY
    if slice_counts(run, table, first, run.as_of_date):
        return True
    model = F.lit(f"{table.name.removeprefix('score_')}-")
    published = run.read(CUSTOMER_360).filter(F.col("as_of_date").between(F.lit(first), F.lit(run.as_of_date)))
    return bool(published.filter(F.contains("models", model)).head(1))


def customers_to_score(run: Run, condition: str) -> int:
    """Customers of the date's snapshot that a model scores; 0 where the snapshot has lost its columns."""
    from pyspark.sql import functions as F

    snapshot = run.read(FEATURE_CUSTOMER)
    if not {"as_of_date", "btyd_age"} <= set(snapshot.columns):
        return 0
    return snapshot.filter(F.col("as_of_date") == F.lit(run.as_of_date)).filter(condition).count()


def least_rows(count: float) -> list[Expectation]:
    """At least `count` rows."""
    return [("expect_table_row_count_to_be_between", {"min_value": math.ceil(count)})]


def usual_volume(run: Run, table: Table, condition: str = "true") -> float:
    """Median rows of the same weekday over the weeks before; 0 while there is too little history."""
    days = [run.as_of_date - timedelta(weeks=week) for week in range(1, WEEKS + 1)]
    counts = slice_counts(run, table, days[-1], days[0], condition)
    known = [counts.get(day, 0) for day in days if run.settings.first_date is None or day >= run.settings.first_date]
    return median(known) if len(known) >= FEWEST_WEEKS and run.as_of_date not in run.settings.closed_dates else 0.0


def slice_counts(run: Run, table: Table, first: date, last: date, condition: str = "true") -> dict[date, int]:
    """Rows by day of the table's slice column; none where a column of the condition was lost."""
    from pyspark.sql import functions as F

    day = str(table.slice_column)
    rows = run.read(table)
    if day not in rows.columns or any(name in condition for name in set(table.column_names) - set(rows.columns)):
        return {}
    of_days = rows.filter(F.col(day).between(F.lit(first), F.lit(last)))
    counted = of_days.filter(condition).groupBy(day).count().collect()
    return {row[day]: row["count"] for row in counted}
