"""Tiles into snapshots: every declared feature of every customer, as known at one date or at several.

All tiles are read. `features/rolling.py` makes the same rows from the day before.
"""

from datetime import date
from functools import reduce
from operator import add

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features import day_bits
from features.as_of import joined
from features.customer_products import DISTINCT, RECENT, Products, distinct_products, recent_products
from features.persons import Identity, known_tiles
from features.tiles import MERGE, merge
from schemas.contract import LINE_MONEY
from schemas.declaration import Feature
from schemas.declared import FACTS, FEATURES, PARTS
from schemas.feature import BIT_FACTS, DECLARATION, STATE, day_words

DAY_FACTS = ("order_count", "click_count", "session_count", "review_count", "contact_count", "redemption_count")
FACTS_OF_KIND = {  # of which facts a kind is made; others are made of any
    "recency": DAY_FACTS,
    "tenure": DAY_FACTS,
    "active_days": ("order_count", "session_count"),
    "gap": ("order_count",),
    "gap_365d": BIT_FACTS,
    "btyd": ("order_count",),
    "mean": ("net_amount",),
}
ANY_FACT = ("sum", "max", "min", "distinct", "top", "top_share", "quantile", "ratio", "difference", "spread")
OF_TILES = ("sum", "max", "min", "active_days", "recency", "tenure")
OF_PRODUCTS = [*DISTINCT, *RECENT]
SUMS = [feature for feature in (*FEATURES, *PARTS) if feature.kind == "sum"]
EXTREMES = [feature for feature in FEATURES if feature.kind in ("max", "min")]
ENDS = [feature for feature in FEATURES if feature.kind in ("recency", "tenure") and feature.fact != "order_count"]
GAP_DAYS = 365


def edges() -> list[int]:
    """Ages in days at which a tile enters or leaves a window, the youngest first."""
    windows = [feature.window for feature in SUMS if feature.window.days is not None]
    return sorted({age for w in windows for age in (w.lag, w.lag + (w.days or 0))} - {0})


def snapshots(
    tiles: DataFrame,
    dates: list[date],
    version: int,
    identity: Identity | None = None,
    products: Products | None = None,
) -> DataFrame:
    """`feature_customer` for each `as_of_date` in `dates`, from all tiles; a date sees the tiles of runs up to it.

    And identity as it was known then: accounts that were one count as one, with the clicks of their visitors.
    """
    known = known_tiles(tiles, dates, identity).filter(F.col("event_date") <= F.col("as_of_date"))
    known = known.withColumn("age_days", F.datediff("as_of_date", "event_date").cast("bigint"))
    counted = joined(_of_ages(known), _of_days(known), "customer_id", dates, "left")
    none = F.lit(0).cast("bigint")
    absent = {name: F.coalesce(name, none) for name in ("order_days_lifetime", *day_words("order_count"))}
    counted = counted.withColumns(absent)
    if products is not None:
        for told in (distinct_products(products, dates), recent_products(products, dates)):
            counted = joined(counted, told, "customer_id", dates, "left")
    return with_derived(counted, version, dates, has_products=products is not None)


def _of_ages(known: DataFrame) -> DataFrame:
    """What sums and extremes of tiles tell: first by the ages between two edges, of which each window is made."""
    at = [0, *edges()]
    age = F.col("age_days")
    band = reduce(add, ((age >= edge).cast("int") for edge in at[1:]))
    session_days = [
        day_bits.bits_of_word(word, F.col("event_date"), F.col("as_of_date"), F.col("session_count") > 0).alias(name)
        for word, name in enumerate(day_words("session_count"))
    ]
    for feature in FEATURES:
        _refuse_undeclared(feature)
    bands = (
        known.withColumn("_band", band)
        .groupBy("as_of_date", "customer_id", "_band")
        .agg(
            *(merge(fact).alias(fact.name) for fact in FACTS),
            *(end_of(feature, F.when(F.col(feature.fact) > 0, age)).alias(feature.name) for feature in ENDS),
            *session_days,
        )
    )

    def of_window(feature: Feature) -> SparkColumn:
        fact, window = F.col(feature.fact), feature.window
        if window.days is not None:
            numbers = [n for n, edge in enumerate(at) if window.lag <= edge < window.lag + window.days]
            fact = F.when(F.col("_band").isin(numbers), fact)
        return F.coalesce(F.sum(fact), F.lit(0)).cast(feature.type).alias(feature.name)

    return bands.groupBy("as_of_date", "customer_id").agg(
        *(of_window(feature) for feature in SUMS),
        *(MERGE[feature.kind](feature.fact).alias(feature.name) for feature in EXTREMES),
        *(end_of(feature, F.col(feature.name)).alias(feature.name) for feature in ENDS),
        *(F.bit_or(name).alias(name) for name in day_words("session_count")),
    )


def end_of(feature: Feature, ages: SparkColumn) -> SparkColumn:
    """Aggregate: the age of the last day for a recency, of the first for a tenure."""
    return F.min(ages) if feature.kind == "recency" else F.max(ages)


