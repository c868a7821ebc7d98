"""Clean rows into tiles: what each run added to each customer's days.

One function a source; each returns rows with `customer_id`, `event_date`, `ingest_date` and the facts that it knows.
Bots add nothing. Guests' clicks go into tiles of their visitor, in case it turns out whose he is; what else guests do
adds nothing.
"""

from datetime import date
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.line_rules import is_merchandise
from features.orders import ORDER_CHANGES
from features.returns import is_return
from features.session_facts import session_facts
from features.session_starts import start_facts
from schemas.contract import Column
from schemas.feature import CLICK_FACTS, FACTS, FEATURE_CUSTOMER_DAY, FEATURE_VISITOR_DAY
from schemas.session_starts import StartRules

KEY = FEATURE_CUSTOMER_DAY.key


def tiles(sources: list[DataFrame]) -> DataFrame:
    """`feature_customer_day` from the rows of all sources."""
    rows = reduce(lambda left, right: left.unionByName(right), [with_every_fact(rows) for rows in sources])
    summed = rows.filter(F.col("customer_id").isNotNull()).groupBy(*KEY)
    return summed.agg(*(F.sum(fact.name).alias(fact.name) for fact in FACTS))


def visitor_tiles(events: DataFrame, of_sessions: DataFrame, first: date, rules: StartRules) -> DataFrame:
    """`feature_visitor_day` of new events that no customer is known of, and of the sessions that they are in."""
    guests = events.filter(F.col("customer_id").isNull())
    sources = (
        click_facts(guests, "visitor_id"),
        start_facts(guests, rules, "visitor_id"),
        session_facts(of_sessions, first, "visitor_id"),
    )
    key, facts = FEATURE_VISITOR_DAY.key, tuple(FEATURE_VISITOR_DAY[name] for name in CLICK_FACTS)
    rows = reduce(lambda left, right: left.unionByName(right), [with_every_fact(rows, key, facts) for rows in sources])
    return rows.groupBy(*key).agg(*(F.sum(fact.name).alias(fact.name) for fact in facts))


def with_every_fact(rows: DataFrame, key: tuple[str, ...] = KEY, facts: tuple[Column, ...] = FACTS) -> DataFrame:
    """Key and facts of rows, 0 for facts that they do not know."""
    known = set(rows.columns)
    filled = ((F.col(fact.name) if fact.name in known else F.lit(0)).cast(fact.type).alias(fact.name) for fact in facts)
    return rows.select(*key, *filled)


def order_line_facts(lines: DataFrame) -> DataFrame:
    """Money and units of lines, on the day of the order that they are booked to."""
    is_sale = (F.col("line_type") == "sale") & is_merchandise()
    amount = F.col("net_amount")
    units = F.when(is_merchandise(), F.col("quantity"))
    return lines.select(
        "customer_id",
        F.col("order_date").alias("event_date"),
        "ingest_date",
        is_sale.cast("bigint").alias("sale_line_count"),
        F.coalesce(units, F.lit(0)).alias("unit_count"),
        F.when(is_sale, amount).otherwise(0).alias("sale_amount"),
        F.when(is_return(), -amount).otherwise(0).alias("refund_amount"),
        amount.alias("net_amount"),
        "discount_amount",
        "shipping_amount",
    )


def order_facts(states: DataFrame) -> DataFrame:
    """Orders made and undone, from `orders.order_states`."""
    return states.select("customer_id", F.col("order_date").alias("event_date"), "ingest_date", *ORDER_CHANGES.values())


def click_facts(events: DataFrame, owner: str = "customer_id") -> DataFrame:
    """Clicks and sessions of each `owner`, without bots. A session counts on the day of its first event."""

    def times(*event_types: str):
        return F.col("event_type").isin(*event_types).cast("bigint")

    starts = F.col("is_session_start").cast("bigint")
    is_mobile = F.lower("device_type").rlike("mobile|phone|app|tablet")
    return events.filter(~F.col("is_bot")).select(
        owner,
        "event_date",
        "ingest_date",
        starts.alias("session_count"),
        F.lit(1).alias("click_count"),
        times("view").alias("view_count"),
        times("search").alias("search_count"),
        times("add_to_cart").alias("cart_count"),
        times("remove_from_cart").alias("cart_removal_count"),
        times("purchase").alias("click_purchase_count"),
        (starts * F.coalesce(is_mobile, F.lit(False)).cast("bigint")).alias("mobile_session_count"),
        F.col("dwell_seconds").alias("session_seconds"),
    )


def review_facts(reviews: DataFrame) -> DataFrame:
    """Reviews, stars and sentiment."""
    return reviews.select(
        "customer_id",
        "event_date",
        "ingest_date",
        F.lit(1).alias("review_count"),
        F.col("rating").alias("rating_sum"),
        (F.col("rating") <= 2).cast("bigint").alias("low_rating_count"),
        F.col("sentiment_score").alias("sentiment_sum"),
    )


def campaign_facts(campaign_events: DataFrame) -> DataFrame:
    """Contacts and redemptions."""
    return campaign_events.select(
        "customer_id",
        "event_date",
        "ingest_date",
        (F.col("event_type") == "contact").cast("bigint").alias("contact_count"),
        (F.col("event_type") == "redemption").cast("bigint").alias("redemption_count"),
    )
