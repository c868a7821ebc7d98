"""Transaction lines into orders net of returns.

Each return or cancellation is booked to one order: the one that the source names, else the latest earlier line of the
same customer and product that has enough units left, else, unmatched, to the order whose id it carries. A line is
booked once, with what was known when it came, and never moved: later runs only add lines.
"""

from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.as_of import first_known, known_day, known_moment, known_text
from features.line_rules import is_merchandise, money_of
from features.returns import is_return
from schemas.contract import LINE_MONEY
from schemas.line_rules import EXCLUDED, POSTAGE


def order_lines(transactions: DataFrame, first: date, timezone: str, matches: DataFrame | None = None) -> DataFrame:
    """`clean_order_lines` brought since `first`, still in the money of the source.

    Comes from all transactions known, for an order may have begun before. `matches` are the orders found for returns
    (`returns.matched_returns`); None where none needs any. `order_known_date` is the run that knew the order first.
    """
    lines = transactions.withColumnRenamed("event_id", "line_id").withColumn("is_return", is_return())
    is_new = F.col("ingest_date") >= F.lit(first)
    new = lines.filter(is_new)
    if matches is not None:
        new = new.join(matches, "line_id", "left")
    else:
        new = new.withColumn("matched_order_id", F.lit(None).cast("string"))
    new = new.withColumn("wanted_order_id", _wanted_order_id())
    earlier = lines.filter(~is_new).join(_wanted(new), "order_id", "left_semi")
    known_orders = order_starts(earlier.unionByName(lines.filter(is_new)))
    is_known = (F.col("first_ingest_date") <= F.col("ingest_date")).alias("is_known")
    booked = new.join(known_orders, "wanted_order_id", "left").withColumn(
        "is_booked", F.coalesce(is_known, F.lit(False))
    )
    is_booked = F.col("is_booked")
    order_at = F.when(is_booked, F.col("order_at")).otherwise(F.col("event_at"))
    return booked.select(
        "line_id",
        F.when(is_booked, F.col("wanted_order_id")).otherwise(F.col("order_id")).alias("order_id"),
        F.col("order_id").alias("source_order_id"),
        "customer_id",
        "product_id",
        "event_at",
        "event_date",
        "ingest_date",
        F.to_date(F.from_utc_timestamp(order_at, timezone)).alias("order_date"),
        "line_type",
        _match_kind(is_booked).alias("match_kind"),
        "quantity",
        F.when(is_booked, F.col("first_ingest_date")).otherwise(F.col("ingest_date")).alias("order_known_date"),
        "currency",
        "unit_price",
        "line_amount",
        _or_zero("discount_amount"),
        _or_zero("shipping_amount"),
    )


def order_starts(lines: DataFrame) -> DataFrame:
    """(wanted_order_id, order_at, first_ingest_date) of orders: their earliest line in the run that first brought any.

    Fixed then: a line that comes later does not move the order to another day.
    """
    start = first_known("event_at", is_moment=True).alias("start")
    starts = lines.filter(~F.col("is_return")).groupBy("order_id").agg(start)
    return starts.select(
        F.col("order_id").alias("wanted_order_id"),
        known_moment("start").alias("order_at"),
        known_day("start").alias("first_ingest_date"),
    )


def _wanted(new: DataFrame) -> DataFrame:
    return new.select(F.col("wanted_order_id").alias("order_id")).distinct()


def _wanted_order_id():
    """A return that found no line stays on the order whose id it carries, and on that order's day where it is known."""
    of_return = F.coalesce("matched_order_id", "original_order_id", "order_id")
    return F.when(F.col("is_return"), of_return).otherwise(F.col("order_id"))


def _match_kind(is_booked):
    is_named = F.col("original_order_id").isNotNull() & is_booked
    found = F.when(is_named, "named").when(F.col("matched_order_id").isNotNull(), "latest_line").otherwise("unmatched")
    return F.when(F.col("is_return"), found)


def _or_zero(name: str):
    return F.coalesce(F.col(name), F.lit(0)).alias(name)


