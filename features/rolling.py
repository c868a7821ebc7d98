"""The next date's snapshot from the one before: what came in is added, what left a window is taken away.

Row by row what `snapshot.snapshots` makes of all tiles, of which this reads few: those of the run, those of the days
that leave a window, and of the days of orders that the run tells more of. Exact, since tiles are whole numbers and
decimals. Customers for whom that is not enough are made from all their tiles: whose accounts were merged or split, who
lost a browser, whose first or oldest known order was undone.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from functools import reduce

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from features import day_bits
from features.customer_products import DISTINCT, RECENT, Products, distinct_changes, recent_changes
from features.day_bits import ONE_DAY
from features.persons import Identity, known_at, of_persons_at
from features.snapshot import ENDS, EXTREMES, SUMS, edges, end_of, snapshots, with_derived
from features.tiles import MERGE, with_every_fact
from schemas.contract import LINE_MONEY
from schemas.declaration import Feature
from schemas.feature import day_words

ORDER_DAYS, SESSION_DAYS = day_words("order_count"), day_words("session_count")


def next_snapshot(
    before: DataFrame,
    tiles: DataFrame,
    day: date,
    version: int,
    identity: Identity | None = None,
    products: Products | None = None,
) -> DataFrame:
    """`feature_customer` of `day` from `before`, the rows of the day before it, and all tiles."""
    known = tiles.filter(F.col("ingest_date") <= F.lit(day))
    came, left = _came(known, day), _left(known, day)
    again: list[str] = []
    if identity:
        again = _regrouped(identity.rows, day)
        came, left = of_persons_at(came, identity.rows, day), of_persons_at(left, identity.rows, day)
        of_visitors, gone = _visitors(identity, day)
        came, left = came.unionByName(of_visitors), left.unionByName(gone)
    orders = _order_days(came, known, day, identity)
    again = sorted({*again, *_undone(orders, before, day)})
    came, left = _without(came, again), _without(left, again)
    changes = [_sums_changed(came, left, day), _orders_changed(_without(orders, again), before, day)]
    if products is not None:
        recent = recent_changes(products, day).withColumn("_is_recent", F.lit(True))
        changes += [_without(distinct_changes(products, day), again), _without(recent, again)]
    has_products = products is not None
    rolled = _rolled(_without(before, again), changes, day, has_products)
    rows = with_derived(rolled, version, [day], has_products=has_products)
    if not again:
        return rows
    accounts = _with_accounts(again, identity, day)
    theirs = Identity(identity.rows, identity.visitor_tiles) if identity else None
    if products is not None:
        products = replace(products, tiles=_of(products.tiles, accounts))
    whole = snapshots(_of(known, accounts), [day], version, theirs, products)
    return rows.unionByName(_of(whole, again))


def _of(rows: DataFrame, customers: Iterable[str]) -> DataFrame:
    return rows.filter(F.col("customer_id").isin(list(customers)))


def _without(rows: DataFrame, customers: list[str]) -> DataFrame:
    return rows.filter(~F.col("customer_id").isin(customers)) if customers else rows


def _came(known: DataFrame, day: date) -> DataFrame:
    """Tiles that `day` sees first: of its run, and of the day itself by a clock ahead."""
    run, event = F.col("ingest_date"), F.col("event_date")
    return known.filter(((run == F.lit(day)) & (event <= F.lit(day))) | (event == F.lit(day)))


def _left(known: DataFrame, day: date) -> DataFrame:
    """Tiles of before that come into a window or leave it by their age."""
    days = [day - timedelta(days=age) for age in edges()]
    return known.filter(F.col("event_date").isin(days) & (F.col("ingest_date") < F.lit(day)))


def _regrouped(identity: DataFrame, day: date) -> list[str]:
    """Customers whose accounts changed on the day, before and after it, or who lost a visitor."""
    begins, ends = F.col("valid_from") == F.lit(day), F.col("valid_to") == F.lit(day)
    is_account = (F.col("identifier_kind") == "customer") & (F.col("identifier") != F.col("customer_id"))
    is_visitor = F.col("identifier_kind") == "visitor"
    moved = identity.filter(F.col("customer_id").isNotNull() & (F.col("ingest_date") <= F.lit(day)))
    moved = moved.filter((is_account & (begins | ends)) | (is_visitor & ends))
    account = F.when(is_account, F.col("identifier"))
    rows = moved.select(F.explode(F.array("customer_id", account)).alias("customer_id")).distinct().collect()
    return [row.customer_id for row in rows if row.customer_id]


def _with_accounts(customers: list[str], identity: Identity | None, day: date) -> list[str]:
    """The customers' ids and those of all accounts that were ever one with theirs."""
    if identity is None:
        return customers
    others = identity.rows.filter((F.col("identifier_kind") == "customer") & F.col("customer_id").isin(customers))
    return sorted({*customers, *(row.identifier for row in others.select("identifier").distinct().collect())})


