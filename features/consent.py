"""Consents with their history: what was given and taken back, for which purpose, and what holds at a date."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

MARKETING = "marketing"
_CHANGE = ("customer_id", "purpose", "event_at", "event_date", "ingest_date")


def clean_consent(rows: DataFrame) -> DataFrame:
    """`clean_consent` of rows of `raw_customers`; of a yes and a no at one moment the no stays.

    A source that has only `has_marketing_consent` speaks of the purpose marketing. A version without either says
    nothing: an earlier consent stands.
    """
    marketing = rows.filter("has_marketing_consent IS NOT NULL").withColumn("purpose", F.lit(MARKETING))
    of_purposes = rows.filter("consent_purpose IS NOT NULL").withColumn("purpose", F.lower("consent_purpose"))
    said = marketing.select(*_CHANGE, F.col("has_marketing_consent").alias("is_granted")).unionByName(
        of_purposes.select(*_CHANGE, (F.col("consent_status") == "granted").alias("is_granted"))
    )
    return said.groupBy(*_CHANGE).agg(F.bool_and("is_granted").alias("is_granted"))


def known_consent(consents: DataFrame, as_of_date: date) -> DataFrame:
    """The changes that count on a date, of those known then."""
    return begun_consent(consents.filter(F.col("ingest_date") <= F.lit(as_of_date)), as_of_date)


def begun_consent(consents: DataFrame, as_of_date: date) -> DataFrame:
    """The changes that count on a date, whenever they came: a consent begins on its day, taken back counts at once."""
    return consents.filter((F.col("event_date") <= F.lit(as_of_date)) | ~F.col("is_granted"))


def newest_consent(consents: DataFrame, purpose: str, persons: DataFrame | None = None) -> DataFrame:
    """(customer_id, is_granted): the newest change of a purpose; of a yes and a no at one moment the no holds.

    With `persons` (customer_id, person_id), accounts of one person speak for each other: a no on any of them holds for
    all, until that account takes it back, for who is one person is inferred. Who never said anything has no row.
    """
    # The moment and the answer in one number: the latest has the highest, and a no stands above a yes.
    is_no = F.when(F.col("is_granted"), 0).otherwise(1)
    said = consents.filter(F.col("purpose") == purpose).groupBy("customer_id")
    newest = said.agg(F.max(F.unix_micros("event_at") * 2 + is_no).alias("newest"))
    held = newest.select("customer_id", (F.pmod("newest", F.lit(2)) == 0).alias("is_granted"))
    if persons is None:
        return held
    alone = held.join(persons, "customer_id", how="left_anti")
    of_persons = (
        held.join(persons, "customer_id", how="inner")
        .groupBy("person_id")
        .agg(F.bool_and("is_granted").alias("is_granted"))
    )
    return alone.unionByName(persons.join(of_persons, "person_id", how="inner").select("customer_id", "is_granted"))
