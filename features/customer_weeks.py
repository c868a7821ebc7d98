"""Tiles into a panel of customers by week, counted back from a date."""

from datetime import date
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from features.persons import Identity, known_tiles
from schemas.feature import FEATURE_CUSTOMER_DAY
from schemas.sequences import WEEK_FACTS

KEY = ("as_of_date", "customer_id")
WEEK_DAYS = 7


def customer_weeks(tiles: DataFrame, day: date, weeks: int, identity: Identity | None = None) -> DataFrame:
    """`feature_customer_week` of one date: the last `weeks` weeks, from the tiles of runs up to it.

    Accounts that were known to be one are one, with the clicks of their visitors, as in a snapshot of the date.
    """
    age = F.datediff("as_of_date", "event_date")
    past = known_tiles(tiles, [day], identity).filter(age >= 0).withColumn("week_number", F.floor(age / WEEK_DAYS))
    sums = (F.sum(name).cast(FEATURE_CUSTOMER_DAY[name].type).alias(name) for name in WEEK_FACTS)
    of_customer = Window.partitionBy(*KEY).rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    summed = (
        past.groupBy(*KEY, "week_number")
        .agg(*sums)
        .withColumn("first_week_number", F.max("week_number").over(of_customer))
    )
    has_any = reduce(lambda one, other: one | other, (F.col(name) != 0 for name in WEEK_FACTS))
    in_reach = F.col("week_number") < weeks
    return summed.filter(in_reach & has_any).select(*KEY, "week_number", "first_week_number", *WEEK_FACTS)
