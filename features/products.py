"""Products as of a date: who buys them, what comes back, what is said of them."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from features.as_of import as_known, recently
from features.catalogue import catalogue_at
from features.line_rules import is_merchandise
from features.returns import is_return

WINDOW_DAYS = 90
KEY = ("as_of_date", "product_id")


def product_features(
    dates: list[date], lines: DataFrame, events: DataFrame, reviews: DataFrame, catalogue: DataFrame
) -> DataFrame:
    """`feature_product` for each `as_of_date` in `dates`; every frame is read as known at that date."""
    sold = recently(lines.filter(is_merchandise()), dates, "order_date", WINDOW_DAYS).groupBy(*KEY).agg(*_sales())
    views_of_people = events.filter(~F.col("is_bot") & (F.col("event_type") == "view"))
    seen = recently(views_of_people, dates, "event_date", WINDOW_DAYS)
    views = seen.filter(F.col("product_id").isNotNull()).groupBy(*KEY).agg(F.count("event_id").alias("view_count_90d"))
    is_past = F.col("event_date") <= F.col("as_of_date")  # a clock ahead may date what is known a day after D
    told = as_known(reviews.filter(F.col("product_id").isNotNull()), dates).filter(is_past).groupBy(*KEY)
    ratings = told.agg(
        F.count("review_id").alias("review_count_lifetime"), F.avg("rating").alias("mean_rating_lifetime")
    )
    rank = F.row_number().over(Window.partitionBy("as_of_date").orderBy(F.desc("net_revenue_90d"), "product_id"))
    counts = ("buyer_count_90d", "sale_line_count_90d", "net_revenue_90d", "view_count_90d", "review_count_lifetime")
    return (
        sold.join(views, list(KEY), "full")
        .join(ratings, list(KEY), "left")
        .join(catalogue_at(catalogue, dates).select(*KEY, "product_name", "department", "category"), list(KEY), "left")
        .withColumns({name: F.coalesce(name, F.lit(0)) for name in counts})
        .withColumn("revenue_rank", rank)
    )


def _sales():
    is_sale = F.col("line_type") == "sale"
    sold = F.sum(F.when(is_sale, F.col("net_amount")).otherwise(0)).cast("double")
    refunded = F.sum(F.when(is_return(), -F.col("net_amount")).otherwise(0)).cast("double")
    return (
        F.count_distinct(F.when(is_sale, F.col("customer_id"))).alias("buyer_count_90d"),
        F.sum(is_sale.cast("bigint")).alias("sale_line_count_90d"),
        F.sum("net_amount").alias("net_revenue_90d"),
        F.when(sold > 0, refunded / sold).alias("refund_share_90d"),
    )