def _of_days(known: DataFrame) -> DataFrame:
    """What whole days tell of orders: runs after the first may undo the orders of a day."""
    told = known.filter((F.col("order_count") != 0) | (F.col("net_amount") != 0))
    days = told.groupBy("as_of_date", "customer_id", "event_date", "age_days").agg(
        F.sum("order_count").alias("order_count"), F.sum("net_amount").alias("net_amount")
    )
    ordered, net = days.filter("order_count > 0"), F.col("net_amount")
    of_first = F.max(F.struct("age_days", "net_amount")).getField("net_amount")
    return ordered.groupBy("as_of_date", "customer_id").agg(
        F.min("age_days").alias("recency_days"),
        F.max("age_days").alias("customer_age_days"),
        F.count("age_days").alias("order_days_lifetime"),
        F.sum(net).cast(LINE_MONEY).alias("state_order_days_revenue"),
        of_first.cast(LINE_MONEY).alias("state_first_order_revenue"),
        *(
            day_bits.bits_of_word(word, F.col("event_date"), F.col("as_of_date"), F.lit(True)).alias(name)
            for word, name in enumerate(day_words("order_count"))
        ),
    )  # fmt: skip


def with_derived(counted: DataFrame, version: int, dates: list[date], *, has_products: bool) -> DataFrame:
    """`feature_customer` from what was counted of tiles and product tiles (state too)."""
    rows = _with_products(counted, has_products)
    of_bits = {f.name: _of_bits(f, dates) for f in FEATURES if f.kind == "gap_365d" or _is_of_bits(f)}
    names = [
        feature for feature in FEATURES if feature.kind not in (*OF_TILES, "gap_365d") and feature not in OF_PRODUCTS
    ]
    first = {f.name: _derived(f) for f in names if f.kind not in ("ratio", "difference")}
    rows = rows.withColumns(of_bits).withColumns(first | {"state_declaration": F.lit(DECLARATION)})
    left = [feature for feature in names if feature.name not in first]
    while left:  # a ratio may be of ratios
        waiting = {feature.name for feature in left}
        ready = [feature for feature in left if feature.fact not in waiting and feature.per not in waiting]
        rows = rows.withColumns({feature.name: _derived(feature) for feature in ready})
        left = [feature for feature in left if feature not in ready]
    kept = (*(feature.name for feature in FEATURES), *(column.name for column in STATE))
    return rows.select("as_of_date", "customer_id", F.lit(version).alias("snapshot_version"), *kept)


def _with_products(counted: DataFrame, has_products: bool) -> DataFrame:
    """Rows with the features of products; a shop without product tiles, and who bought none, has none."""
    if not has_products:
        nothing = {f.name: F.lit(0 if f.kind == "distinct" else None).cast(f.type) for f in OF_PRODUCTS}
        return counted.withColumns(nothing)
    return counted.withColumns({feature.name: F.coalesce(feature.name, F.lit(0)) for feature in DISTINCT})


def _is_of_bits(feature: Feature) -> bool:
    return feature.kind == "active_days" and feature.window.days is not None


def _of_bits(feature: Feature, dates: list[date]) -> SparkColumn:
    """Of the words of each date: they lie otherwise every day."""

    def at(day: date) -> SparkColumn:
        if feature.kind == "gap_365d":
            return day_bits.mean_gap(feature.fact, GAP_DAYS, day)
        return day_bits.days_with(feature.fact, feature.window.days or 0, day)

    first, *others = dates
    of_first = F.when(F.col("as_of_date") == F.lit(first), at(first)) if others else at(first)
    return reduce(lambda cases, day: cases.when(F.col("as_of_date") == F.lit(day), at(day)), others, of_first)


def _refuse_undeclared(feature: Feature) -> None:
    allowed = FACTS_OF_KIND.get(feature.kind, ())
    if feature.kind not in ANY_FACT and feature.fact not in allowed:
        raise ValueError(f"{feature.name}: no rule for kind {feature.kind} of {feature.fact}; see features/snapshot.py")


def _derived(feature: Feature) -> SparkColumn:
    days = F.col("order_days_lifetime")
    between = F.col("customer_age_days") - F.col("recency_days")
    match feature.kind:
        case "ratio":
            over, per = F.col(feature.fact).cast("double"), F.col(str(feature.per)).cast("double")
            return F.when(per != 0, over / per)
        case "difference":
            return F.col(feature.fact).cast("double") - F.col(str(feature.per)).cast("double")
        case "spread":
            return _spread(*(F.col(str(name)).cast("double") for name in (feature.per, feature.fact, feature.squares)))
        case "gap":
            return F.when(days > 1, between / (days - 1).cast("double"))
        case "mean":
            revenue, first = F.col("state_order_days_revenue"), F.col("state_first_order_revenue")
            return F.when(days > 1, (revenue.cast("double") - first.cast("double")) / (days - 1).cast("double"))
        case _:
            triple = {"btyd_frequency": days - 1, "btyd_recency": between, "btyd_age": F.col("customer_age_days")}
            return F.when(days > 0, triple[feature.name]).cast("double")


def _spread(count: SparkColumn, total: SparkColumn, squares: SparkColumn) -> SparkColumn:
    """Standard deviation, from a number, a sum and a sum of squares."""
    variance = squares / count - (total / count) * (total / count)
    return F.when(count > 0, F.sqrt(F.greatest(variance, F.lit(0.0))))
