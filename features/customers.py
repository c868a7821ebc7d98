"""The published view of customers: snapshot, scores and what else is known, side by side."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.as_of import newest

KEY = ["as_of_date", "customer_id"]
_FEATURES = ("recency_days", "order_count_365d", "net_revenue_365d", "net_revenue_lifetime")


def customer_360(
    snapshot: DataFrame, rfm: DataFrame, embedding: DataFrame, churn: DataFrame, clv: DataFrame, people: DataFrame
) -> DataFrame:
    """`customer_360` of one date, from that date's snapshot and scores and the people known by then.

    What a model did not score is null; only who never ordered is `no_orders` without any model.
    """
    has_ordered = F.col("recency_days").isNotNull()
    models = F.concat_ws(", ", "rfm_version", "embedding_version", "churn_version", "clv_version")
    return (
        snapshot.select(*KEY, "snapshot_version", *_FEATURES)
        .join(_of(rfm, "rfm", segment="segment"), KEY, how="left")
        .join(_of(embedding, "embedding", embedding="embedding"), KEY, how="left")
        .join(_churn(churn), KEY, how="left")
        .join(_clv(clv), KEY, how="left")
        .join(latest_people(people), "customer_id", how="left")
        .withColumn("segment", F.coalesce("segment", F.when(~has_ordered, "no_orders")))
        .withColumn("models", F.when(models != "", models))
    )


def _of(scores: DataFrame, name: str, **columns: str) -> DataFrame:
    chosen = (F.col(source).alias(target) for target, source in columns.items())
    return scores.select(*KEY, *chosen, F.col("model_version").alias(f"{name}_version"))


def _churn(scores: DataFrame) -> DataFrame:
    return _of(
        scores,
        "churn",
        churn_horizon_days="horizon_days",
        churn_probability="churn_probability",
        churn_top_reasons="top_reasons",
    )


def _clv(scores: DataFrame) -> DataFrame:
    return _of(
        scores,
        "clv",
        clv_horizon_days="horizon_days",
        expected_net_revenue="expected_net_revenue",
        alive_probability="alive_probability",
    )


def latest_people(people: DataFrame) -> DataFrame:
    """One row per customer: the latest version among those given."""
    latest = newest(people, ["customer_id"], "event_at", "ingest_date")
    return latest.select("customer_id", "has_marketing_consent", "country", "region")
