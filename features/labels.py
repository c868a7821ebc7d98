"""What happened after a date: the labels of training and the truth of a holdout."""

from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.persons import of_persons


def labels(tiles: DataFrame, dates: list[date], horizon_days: int, identity: DataFrame | None = None) -> DataFrame:
    """(as_of_date, customer_id, later_order_count, later_net_revenue) of customers active in (D, D + horizon_days].

    Only days after D count. Customers without a row did nothing. `tiles` are those known when training; accounts that
    `clean_identity` knew to be one at D are one.
    """
    in_reach = F.col("event_date").between(F.lit(min(dates)), F.lit(max(dates) + timedelta(days=horizon_days)))
    at_dates = F.explode(F.array(*(F.lit(day) for day in dates)))
    days_after = F.datediff("event_date", "as_of_date")
    later = (
        tiles.filter(in_reach)
        .select("customer_id", "event_date", "order_count", "net_amount", at_dates.alias("as_of_date"))
        .filter((days_after >= 1) & (days_after <= horizon_days))
    )
    if identity is not None:
        later = of_persons(later, identity, dates)
    return later.groupBy("as_of_date", "customer_id").agg(
        F.sum("order_count").alias("later_order_count"),
        F.sum("net_amount").cast("double").alias("later_net_revenue"),
    )
