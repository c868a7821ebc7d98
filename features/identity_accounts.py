"""Which accounts are one customer, from when to when: those that one e-mail address ties together.

Temporal connected components by iterated joins: an account's state is the list of ever earlier known accounts that it
is tied to, each with the date since when. One pass gives the components of every date, so that a stretch of nights
gives what its nights give.
"""

from collections.abc import Callable

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

Keep = Callable[[DataFrame, str], DataFrame]  # writes rows under a name and returns them as read again
DATE_LENGTH = 10
MOST_ROUNDS = 100  # each round at least doubles the reach; more is a fault of the code


def account_periods(edges: DataFrame, cap: int, keep: Keep) -> DataFrame:
    """(customer_id, component_id, owner_id, is_over, since, until) of every account in `edges`.

    `owner_id` is the earliest known account of the component; the account itself where the component has more than
    `cap` accounts (`is_over`).
    """
    ranked = keep(
        edges.filter("customer_id IS NOT NULL").groupBy("customer_id").agg(F.min("ingest_date").alias("known_on")),
        "accounts",
    ).withColumn("node", F.concat_ws("|", F.col("known_on").cast("string"), "customer_id"))
    ties = keep(_ties(edges, ranked), "ties")
    if not ties.head(1):
        return ranked.select(
            "customer_id",
            F.col("customer_id").alias("component_id"),
            F.col("customer_id").alias("owner_id"),
            F.lit(False).alias("is_over"),
            F.col("known_on").alias("since"),
            F.lit(None).cast("date").alias("until"),
        )
    tied = ranked.join(ties, "node", "left_semi")
    state = reach(tied.select("node", F.col("node").alias("label"), F.col("known_on").alias("since")), ties, keep)
    alone = ranked.join(ties, "node", "left_anti")
    every = state.unionByName(alone.select("node", F.col("node").alias("label"), F.col("known_on").alias("since")))
    return keep(_capped(every, cap), "periods")


def _ties(edges: DataFrame, ranked: DataFrame) -> DataFrame:
    """(node, other, since), both ways: each account of an address with the first known account of it."""
    owners = edges.filter("edge_kind = 'email_customer'").select("email_hash", "customer_id", "ingest_date")
    by_address = Window.partitionBy("email_hash").orderBy("ingest_date", "node")
    stars = (
        owners.join(ranked.select("customer_id", "node"), "customer_id")
        .withColumn("other", F.first("node").over(by_address))
        .filter("node <> other")
        .select("node", "other", F.col("ingest_date").alias("since"))
    )
    back = stars.select(F.col("other").alias("node"), F.col("node").alias("other"), "since")
    return stars.unionByName(back).groupBy("node", "other").agg(F.min("since").alias("since"))


def reach(state: DataFrame, ties: DataFrame, keep: Keep) -> DataFrame:
    """Spread labels over ties until nothing changes: to neighbours, and to whom the label itself is tied."""
    state = keep(_frontier(state), "reach_0")
    for turn in range(1, MOST_ROUNDS):
        to_neighbour = state.join(ties.withColumnRenamed("since", "tied_since"), "node").select(
            F.col("other").alias("node"), "label", F.greatest("since", "tied_since").alias("since")
        )
        jump = state.select(
            F.col("node").alias("via"), F.col("label").alias("far_label"), F.col("since").alias("far_since")
        )
        to_far = state.join(jump, F.col("label") == F.col("via")).select(
            "node", F.col("far_label").alias("label"), F.greatest("since", "far_since").alias("since")
        )
        after = keep(_frontier(state.unionByName(to_neighbour).unionByName(to_far)), f"reach_{turn}")
        if not after.join(state, ["node", "label", "since"], "left_anti").head(1):
            return after
        state = after
    raise RuntimeError(f"components did not settle in {MOST_ROUNDS} rounds")


def _frontier(state: DataFrame) -> DataFrame:
    """Of each node the labels that no earlier label reaches as early."""
    first = state.groupBy("node", "label").agg(F.min("since").alias("since"))
    before = Window.partitionBy("node").orderBy("since", "label").rowsBetween(Window.unboundedPreceding, -1)
    least = first.withColumn("_least", F.min("label").over(before))
    return least.filter(F.col("_least").isNull() | (F.col("label") < F.col("_least"))).drop("_least")


def _capped(state: DataFrame, cap: int) -> DataFrame:
    """States as periods; from the day on which a component grows beyond the cap its accounts are apart."""
    by_node = Window.partitionBy("node").orderBy("since")
    periods = state.withColumn("until", F.lead("since").over(by_node))
    joined = periods.select("label", F.col("since").alias("day"), F.lit(1).alias("step"))
    left = periods.filter("until IS NOT NULL").select("label", F.col("until").alias("day"), F.lit(-1).alias("step"))
    sizes = joined.unionByName(left).groupBy("label", "day").agg(F.sum("step").alias("step"))
    so_far = Window.partitionBy("label").orderBy("day").rowsBetween(Window.unboundedPreceding, Window.currentRow)
    grown = sizes.withColumn("size", F.sum("step").over(so_far)).filter(F.col("size") > cap)
    over = grown.groupBy("label").agg(F.min("day").alias("over_on"))
    known = periods.join(over, "label", "left")
    ends = F.least("until", "over_on")  # of two the one that is there
    merged = known.filter("over_on IS NULL OR over_on > since").select(
        "node", "label", F.col("label").alias("owner"), F.lit(False).alias("is_over"), "since", ends.alias("until")
    )
    apart = known.filter("over_on IS NOT NULL AND (until IS NULL OR over_on < until)").select(
        "node",
        "label",
        F.col("node").alias("owner"),
        F.lit(True).alias("is_over"),
        F.greatest("since", "over_on").alias("since"),
        "until",
    )
    found = merged.unionByName(apart)
    return found.select(
        _account("node").alias("customer_id"),
        _account("label").alias("component_id"),
        _account("owner").alias("owner_id"),
        "is_over",
        "since",
        "until",
    )


def _account(node: str):
    """The account of a node, which is the day it became known, a bar and its id."""
    return F.expr(f"substring({node}, {DATE_LENGTH + 2})")
