"""Snapshots of some dates beside what their customers did afterwards: what a model of one's own learns from.

Reads `feature_customer`, `feature_customer_day`, `clean_identity`; writes the file named by `--to`, if run by itself.
A feature of a date D is the one that was stored at D; a label counts days after D alone, up to the horizon's end.
Refused (exit code 2): a date without a snapshot, or whose horizon is not over in what the lake knows.

The file holds customers. No erasure reaches it: delete it when the model is made.
"""

from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from jobs import runtime
from jobs.errors import MissingInputError
from jobs.tables import Run
from jobs.whole_files import write_whole
from schemas.declared import FEATURES
from schemas.feature import FEATURE_CUSTOMER, FEATURE_CUSTOMER_DAY
from schemas.identity import CLEAN_IDENTITY

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

LABELS = ("later_order_count", "later_net_revenue")
KEY = ("as_of_date", "customer_id")


def main(arguments: list[str]) -> None:
    """Write the frame of `--dates` as a Parquet file."""
    parser = runtime.parser("training_frame", __doc__)
    parser.add_argument("--dates", type=date.fromisoformat, nargs="+", required=True, help="dates with a snapshot")
    parser.add_argument("--horizon", type=int, required=True, help="days after each date that labels count")
    parser.add_argument("--to", type=Path, required=True, help="file to write, Parquet")
    given = parser.parse_args(arguments)
    with runtime.step("training_frame", dates=len(given.dates), horizon_days=given.horizon) as facts:
        facts["rows"] = write(training_frame(runtime.run_of(given), given.dates, given.horizon), given.to)


def training_frame(run: Run, as_of_dates: Iterable[date], horizon_days: int) -> "DataFrame":
    """One row per customer of each date's snapshot: its features, and the labels of (D, D + horizon_days].

    `as_of_date`, `customer_id`, `snapshot_version`, every declared feature (numbers as doubles), `later_order_count`
    and `later_net_revenue` (0 for who did nothing). Labels count what runs up to the run's date brought, for the
    person that was known at D.
    """
    from features.labels import labels

    dates = sorted(set(as_of_dates))
    refuse_unknown_future(run, dates, horizon_days)
    rows = feature_rows(run, dates)
    identity = run.read(CLEAN_IDENTITY) if run.exists(CLEAN_IDENTITY) else None
    later = labels(run.known(FEATURE_CUSTOMER_DAY), dates, horizon_days, identity)
    return rows.join(later, [*KEY], how="left").fillna(0, list(LABELS))


def refuse_unknown_future(run: Run, dates: list[date], horizon_days: int) -> None:
    """Raise where a date has no snapshot, or a horizon outlasts what is known: its labels would be too low."""
    if horizon_days < 1:
        raise MissingInputError(f"a horizon of {horizon_days} days holds no day after its date; give 1 or more")
    if not dates:
        raise MissingInputError("no date to take the snapshot of; give one or more")
    stored = run.dates(FEATURE_CUSTOMER)
    if missing := [day for day in dates if day not in stored]:
        raise MissingInputError(
            f"no snapshot of {', '.join(map(str, missing))}; build it with `python -m jobs.backfill "
            f"--from {missing[0]} --to {missing[-1]} --daily`, or ask for other dates"
        )
    # A snapshot is made when all nights up to its date are in, so the newest one tells how far the nights have come.
    known = min(run.as_of_date, max(stored))
    if running := [day for day in dates if day + timedelta(days=horizon_days) > known]:
        raise MissingInputError(
            f"the {horizon_days} days after {', '.join(map(str, running))} are not over: what is known ends on "
            f"{known}; ask for dates up to {known - timedelta(days=horizon_days)}, or for a shorter horizon"
        )


def feature_rows(run: Run, dates: list[date]) -> "DataFrame":
    """Stored snapshots of the dates, numbers as doubles; of several versions of a row the highest."""
    from pyspark.sql import functions as F

    from features.as_of import newest

    stored = run.read(FEATURE_CUSTOMER)  # before any expression, which needs to know the engine
    rows = stored.filter(F.col("as_of_date").isin(dates))
    if rows.select("as_of_date", "snapshot_version").distinct().count() > len(dates):
        rows = newest(rows, KEY, "snapshot_version")  # sorts whole rows, 15 s a million, so only where it is needed
    features = (F.col(f.name).cast("double" if f.is_number else f.type).alias(f.name) for f in FEATURES)
    return rows.select(*KEY, "snapshot_version", *features)


def write(rows: "DataFrame", path: Path) -> int:
    """Write the rows in the order of their key; return how many."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = rows.orderBy(*KEY).toArrow()
    buffer = pa.BufferOutputStream()
    pq.write_table(table, buffer)
    write_whole(path, buffer.getvalue().to_pybytes())
    return table.num_rows


if __name__ == "__main__":
    runtime.start(main)
