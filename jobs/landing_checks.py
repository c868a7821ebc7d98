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

    from schemas.contract import Column, Table

log = logging.getLogger("nightjar")

FEWEST_ROWS = 10  # of a file with less, bad values are no sign of a change
MOST = 0.5  # of a file's rows
MISSING = " is missing"
CHANGED = "its type changed upstream"


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
    from features.landing import header_of

    header = header_of(file.path)
    if header is None:  # JSON, whose records each name their own; or unreadable, which its one row will say
        return None
    if doubled := sorted({name for name in header if name and header.count(name) > 1}):
        return f"column {_said(doubled)} stands there twice"
    required = {column.name for column in landing_columns(table) if column.is_required} - {"event_id"}
    if missing := sorted(required - set(header)):
        return f"required column {_said(missing)} missing"
    unfit = {name: fault for name, fault in _unfit(table, file).items() if _was_read(run, table, name)}
    return "column " + ", ".join(unfit.values()) if unfit else None


def _unfit(table: "Table", file: LandingFile) -> dict[str, str]:
    """Columns that a Parquet file declares of another kind than the contract's, and what to say of each."""
    from features.landing import file_format, header_of
    from features.landing_types import unfit_columns

    if file_format(file.path) != "parquet" or header_of(file.path) is None:
        return {}
    return {
        name: f"{name} is {declared}, no {wanted}: {CHANGED}"
        for name, declared, wanted in unfit_columns(file.path, landing_columns(table))
    }


def _said(names: list[str]) -> str:
    return told(", ".join(names))[:300]


def value_fault(run: Run, table: "Table", staged: "DataFrame", files: Iterable[LandingFile]) -> Stopped | None:
    """The first file most of whose values of a column changed type, or that has no value of a required one.

    A type changed only where the column was read before, by an earlier run or of an earlier day of this one; else its
    rows are quarantined.
    """
    ordered = sorted(files, key=lambda file: (file.ingest_date, file.name))
    found = []  # (file, fault) of required columns without a value
    changed = [(file, name, f"column {fault}") for file in ordered for name, fault in _unfit(table, file).items()]
    faults = _faults(table)
    counts = _counts(staged, list(faults))
    for file in ordered:
        rows, *refused = counts.get(file.name, [0])
        if rows < FEWEST_ROWS:
            continue
        for (fault, column), count in zip(faults.items(), refused, strict=True):
            if fault.endswith(MISSING) and count == rows:
                found.append((file, f"required column {column.name} missing in all {rows} rows"))
            if not fault.endswith(MISSING) and count >= MOST * rows:
                changed.append((file, column.name, f"{fault} in {count} of {rows} rows: {CHANGED}"))
    since = _first_days(staged, {name for _, name, _ in changed}) if changed else {}
    before = {name for name in since if _was_read(run, table, name)}
    found += [
        (file, fault)
        for file, name, fault in changed
        if name in before or (since[name] or file.ingest_date) < file.ingest_date
    ]
    first = min(found, key=lambda one: (one[0].ingest_date, one[0].name), default=None)
    return stopped_by(*first) if first else None


def _faults(table: "Table") -> dict[str, "Column"]:
    """What `typed_rows` says of a value of another type, and of one that is required and missing."""
    columns = [column for column in landing_columns(table) if column.name != "event_id"]
    faults = {f"{column.name} is no {column.type.simpleString()}": column for column in columns}
    return faults | {f"{column.name}{MISSING}": column for column in columns if column.is_required}


def _first_days(staged: "DataFrame", columns: set[str]) -> dict[str, date | None]:
    """By column, the first day of the run on which a good row has a value."""
    from pyspark.sql import functions as F

    first = [F.min(F.when(F.col(name).isNotNull(), F.col("ingest_date"))).alias(name) for name in sorted(columns)]
    return staged.filter("reason IS NULL").agg(*first).collect()[0].asDict()


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
