"""Tiles into snapshots: every declared feature of every customer, as known at one date or at several."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.as_of import as_known
from features.persons import of_persons, of_visitors
from schemas.feature import FACTS, FEATURES, Feature

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
        .agg(*(F.sum(fact.name).alias(fact.name) for fact in FACTS))
        .withColumn("age_days", F.datediff("as_of_date", "event_date").cast("bigint"))
    )
    base = days.groupBy("as_of_date", "customer_id").agg(
        *(_summed(feature) for feature in FEATURES if feature.kind in ("sum", "active_days")),
        *(_day_span(fact, pick, name) for fact in DAY_FACTS for pick, name in ((F.min, "last"), (F.max, "first"))),
        F.sum((F.col("order_count") > 0).cast("bigint")).alias("_order_days"),
        F.sum("order_count").alias("_orders"),
        F.sum(F.when(F.col("order_count") > 0, F.col("net_amount"))).alias("_net_of_order_days"),
        F.sum("order_amount").alias("_order_amount"),
        F.sum("order_amount_squared").alias("_squares"),
        F.max(F.when(F.col("order_count") > 0, F.struct("age_days", "net_amount"))).alias("_first_order"),
    )
    derived = base.withColumns({f.name: _derived(f) for f in FEATURES if f.kind not in ("sum", "active_days", "ratio")})
    whole = derived.withColumns({feature.name: _ratio(feature) for feature in FEATURES if feature.kind == "ratio"})
    return whole.select(
        "as_of_date", "customer_id", F.lit(version).alias("snapshot_version"), *(feature.name for feature in FEATURES)
    )


def _summed(feature: Feature) -> SparkColumn:
    fact = F.col(feature.fact)
    value = (fact > 0).cast("bigint") if feature.kind == "active_days" else fact
    if feature.window_days is not None:
        value = F.when(F.col("age_days") < feature.window_days, value).otherwise(F.lit(0))
    return F.sum(value).cast(feature.type).alias(feature.name)


def _day_span(fact: str, pick: Callable[[SparkColumn], SparkColumn], name: str) -> SparkColumn:
    """Age of the last (least age) or first (greatest age) day with a positive fact; null when there is none."""
    return pick(F.when(F.col(fact) > 0, F.col("age_days"))).alias(f"_{name}_{fact}")


def _derived(feature: Feature) -> SparkColumn:
    if feature.fact not in FACTS_OF_KIND.get(feature.kind, ()):
        return _undeclared(feature)
    first, last = F.col(f"_first_{feature.fact}"), F.col(f"_last_{feature.fact}")
    match feature.kind:
        case "recency":
            return last
        case "tenure":
            return first
        case "gap":
            return F.when(F.col("_order_days") > 1, (first - last) / (F.col("_order_days") - 1).cast("double"))
        case "spread":
            return _spread(F.col("_orders"), F.col("_order_amount").cast("double"), F.col("_squares").cast("double"))
        case "mean":
            first_net = F.col("_first_order.net_amount").cast("double")
            repeat_net = F.col("_net_of_order_days").cast("double") - first_net
            return F.when(F.col("_order_days") > 1, repeat_net / (F.col("_order_days") - 1).cast("double"))
        case "btyd":
            return _btyd(feature, first, last).cast("double")
        case _:
            return _undeclared(feature)


def _undeclared(feature: Feature) -> SparkColumn:
    raise ValueError(f"{feature.name}: no rule for kind {feature.kind} of {feature.fact}; see features/snapshot.py")


def _spread(count: SparkColumn, total: SparkColumn, squares: SparkColumn) -> SparkColumn:
    """Standard deviation over orders, from their number, sum and sum of squares."""
    variance = squares / count - (total / count) * (total / count)
    return F.when(count > 0, F.sqrt(F.greatest(variance, F.lit(0.0))))


def _btyd(feature: Feature, first: SparkColumn, last: SparkColumn) -> SparkColumn:
    """The BG/NBD triple (Fader, Hardie, Lee 2005), in days."""
    triple = {"btyd_frequency": F.col("_order_days") - 1, "btyd_recency": first - last, "btyd_age": first}
    return F.when(F.col("_order_days") > 0, triple[feature.name])


def _ratio(feature: Feature) -> SparkColumn:
    over, per = F.col(feature.fact).cast("double"), F.col(str(feature.per)).cast("double")
    return F.when(per != 0, over / per)
