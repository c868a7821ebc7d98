"""Clean rows into tiles: what each run added to each customer's days.

One function a source; each returns rows with `customer_id`, `event_date`, `ingest_date` and the facts that it knows.
Bots add nothing. Guests' clicks go into tiles of their visitor, in case it turns out whose he is; what else guests do
adds nothing.
"""

from datetime import date
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.session_facts import session_facts
from features.session_starts import start_facts
from schemas.declaration import Fact, Source
from schemas.declared import FACTS, PRODUCT_FACTS, sources
from schemas.feature import CLICK_FACTS, FEATURE_CUSTOMER_DAY, FEATURE_CUSTOMER_PRODUCT_DAY, FEATURE_VISITOR_DAY
from schemas.line_rules import IS_SALE
from schemas.session_starts import StartRules

KEY = FEATURE_CUSTOMER_DAY.key
MERGE = {"sum": F.sum, "max": F.max, "min": F.min}


def tiles(rows: list[DataFrame]) -> DataFrame:
    """`feature_customer_day` from the facts of all sources."""
    return merged([with_every_fact(told) for told in rows], KEY, FACTS)


def product_tiles(rows: list[DataFrame]) -> DataFrame:
    """`feature_customer_product_day` from the product facts of lines and clicks."""
    key = FEATURE_CUSTOMER_PRODUCT_DAY.key
    return merged([with_every_fact(told, key, PRODUCT_FACTS) for told in rows], key, PRODUCT_FACTS)


def visitor_tiles(events: DataFrame, of_sessions: DataFrame, first: date, rules: StartRules) -> DataFrame:
    """`feature_visitor_day` of new events that no customer is known of, and of the sessions that they are in."""
    guests = events.filter(F.col("customer_id").isNull())
    told = (
        click_facts(guests, "visitor_id"),
        start_facts(guests, rules, "visitor_id"),
        session_facts(of_sessions, first, "visitor_id"),
    )
    key, facts = FEATURE_VISITOR_DAY.key, tuple(fact for fact in FACTS if fact.name in CLICK_FACTS)
    return merged([with_every_fact(rows, key, facts) for rows in told], key, facts)


def merged(rows: list[DataFrame], key: tuple[str, ...], facts: tuple[Fact, ...]) -> DataFrame:
    """One row per key, of rows with the same columns; who has no key adds nothing."""
    told = reduce(lambda left, right: left.unionByName(right), rows)
    owned = reduce(lambda one, other: one & other, (F.col(name).isNotNull() for name in key))
    sums = {fact.name: F.coalesce(fact.name, F.lit(0)) for fact in facts if fact.merge == "sum"}
    merged = told.filter(owned).groupBy(*key).agg(*(merge(fact).alias(fact.name) for fact in facts))
    return merged.withColumns(sums)


def merge(fact: Fact) -> Column:
    """Aggregate: the fact of several tiles. The engines widen sums of decimals."""
    return MERGE[fact.merge](fact.name)


def with_every_fact(rows: DataFrame, key: tuple[str, ...] = KEY, facts: tuple[Fact, ...] = FACTS) -> DataFrame:
    """Key and facts of rows; sums are 0 and extremes null where the rows do not know them."""
    known = set(rows.columns)
    nothing = {"sum": F.lit(0), "max": F.lit(None), "min": F.lit(None)}
    filled = (
        (F.col(fact.name) if fact.name in known else nothing[fact.merge]).cast(fact.type).alias(fact.name)
        for fact in facts
    )
    return rows.select(*key, *filled)


def facts_told(
    source: Source, rows: DataFrame, owner: tuple[str, ...] = ("customer_id",), facts: tuple[Fact, ...] = FACTS
) -> DataFrame:
    """The declared facts of each row of a source."""
    told = (F.expr(fact.value).cast(fact.type).alias(fact.name) for fact in facts if fact.source == source)
    return rows.select(*owner, F.col(source.day).alias("event_date"), "ingest_date", *told)


def order_line_facts(lines: DataFrame) -> DataFrame:
    """Money and units of lines, on the day of the order that they are booked to."""
    return facts_told(sources.ORDER_LINES, lines)


def order_facts(states: DataFrame) -> DataFrame:
    """Orders made and undone, from `orders.order_states`."""
    return facts_told(sources.ORDERS, states)


def click_facts(events: DataFrame, owner: str = "customer_id") -> DataFrame:
    """Clicks and sessions of each `owner`, without bots. A session counts on the day of its first event."""
    return facts_told(sources.CLICKS, events.filter(~F.col("is_bot")), (owner,))


def review_facts(reviews: DataFrame) -> DataFrame:
    """Reviews, stars and what texts say."""
    return facts_told(sources.REVIEWS, reviews)


def campaign_facts(campaign_events: DataFrame) -> DataFrame:
    """Contacts and redemptions."""
    return facts_told(sources.CAMPAIGN_EVENTS, campaign_events)


def product_line_facts(lines: DataFrame) -> DataFrame:
    """Products bought, of sale lines."""
    sales = lines.filter(F.expr(IS_SALE))
    return facts_told(sources.PRODUCT_LINES, sales, ("customer_id", "product_id"), PRODUCT_FACTS)


def product_click_facts(events: DataFrame) -> DataFrame:
    """Products looked at and put in the cart, without bots."""
    seen = events.filter(~F.col("is_bot") & F.col("event_type").isin("view", "add_to_cart"))
    return facts_told(sources.PRODUCT_CLICKS, seen, ("customer_id", "product_id"), PRODUCT_FACTS)
