"""Which products and categories a customer bought and looked at, from product tiles: what no sum of days tells.

How many different products lie in a window does not follow from yesterday's number and the new day alone, but from the
last day of each pair of customer and product: a pair comes in when it is seen anew, and leaves when its last day does.
Top categories and quantiles are made of the tiles of their window, which is at most 90 days; in a night, of those
customers alone whose tiles came or left, or of whose products one changed its category.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import reduce

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.as_of import joined, recently
from features.catalogue import catalogue_at
from features.day_bits import ONE_DAY
from features.persons import of_persons
from schemas.declaration import Feature
from schemas.declared import FEATURES

DISTINCT = [feature for feature in FEATURES if feature.kind == "distinct"]
TOPS = [feature for feature in FEATURES if feature.kind in ("top", "top_share")]
QUANTILES = [feature for feature in FEATURES if feature.kind == "quantile"]
FACTS = sorted({feature.fact for feature in DISTINCT})
REACH_DAYS = max(feature.window.days or 0 for feature in DISTINCT)
RECENT = [*TOPS, *QUANTILES]
RECENT_DAYS = sorted({feature.window.days or 0 for feature in RECENT})
MOST_DIGITS = 12  # of a count within a window


@dataclass(frozen=True)
class Products:
    """Product tiles, and `clean_products`, which tells categories."""

    tiles: DataFrame
    catalogue: DataFrame
    identity: DataFrame | None = None


def distinct_products(products: Products, dates: list[date]) -> DataFrame:
    """(as_of_date, customer_id, distinct features), each pair of customer and product counted once a window."""
    pairs = _known(products, dates, REACH_DAYS).groupBy("as_of_date", "customer_id", "product_id")
    last = pairs.agg(*(_last(fact).alias(fact) for fact in FACTS))
    age = {fact: F.datediff("as_of_date", F.col(fact)) for fact in FACTS}
    counts = (_number(age[f.fact] < F.lit(f.window.days)).alias(f.name) for f in DISTINCT)
    return last.groupBy("as_of_date", "customer_id").agg(*counts)


def distinct_changes(products: Products, day: date) -> DataFrame:
    """(customer_id, change of each distinct feature since the day before, with `_` before its name)."""
    known = _known(products, [day], REACH_DAYS + 1)
    came = _comes(day)
    leaves = _leaves(day, {feature.window.days or 0 for feature in DISTINCT})
    key = ["customer_id", "product_id"]
    moved = known.filter(came | leaves).select(*key).distinct()
    last = (
        known.join(moved, key, "left_semi")
        .groupBy(*key)
        .agg(
            *(_last(fact).alias(f"{fact}_now") for fact in FACTS),
            *(_last(fact, ~came).alias(f"{fact}_before") for fact in FACTS),
        )
    )

    def change(feature: Feature) -> SparkColumn:
        days = feature.window.days or 0
        now, before = F.col(f"{feature.fact}_now"), F.col(f"{feature.fact}_before")
        is_in = now > F.lit(day - timedelta(days=days))
        was_in = before > F.lit(day - timedelta(days=days + 1))
        return (_number(is_in) - _number(was_in)).alias(f"_{feature.name}")

    return last.groupBy("customer_id").agg(*(change(feature) for feature in DISTINCT))


def recent_products(products: Products, dates: list[date]) -> DataFrame:
    """(as_of_date, customer_id, top categories and price quantiles), of customers who have any."""
    return _recent(_known(products, dates, RECENT_DAYS[-1]), catalogue_at(products.catalogue, dates), dates)


def recent_changes(products: Products, day: date) -> DataFrame:
    """(customer_id, top categories and price quantiles with `_` before their names) of whom they may have changed.

    A customer of whose tiles all have left has nulls.
    """
    known = _known(products, [day], RECENT_DAYS[-1] + 1)
    kinds = catalogue_at(products.catalogue, [day])
    before = catalogue_at(products.catalogue, [day - ONE_DAY]).select("product_id", F.col("category").alias("_before"))
    told_anew = products.catalogue.filter(_comes(day)).select("product_id").distinct()
    moved = kinds.join(told_anew, "product_id", "left_semi").join(before, "product_id", "left")
    moved = moved.filter(~F.col("category").eqNullSafe(F.col("_before"))).select("product_id")
    touched = known.filter(_comes(day) | _leaves(day, set(RECENT_DAYS))).select("customer_id")
    if moved.head(1):  # seldom, and it takes all tiles of the window
        touched = touched.union(known.join(moved, "product_id", "left_semi").select("customer_id"))
    touched = touched.distinct()
    rows = _recent(known.join(touched, "customer_id", "left_semi"), kinds, [day])
    names = {feature.name: f"_{feature.name}" for feature in RECENT}
    return touched.join(rows.drop("as_of_date").withColumnsRenamed(names), "customer_id", "left")


def _comes(day: date) -> SparkColumn:
    """Of a row that `day` is the first to know."""
    return (F.col("ingest_date") == F.lit(day)) | (F.col("event_date") == F.lit(day))


def _leaves(day: date, windows: set[int]) -> SparkColumn:
    """Of a tile that `day` is the first to leave one of the windows."""
    return F.col("event_date").isin([day - timedelta(days=days) for days in sorted(windows)])


def _recent(known: DataFrame, kinds: DataFrame, dates: list[date]) -> DataFrame:
    key = ["as_of_date", "customer_id"]
    told = []
    for days in RECENT_DAYS:
        inside = known.filter(F.datediff("as_of_date", "event_date") < days)
        told += [_tops(inside, kinds, dates, days), _quantiles(inside, days)]
    return reduce(lambda one, other: one.join(other, key, "full"), told)


def _known(products: Products, dates: list[date], days: int) -> DataFrame:
    """Product tiles of the last days, as known at each date, of the persons of that date."""
    rows = recently(products.tiles, dates, "event_date", days)
    return rows if products.identity is None else of_persons(rows, products.identity, dates)


def _last(fact: str, among: SparkColumn | None = None) -> SparkColumn:
    is_positive = F.col(fact) > 0
    return F.max(F.when(is_positive if among is None else is_positive & among, F.col("event_date")))


def _number(condition: SparkColumn) -> SparkColumn:
    return F.sum(F.coalesce(condition, F.lit(False)).cast("bigint"))


def _tops(known: DataFrame, catalogue: DataFrame, dates: list[date], days: int) -> DataFrame:
    features = [feature for feature in TOPS if feature.window.days == days]
    facts = sorted({feature.fact for feature in features})
    kinds = catalogue.select("as_of_date", "product_id", "category")
    named = joined(known, kinds, "product_id", dates, "inner")
    by_category = (
        named.filter(F.col("category").isNotNull())
        .groupBy("as_of_date", "customer_id", "category")
        .agg(*(F.sum(fact).alias(fact) for fact in facts))
    )

    def told(feature: Feature) -> SparkColumn:
        fact = F.col(feature.fact)
        if feature.kind == "top_share":
            total = F.sum(fact).cast("double")
            return F.when(total > 0, F.max(fact).cast("double") / total)
        # The least of a text says what the least of a struct would, which took Sail 0.7.2 six times as long.
        rank = F.lpad((F.lit(10**MOST_DIGITS - 1) - fact).cast("string"), MOST_DIGITS, "0")
        first = F.min(F.when(fact > 0, F.concat(rank, F.col("category"))))
        return F.substring(first, MOST_DIGITS + 1, 2**31 - 1 - MOST_DIGITS)

    rows = by_category.groupBy("as_of_date", "customer_id").agg(
        *(F.max(F.col(fact)).alias(f"_{fact}") for fact in facts), *(told(f).alias(f.name) for f in features)
    )
    return rows.select(
        "as_of_date",
        "customer_id",
        *(F.when(F.col(f"_{f.fact}") > 0, F.col(f.name)).alias(f.name) for f in features),
    )


def _quantiles(known: DataFrame, days: int) -> DataFrame:
    """Exact quantiles, from sorted prices: Sail 0.7.2 takes four times as long for `percentile`."""
    price = F.col("sale_amount").cast("double") / F.col("unit_count").cast("double")
    bought = known.filter("sale_line_count > 0 AND unit_count > 0").withColumn("unit_price", price)
    prices = bought.groupBy("as_of_date", "customer_id").agg(
        F.sort_array(F.collect_list("unit_price")).alias("_prices")
    )

    def quantile(feature: Feature) -> SparkColumn:
        at = (F.size("_prices") - 1) * F.lit(feature.quantile) + 1
        below = F.floor(at).cast("int")
        lower, upper = F.element_at("_prices", below), F.element_at("_prices", F.ceil(at).cast("int"))
        return (lower + (upper - lower) * (at - below)).alias(feature.name)

    features = [feature for feature in QUANTILES if feature.window.days == days]
    return prices.select("as_of_date", "customer_id", *(quantile(feature) for feature in features))
