"""Sessions as rows that hold their events, for what looks at the order of events and not only at their number."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.as_of import first_known, known_text, recently

EVENT_FIELDS = ("event_at", "event_id", "event_type", "product_id", "category")


def session_events(day: date, events: DataFrame, window_days: int) -> DataFrame:
    """One row per session of the last days, bots left out: its events in no order, and whether one is a purchase."""
    known = recently(events.filter(~F.col("is_bot")), [day], "event_date", window_days)
    is_purchase = F.col("event_type") == "purchase"
    summed = known.groupBy("session_id").agg(
        first_known("customer_id").alias("_owner"),
        (F.max(is_purchase.cast("int")) == 1).alias("is_buying"),
        F.collect_list(F.struct(*EVENT_FIELDS)).alias("events"),
    )
    return summed.select("session_id", known_text("_owner").alias("customer_id"), "is_buying", "events")


def stratified(sessions: DataFrame, each: int, seed: int) -> DataFrame:
    """`each` sessions with a purchase and as many without, by a hash of seed and id that no engine has of its own."""
    drawn = sessions.withColumn("_drawn", F.md5(F.concat_ws("-", F.lit(str(seed)), "session_id")))
    sides = [drawn.filter(side).orderBy("_drawn", "session_id").limit(each) for side in ("is_buying", "NOT is_buying")]
    return sides[0].unionByName(sides[1]).drop("_drawn")
