"""Tiles into snapshots: every declared feature of every customer, as known at one date or at several.

All tiles are read. `features/rolling.py` makes the same rows from the day before.
"""

from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.as_of import as_known
from features.persons import of_persons, of_visitors
from schemas.contract import LINE_MONEY
from schemas.feature import (
    BIT_FACTS,
    DAY_BITS,
    DAY_WORDS,
    FACTS,
    FEATURES,
    SQUARED_MONEY,
    STATE,
    Feature,
    day_words,
)

DAY_FACTS = (
    "order_count",
    "click_count",
    "session_count",
    "review_count",
    "contact_count",
)  # days are counted on these
FACTS_OF_KIND = {  # the rest is made of order days alone
    "recency": DAY_FACTS,
    "tenure": DAY_FACTS,
    "gap": ("order_count",),
    "btyd": ("order_count",),
    "spread": ("order_amount_squared",),
    "mean": ("net_amount",),
}
COUNTED = ("sum", "active_days", "recency", "tenure")  # kinds that are made from tiles, and others from them


@dataclass(frozen=True)
class Identity:
    """What tells whose accounts and visitors are: `clean_identity`, and the visitors' own tiles."""

    rows: DataFrame
    visitor_tiles: DataFrame


def snapshots(tiles: DataFrame, dates: list[date], version: int, identity: Identity | None = None) -> DataFrame:
    """`feature_customer` for each `as_of_date` in `dates`, from all tiles; a date sees the tiles of runs up to it.

    And identity as it was known then: accounts that were one count as one, with the clicks of their visitors.
    """
    known = as_known(tiles, dates)
    if identity:
        own = of_persons(known, identity.rows, dates)
        known = own.unionByName(of_visitors(identity.visitor_tiles, identity.rows, dates))
    days = (
        known.filter(F.col("event_date") <= F.col("as_of_date"))
        .groupBy("as_of_date", "customer_id", "event_date")
        .agg(*(F.coalesce(F.sum(fact.name), F.lit(0).cast(fact.type)).alias(fact.name) for fact in FACTS))
        .withColumn("age_days", F.datediff("as_of_date", "event_date").cast("bigint"))
    )
    is_order_day = F.col("order_count") > 0
    counted = days.groupBy("as_of_date", "customer_id").agg(
        *(_counted(feature) for feature in FEATURES if feature.kind in COUNTED),
        F.sum("order_amount").cast(LINE_MONEY).alias("state_order_amount"),
        F.sum("order_amount_squared").cast(SQUARED_MONEY).alias("state_order_amount_squared"),
        F.sum(F.when(is_order_day, F.col("net_amount"))).cast(LINE_MONEY).alias("state_order_days_revenue"),
        F.max(F.when(is_order_day, F.struct("age_days", "net_amount"))).alias("_first_order"),
        *(
            bits_of_word(fact, word, F.col("as_of_date"), F.col(fact) > 0).alias(name)
            for fact in BIT_FACTS
            for word, name in enumerate(day_words(fact))
        ),
    )
    first_revenue = F.col("_first_order.net_amount").cast(LINE_MONEY)
    return with_derived(counted.withColumn("state_first_order_revenue", first_revenue), version)


def with_derived(counted: DataFrame, version: int) -> DataFrame:
    """`feature_customer` from what was counted (features of the kinds `COUNTED`, and state)."""
    derived = counted.withColumns(
        {f.name: _derived(f) for f in FEATURES if f.kind not in (*COUNTED, "ratio")},
    )
    whole = derived.withColumns({feature.name: _ratio(feature) for feature in FEATURES if feature.kind == "ratio"})
    names = (*(feature.name for feature in FEATURES), *(column.name for column in STATE))
    return whole.select("as_of_date", "customer_id", F.lit(version).alias("snapshot_version"), *names)


def bits_of_word(fact: str, word: int, as_of: SparkColumn, is_counted: SparkColumn) -> SparkColumn:
    """Aggregate: the days with any of a fact that lie in a word, as bits; 0 without any."""
    number = F.unix_date("event_date")
    at = F.floor(number / DAY_BITS)
    is_in_reach = (at % DAY_WORDS == word) & (at > F.floor(F.unix_date(as_of) / DAY_BITS) - DAY_WORDS)
    bit = F.call_function("shiftleft", F.lit(1).cast("bigint"), number % DAY_BITS)
    return F.coalesce(F.bit_or(F.when(is_in_reach & is_counted, bit)), F.lit(0).cast("bigint"))


def _counted(feature: Feature) -> SparkColumn:
    _refuse_undeclared(feature)
    fact = F.col(feature.fact)
    match feature.kind:
        case "recency":
            return F.min(F.when(fact > 0, F.col("age_days"))).alias(feature.name)
        case "tenure":
            return F.max(F.when(fact > 0, F.col("age_days"))).alias(feature.name)
    value = (fact > 0).cast("bigint") if feature.kind == "active_days" else fact
    if feature.window_days is not None:
        value = F.when(F.col("age_days") < feature.window_days, value).otherwise(F.lit(0))
    return F.sum(value).cast(feature.type).alias(feature.name)


def _refuse_undeclared(feature: Feature) -> None:
    if feature.kind not in ("sum", "active_days") and feature.fact not in FACTS_OF_KIND.get(feature.kind, ()):
        raise ValueError(f"{feature.name}: no rule for kind {feature.kind} of {feature.fact}; see features/snapshot.py")


def _derived(feature: Feature) -> SparkColumn:
    _refuse_undeclared(feature)
    days, orders = F.col("order_days_lifetime"), F.col("order_count_lifetime")
    between = F.col("customer_age_days") - F.col("recency_days")
    match feature.kind:
        case "gap":
            return F.when(days > 1, between / (days - 1).cast("double"))
        case "spread":
            total, squares = F.col("state_order_amount"), F.col("state_order_amount_squared")
            return _spread(orders, total.cast("double"), squares.cast("double"))
        case "mean":
            repeats = F.col("state_order_days_revenue").cast("double") - F.col("state_first_order_revenue").cast(
                "double"
            )
            return F.when(days > 1, repeats / (days - 1).cast("double"))
        case _:
            triple = {"btyd_frequency": days - 1, "btyd_recency": between, "btyd_age": F.col("customer_age_days")}
            return F.when(days > 0, triple[feature.name]).cast("double")


def _spread(count: SparkColumn, total: SparkColumn, squares: SparkColumn) -> SparkColumn:
    """Standard deviation over orders, from their number, sum and sum of squares."""
    variance = squares / count - (total / count) * (total / count)
    return F.when(count > 0, F.sqrt(F.greatest(variance, F.lit(0.0))))


def _ratio(feature: Feature) -> SparkColumn:
    over, per = F.col(feature.fact).cast("double"), F.col(str(feature.per)).cast("double")
    return F.when(per != 0, over / per)
