"""Compact tables, remove what no version needs any more, and thin old snapshots.

Reads and writes every table. Snapshots and scores older than `snapshot_retention_days` are kept at month-ends only;
published rows and tiles are kept. Landed files lose the rows that were refused because their customer was erased.
"""

from datetime import date, timedelta
from typing import TYPE_CHECKING

from jobs import lake_lock, runtime
from jobs.erase_note import noted, refuse_after_unfinished_erasure
from jobs.erase_refused import erase_refused, refused_files
from jobs.tables import Run
from schemas.tables import TABLES

if TYPE_CHECKING:
    from schemas.contract import Table

THINNED = tuple(table for table in TABLES if table.layer in ("feature", "score") and table.slice_column == "as_of_date")
KEEP_VERSIONS_HOURS = 7 * 24  # Delta's own default: readers of a week-old version still find its files


def main(arguments: list[str]) -> None:
    """Maintain every table of the lake."""
    run = runtime.run_of(runtime.parser("maintain", __doc__).parse_args(arguments), is_erasure=True)
    refuse_after_unfinished_erasure(run.settings.lake, is_ending_refused=True)
    if refused_files(run) or noted(run.settings.lake):
        with lake_lock.alone(run.settings.lake), runtime.step("erase_refused") as facts:
            facts.update(erase_refused(run))
    for table in THINNED:
        if run.exists(table):
            thin(run, table)
    for table in TABLES:
        if run.exists(table):
            with runtime.step("maintain", table=table.name) as facts:
                facts.update(compact(run, table))


def is_kept(day: date, as_of_date: date, retention_days: int) -> bool:
    """Whether a snapshot stays: a recent one, or the last of its month."""
    return day > as_of_date - timedelta(days=retention_days) or (day + timedelta(days=1)).day == 1


def thin(run: Run, table: "Table") -> None:
    """Delete slices that the retention rule does not keep."""
    retention = run.settings.snapshot_retention_days
    old = sorted(day for day in run.dates(table) if not is_kept(day, run.as_of_date, retention))
    if old:
        days = ", ".join(f"DATE'{day}'" for day in old)
        run.delete(table, f"as_of_date IN ({days})")


def compact(run: Run, table: "Table") -> dict[str, object]:
    """OPTIMIZE and VACUUM: by delta-rs for tables at a path, which needs no JVM; by SQL in a catalog."""
    facts: dict[str, object] = {}

    def in_catalog() -> None:
        run.spark.sql(f"OPTIMIZE {run.location(table)}").collect()
        run.spark.sql(f"VACUUM {run.location(table)} RETAIN {KEEP_VERSIONS_HOURS} HOURS").collect()

    def at_path() -> None:
        from deltalake import DeltaTable

        stored = DeltaTable(str(run.path(table)))  # opened anew at each try: a job may have written since
        merged = stored.optimize.compact()
        stored.create_checkpoint()
        removed = stored.vacuum(KEEP_VERSIONS_HOURS, dry_run=False)
        facts.update(files_added=merged["numFilesAdded"], files_removed=merged["numFilesRemoved"])
        facts.update(vacuumed=len(removed))

    run.commit(in_catalog if run.settings.catalog else at_path, table, "compact")
    return facts


if __name__ == "__main__":
    runtime.start(main)
