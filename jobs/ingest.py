"""Landing files into raw tables: typed, each row once, bad rows quarantined with a reason, nothing lost.

Reads `landing/<source>/dt=*/`; writes `raw_*`, `raw_quarantine`, `ops_file`, `ops_run`, `ops_lateness`. A source with a
file that lacks a required column, or whose values changed type, stops alone: the others are written, and the night
stays unpublished.

A file belongs to the run that first reads it; in a stretch of nights (`--from`), to the night that would have read it.
Rows are staged once, typed and tagged, in a folder that is removed at the end; the register of files is written last,
so a killed run leaves no file counted. Run again, it does the same work again; where a run for other days comes first,
that one takes the killed run's rows out and reads its files itself. A killed *rerun* must be run again first.
"""

import shutil
from datetime import date
from pathlib import Path

from jobs import lake_lock, runtime
from jobs.errors import ContractError, MissingInputError
from jobs.ingest_register import write_register
from jobs.ingest_staging import FATES, Staged, tagged, typed
from jobs.landing_cache import cache_of, remember
from jobs.landing_checks import Stopped, header_fault, stop, value_fault
from jobs.landing_files import LandingFile, landing_of
from jobs.lateness import write_lateness
from jobs.new_files import new_files
from jobs.refusal import without_erased_texts
from jobs.tables import Run
from jobs.whole_files import write_whole
from schemas.ops import OPS_FILE, OPS_LATENESS, OPS_RUN
from schemas.raw import RAW_QUARANTINE, SOURCES

INGESTING = ".ingesting"  # in the lake: first and last day of an ingest that runs or was killed
FORMER_NOTE = "ingest/days.txt"  # in the staging folder: the same, of a run that was killed before there was INGESTING


def main(arguments: list[str]) -> None:
    """Ingest every source for the run's days."""
    run = runtime.run_of(runtime.parser("ingest", __doc__).parse_args(arguments))
    landing_of(run)
    staging = run.settings.staging / "ingest"
    with lake_lock.only(staging.with_suffix(".lock"), "ingest"):  # two at once would empty each other's staging
        ingest(run, staging)


def ingest(run: Run, staging: Path) -> None:
    """Read what is new, stage it, write rows, then the register."""
    forget_killed_run(run)
    refuse_after_unfinished(run)
    cache = cache_of(run)
    files, landed = new_files(run, cache)
    published = run.published_days()
    faults = header_faults(run, files, published)
    begin(run, staging)
    staged: list[Staged] = []
    stops: list[Stopped] = []
    for source, table in SOURCES.items():
        of_source = [file for file in files if file.source == source]
        if not of_source:
            if run.exists(table) and run.brought(table).head(1):
                run.clear(table)  # left by a run that was killed, of files that were taken away since
            continue
        with runtime.step("ingest", source=source, files=len(of_source)) as facts:
            if source in faults:
                stops.append(stop(run, table, faults[source]))
                continue
            rows = typed(run, table, of_source, staging / source)
            # A stretch with a published night keeps what that was made from: there bad values are quarantined.
            if not published and (fault := value_fault(run, table, rows, of_source)):
                stops.append(stop(run, table, fault))
                continue
            one = tagged(run, table, rows, staging / source)
            run.replace(one.new, table, largest_day=one.largest_day)
            facts.update({fate: one.total(fate) for fate in FATES})
            staged.append(one)
    write_quarantine(run, staged)
    write_lateness(run, staged)
    read = write_register(run, files, staged, stops)
    (run.settings.lake / INGESTING).unlink(missing_ok=True)  # all is registered
    remember(run, cache, read, landed)
    shutil.rmtree(staging, ignore_errors=True)


def header_faults(run: Run, files: list[LandingFile], published: list[date]) -> dict[str, Stopped]:
    """Sources that stop, by what their files declare; files of a published night were read before."""
    fresh = [file for file in files if file.ingest_date not in published]
    found = {
        source: fault
        for source, table in SOURCES.items()
        if (fault := header_fault(run, table, [file for file in fresh if file.source == source]))
    }
    if found and published:
        fault = next(iter(found.values()))
        raise ContractError(f"{fault.reason}; {published[-1]} is published and stays: run the days after it alone")
    return found


def refuse_after_unfinished(run: Run) -> None:
    """Raise where an earlier night read files and was stopped before its tiles, by a gate or by an error.

    Gone on without it, later nights would publish totals that lack its rows, or let in what a gate refused.
    """
    run.ensure(OPS_RUN)  # a lake of before may lack the column
    rows = run.read(OPS_RUN).filter(f"NOT is_tiled AND ingest_date < DATE'{run.first}'").select("ingest_date")
    if unfinished := sorted({row.ingest_date for row in rows.collect()}):
        raise MissingInputError(
            f"{len(unfinished)} earlier nights read files and were never finished, first {unfinished[0]}: "
            "repair it, clear it from ingest on, then this one; see docs/operating.md, When a gate refuses"
        )


def begin(run: Run, staging: Path) -> None:
    """Empty the staging folder and note in the lake which days' rows are being written."""
    shutil.rmtree(staging, ignore_errors=True)
    write_whole(run.settings.lake / INGESTING, f"{run.first} {run.as_of_date}".encode())


def forget_killed_run(run: Run) -> None:
    """Where the last run was killed, take out the rows of its days that it did not come to register.

    Left there, they would make duplicates of the same rows, read again for this run. Days that were registered before
    may hold rows of files that came since, beside rows that are theirs: only the same run again can tell them apart.
    """
    notes = (run.settings.lake / INGESTING, run.settings.staging / FORMER_NOTE)
    note = next((one for one in notes if one.is_file()), None)
    if note is None:
        return
    first, last = days_in(note)
    registered = {row.ingest_date for row in run.read(OPS_FILE).select("ingest_date").distinct().collect()}
    left = {day for day in registered if first <= day <= last and not run.first <= day <= run.as_of_date}
    if left:
        again = f"--from {first} --as-of {last}" if first < last else f"--as-of {last}"
        raise MissingInputError(
            f"a rerun of {min(left)} was killed; run `python -m jobs.ingest {again}` first, then clear what follows it"
        )
    killed = Run(as_of_date=last, first=first, settings=run.settings)
    for table in (*SOURCES.values(), RAW_QUARANTINE, OPS_RUN, OPS_LATENESS):
        if run.exists(table):
            killed.clear(table, spared=registered)


def days_in(note: Path) -> tuple[date, date]:
    """First and last day of the run that was killed."""
    try:
        first, last = map(date.fromisoformat, note.read_text("utf-8").split())
    except ValueError:
        raise MissingInputError(
            f"{note} is damaged: write the first and the last day of the ingest that was killed into it, as "
            "`2024-03-01 2024-03-01`, and run again; rows of those days that were not registered are then taken out"
        ) from None
    return first, last


def write_quarantine(run: Run, staged: list[Staged]) -> None:
    """Replace the run's quarantined rows."""
    from functools import reduce

    from pyspark.sql import functions as F

    refused = [one.refused.withColumn("source", F.lit(one.source)) for one in staged if one.total("quarantined")]
    if not refused and not run.exists(RAW_QUARANTINE):
        run.ensure(RAW_QUARANTINE)
        return
    columns = ["ingest_date", "source", "source_file", "source_line", "reason", "original_text"]
    parts = [rows.select(*columns) for rows in refused]
    empty = run.spark.createDataFrame([], RAW_QUARANTINE.struct)
    rows = reduce(lambda left, right: left.unionByName(right), parts, empty)
    run.replace(without_erased_texts(run, rows), RAW_QUARANTINE)


if __name__ == "__main__":
    runtime.start(main)