def order_states(lines: DataFrame) -> DataFrame:
    """What each run changed of each order: one row per order_id and ingest_date, from all lines of the orders.

    `order_count` is 1 in the run that makes the order a known customer's, -1 in a run whose returns undo it, else 0;
    `order_amount` and `order_amount_squared` are the change of the order's net amount and of its square. The first
    day and the first customer known keep the order, so that what one run adds a later one takes from the same.
    """
    runs = lines.select("order_id", F.col("ingest_date").alias("run")).distinct()
    # Windows over runs say the same and took Sail 0.7.2 ten times as long.
    known = lines.join(runs, "order_id").filter("ingest_date <= run")
    states = known.groupBy("order_id", "run").agg(
        first_known("order_date").alias("day"),
        first_known("customer_id").alias("owner"),
        *_sums(),
        *_sums(F.col("ingest_date") < F.col("run"), "_before"),
    )
    now = _counted(_is_order() & F.col("owner").isNotNull(), "net_amount")
    before = _counted(_is_order("_before") & (known_day("owner") < F.col("run")), "net_amount_before")
    return states.select(
        "order_id",
        known_text("day").cast("date").alias("order_date"),
        F.col("run").alias("ingest_date"),
        known_text("owner").alias("customer_id"),
        *((now[change] - before[change]).alias(change) for change in now),
    )


def _counted(is_order: Column, net_amount: str) -> dict[str, Column]:
    """An order's number, amount and square of it, by their names; 0 of what is none."""
    amount = (
        F.when(is_order, F.col(net_amount)).otherwise(0).cast(LINE_MONEY)
    )  # of a sum the engines' square would round
    count = F.when(is_order, 1).otherwise(0)
    return {"order_count": count, "order_amount": amount, "order_amount_squared": amount * amount}


def orders(lines: DataFrame, payments: DataFrame) -> DataFrame:
    """`clean_orders` of the orders in `lines` (all their lines), as they stand now; day and customer first known."""
    given_back = F.when(is_return(), -F.col("net_amount")).otherwise(0)
    paid = payments.groupBy("order_id").agg(F.sum("payment_amount").alias("paid_amount"))
    totals = lines.groupBy("order_id").agg(
        first_known("customer_id").alias("owner"),
        first_known("event_at", is_moment=True).alias("start"),
        first_known("order_date").alias("day"),
        *_sums(),
        F.sum(given_back).alias("refund_amount"),
        F.sum(money_of(POSTAGE)).alias("postage_amount"),
        F.sum(money_of(EXCLUDED)).alias("excluded_amount"),
        F.sum("discount_amount").alias("discount_amount"),
        F.sum("shipping_amount").alias("shipping_amount"),
        F.min("ingest_date").alias("first_ingest_date"),
        F.max("ingest_date").alias("last_ingest_date"),
    )
    states = totals.withColumns(
        {
            "customer_id": known_text("owner"),
            "order_at": known_moment("start"),
            "order_date": known_text("day").cast("date"),
            "is_order": _is_order(),
        }
    ).withColumn("order_month", F.trunc("order_date", "month"))
    return states.join(paid, "order_id", "left")


def _sums(is_counted: Column | None = None, suffix: str = "") -> tuple[Column, ...]:
    """Sums of lines; of those that are counted."""
    is_sale = F.col("line_type") == "sale"
    if is_counted is None:
        is_counted = F.lit(True)
    return (
        F.sum(F.when(is_counted & is_sale & is_merchandise(), 1).otherwise(0)).alias(f"line_count{suffix}"),
        F.sum(F.when(is_counted & is_sale, F.col("net_amount")).otherwise(0)).alias(f"sale_amount{suffix}"),
        F.sum(F.when(is_counted, F.col("net_amount"))).alias(f"net_amount{suffix}"),
    )


def _is_order(suffix: str = "") -> Column:
    """Something was sold and not all of it came back; free goods, sold at 0, were bought all the same."""
    lines, sold, net = (F.col(f"{name}{suffix}") for name in ("line_count", "sale_amount", "net_amount"))
    return (lines > 0) & ((net > 0) | (sold == 0))
