"""The published view of customers: snapshot, scores and what else is known, side by side."""

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.as_of import newest
from features.consent import MARKETING, newest_consent
from schemas.clean import CLEAN_CUSTOMERS

KEY = ["as_of_date", "customer_id"]
ATTRIBUTES = ("signup_date", "country", "region", "age_band", "income_band", "household_size")  # of a person
_FEATURES = ("recency_days", "order_count_365d", "net_revenue_365d", "net_revenue_lifetime")


def customer_360(
    snapshot: DataFrame,
    rfm: DataFrame,
    embedding: DataFrame,
    churn: DataFrame,
    clv: DataFrame,
    people: DataFrame,
    consents: DataFrame,
    persons: DataFrame | None = None,
) -> DataFrame:
    """`customer_360` of one date, from that date's snapshot and scores and the people and consents known by then.

    `persons` (customer_id, person_id): a no on one account holds for the others as well.

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
        .join(_marketing(consents, persons), "customer_id", how="left")
        .withColumn("segment", F.coalesce("segment", F.when(~has_ordered, "no_orders")))
        .withColumn("models", F.when(models != "", models))
    )


def repeated_customers(rows: DataFrame) -> DataFrame:
    """(customer_id) that more than one row of a date has: joined or contacted, each would count twice."""
    return rows.groupBy("customer_id").count().filter("count > 1").select("customer_id")


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
    return latest.select("customer_id", "country", "region")


def _marketing(consents: DataFrame, persons: DataFrame | None) -> DataFrame:
    held = newest_consent(consents, MARKETING, persons)
    return held.select("customer_id", F.col("is_granted").alias("has_marketing_consent"))


def clean_customers(rows: DataFrame, email_hash: SparkColumn) -> DataFrame:
    """`clean_customers` of rows of `raw_customers`, without direct identifiers.

    Two versions of the same moment are one, the later by event_id. A row that tells of a consent and has no attribute
    makes no version: it would empty what is known.
    """
    has_attributes = F.coalesce(*(F.col(name).cast("string") for name in ATTRIBUTES)).isNotNull()
    versions = rows.filter(F.col("consent_purpose").isNull() | has_attributes)
    latest = newest(versions, ["customer_id", "event_at", "ingest_date"], "event_id")
    return latest.withColumn("email_hash", email_hash).select(*CLEAN_CUSTOMERS.column_names)
