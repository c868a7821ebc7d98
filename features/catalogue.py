"""The product catalogue as it was known at a date."""

from datetime import date

from pyspark.sql import DataFrame

from features.as_of import as_known, newest


def catalogue_at(catalogue: DataFrame, dates: list[date]) -> DataFrame:
    """The latest row of each product, for each `as_of_date`; a clock ahead may date what is known a day after it."""
    versions = as_known(catalogue, dates).filter("event_date <= as_of_date")
    return newest(versions, ("as_of_date", "product_id"), "event_at", "ingest_date")