def _visitors(identity: Identity, day: date) -> tuple[DataFrame, DataFrame]:
    """Tiles of visitors that came to be counted on the day, and those that left a window, by customer.

    Of a visitor whose owner is known since today, all tiles come.
    """
    owned = known_at(identity.rows.filter("identifier_kind = 'visitor'"), [day])
    whose = owned.select(F.col("identifier").alias("visitor_id"), "customer_id", F.col("valid_from").alias("_since"))
    known = identity.visitor_tiles.filter((F.col("ingest_date") <= F.lit(day)) & (F.col("event_date") <= F.lit(day)))
    is_new = F.col("_since") == F.lit(day)
    is_first_seen = (F.col("ingest_date") == F.lit(day)) | (F.col("event_date") == F.lit(day))
    came = known.join(whose, "visitor_id").filter(is_new | is_first_seen)
    left = _left(known, day).join(whose, "visitor_id").filter(~is_new)
    return with_every_fact(came), with_every_fact(left)


def _order_days(came: DataFrame, known: DataFrame, day: date, identity: Identity | None) -> DataFrame:
    """Days of customers whose orders or money changed: order count and net revenue before and after.

    One row per customer and `event_date`: `was`/`is_now` tell whether it was and is a day with an order.
    """
    changed = came.filter((F.col("order_count") != 0) | (F.col("net_amount") != 0))
    added = changed.groupBy("customer_id", "event_date").agg(
        F.sum("order_count").alias("_count"), F.sum("net_amount").alias("_net")
    )
    past = changed.filter(F.col("event_date") < F.lit(day)).select("event_date").distinct().collect()
    earlier = known.filter(
        F.col("event_date").isin([row.event_date for row in past]) & (F.col("ingest_date") < F.lit(day))
    )
    if identity:
        earlier = of_persons_at(earlier, identity.rows, day)
    sums = earlier.groupBy("customer_id", "event_date").agg(
        F.sum("order_count").alias("_count_before"), F.sum("net_amount").alias("_net_before")
    )
    both = added.join(sums, ["customer_id", "event_date"], "left")
    counted, net = F.coalesce("_count_before", F.lit(0)), F.coalesce("_net_before", F.lit(0).cast(LINE_MONEY))
    return both.select(
        "customer_id",
        "event_date",
        (counted > 0).alias("was"),
        (counted + F.col("_count") > 0).alias("is_now"),
        net.cast(LINE_MONEY).alias("net_before"),
        (net + F.col("_net")).cast(LINE_MONEY).alias("net_now"),
    )


def _undone(orders: DataFrame, before: DataFrame, day: date) -> list[str]:
    """Customers who lost a day with an order that only all tiles can replace: their first, or all that bits tell of.

    Who lost all of them and got none has none: nothing is to be replaced.
    """
    is_lost = F.col("was") & ~F.col("is_now")
    changed = orders.groupBy("customer_id").agg(
        F.min(F.when(is_lost, F.col("event_date"))).alias("_first_lost"),
        F.sum(is_lost.cast("bigint")).alias("_lost"),
        F.sum((~F.col("was") & F.col("is_now")).cast("bigint")).alias("_new"),
    )
    found = (
        changed.filter("_lost > 0")
        .join(before, "customer_id")
        .filter(
            (
                (F.col("_first_lost") <= _first_day(day))
                | (day_bits.count_bits(map(F.col, ORDER_DAYS)) <= F.col("_lost"))
            )
            & ((F.col("_new") > 0) | (F.col("order_days_lifetime") > F.col("_lost")))
        )
    )
    return [row.customer_id for row in found.select("customer_id").collect()]


def _first_day(day: date) -> SparkColumn:
    """First day with an order, from the row of the day before `day`."""
    return F.date_sub(F.lit(day - ONE_DAY), F.col("customer_age_days").cast("int"))


