"""Rows as known at one date or at several at once, and the newest of them."""

from collections.abc import Sequence
from datetime import date, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

DAY_LENGTH, MICROS_DIGITS = len("2024-02-29"), 18  # of `first_known`: of its day, and of a moment in microseconds


def as_known(rows: DataFrame, dates: list[date]) -> DataFrame:
    """Each row once per `as_of_date` in `dates` at which it was known: brought by a run of that date or earlier."""
    if len(dates) == 1:
        # The copies that several dates need cost a night a third of its time. And no literal: Sail 0.7.2 takes fifteen
        # times as long to group many rows by one and other columns.
        known = rows.filter(F.col("ingest_date") <= F.lit(dates[0]))
        return known.withColumn("as_of_date", F.greatest("ingest_date", F.lit(dates[0])))
    at_dates = F.explode(F.array(*(F.lit(day) for day in dates)))
    known = rows.filter(F.col("ingest_date") <= F.lit(max(dates))).withColumn("as_of_date", at_dates)
    return known.filter(F.col("ingest_date") <= F.col("as_of_date"))


def joined(left: DataFrame, right: DataFrame, key: str, dates: list[date], how: str) -> DataFrame:
    """Rows by `as_of_date` and `key` of both sides. Of one date, the key alone: Sail 0.7.2 took four times as long."""
    if len(dates) == 1:
        return left.join(right.drop("as_of_date"), key, how)
    return left.join(right, ["as_of_date", key], how)


def recently(rows: DataFrame, dates: list[date], day: str, window_days: int) -> DataFrame:
    """`as_known` rows whose `day` lies in the last `window_days` days up to the date."""
    earliest = min(dates) - timedelta(days=window_days - 1)
    in_reach = rows.filter(F.col(day).between(F.lit(earliest), F.lit(max(dates))))
    age = F.datediff("as_of_date", F.col(day))
    return as_known(in_reach, dates).filter((age >= 0) & (age < window_days))


def newest(rows: DataFrame, key: Sequence[str], *by: str) -> DataFrame:
    """One row per key: the one with the highest values of the columns `by`, which should leave no tie."""
    first = Window.partitionBy(*key).orderBy(*(F.desc(name) for name in by))
    return rows.withColumn("_place", F.row_number().over(first)).filter("_place = 1").drop("_place")


def first_known(name: str, is_moment: bool = False) -> Column:
    """Aggregate: the least value (text, date or moment) among the rows of the earliest run that brought one, as text.

    `known_text` and `known_moment` read it. The least of a struct says the same and took Sail 0.7.2 six times as long.
    """
    value = F.lpad(F.unix_micros(name).cast("string"), MICROS_DIGITS, "0") if is_moment else F.col(name).cast("string")
    return F.min(F.concat(F.col("ingest_date").cast("string"), value))


def known_day(found: str) -> Column:
    """The run of a `first_known`."""
    return F.substring(found, 1, DAY_LENGTH).cast("date")


def known_text(found: str) -> Column:
    """The value of a `first_known`."""
    return F.expr(f"substring({found}, {DAY_LENGTH + 1})")


def known_moment(found: str) -> Column:
    """The moment of a `first_known`."""
    return F.timestamp_micros(known_text(found).cast("bigint"))
