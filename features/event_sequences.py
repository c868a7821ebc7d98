"""The newest events of each customer in order: orders, returns, clicks, reviews and contacts, as known at a date.

One function a source; each returns rows of the columns `EVENT`, of accounts and visitors. `persons` makes customers of
them, `newest_events` the sequences.
"""

from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DataType
from pyspark.sql.window import Window

from features.as_of import as_known, first_known, known_moment, known_text
from features.catalogue import catalogue_at
from features.line_rules import is_merchandise
from features.persons import events_of_persons
from features.returns import is_return
from schemas.contract import LINE_MONEY
from schemas.line_rules import IS_SALE

# `order_id` is the order that a click tells of, or the order itself; `event_id` decides between events of one moment.
EVENT: dict[str, DataType | str] = {
    "customer_id": "string",
    "visitor_id": "string",
    "event_type": "string",
    "event_at": "timestamp",
    "event_date": "date",
    "event_id": "string",
    "order_id": "string",
    "product_id": "string",
    "category": "string",
    "amount": LINE_MONEY,
}


def known_categories(catalogue: DataFrame, day: date) -> DataFrame:
    """(product_id, catalogued): the category of each product, as known at the date."""
    rows = catalogue_at(catalogue, [day]).filter("category IS NOT NULL")
    return rows.select("product_id", F.col("category").alias("catalogued"))


def order_events(lines: DataFrame, day: date, categories: DataFrame) -> DataFrame:
    """One event per order, at its first sale; what was given back later was bought all the same, for less money."""
    known = _known(lines, day)
    is_sale = F.expr(IS_SALE)
    told = known.withColumns(
        {"sale_at": F.when(is_sale, F.col("event_at")), "sale_date": F.when(is_sale, F.col("event_date"))}
    )
    summed = told.groupBy("order_id").agg(
        first_known("customer_id").alias("owner"),
        first_known("sale_at", is_moment=True).alias("start"),
        first_known("sale_date").alias("day"),
        F.sum("net_amount").alias("amount"),
    )
    categorised = summed.join(_main_categories(known.filter(is_sale), ["order_id"], categories), "order_id", how="left")
    orders = categorised.filter(F.col("start").isNotNull()).withColumns(
        {
            "customer_id": known_text("owner"),
            "event_type": F.lit("order"),
            "event_at": known_moment("start"),
            "event_date": known_text("day").cast("date"),
            "event_id": F.col("order_id"),
        }
    )
    return _events(orders)


def return_events(lines: DataFrame, day: date, categories: DataFrame) -> DataFrame:
    """One event per order and moment at which something of it came back."""
    known = _known(lines, day).filter(is_return() & is_merchandise())
    key = ["order_id", "event_at"]
    summed = known.groupBy(*key).agg(
        F.min("customer_id").alias("customer_id"),
        F.min("event_date").alias("event_date"),
        F.sum("net_amount").alias("amount"),
    )
    returns = summed.join(_main_categories(known, key, categories), key, how="left")
    return _events(returns.withColumns({"event_type": F.lit("return"), "event_id": F.col("order_id")}))


def click_events(events: DataFrame, day: date) -> DataFrame:
    """One event per click of a human, with the category of the page."""
    return _events(_known(events.filter(~F.col("is_bot")), day))


def review_events(reviews: DataFrame, day: date) -> DataFrame:
    """One event per review."""
    told = {"event_type": F.lit("review"), "event_id": F.col("review_id"), "order_id": F.lit(None)}
    return _events(_known(reviews, day).withColumns(told))


def campaign_events(contacts: DataFrame, day: date) -> DataFrame:
    """One event per contact and redemption."""
    return _events(_known(contacts, day))


def persons(parts: list[DataFrame], day: date, identity: DataFrame | None) -> DataFrame:
    """Events of all sources, with the customer as known at the date beside the `account_id`; guests are left out."""
    rows = reduce(lambda left, right: left.unionByName(right), parts).withColumn("account_id", F.col("customer_id"))
    owned = events_of_persons(rows, identity, day) if identity is not None else rows
    return _without_known_purchases(owned.filter(F.col("customer_id").isNotNull()))


def newest_events(events: DataFrame, day: date, length: int, categories: DataFrame) -> DataFrame:
    """`feature_event_sequence` of one date from `persons`: the newest `length` events of each customer."""
    by_age = Window.partitionBy("customer_id").orderBy(
        *(F.desc(name) for name in ("event_at", "event_type", "event_id"))
    )
    seconds = F.unix_seconds("event_at")
    placed = events.withColumns(
        {
            "event_rank": F.row_number().over(by_age).cast("bigint"),
            "gap_seconds": seconds - F.lead(seconds).over(by_age),
        }
    ).filter(F.col("event_rank") <= length)
    categorised = placed.join(categories, "product_id", how="left")
    return categorised.select(
        F.lit(day).alias("as_of_date"),
        "customer_id",
        "event_rank",
        "event_type",
        "event_at",
        "event_date",
        "gap_seconds",
        "amount",
        F.coalesce("catalogued", "category").alias("category"),
        "account_id",
        "visitor_id",
    )


def _known(rows: DataFrame, day: date) -> DataFrame:
    """Rows known at the date, of days up to it: a clock ahead may date what is known a day after it."""
    return as_known(rows, [day]).filter("event_date <= as_of_date").drop("as_of_date")


def _events(rows: DataFrame) -> DataFrame:
    known = set(rows.columns)
    return rows.select(
        *((F.col(name) if name in known else F.lit(None)).cast(kind).alias(name) for name, kind in EVENT.items())
    )


def _main_categories(lines: DataFrame, key: list[str], categories: DataFrame) -> DataFrame:
    """The key and the category that most money of its lines is of."""
    money: Column = F.sum(F.abs("net_amount"))
    summed = lines.join(categories, "product_id", how="inner").groupBy(*key, "catalogued").agg(money.alias("_money"))
    by_money = Window.partitionBy(*key).orderBy(F.desc("_money"), "catalogued")
    first = summed.withColumn("_place", F.row_number().over(by_money)).filter("_place = 1")
    return first.select(*key, F.col("catalogued").alias("category"))


def _without_known_purchases(events: DataFrame) -> DataFrame:
    """Events without the purchases seen in the clickstream whose orders are among them: they happened once."""
    is_purchase = F.col("event_type") == "purchase"
    orders = events.filter("event_type = 'order'").select("customer_id", F.col("order_id").alias("_bought"))
    told = events.withColumn("_bought", F.when(is_purchase, F.col("order_id")))
    return told.join(orders, ["customer_id", "_bought"], how="left_anti").drop("_bought")
