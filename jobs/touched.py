"""Which rows may be of the orders or sessions that a run touched, so that no night reads all of history."""

from datetime import timedelta
from typing import TYPE_CHECKING

from jobs.tables import Run

if TYPE_CHECKING:
    from pyspark.sql import Column as SparkColumn
    from pyspark.sql import DataFrame

    from schemas.contract import Table


def may_hold(run: Run, keys: "DataFrame", table: "Table", *, is_written: bool = False) -> "SparkColumn":
    """Whether a row, by the run that brought it, may be of these orders or sessions: no night reads all of history.

    Their rows came from the first run that they are known from to the last, or come with this run. Where the table is
    written with what this run brought, only groups of which this run or a later one brought rows are looked through.
    """
    from pyspark.sql import functions as F

    run.ensure(table)  # a lake of before may lack the column
    known, last = run.read(table), F.col("last_ingest_date")
    if is_written:
        known = known.filter(last.isNull() | (last >= F.lit(run.first)))
    known = known.join(keys, [*table.key], "left_semi")
    spans = known.select("first_ingest_date", "last_ingest_date").distinct().collect()
    if any(row.first_ingest_date is None for row in spans):
        return F.lit(True)
    days = {
        row.first_ingest_date + timedelta(days=number)
        for row in spans
        for number in range((row.last_ingest_date - row.first_ingest_date).days + 1)
    }
    return (F.col("ingest_date") >= F.lit(run.first)) | F.col("ingest_date").isin(sorted(days))


def touched(run: Run, rows: "Table", groups: "Table") -> "DataFrame":
    """All rows known of the orders or sessions, of which `groups` has one row each, that got rows in the run's days."""
    keys = run.brought(rows).select(*groups.key).distinct()
    return run.known(rows).filter(may_hold(run, keys, groups, is_written=True)).join(keys, [*groups.key], "left_semi")
