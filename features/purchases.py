"""Products that came together, in baskets and in sessions, and what a customer bought of late."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.as_of import recently
from features.catalogue import catalogue_at
from schemas.line_rules import IS_SALE


def baskets(lines: DataFrame, day: date, window_days: int) -> DataFrame:
    """(sequence_id, product_id, customer_id, order_date, order_at): products bought in orders of the days up to `day`.

    As known at `day`; guests' too. What was given back later was bought all the same.
    """
    sold = recently(_sales(lines), [day], "order_date", window_days)
    return sold.groupBy(F.col("order_id").alias("sequence_id"), "product_id").agg(
        F.min("customer_id").alias("customer_id"),
        F.min("order_date").alias("order_date"),
        F.min("event_at").alias("order_at"),
    )


def visits(events: DataFrame, day: date, window_days: int) -> DataFrame:
    """(sequence_id, product_id): products looked at or put in the cart in sessions of the days up to `day`."""
    seen = events.filter(~F.col("is_bot") & F.col("product_id").isNotNull())
    known = recently(seen, [day], "event_date", window_days)
    return known.select(F.col("session_id").alias("sequence_id"), "product_id").distinct()


def product_kinds(lines: DataFrame, catalogue: DataFrame, day: date, window_days: int) -> DataFrame:
    """(product_id, category, unit_price) of products sold or in the catalogue, as known at `day`.

    `unit_price` is the mean money of a unit; null without units or money.
    """
    sold = recently(_sales(lines), [day], "order_date", window_days).filter("quantity > 0 AND net_amount > 0")
    money, units = F.sum("net_amount").cast("double"), F.sum("quantity").cast("double")
    prices = sold.groupBy("product_id").agg((money / units).alias("unit_price"))
    kinds = catalogue_at(catalogue, [day]).select("product_id", "category")
    return prices.join(kinds, "product_id", how="full")


def recent_purchases(bought: DataFrame, day: date, half_life_days: int) -> DataFrame:
    """(customer_id, product_id, weight) of `baskets`: an order weighs half as much every `half_life_days`."""
    age = F.datediff(F.lit(day), "order_date")
    weight = F.pow(F.lit(0.5), age / F.lit(float(half_life_days)))
    of_customers = bought.filter(F.col("customer_id").isNotNull())
    return of_customers.groupBy("customer_id", "product_id").agg(F.sum(weight).alias("weight"))


def _sales(lines: DataFrame) -> DataFrame:
    return lines.filter(F.expr(IS_SALE))
