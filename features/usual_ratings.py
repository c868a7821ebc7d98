"""How far a review's stars lie from what its customer usually gives, and from what its product usually gets."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

EPOCH = date(1970, 1, 1)


def rating_differences(known: DataFrame, first: date) -> DataFrame:
    """(event_id, customer_rating_difference, product_rating_difference) of the reviews that runs from `first` brought.

    Usual is the mean of the ratings known before: of reviews that happened earlier and that no later run brought. So a
    review's difference never changes, and a stretch of nights gives what its nights give. Null where none was known.
    """
    brought = known.filter(F.col("ingest_date") >= F.lit(first))
    by_customer = _difference(brought, known, "customer_id", "customer_rating_difference")
    by_product = _difference(brought, known, "product_id", "product_rating_difference")
    every = brought.select("event_id").join(by_customer, "event_id", how="left")
    return every.join(by_product, "event_id", how="left")


def _difference(brought: DataFrame, known: DataFrame, key: str, name: str) -> DataFrame:
    """(event_id, name) of the reviews that say whose they are; whole numbers throughout, so that no order matters."""
    touched = brought.filter(F.col(key).isNotNull()).select("event_id", key)
    given = known.join(touched.select(key), key, how="left_semi").select(
        "event_id",
        key,
        F.col("rating").cast("bigint").alias("rating"),
        F.unix_micros("event_at").alias("at"),
        F.datediff("ingest_date", F.lit(EPOCH)).cast("bigint").alias("run"),
    )
    before_run = Window.partitionBy(key).orderBy("run").rangeBetween(Window.unboundedPreceding, -1)
    before_in_run = Window.partitionBy(key, "run").orderBy("at").rangeBetween(Window.unboundedPreceding, -1)
    zero = F.lit(0).cast("bigint")
    summed = given.select(
        "*",
        (F.count("rating").over(before_run) + F.count("rating").over(before_in_run)).alias("earlier_count"),
        F.coalesce(F.sum("rating").over(before_run), zero).alias("of_runs"),
        F.coalesce(F.sum("rating").over(before_in_run), zero).alias("in_run"),
        F.max("at").over(before_run).alias("newest_at"),
    ).join(touched.select("event_id"), "event_id", how="left_semi")
    # What an earlier run brought happened earlier, too, unless the review came late: what came after it goes again.
    overtaken = summed.filter("newest_at >= at").select("event_id", key, "at", "run")
    others = given.select(key, "rating", F.col("at").alias("other_at"), F.col("run").alias("other_run"))
    did_not_happen_before = (F.col("other_run") < F.col("run")) & (F.col("other_at") >= F.col("at"))
    later = (
        overtaken.join(others, key, how="inner")
        .filter(did_not_happen_before)
        .groupBy("event_id")
        .agg(F.count("rating").alias("later_count"), F.sum("rating").alias("later_sum"))
    )
    count = F.col("earlier_count") - F.coalesce("later_count", zero)
    total = F.col("of_runs") + F.col("in_run") - F.coalesce("later_sum", zero)
    usual = total.cast("double") / F.when(count > 0, count)
    return summed.join(later, "event_id", how="left").select("event_id", (F.col("rating") - usual).alias(name))