def _rolled(before: DataFrame, changes: list[DataFrame], day: date, has_products: bool) -> DataFrame:
    """What `snapshot` counts, of the day. Columns with `_` before a name hold what changes it."""
    changed = reduce(lambda one, other: one.join(other, "customer_id", "full"), changes)
    both = before.drop("as_of_date").join(changed, "customer_id", "full")
    words = {name: day_bits.word_rolled(name, place, day) for place, name in enumerate(SESSION_DAYS)}
    words |= {
        name: day_bits.word_rolled(name, place, day, F.col(f"_lost_{name}")) for place, name in enumerate(ORDER_DAYS)
    }
    rows = both.withColumns(words)
    has_orders = _grown("order_days_lifetime", T.LongType()) > 0
    first = F.least(_first_day(day), F.col("_first_order.event_date"))
    is_new_first = F.col("_first_order.event_date") <= F.coalesce(_first_day(day), F.lit(day))
    first_revenue = F.when(is_new_first, F.col("_first_order.net_now")).otherwise(
        F.col("state_first_order_revenue") + F.coalesce("_to_first_order", F.lit(0).cast(LINE_MONEY))
    )
    last_order = F.least(F.col("recency_days") + 1, F.col("_recency_days"))
    counted = {
        "as_of_date": F.lit(day),
        "order_days_lifetime": _grown("order_days_lifetime", T.LongType()),
        "recency_days": F.when(has_orders, F.coalesce(day_bits.newest("order_count", day), last_order)),
        "customer_age_days": F.when(has_orders, F.datediff(F.lit(day), first).cast("bigint")),
        "state_order_days_revenue": F.when(has_orders, _grown("state_order_days_revenue", LINE_MONEY)),
        "state_first_order_revenue": F.when(has_orders, first_revenue).cast(LINE_MONEY),
    }
    counted |= {feature.name: _grown(feature.name, feature.type) for feature in SUMS}
    if has_products:
        counted |= {feature.name: _grown(feature.name, feature.type) for feature in DISTINCT}
        is_recent = F.col("_is_recent").isNotNull()
        counted |= {f.name: F.when(is_recent, F.col(f"_{f.name}")).otherwise(F.col(f.name)) for f in RECENT}
    for feature in ENDS:
        ends = F.least if feature.kind == "recency" else F.greatest
        counted[feature.name] = ends(F.col(feature.name) + 1, F.col(f"_{feature.name}"))
    for feature in EXTREMES:
        ends = F.least if feature.kind == "min" else F.greatest
        counted[feature.name] = ends(F.col(feature.name), F.col(f"_{feature.name}")).cast(feature.type)
    return rows.withColumns(counted)


def _grown(name: str, kind: T.DataType) -> SparkColumn:
    # Of two of its widest decimals Spark rounds the sum.
    part = T.DecimalType(min(kind.precision, 37), kind.scale) if isinstance(kind, T.DecimalType) else kind
    old, change = (F.coalesce(F.col(column).cast(part), F.lit(0).cast(part)) for column in (name, f"_{name}"))
    return (old + change).cast(kind)


def _sums_changed(came: DataFrame, left: DataFrame, day: date) -> DataFrame:
    """By customer: what is added to each sum, the ends and extremes that come, and days with a session."""
    rows = came.withColumn("_came", F.lit(True)).unionByName(left.withColumn("_came", F.lit(False)))
    rows = rows.withColumn("_age", F.datediff(F.lit(day), "event_date").cast("bigint"))
    came_now, age = F.col("_came"), F.col("_age")

    def change(feature: Feature) -> SparkColumn:
        fact, window = F.col(feature.fact), feature.window
        if window.days is None:
            return F.when(came_now, fact)
        oldest = window.lag + window.days
        told = F.when(came_now & (age >= window.lag) & (age < oldest), fact)
        told = told.when(~came_now & (age == oldest), -fact)
        return told.when(~came_now & (age == window.lag), fact) if window.lag else told

    has_session = came_now & (F.col("session_count") > 0)
    return rows.groupBy("customer_id").agg(
        *(F.sum(change(feature)).alias(f"_{feature.name}") for feature in SUMS),
        *(end_of(f, F.when(came_now & (F.col(f.fact) > 0), age)).alias(f"_{f.name}") for f in ENDS),
        *(MERGE[f.kind](F.when(came_now, F.col(f.fact))).alias(f"_{f.name}") for f in EXTREMES),
        *(
            day_bits.bits_of_word(place, F.col("event_date"), F.lit(day), has_session).alias(f"_{name}")
            for place, name in enumerate(SESSION_DAYS)
        ),
    )


def _orders_changed(orders: DataFrame, before: DataFrame, day: date) -> DataFrame:
    """By customer: what becomes of the days with an order, of their number and money, and of the first of them."""
    firsts = before.select("customer_id", _first_day(day).alias("_old_first"))
    rows = orders.join(firsts, "customer_id", "left")
    was, is_now, day_of = F.col("was"), F.col("is_now"), F.col("event_date")
    net_now, net_before = F.col("net_now"), F.col("net_before")
    nothing = F.lit(0).cast(LINE_MONEY)
    revenue = F.when(is_now, net_now).otherwise(nothing) - F.when(was, net_before).otherwise(nothing)
    is_first = was & is_now & (day_of == F.col("_old_first"))
    number = {name: place for place, name in enumerate(ORDER_DAYS)}
    return rows.groupBy("customer_id").agg(
        F.sum(is_now.cast("bigint") - was.cast("bigint")).alias("_order_days_lifetime"),
        F.sum(revenue).alias("_state_order_days_revenue"),
        F.min(F.when(is_now & ~was, F.struct("event_date", "net_now"))).alias("_first_order"),
        F.min(F.when(is_now, F.datediff(F.lit(day), day_of).cast("bigint"))).alias("_recency_days"),
        F.sum(F.when(is_first, net_now - net_before)).alias("_to_first_order"),
        *(day_bits.bits_of_word(place, day_of, F.lit(day), is_now).alias(f"_{name}") for name, place in number.items()),
        *(
            day_bits.bits_of_word(place, day_of, F.lit(day), was & ~is_now).alias(f"_lost_{name}")
            for name, place in number.items()
        ),
    )
