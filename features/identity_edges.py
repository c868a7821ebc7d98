"""Events into edges: which identifiers were seen together, each pair in the run that first brought it."""

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

ENDS = ("visitor_id", "device_id", "email_hash", "customer_id")
EDGE = ("edge_kind", *ENDS)
# An address is a customer's only where the visitor was logged in: who types one else may order a present.
PAIRS = {
    "visitor_customer": ("visitor_id", "customer_id"),
    "device_customer": ("device_id", "customer_id"),
    "email_customer": ("email_hash", "customer_id"),
    "visitor_device": ("visitor_id", "device_id"),
    "visitor_email": ("visitor_id", "email_hash"),
}


def normal_email(column: SparkColumn) -> SparkColumn:
    """One spelling of an address; null for what is none."""
    spelt = F.lower(F.trim(column))
    return F.when(spelt.rlike("^[^@ ]+@[^@ ]+$"), spelt)


def sightings_of_clicks(clicks: DataFrame, email_hash: SparkColumn) -> DataFrame:
    """Raw clicks that name two identifiers, one row per run and combination."""
    several = (
        clicks.filter("customer_id IS NOT NULL OR device_id IS NOT NULL OR email IS NOT NULL")
        .groupBy("visitor_id", "device_id", "email", "customer_id", "ingest_date")
        .agg(F.min("event_at").alias("first_seen_at"))
    )
    return several.withColumn("email_hash", email_hash).select(*ENDS, "ingest_date", "first_seen_at")


def sightings_of_customers(customers: DataFrame, email_hash: SparkColumn) -> DataFrame:
    """Raw customer records that name an address."""
    known = customers.filter("email IS NOT NULL").groupBy("email", "customer_id", "ingest_date")
    rows = known.agg(F.min("event_at").alias("first_seen_at")).withColumn("email_hash", email_hash)
    nobody = F.lit(None).cast("string")
    return rows.select(
        nobody.alias("visitor_id"),
        nobody.alias("device_id"),
        "email_hash",
        "customer_id",
        "ingest_date",
        "first_seen_at",
    )


def new_edges(sightings: DataFrame, earlier: DataFrame) -> DataFrame:
    """`clean_identity_edge` of sightings, without the edges that earlier runs brought."""
    pairs = sightings.select("ingest_date", "first_seen_at", F.explode(F.array(*map(_pair, PAIRS))).alias("pair"))
    edges = pairs.select("ingest_date", "first_seen_at", *(F.col("pair").getField(name).alias(name) for name in EDGE))
    whole = " OR ".join(
        f"(edge_kind = '{kind}' AND {left} IS NOT NULL AND {right} IS NOT NULL)"
        for kind, (left, right) in PAIRS.items()
    )
    named = F.concat_ws("\u001f", *(F.coalesce(F.col(name), F.lit("")) for name in EDGE))
    by_run = edges.filter(whole).groupBy(*EDGE, "ingest_date").agg(F.min("first_seen_at").alias("first_seen_at"))
    first = Window.partitionBy("edge_id").orderBy("ingest_date")
    numbered = by_run.withColumn("edge_id", F.substring(F.sha2(named, 256), 1, 32))
    once = numbered.withColumn("_place", F.row_number().over(first)).filter("_place = 1").drop("_place")
    return once.join(earlier.select("edge_id"), "edge_id", "left_anti")


def _pair(kind: str) -> SparkColumn:
    """The two ends of a kind; a visitor who is logged in need not be known by an address."""
    known = {name: F.col(name) for name in PAIRS[kind]}
    if kind == "visitor_email":
        known["email_hash"] = F.when(F.col("customer_id").isNull(), F.col("email_hash"))
    ends = (known.get(name, F.lit(None).cast("string")).alias(name) for name in ENDS)
    return F.struct(F.lit(kind).alias("edge_kind"), *ends)
