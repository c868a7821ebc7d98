"""The register of what an ingest read, and what became of it."""

from collections import Counter
from datetime import date

from jobs.ingest_staging import FATES, Staged
from jobs.landing_checks import Stopped
from jobs.landing_files import LandingFile
from jobs.tables import Run
from schemas.ops import OPS_FILE, OPS_RUN


def write_register(run: Run, files: list[LandingFile], staged: list[Staged], stops: list[Stopped]) -> list[LandingFile]:
    """Write what was read and what became of its rows; last, so that a killed run is done again.

    A day that read other files than before is to be tiled again, and so are the later ones, which built on it. Files of
    a source that was stopped are not read. Returns those that are.
    """
    given, files = files, [file for file in files if file.source not in {one.source for one in stops}]
    of_files = [(file.source, file.content_hash, file.name, file.ingest_date, file.size_bytes) for file in files]
    changed = min([first_change(run, files), *(one.ingest_date for one in stops)])
    tiled = {row.ingest_date for row in run.brought(OPS_RUN).filter("is_tiled").collect() if row.ingest_date < changed}
    later = run.read(OPS_RUN).filter(f"ingest_date > DATE'{run.as_of_date}'").collect() if changed < date.max else []
    of_runs = [tuple((row.asDict() | {"is_tiled": False})[name] for name in OPS_RUN.column_names) for row in later]
    for one in staged:
        days = Counter(file.ingest_date for file in files if file.source == one.source)
        for day, file_count in sorted(days.items()):
            counts = [one.fates.get(day, {}).get(fate, 0) for fate in FATES]
            extra = ", ".join(one.extra_columns.get(day, ())) or None
            of_runs.append((day, one.source, file_count, sum(counts), *counts, day in tiled, extra, None))
    for fault in stops:
        of_fault = (fault.source, fault.ingest_date)
        file_count = sum((file.source, file.ingest_date) == of_fault for file in given)
        of_runs.append((fault.ingest_date, fault.source, file_count, 0, 0, 0, 0, False, None, fault.reason))
    last = max([run.as_of_date, *(row.ingest_date for row in later)])
    run.replace(run.spark.createDataFrame(of_runs, OPS_RUN.struct), OPS_RUN, last=last)
    run.replace(run.spark.createDataFrame(of_files, OPS_FILE.struct), OPS_FILE)
    return files


def first_change(run: Run, files: list[LandingFile]) -> date:
    """The first day of the run that did not read the same files before; `date.max` where all did."""
    before = {(row.ingest_date, row.source, row.content_hash) for row in run.brought(OPS_FILE).collect()}
    now = {(file.ingest_date, file.source, file.content_hash) for file in files}
    return min((day for day, *_ in before ^ now), default=date.max)
