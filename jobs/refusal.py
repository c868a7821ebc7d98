"""Customers who were erased stay out: their rows are refused, and nothing of them is kept."""

from typing import TYPE_CHECKING

from jobs.pseudonyms import key_of, pseudonym_column
from jobs.tables import Run
from schemas.ops import OPS_ERASED_CUSTOMER

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def refuse_erased(run: Run, typed: "DataFrame") -> "DataFrame":
    """Quarantine rows of customers who were erased, without their text: they count, and nothing of them is kept."""
    from pyspark.sql import functions as F

    if "customer_id" not in typed.columns or not run.exists(OPS_ERASED_CUSTOMER):
        return typed
    erased = run.read(OPS_ERASED_CUSTOMER).select("customer_hash", F.lit(True).alias("is_erased"))
    hashed = typed.withColumn("customer_hash", pseudonym_column(F.col("customer_id"), key_of(run.settings)))
    marked = hashed.join(erased, "customer_hash", how="left").drop("customer_hash")
    return (
        marked.withColumn("reason", F.when(F.col("is_erased"), "the customer was erased").otherwise(F.col("reason")))
        .withColumn("original_text", F.when(F.col("is_erased").isNull(), F.col("original_text")))
        .drop("is_erased")
    )
