"""Frequent sequences in customers' last 90 days, under names that a person can read.

`session`: three event types in a row within a session, the same one twice in a row counted once
(view > search > add_to_cart). `order_rhythm`: two gaps in a row between days with an order (week > month).
`session_buying`, `session_browsing`, `session_shared`: patterns of the model `session_patterns`, by the side of which
they are typical; once it is trained.
"""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from features.as_of import recently

WINDOW_DAYS = 90
MINIMUM_SHARE = 0.01  # of the customers with any pattern of the kind; rarer ones tell little and are many
KEY = ("as_of_date", "customer_id")
OF_MODEL = {"buying_share": "double", "browsing_share": "double", "model_version": "string"}
GAPS = ((3, "days"), (10, "week"), (45, "month"), (WINDOW_DAYS, "quarter"))


def customer_patterns(
    dates: list[date], events: DataFrame, tiles: DataFrame, coded: DataFrame | None = None
) -> DataFrame:
    """`feature_pattern` for each `as_of_date` in `dates`; `coded` are rows of `coded_patterns`, or None."""
    found = session_patterns(dates, events).unionByName(order_rhythms(dates, tiles))
    counted = found.groupBy(*KEY, "pattern_kind", "pattern").agg(F.count(F.lit(1)).alias("occurrence_count"))
    counted = counted.withColumns({name: F.lit(None).cast(kind) for name, kind in OF_MODEL.items()})
    if coded is not None:
        # An expression, for Sail 0.7.2 can't plan the union of a column with a comment and one without.
        plain = counted.withColumn("customer_id", F.concat("customer_id", F.lit("")))
        counted = plain.unionByName(coded)
    kind = ["as_of_date", "pattern_kind"]
    showing = counted.groupBy(*kind, "pattern").agg(F.count_distinct("customer_id").alias("_showing"))
    any_of_kind = counted.groupBy(*kind).agg(F.count_distinct("customer_id").alias("_any"))
    shares = showing.join(any_of_kind, kind, how="inner").withColumn(
        "customer_share", F.col("_showing").cast("double") / F.col("_any").cast("double")
    )
    frequent = shares.filter(F.col("customer_share") >= MINIMUM_SHARE)
    return counted.join(frequent, [*kind, "pattern"], how="inner")


def session_patterns(dates: list[date], events: DataFrame) -> DataFrame:
    """One row per occurrence of three event types in a row."""
    of_customers = events.filter(~F.col("is_bot") & F.col("customer_id").isNotNull())
    known = recently(of_customers, dates, "event_date", WINDOW_DAYS)
    in_session = Window.partitionBy(*KEY, "session_id").orderBy("event_at", "event_id")
    steps = known.withColumn("_before", F.lag("event_type").over(in_session)).filter(
        F.col("_before").isNull() | (F.col("_before") != F.col("event_type"))
    )
    triple = F.concat_ws(
        " > ", "event_type", F.lead("event_type", 1).over(in_session), F.lead("event_type", 2).over(in_session)
    )
    is_whole = F.lead("event_type", 2).over(in_session).isNotNull()
    return _named(steps.withColumn("_is_whole", is_whole).withColumn("pattern", triple), "session")


def coded_patterns(day: date, coded: DataFrame, patterns: DataFrame, version: str) -> DataFrame:
    """Sessions of each customer that show each pattern, beside its share of all sessions of either side.

    `coded` has (customer_id, is_buying, place, session_count), guests' sessions with a null customer, and each session
    once under place -1; `patterns` has (place, pattern_kind, pattern).
    """

    def sessions(side: str):
        return F.coalesce(F.sum(F.when(F.expr(side), F.col("session_count"))), F.lit(0)).cast("double")

    sides = sessions("is_buying").alias("_buying"), sessions("NOT is_buying").alias("_browsing")
    everyone = coded.filter("place < 0").agg(*(side.alias(f"_all{n}") for n, side in enumerate(sides)))
    shares = (
        coded.filter("place >= 0")
        .groupBy("place")
        .agg(*sides)
        .crossJoin(everyone)
        .withColumn("buying_share", F.when(F.col("_all0") > 0, F.col("_buying") / F.col("_all0")))
        .withColumn("browsing_share", F.when(F.col("_all1") > 0, F.col("_browsing") / F.col("_all1")))
    )
    of_customers = coded.filter("place >= 0 AND customer_id IS NOT NULL").groupBy("customer_id", "place")
    counted = of_customers.agg(F.sum("session_count").alias("occurrence_count"))
    return (
        counted.join(patterns, "place", how="inner")
        .join(shares, "place", how="inner")
        .withColumns({"as_of_date": F.lit(day), "model_version": F.lit(version)})
        .select(*KEY, "pattern_kind", "pattern", "occurrence_count", *OF_MODEL)
    )


def order_rhythms(dates: list[date], tiles: DataFrame) -> DataFrame:
    """One row per two gaps in a row between days with an order."""
    by_day = recently(tiles, dates, "event_date", WINDOW_DAYS).groupBy(*KEY, "event_date")
    days = by_day.agg(F.sum("order_count").alias("order_count"))
    in_time = Window.partitionBy(*KEY).orderBy("event_date")
    gap = F.datediff(F.lead("event_date").over(in_time), "event_date")
    gaps = days.filter(F.col("order_count") > 0).withColumn("_gap", gap)
    limit, name = GAPS[0]
    word = F.when(F.col("_gap") <= limit, name)
    for limit, name in GAPS[1:]:
        word = word.when(F.col("_gap") <= limit, name)
    worded = gaps.withColumn("_word", word)
    following = F.lead("_word").over(in_time)
    pairs = worded.withColumn("_is_whole", F.col("_word").isNotNull() & following.isNotNull())
    return _named(pairs.withColumn("pattern", F.concat_ws(" > ", "_word", following)), "order_rhythm")


def _named(rows: DataFrame, kind: str) -> DataFrame:
    return rows.filter("_is_whole").select(*KEY, F.lit(kind).alias("pattern_kind"), "pattern")
