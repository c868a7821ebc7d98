"""Totals that the nightly report shows: small frames without customers, exact whatever the order of the rows."""

from datetime import date, timedelta

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from features.as_of import newest

ACTIVE_DAYS = 90
CHURN_BINS = 20
REASON = "^[^:;]*"  # the first rule broken; what follows a colon is the row's own text


def exact_sum(column: str) -> Column:
    """Sum of a double as a decimal: sums of doubles depend on the order in which the engine adds."""
    return F.sum(F.col(column).cast("decimal(28,9)"))


def segment_totals(customers: DataFrame) -> DataFrame:
    """One row per segment of `customer_360` of one date."""
    is_active = F.coalesce(F.col("recency_days") < ACTIVE_DAYS, F.lit(False))
    return customers.groupBy("segment").agg(
        F.count("customer_id").alias("customer_count"),
        F.sum(is_active.cast("bigint")).alias("active_count"),
        F.sum("net_revenue_365d").alias("net_revenue_365d"),
        F.count("churn_probability").alias("churn_scored_count"),
        exact_sum("churn_probability").alias("expected_churner_count"),
        F.count("expected_net_revenue").alias("clv_scored_count"),
        exact_sum("expected_net_revenue").alias("expected_net_revenue"),
        F.max("churn_horizon_days").alias("churn_horizon_days"),
        F.max("clv_horizon_days").alias("clv_horizon_days"),
        F.max("snapshot_version").alias("snapshot_version"),
        F.max("models").alias("models"),
    )


def churn_bins(customers: DataFrame) -> DataFrame:
    """Customers by churn probability, in bins of equal width from 0 to 1; the last one holds 1 itself."""
    place = F.least(F.floor(F.col("churn_probability") * CHURN_BINS), F.lit(CHURN_BINS - 1)).cast("int")
    scored = customers.filter(F.col("churn_probability").isNotNull())
    return scored.groupBy(place.alias("bin")).agg(F.count("customer_id").alias("customer_count"))


def clv_deciles(customers: DataFrame) -> DataFrame:
    """Expected net revenue by tenth of the scored customers; tenth 1 is worth most."""
    by_value = Window.partitionBy("as_of_date").orderBy(F.desc("expected_net_revenue"), "customer_id")
    scored = customers.filter(F.col("expected_net_revenue").isNotNull())
    return (
        scored.select("as_of_date", "customer_id", "expected_net_revenue", F.ntile(10).over(by_value).alias("decile"))
        .groupBy("decile")
        .agg(F.count("customer_id").alias("customer_count"), exact_sum("expected_net_revenue").alias("amount"))
    )


def daily_totals(tiles: DataFrame, as_of_date: date, days: int) -> DataFrame:
    """Orders, net revenue and clicks of known customers by business day, as known at the date.

    A tile's run may be a little before its day where clocks were ahead; two days of grace let the engine skip old runs.
    """
    earliest = as_of_date - timedelta(days=days - 1)
    is_near = F.col("event_date").between(F.lit(earliest), F.lit(as_of_date))
    is_known = F.col("ingest_date").between(F.lit(earliest - timedelta(days=2)), F.lit(as_of_date))
    return (
        tiles.filter(is_near & is_known)
        .groupBy("event_date")
        .agg(
            F.sum("order_count").alias("order_count"),
            F.sum("net_amount").alias("net_amount"),
            F.sum("click_count").alias("click_count"),
            F.sum("review_count").alias("review_count"),
        )
    )


def refusals(quarantine: DataFrame, as_of_date: date) -> DataFrame:
    """Refused rows by source and first rule broken, of the date's run and of all `quarantine`; never their texts."""
    rule = F.regexp_replace(F.regexp_extract("reason", REASON, 0), " from .*$", "")
    of_run = (F.col("ingest_date") == F.lit(as_of_date)).cast("bigint")
    return quarantine.groupBy("source", rule.alias("rule")).agg(
        F.count("source").alias("row_count"), F.sum(of_run).alias("of_run_count")
    )


def return_kinds(lines: DataFrame, as_of_date: date) -> DataFrame:
    """Returns by how they found their order, of the date's run and of all `lines`, and what those were worth."""
    of_run = (F.col("ingest_date") == F.lit(as_of_date)).cast("bigint")
    returned = lines.filter(F.col("match_kind").isNotNull())
    return returned.groupBy("match_kind").agg(
        F.sum(of_run).alias("of_run_count"),
        F.count("match_kind").alias("line_count"),
        F.sum(-F.col("net_amount")).alias("refund_amount"),
    )


def plan_totals(plans: DataFrame) -> DataFrame:
    """One row per campaign, arm and segment of the plans."""
    return plans.groupBy("campaign_id", "arm", "segment").agg(
        F.count("customer_id").alias("customer_count"),
        exact_sum("value_at_risk").alias("value_at_risk"),
        exact_sum("churn_probability").alias("expected_churner_count"),
        exact_sum("expected_net_revenue").alias("expected_net_revenue"),
    )


def latest_results(results: DataFrame, as_of_date: date) -> DataFrame:
    """The treatment row of each plan as measured last, up to the date; its uplift is against control."""
    is_told = (F.col("measured_date") <= F.lit(as_of_date)) & (F.col("arm") == "treatment")
    return newest(results.filter(is_told), ["campaign_id", "as_of_date"], "measured_date")


def gate_totals(gates: DataFrame) -> DataFrame:
    """Expectations by layer and table: how many, how many failed."""
    return gates.groupBy("layer", "table_name").agg(
        F.count("expectation").alias("expectation_count"),
        F.sum((~F.col("is_success")).cast("bigint")).alias("failed_count"),
    )
