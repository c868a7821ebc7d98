"""Which order a return belongs to that names none: that of the customer's latest line with enough units left.

A customer's lines of one product are replayed in the order in which they became known, so that each unit is given back
once, whichever run asks. A return of more units than any one line has left, though several together have them, stays
unmatched, for a line is booked to one order; it uses up their units all the same, the latest first. A return that names
its order uses up that order's.
"""

from bisect import bisect_left, bisect_right
from datetime import date

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from schemas.line_rules import IS_RETURN

DAY_MICROS = 24 * 3600 * 10**6
# A function call per customer and product took minutes for 100,000 of them: one call replays a thousandth part of all.
BUCKETS = 64


def matched_returns(transactions: DataFrame, first: date, window_days: int) -> DataFrame:
    """(line_id, matched_order_id) of returns that name no order but found a fitting line.

    Guests' lines match nobody's. All lines of a customer and product that has such a return since `first` are replayed.
    The window is each return's own: lines left out here would be lines whose units look free.
    """
    lines = transactions.withColumnRenamed("event_id", "line_id")
    of_customers = lines.filter(F.col("customer_id").isNotNull() & (F.col("line_type") != "adjustment"))
    is_new_return = is_unnamed_return() & (F.col("ingest_date") >= F.lit(first))
    groups = of_customers.filter(is_new_return).select("customer_id", "product_id").distinct()
    replayed = of_customers.join(groups, ["customer_id", "product_id"], "left_semi").select(
        F.pmod(F.hash("customer_id", "product_id"), F.lit(BUCKETS)).alias("bucket"),
        "customer_id",
        "product_id",
        "line_id",
        "order_id",
        "original_order_id",
        F.unix_date("ingest_date").alias("known_day"),
        F.unix_micros("event_at").alias("at"),
        is_return().alias("is_return"),
        F.coalesce(F.abs("quantity"), F.lit(1)).cast("bigint").alias("units"),
    )
    return replayed.groupBy("bucket").applyInPandas(
        lambda bucket: match_bucket(bucket, window_days), "line_id string, matched_order_id string"
    )


def is_return():
    """A line that gives something back."""
    return F.expr(IS_RETURN)


def is_unnamed_return():
    """A customer's return or cancellation that names no order."""
    return is_return() & F.col("customer_id").isNotNull() & F.col("original_order_id").isNull()


def match_bucket(lines: pd.DataFrame, window_days: int) -> pd.DataFrame:
    """Replay all customers and products of a bucket, one after the other."""
    customers, products = (pd.factorize(lines[name])[0] for name in ("customer_id", "product_id"))
    group = customers.astype(np.int64) * (products.max(initial=0) + 1) + products
    # Of one moment sales come first, then the larger returns: ids, which may be hashes, decide between equals alone.
    tie = (_ranks(lines["line_id"]), -lines["units"], lines["is_return"])
    order = np.lexsort((*tie, lines["at"], lines["known_day"], group))
    is_new_group = np.diff(group[order], prepend=-1) != 0
    columns = ("line_id", "order_id", "original_order_id", "at", "is_return", "units")
    rows = zip(is_new_group.tolist(), *(lines[name].to_numpy()[order].tolist() for name in columns), strict=True)
    window = window_days * DAY_MICROS
    found = []
    units_left = _UnitsLeft()
    for is_new, line_id, order_id, named, at, is_return, units in rows:
        if is_new:
            units_left = _UnitsLeft()
        if not is_return:
            units_left.add(order_id, at, units)
        elif isinstance(named, str):
            units_left.take_named(named, units)
        elif matched := units_left.take(at - window, at, units):
            found.append((line_id, matched))
    return pd.DataFrame(found, columns=["line_id", "matched_order_id"])


def _ranks(ids: pd.Series) -> np.ndarray:
    """Places of the ids in their order."""
    ranks = np.empty(len(ids), dtype=np.int64)
    ranks[np.argsort(ids.to_numpy(dtype=object))] = np.arange(len(ids))
    return ranks


class _UnitsLeft:
    """Lines of one customer and product that have units left, the latest at the end."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self.lines: list[list] = []  # [order_id, units left]

    def add(self, order_id: str, at: int, units: int) -> None:
        """A line was sold."""
        if units:
            place = bisect_right(self.times, at)
            self.times.insert(place, at)
            self.lines.insert(place, [order_id, units])

    def take(self, earliest: int, at: int, units: int) -> str | None:
        """The order of the latest line from `earliest` to `at` that had enough units, which are taken from it.

        None where no line had. Where several together have enough, theirs are taken.
        """
        places = range(bisect_right(self.times, at) - 1, bisect_left(self.times, earliest) - 1, -1)
        together = 0
        for place in places:
            order_id, left = self.lines[place]
            if left >= units:
                self._take(place, units)
                return order_id
            together += left
        if together >= units:
            self._take_from(places, units)
        return None

    def take_named(self, order_id: str, units: int) -> None:
        """Units of a named order were given back, as far as it has any left."""
        places = [place for place in reversed(range(len(self.lines))) if self.lines[place][0] == order_id]
        self._take_from(places, units)

    def _take_from(self, places, units: int) -> None:
        """Take units from several lines; places go down, so that a line used up moves none of those to come."""
        for place in places:
            taken = min(units, self.lines[place][1])
            self._take(place, taken)
            units -= taken
            if not units:
                return

    def _take(self, place: int, units: int) -> None:
        self.lines[place][1] -= units
        if not self.lines[place][1]:
            del self.times[place], self.lines[place]
