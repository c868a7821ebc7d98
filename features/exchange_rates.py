"""Exchange rates: which one holds on a day as known at a run, and money in the shop's currency by it.

A day's rate is that of the day itself, else the latest earlier one within `window_days`. Of two versions of a rate the
one that came later holds, from the run that brought it. Of two that one run brought, the one with the later `event_at`
holds; of the same moment the one whose `event_id` is greater as text: any other order would change from run to run.
"""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from schemas.contract import EXCHANGE_RATE, LINE_MONEY

AMOUNTS = {"line_amount": "net_amount", "discount_amount": "discount_amount", "shipping_amount": "shipping_amount"}


def rate_days(rates: DataFrame, window_days: int) -> DataFrame:
    """(currency, rate_day, known_from, known_until, exchange_rate): the rate of each day, and the runs that take it.

    `known_until` is the first run that knows a better one, null where none does.
    """
    days = rates.withColumn("rate_day", F.explode(F.sequence("rate_date", F.date_add("rate_date", window_days))))
    as_known = Window.partitionBy("currency", "rate_day").orderBy("ingest_date", "rate_date", "event_at", "event_id")
    so_far = as_known.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    better = days.withColumn("_newest", F.max("rate_date").over(so_far)).filter("rate_date = _newest")
    return better.select(
        "currency",
        "rate_day",
        F.col("ingest_date").alias("known_from"),
        F.lead("ingest_date").over(as_known).alias("known_until"),
        "exchange_rate",
    )


def rated_days(rates: DataFrame, window_days: int) -> DataFrame:
    """(currency, event_date, rated_from, largest_rate): days that have a rate, from which run on."""
    days = rates.withColumn("event_date", F.explode(F.sequence("rate_date", F.date_add("rate_date", window_days))))
    return days.groupBy("currency", "event_date").agg(
        F.min("ingest_date").alias("rated_from"), F.max("exchange_rate").alias("largest_rate")
    )


def in_own_currency(lines: DataFrame, currency: str) -> DataFrame:
    """Lines that are all in the shop's currency, with the columns that `converted` adds."""
    return lines.withColumns(
        {
            "currency": F.lit(currency),
            "exchange_rate": F.lit(1).cast(EXCHANGE_RATE),
            "net_amount": F.col("line_amount"),
        }
    )


def converted(lines: DataFrame, rates: DataFrame, currency: str, window_days: int) -> DataFrame:
    """Lines with `exchange_rate` and `net_amount`; discount and shipping in the shop's currency, too.

    The rate is that of `order_date` as the order's first run knew it (`order_known_date`), so that what is given back
    is worth what was paid; where there is none, that of the line's own day, without which ingest lets no line in.
    """
    days = rate_days(rates, window_days)
    looked_up = _with_rate(lines, days, "order_date", "order_known_date")
    looked_up = _with_rate(looked_up, days, "event_date", "ingest_date")
    own = F.coalesce(F.col("currency"), F.lit(currency))
    found = F.coalesce(F.col("_rate_of_order_date"), F.col("_rate_of_event_date"))
    rated = looked_up.withColumn("currency", own).withColumn(
        "exchange_rate", F.when(own == currency, F.lit(1)).otherwise(found).cast(EXCHANGE_RATE)
    )
    return rated.withColumns(
        {target: (F.col(source) * F.col("exchange_rate")).cast(LINE_MONEY) for source, target in AMOUNTS.items()}
    )


def _with_rate(lines: DataFrame, days: DataFrame, day: str, known: str) -> DataFrame:
    rates = days.select(
        F.col("currency").alias("_currency"),
        F.col("rate_day").alias("_day"),
        F.col("known_from").alias("_from"),
        F.col("known_until").alias("_until"),
        F.col("exchange_rate").alias(f"_rate_of_{day}"),
    )
    of_day = (F.col("currency") == F.col("_currency")) & (F.col(day) == F.col("_day"))
    as_known = (F.col("_from") <= F.col(known)) & (F.col("_until").isNull() | (F.col(known) < F.col("_until")))
    return lines.join(rates, of_day & as_known, how="left").drop("_currency", "_day", "_from", "_until")
