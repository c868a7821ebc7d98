"""Customers who were erased stay out: their rows are refused, and nothing of them is kept."""

from typing import TYPE_CHECKING

from jobs.erase_words import WORD_LENGTH, Sought
from jobs.pseudonyms import key_of, pseudonym, pseudonym_column
from jobs.tables import Run
from schemas.ops import OPS_ERASED_CUSTOMER

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ERASED = "the customer was erased"
# Words of a text: cut at what no id holds, and at what separates fields, for an e-mail address is more than a word.
CUTS = ("[^0-9A-Za-z_-]+", "[\\s,;|\"'<>{}\\[\\]()=]+")


def refuse(run: Run, sought: Sought, key: bytes) -> None:
    """Put the customers on the list that ingest refuses, before anything is removed: nothing new comes meanwhile."""
    kinds = [("customer_id", {pseudonym(one, key) for one in sought.customers}), ("email", email_hashes(sought, key))]
    rows = [(one, run.as_of_date, kind) for kind, hashes in kinds for one in sorted(hashes)]
    run.merge(run.spark.createDataFrame(rows, OPS_ERASED_CUSTOMER.struct), OPS_ERASED_CUSTOMER)


def email_hashes(sought: Sought, key: bytes) -> set[str]:
    """Keyed hashes of e-mail addresses, as `clean_customers` has them."""
    return {pseudonym(one.strip().lower(), key) for one in sought.subjects["email"]}


def refuse_erased(run: Run, typed: "DataFrame") -> "DataFrame":
    """Quarantine rows of customers who were erased, without their text: they count, and nothing of them is kept."""
    from pyspark.sql import functions as F

    from features.identity_edges import normal_email

    if "customer_id" not in typed.columns or not run.exists(OPS_ERASED_CUSTOMER):
        return typed
    key = key_of(run.settings)
    whose = pseudonym_column(F.col("customer_id"), key)
    if "email" in typed.columns:  # who is not logged in may give an address, which tells as much
        whose = F.coalesce(whose, pseudonym_column(normal_email(F.col("email")), key))
    erased = run.read(OPS_ERASED_CUSTOMER).select("customer_hash", F.lit(True).alias("is_erased"))
    marked = typed.withColumn("customer_hash", whose).join(erased, "customer_hash", how="left")
    return blanked(marked.drop("customer_hash"))


def blanked(marked: "DataFrame") -> "DataFrame":
    """Rows with `is_erased` set are refused, and keep no text."""
    from pyspark.sql import functions as F

    return (
        marked.withColumn("reason", F.when(F.col("is_erased"), ERASED).otherwise(F.col("reason")))
        .withColumn("original_text", F.when(F.col("is_erased").isNull(), F.col("original_text")))
        .drop("is_erased")
    )


def without_erased_texts(run: Run, refused: "DataFrame") -> "DataFrame":
    """Refused rows, those without their text that name an erased customer in it, by id or e-mail address.

    Such a row can't be read: too many fields, no customer_id. Each word of its text is hashed and looked up, but for
    short ones: they may be any number of the row.
    """
    from pyspark.sql import functions as F

    if not run.exists(OPS_ERASED_CUSTOMER):
        return refused
    place = ["ingest_date", "source", "source_file", "source_line"]
    text = F.concat_ws(" ", "reason", "original_text")
    words = F.concat(*(F.split(part, cut) for part in (text, F.lower(text)) for cut in CUTS))
    named = (
        refused.select(*place, F.explode(F.array_distinct(words)).alias("word"))
        .filter(f"length(word) >= {WORD_LENGTH}")
        .withColumn("customer_hash", pseudonym_column(F.col("word"), key_of(run.settings)))
        .join(run.read(OPS_ERASED_CUSTOMER).select("customer_hash"), "customer_hash", how="left_semi")
        .select(*place, F.lit(True).alias("is_erased"))
        .distinct()
    )
    return blanked(refused.join(named, place, how="left"))
