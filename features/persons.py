"""Rows of accounts and visitors as rows of the customers that they were known to be at a date."""

from dataclasses import dataclass
from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from features.as_of import as_known, joined
from features.tiles import KEY, with_every_fact


@dataclass(frozen=True)
class Identity:
    """What tells whose accounts and visitors are: `clean_identity`, and the visitors' own tiles."""

    rows: DataFrame
    visitor_tiles: DataFrame


def known_tiles(tiles: DataFrame, dates: list[date], identity: Identity | None) -> DataFrame:
    """Tiles as known at each date, of the customers who accounts and visitors were known to be by then."""
    known = as_known(tiles, dates)
    if identity is None:
        return known
    own = of_persons(known, identity.rows, dates)
    return own.unionByName(of_visitors(identity.visitor_tiles, identity.rows, dates))


def known_at(identity: DataFrame, dates: list[date]) -> DataFrame:
    """`clean_identity` once per `as_of_date` in `dates` at which a row held, where it is somebody's."""
    rows = as_known(identity.filter(F.col("customer_id").isNotNull()), dates)
    return rows.filter("valid_from <= as_of_date AND (valid_to IS NULL OR valid_to > as_of_date)")


def other_accounts(identity: DataFrame, dates: list[date]) -> DataFrame:
    """(as_of_date, account_id, customer_id): accounts that were one with an earlier known one, whose id they bear."""
    merged = known_at(identity.filter("identifier_kind = 'customer' AND identifier <> customer_id"), dates)
    return merged.select("as_of_date", F.col("identifier").alias("account_id"), "customer_id")


def accounts_of_persons(identity: DataFrame, day: date) -> DataFrame:
    """(customer_id, person_id) of every account that a customer was known by at a date."""
    accounts = known_at(identity.filter("identifier_kind = 'customer'"), [day])
    return accounts.select(F.col("customer_id").alias("person_id"), F.col("identifier").alias("customer_id"))


def of_persons(rows: DataFrame, identity: DataFrame, dates: list[date]) -> DataFrame:
    """Rows by `as_of_date` with the customer in place of an account that was one of his by then."""
    others = other_accounts(identity, dates)
    whose = others.select("as_of_date", F.col("account_id").alias("customer_id"), F.col("customer_id").alias("_whose"))
    found = joined(rows, whose, "customer_id", dates, "left")
    return found.withColumn("customer_id", F.coalesce("_whose", "customer_id")).drop("_whose")


def of_persons_at(rows: DataFrame, identity: DataFrame, day: date) -> DataFrame:
    """The same for rows that know of one date alone."""
    return of_persons(rows.withColumn("as_of_date", F.lit(day)), identity, [day]).drop("as_of_date")


def events_of_persons(events: DataFrame, identity: DataFrame, day: date) -> DataFrame:
    """Events with the customer who their account or, without one, their visitor was known to be at a date."""
    owned = known_at(identity.filter("identifier_kind = 'visitor'"), [day])
    whose = owned.select(F.col("identifier").alias("visitor_id"), F.col("customer_id").alias("_whose"))
    found = of_persons_at(events, identity, day).join(whose, "visitor_id", "left")
    return found.withColumn("customer_id", F.coalesce("customer_id", "_whose")).drop("_whose")


def of_visitors(tiles: DataFrame, identity: DataFrame, dates: list[date]) -> DataFrame:
    """Tiles of visitors as tiles of the customers who they were known to be, by `as_of_date`; others are left out.

    What became known at D counts in snapshots of D and later, also for days long before.
    """
    owned = known_at(identity.filter("identifier_kind = 'visitor'"), dates)
    whose = owned.select("as_of_date", F.col("identifier").alias("visitor_id"), "customer_id")
    of_owned = tiles.join(whose.select("visitor_id").distinct(), "visitor_id", "left_semi")
    found = joined(as_known(of_owned, dates), whose, "visitor_id", dates, "inner")
    return with_every_fact(found, ("as_of_date", *KEY))
