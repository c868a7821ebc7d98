"""What stops a source before a row of it is written: a column missing, twice there, or of another type than before.

The other sources go on; nothing of the night is published (`gate --layer clean` and `tile` refuse) until the file is
mended or taken away and the night's ingest is run again.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from jobs.errors import ContractError
from jobs.landing_files import LandingFile, told
from jobs.tables import Run
from schemas.ops import OPS_RUN
from schemas.raw import landing_columns

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from schemas.contract import Table

log = logging.getLogger("nightjar")

FEWEST_ROWS = 10  # of a file with less, bad values are no sign of a change
MOST = 0.5  # of a file's rows


@dataclass(frozen=True)
class Stopped:
    """A source of which nothing is read, the run of the file at fault, and why."""

    source: str
    ingest_date: date
    reason: str


def stopped_by(file: LandingFile, fault: str) -> Stopped:
    """A stop that says what to do."""
    what_to_do = f"mend the file, or take it away, and run the ingest of {file.ingest_date} again"
    return Stopped(file.source, file.ingest_date, f"{told(file.name)}: {fault}; {what_to_do}")


def header_fault(run: Run, table: "Table", files: Iterable[LandingFile]) -> Stopped | None:
    """The first fault in what the files declare, before any is read."""
    for file in files:
        if fault := _header_fault(run, table, file):
            return stopped_by(file, fault)
    return None


def _header_fault(run: Run, table: "Table", file: LandingFile) -> str | None:
    from features.landing import file_format, header_of
    from features.landing_types import unfit_columns

    columns = landing_columns(table)
    header = header_of(file.path)
    if header is None:  # JSON, whose records each name their own; or unreadable, which its one row will say
        return None
    if doubled := sorted({name for name in header if name and header.count(name) > 1}):
        return f"column {_said(doubled)} stands there twice"
    required = {column.name for column in columns if column.is_required} - {"event_id"}
    if missing := sorted(required - set(header)):
        return f"required column {_said(missing)} missing"
    if file_format(file.path) != "parquet":
        return None
    unfit = [one for one in unfit_columns(file.path, columns) if _was_read(run, table, one[0])]
    told_each = [f"{name} is {declared}, no {wanted}: its type changed upstream" for name, declared, wanted in unfit]
    return "column " + ", ".join(told_each) if unfit else None


def _said(names: list[str]) -> str:
    return told(", ".join(names))[:300]


def value_fault(run: Run, table: "Table", staged: "DataFrame", files: Iterable[LandingFile]) -> Stopped | None:
    """The first file most of whose values of a column changed type, or that has no value of a required one.

    A type changed only where rows of the column were read before, by an earlier run; else its rows are quarantined.
    """
    by_name = {file.name: file for file in files}
    columns = [column for column in landing_columns(table) if column.name != "event_id"]
    faults = {f"{column.name} is no {column.type.simpleString()}": (column, MOST) for column in columns}
    faults |= {f"{column.name} is missing": (column, 1.0) for column in columns if column.is_required}
    counts = _counts(staged, list(faults))
    for name, (rows, *found) in sorted(counts.items()):
        for (fault, (column, share)), count in zip(faults.items(), found, strict=True):
            if name not in by_name or rows < FEWEST_ROWS or count < share * rows:
                continue
            if share == 1.0:
                return stopped_by(by_name[name], f"required column {column.name} missing in all {rows} rows")
            if _was_read(run, table, column.name):
                said = f"{fault} in {count} of {rows} rows: its type changed upstream"
                return stopped_by(by_name[name], said)
    return None


def _counts(staged: "DataFrame", faults: list[str]) -> dict[str, list[int]]:
    """By file with refused rows: its rows, then the refused ones by fault."""
    from pyspark.sql import functions as F

    said = F.concat(F.lit("; "), "reason")
    of_fault = [F.count(F.when(said.contains(f"; {fault}"), True)) for fault in faults]
    refused = staged.filter(F.col("reason").isNotNull()).groupBy("source_file").agg(F.count(F.lit(1)), *of_fault)
    found = {row[0]: [*row[1:]] for row in refused.collect() if row[1] >= MOST * FEWEST_ROWS}
    if not found:
        return {}
    of_files = staged.filter(F.col("source_file").isin(list(found))).groupBy("source_file").count()
    return {row[0]: [row[1], *found[row[0]][1:]] for row in of_files.collect()}


def _was_read(run: Run, table: "Table", column: str) -> bool:
    from pyspark.sql import functions as F

    earlier = run.read(table).filter(F.col("ingest_date") < F.lit(run.first))
    return bool(earlier.filter(F.col(column).isNotNull()).head(1))


def stop(run: Run, table: "Table", fault: Stopped) -> Stopped:
    """Leave the run without rows of the source, and say so in one line."""
    if run.exists(table) and run.brought(table).head(1):
        run.clear(table)  # of a run before; all of the source is read again
    log.error("source=%s stopped, the others go on: %s", fault.source, fault.reason)
    return fault


def stops_of(run: Run) -> list[Stopped]:
    """Sources that the run's ingest stopped."""
    run.ensure(OPS_RUN)  # a lake of before may lack the column
    rows = run.brought(OPS_RUN).filter("stopped_reason IS NOT NULL").collect()
    return sorted(
        (Stopped(row.source, row.ingest_date, row.stopped_reason) for row in rows), key=lambda one: one.source
    )


def refuse_stopped(run: Run) -> None:
    """Raise where a source of the run was stopped: its night is not to be finished without it."""
    if stops := stops_of(run):
        raise ContractError(f"source {stops[0].source} was stopped: {stops[0].reason}")
