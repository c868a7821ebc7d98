"""The next date's snapshot from the one before: what came in is added, what left a window is taken away.

Row by row what `snapshot.snapshots` makes of all tiles, of which this reads few: those of the run, those of the days
that leave a window, and of the days of orders that the run tells more of. Exact, since tiles are whole numbers and
decimals. Customers for whom that is not enough are made from all their tiles: whose accounts were merged or split, who
lost a browser, whose first or oldest known order was undone.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from functools import reduce
from operator import add

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from features.persons import known_at, of_persons_at
from features.snapshot import Identity, bits_of_word, snapshots, with_derived
from features.tiles import with_every_fact
from schemas.contract import LINE_MONEY
from schemas.feature import BIT_FACTS, DAY_BITS, DAY_WORDS, FEATURES, SQUARED_MONEY, Feature, day_words

ONE_DAY, EPOCH = timedelta(days=1), date(1970, 1, 1)
SUMS = [feature for feature in FEATURES if feature.kind == "sum"]
WINDOWS = sorted({feature.window_days for feature in SUMS if feature.window_days is not None})
DAYS = [feature for feature in FEATURES if feature.kind == "active_days" and feature.window_days is not None]
RECENCIES = [feature for feature in FEATURES if feature.kind == "recency"]
ORDER_DAYS = day_words("order_count")


def next_snapshot(
    before: DataFrame, tiles: DataFrame, day: date, version: int, identity: Identity | None = None
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
    rolled = _rolled(
        _without(before, again), _without(came, again), _without(left, again), _without(orders, again), day
    )
    rows = with_derived(rolled, version)
    if not again:
        return rows
    accounts = _with_accounts(again, identity, day)
    theirs = Identity(identity.rows, identity.visitor_tiles) if identity else None
    whole = snapshots(_of(known, accounts), [day], version, theirs)
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
    """Tiles that counted the day before in a window that they have left."""
    days = [day - timedelta(days=window) for window in WINDOWS]
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
            ((F.col("_first_lost") <= _first_day(day)) | (_bits(ORDER_DAYS) <= F.col("_lost")))
            & ((F.col("_new") > 0) | (F.col("order_days_lifetime") > F.col("_lost")))
        )
    )
    return [row.customer_id for row in found.select("customer_id").collect()]


def _first_day(day: date) -> SparkColumn:
    """First day with an order, from the row of the day before `day`."""
    return F.date_sub(F.lit(day - ONE_DAY), F.col("customer_age_days").cast("int"))


def _bits(names: list[str]) -> SparkColumn:
    return reduce(add, (F.bit_count(name).cast("bigint") for name in names))


def _rolled(before: DataFrame, came: DataFrame, left: DataFrame, orders: DataFrame, day: date) -> DataFrame:
    """What `snapshot` counts, of the day. Columns with `_` before a name hold what changes it."""
    changes = _sums_changed(came, left, day).join(_orders_changed(orders, before, day), "customer_id", "full")
    both = before.drop("as_of_date").join(changes, "customer_id", "full")
    rows = both.withColumns({name: _word(name, place, day) for name, place in _words()})
    has_orders = _grown("order_days_lifetime", T.LongType()) > 0
    first = F.least(_first_day(day), F.col("_first_order.event_date"))
    is_new_first = F.col("_first_order.event_date") <= F.coalesce(_first_day(day), F.lit(day))
    first_revenue = F.when(is_new_first, F.col("_first_order.net_now")).otherwise(
        F.col("state_first_order_revenue") + F.coalesce("_to_first_order", F.lit(0).cast(LINE_MONEY))
    )
    counted = {
        "as_of_date": F.lit(day),
        "order_days_lifetime": _grown("order_days_lifetime", T.LongType()),
        "customer_age_days": F.when(has_orders, F.datediff(F.lit(day), first).cast("bigint")),
        "state_order_amount": _grown("state_order_amount", LINE_MONEY),
        "state_order_amount_squared": _grown("state_order_amount_squared", SQUARED_MONEY),
        "state_order_days_revenue": F.when(has_orders, _grown("state_order_days_revenue", LINE_MONEY)),
        "state_first_order_revenue": F.when(has_orders, first_revenue).cast(LINE_MONEY),
    }
    for feature in SUMS:
        counted[feature.name] = _grown(feature.name, feature.type)
    for feature in DAYS:
        counted[feature.name] = _days_with(feature.fact, feature.window_days or 0, day)
    for feature in RECENCIES:
        newest = F.least(F.col(feature.name) + 1, F.col(f"_{feature.name}"))
        if feature.fact == "order_count":
            newest = F.when(has_orders, F.coalesce(_by_bits(day), newest))
        counted[feature.name] = newest
    return rows.withColumns(counted)


def _words() -> list[tuple[str, int]]:
    return [(name, place) for fact in BIT_FACTS for place, name in enumerate(day_words(fact))]


def _grown(name: str, kind: T.DataType) -> SparkColumn:
    zero = F.lit(0).cast(kind)
    return (F.coalesce(name, zero) + F.coalesce(f"_{name}", zero)).cast(kind)


def _sums_changed(came: DataFrame, left: DataFrame, day: date) -> DataFrame:
    """By customer: what is added to each sum, the newest day of each fact, and days with a session."""
    rows = came.withColumn("_came", F.lit(True)).unionByName(left.withColumn("_came", F.lit(False)))
    age = F.datediff(F.lit(day), "event_date").cast("bigint")

    def change(feature: Feature) -> SparkColumn:
        fact, window = F.col(feature.fact), feature.window_days
        if window is None:
            return F.when(F.col("_came"), fact)
        is_in = F.col("_came") & (F.col("_age") < window)
        return F.when(is_in, fact).when(~F.col("_came") & (F.col("_age") == window), -fact)

    sums = {feature.name: change(feature) for feature in SUMS}
    sums |= {f"state_{fact}": F.when(F.col("_came"), F.col(fact)) for fact in ("order_amount", "order_amount_squared")}
    recent = [feature for feature in RECENCIES if feature.fact != "order_count"]
    ages = {f.name: F.min(F.when(F.col("_came") & (F.col(f.fact) > 0), F.col("_age"))) for f in recent}
    has_session = F.col("_came") & (F.col("session_count") > 0)
    return (
        rows.withColumn("_age", age)
        .groupBy("customer_id")
        .agg(
            *(F.sum(value).alias(f"_{name}") for name, value in sums.items()),
            *(value.alias(f"_{name}") for name, value in ages.items()),
            *(
                bits_of_word("session_count", place, F.lit(day), has_session).alias(f"_{name}")
                for place, name in enumerate(day_words("session_count"))
            ),
        )
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
        *(bits_of_word("order_count", place, F.lit(day), is_now).alias(f"_{name}") for name, place in number.items()),
        *(
            bits_of_word("order_count", place, F.lit(day), was & ~is_now).alias(f"_lost_{name}")
            for name, place in number.items()
        ),
    )


def _word(name: str, place: int, day: date) -> SparkColumn:
    """The word of the day before with the days that came, without those that were lost; empty where its turn begins."""
    none = F.lit(0).cast("bigint")
    word, of_before = _word_of(day), _word_of(day - ONE_DAY)
    old = none if word != of_before and word % DAY_WORDS == place else F.coalesce(name, none)
    grown = old.bitwiseOR(F.coalesce(f"_{name}", none))
    return grown.bitwiseAND(F.bitwise_not(F.coalesce(f"_lost_{name}", none))) if name in ORDER_DAYS else grown


def _word_of(day: date) -> int:
    return (day - EPOCH).days // DAY_BITS


def _days_with(fact: str, window: int, day: date) -> SparkColumn:
    """Days with any of a fact among the last `window` ones."""
    masks = [0] * DAY_WORDS
    for back in range(window):
        number = (day - EPOCH).days - back
        masks[number // DAY_BITS % DAY_WORDS] |= 1 << number % DAY_BITS
    words = zip(day_words(fact), masks, strict=True)
    counts = (F.bit_count(F.col(name).bitwiseAND(F.lit(mask).cast("bigint"))) for name, mask in words if mask)
    return reduce(add, (count.cast("bigint") for count in counts))


def _by_bits(day: date) -> SparkColumn:
    """Days since the last day with an order that bits tell of; null where they tell of none."""
    number = (day - EPOCH).days
    newest = []
    for back in range(DAY_WORDS):
        word = _word_of(day) - back
        name = ORDER_DAYS[word % DAY_WORDS]
        highest = F.length(F.bin(name)) - 1
        newest.append(F.when(F.col(name) != 0, F.lit(number - word * DAY_BITS) - highest))
    return F.coalesce(*newest).cast("bigint")
