"""What each run changed in the state of the sessions that it touched, as signed facts.

A session is a bounce until its second event, an abandoned cart until its purchase, which a later run may bring. The run
that leaves it so adds 1; the one that changes it takes 1 away, from the same day and owner: those of the session's
opening event, so that no day has more sessions of a kind than sessions.
"""

from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

SESSION_FACTS = (
    "bounce_count",
    "cart_session_count",
    "abandoned_session_count",
    "search_session_count",
    "purchase_session_count",
    "viewed_product_count",
)


def is_first_view() -> Column:
    """Whether an event is its session's first known view of a product."""
    of_product = Window.partitionBy("session_id", "event_type", "product_id").orderBy("ingest_date", "event_id")
    is_view = (F.col("event_type") == "view") & F.col("product_id").isNotNull()
    return is_view & (F.row_number().over(of_product) == 1)


def session_facts(events: DataFrame, first: date, owner: str = "customer_id") -> DataFrame:
    """`SESSION_FACTS` of the runs since `first`, by the owner's days; bots have none.

    `events` are all events of the sessions that these runs touched. Sessions are their customer's where the first run
    knew one; with `visitor_id` as owner, the others.
    """
    by_run = Window.partitionBy("session_id").orderBy("ingest_date")
    so_far = by_run.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    runs = _by_run(events)
    known = {name: F.sum(name).over(so_far) for name in ("_events", "_carts", "_searches", "_purchases", "_products")}
    fixed = {name: F.first(name).over(so_far) for name in ("_day", "customer_id", "visitor_id")}
    states = runs.withColumns(known | fixed).withColumns(_state())
    changed = states.withColumns({name: F.col(name) - F.lag(name, 1, 0).over(by_run) for name in SESSION_FACTS})
    is_of_customer = F.col("customer_id").isNotNull()
    is_owned = is_of_customer if owner == "customer_id" else ~is_of_customer
    is_changed = F.greatest(*(F.abs(name) for name in SESSION_FACTS)) > 0
    return changed.filter(is_owned & is_changed & (F.col("ingest_date") >= F.lit(first))).select(
        owner, F.col("_day").alias("event_date"), "ingest_date", *SESSION_FACTS
    )


def _by_run(events: DataFrame) -> DataFrame:
    """One row per session and run: its new events by type, and day and owner of the opening one where it is new."""

    def times(event_type: str) -> Column:
        return F.sum((F.col("event_type") == event_type).cast("bigint"))

    def opening(name: str) -> Column:  # an erasure may have taken the opening event
        return F.coalesce(F.min(F.when(F.col("is_session_start"), F.col(name))), F.min(name))

    people = events.filter(~F.col("is_bot")).withColumn("_is_first_view", is_first_view())
    return people.groupBy("session_id", "ingest_date").agg(
        opening("event_date").alias("_day"),
        opening("customer_id").alias("customer_id"),
        F.min("visitor_id").alias("visitor_id"),
        F.count("event_id").alias("_events"),
        times("add_to_cart").alias("_carts"),
        times("search").alias("_searches"),
        times("purchase").alias("_purchases"),
        F.sum(F.col("_is_first_view").cast("bigint")).alias("_products"),
    )


def _state() -> dict[str, Column]:
    """The facts of a session as a run leaves it."""
    has_cart, has_purchase = F.col("_carts") > 0, F.col("_purchases") > 0
    states = {
        "bounce_count": F.col("_events") == 1,
        "cart_session_count": has_cart,
        "abandoned_session_count": has_cart & ~has_purchase,
        "search_session_count": F.col("_searches") > 0,
        "purchase_session_count": has_purchase,
        "viewed_product_count": F.col("_products"),
    }
    return {name: state.cast("bigint") for name, state in states.items()}
