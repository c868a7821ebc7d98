"""Whom a retention campaign contacts, whom it leaves alone, and what came of it."""

from datetime import date

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

HASH_RANGE = 1_000_000
SEPARATOR = "\u001f"
# Why a customer is in no arm, in the order of asking: the first that holds is his.
LEFT_OUT = ("no_score", "below_minimum_churn", "no_consent", "planned_before", "beyond_size")


def assignments(
    customers: DataFrame,
    recent: DataFrame,
    campaign_id: str,
    *,
    size: int,
    control_share: float,
    minimum_churn: float,
    consent_required: bool,
    seed: int,
) -> DataFrame:
    """`campaign_assignment` of one published date.

    Eligible are customers with a churn and a CLV score, with consent where it is required, and not in `recent` (plans
    of this campaign still in their window, either arm). Ranked by value at risk: the probability of leaving times the
    net revenue that a stay of the same customer would bring, E[revenue] / P(stay). Of the first size / (1 - share), a
    hash of seed, campaign and customer leaves a share alone; chance, but the same at every rerun. Where chance would
    contact more than `size`, the plan ends with the last whom it may contact: those behind are in neither arm.
    """
    churn, value = F.col("churn_probability"), F.col("expected_net_revenue")
    is_likely = churn >= minimum_churn
    stay = F.greatest(F.lit(1.0) - churn, F.lit(0.05))  # a floor: an all but certain leaver is not worth infinity
    by_value = Window.partitionBy("as_of_date").orderBy(F.desc("value_at_risk"), "customer_id")
    draw = F.pmod(
        F.xxhash64(F.concat_ws(SEPARATOR, F.lit(str(seed)), F.lit(campaign_id), "customer_id")), F.lit(HASH_RANGE)
    )
    limit = int(size / (1 - control_share) + 1e-9)
    # Draws of others alone say whether somebody is planned, never the own: else the arms would not compare.
    contacted_before = F.sum((F.col("arm") == "treatment").cast("int")).over(
        by_value.rowsBetween(Window.unboundedPreceding, -1)
    )
    return (
        customers.filter(_is_scored() & is_likely & _is_allowed(consent_required))
        .join(recent.select("customer_id").distinct(), "customer_id", how="left_anti")
        .withColumn("value_at_risk", churn * value / stay)
        .withColumn("priority_rank", F.row_number().over(by_value))
        .filter(F.col("priority_rank") <= limit)
        .withColumn("campaign_id", F.lit(campaign_id))
        .withColumn("arm", F.when(draw < int(control_share * HASH_RANGE), "control").otherwise("treatment"))
        .withColumn("contacted_before", F.coalesce(contacted_before, F.lit(0)))
        .filter(F.col("contacted_before") < size)
        .drop("contacted_before")
    )


def _is_scored() -> Column:
    return F.col("churn_probability").isNotNull() & F.col("expected_net_revenue").isNotNull()


def _is_allowed(consent_required: bool) -> Column:
    return F.coalesce("has_marketing_consent", F.lit(False)) if consent_required else F.lit(True)


def fates(
    customers: DataFrame, plan: DataFrame, before: DataFrame, *, minimum_churn: float, consent_required: bool
) -> DataFrame:
    """How many customers of one published date met each fate: an arm of `plan`, else why they are in none.

    `before` are plans of earlier dates still in their window. Whom a later date has planned counts as `beyond_size`:
    so the counts of a date stay the same when later nights run.
    """
    planned = plan.select("customer_id", "arm")
    earlier = before.select("customer_id").distinct().withColumn("is_planned_before", F.lit(True))
    no_score, below, no_consent, planned_before, beyond = map(F.lit, LEFT_OUT)
    fate = (
        F.when(F.col("arm").isNotNull(), F.col("arm"))
        .when(~_is_scored(), no_score)
        .when(F.col("churn_probability") < minimum_churn, below)
        .when(~_is_allowed(consent_required), no_consent)
        .when(F.col("is_planned_before"), planned_before)
        .otherwise(beyond)
    )
    known = customers.join(planned, "customer_id", how="left").join(earlier, "customer_id", how="left")
    return known.groupBy(fate.alias("fate")).agg(F.count("customer_id").alias("customer_count"))


def outcomes(
    plans: DataFrame, tiles: DataFrame, measured_date: date, window_days: int, others: DataFrame | None = None
) -> DataFrame:
    """What each planned customer did since: rows of `plans` with `observed_days`, `is_buyer` and `net_revenue`.

    By intention to treat: who was assigned counts, whether or not the mail was read. Days after the window, or after
    `measured_date`, do not count. `others` are the further accounts of a customer known at the plan's date
    (`persons.other_accounts`); what they did is his.
    """
    observed = F.least(F.datediff(F.lit(measured_date), "as_of_date"), F.lit(window_days))
    observed_plans = plans.withColumn("observed_days", observed.cast("int")).filter("observed_days >= 1")
    days_since = F.datediff("event_date", "as_of_date")
    planned = observed_plans.select("campaign_id", "as_of_date", "customer_id", "observed_days")
    accounts = planned.withColumn("account_id", F.col("customer_id"))
    if others is not None:
        accounts = accounts.unionByName(planned.join(others, ["as_of_date", "customer_id"], how="inner"))
    done = tiles.select(F.col("customer_id").alias("account_id"), "event_date", "order_count", "net_amount")
    later = (
        accounts.join(done, "account_id", how="inner")
        .filter((days_since >= 1) & (days_since <= F.col("observed_days")))
        .groupBy("campaign_id", "as_of_date", "customer_id")
        .agg(F.sum("order_count").alias("later_order_count"), F.sum("net_amount").alias("later_net_revenue"))
    )
    key = ["campaign_id", "as_of_date", "customer_id"]
    return observed_plans.join(later, key, how="left").select(
        *key,
        "arm",
        "observed_days",
        (F.col("observed_days") >= window_days).alias("is_final"),
        (F.coalesce("later_order_count", F.lit(0)) > 0).cast("bigint").alias("is_buyer"),
        F.coalesce("later_net_revenue", F.lit(0)).alias("net_revenue"),
    )


def arm_totals(results: DataFrame) -> DataFrame:
    """One row per campaign, plan date and arm: count, buyers, and sum, mean and variance of net revenue."""
    revenue = F.col("net_revenue").cast("double")
    return results.groupBy("campaign_id", "as_of_date", "arm", "observed_days", "is_final").agg(
        F.count("customer_id").alias("customer_count"),
        F.sum("is_buyer").alias("buyer_count"),
        F.sum("net_revenue").alias("net_revenue"),
        F.avg(revenue).alias("mean"),
        F.var_samp(revenue).alias("variance"),
    )
