"""Landing files into raw tables: typed, each row once, bad rows quarantined with a reason, nothing lost.

Reads `landing/<source>/dt=*/`; writes `raw_*`, `raw_quarantine`, `ops_file`, `ops_run`.

A file belongs to the run that first reads it; in a stretch of nights (`--from`), to the night that would have read it.
Rows are staged once, typed and tagged, in a folder that is removed at the end; the register of files is written last,
so a killed run leaves no file counted. Run again, it does the same work again; where a run for other days comes first,
that one takes the killed run's rows out and reads its files itself. A killed *rerun* must be run again first.
"""

import shutil
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from jobs import lake_lock, runtime
from jobs.errors import ContractError, MissingInputError
from jobs.landing_files import LandingFile, landing_of, new_files
from jobs.pseudonyms import key_of, pseudonym_column
from jobs.tables import Run
from schemas.ops import OPS_ERASED_CUSTOMER, OPS_FILE, OPS_RUN
from schemas.raw import RAW_QUARANTINE, SOURCES, landing_columns

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from schemas.contract import Table

HASHED_ID = r"^[0-9a-f]{32}-\d+$"  # as `features.landing` makes them for rows without an id of their own
STAGED_DAYS = "days.txt"  # in the staging folder: first and last day of the run that fills it
PARSE_TASKS = 8  # at once, at most; a task reads its files one after the other


def main(arguments: list[str]) -> None:
    """Ingest every source for the run's days."""
    run = runtime.run_of(runtime.parser("ingest", __doc__).parse_args(arguments))
    landing_of(run)
    staging = run.settings.lake.resolve() / "_staging" / "ingest"
    with lake_lock.only(staging.with_suffix(".lock"), "ingest"):  # two at once would empty each other's staging
        ingest(run, staging)


def ingest(run: Run, staging: Path) -> None:
    """Read what is new, stage it, write rows, then the register."""
    forget_killed_run(run, staging)
    refuse_after_unfinished(run)
    files = new_files(run)
    for source, table in SOURCES.items():  # of all sources before the first is written
        check_headers(table, [file for file in files if file.source == source])
    begin(run, staging)
    counts, refused = [], []
    for source, table in SOURCES.items():
        of_source = [file for file in files if file.source == source]
        if not of_source:
            if run.exists(table) and run.brought(table).head(1):
                run.clear(table)  # left by a run that was killed, of files that were taken away since
            continue
        with runtime.step("ingest", source=source, files=len(of_source)) as facts:
            tagged = stage(run, table, of_source, staging / source)
            fates = fate_counts(tagged)
            run.replace(tagged.filter("fate = 'new'"), table)
            counts += [(day, source, fates[day]) for day in sorted(fates)]
            if any(fate.get("quarantined") for fate in fates.values()):
                refused.append(tagged.filter("fate = 'quarantined'"))
            facts.update(total_of(fates))
    write_quarantine(run, refused)
    write_register(run, files, counts)
    shutil.rmtree(staging, ignore_errors=True)


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
    """Empty the staging folder and note there whose it is."""
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    (staging / STAGED_DAYS).write_text(f"{run.first} {run.as_of_date}")


def forget_killed_run(run: Run, staging: Path) -> None:
    """Where the last run was killed, take out the rows of its days that it did not come to register.

    Left there, they would make duplicates of the same rows, read again for this run. Days that were registered before
    may hold rows of files that came since, beside rows that are theirs: only the same run again can tell them apart.
    """
    if not (staging / STAGED_DAYS).is_file():
        return
    first, last = map(date.fromisoformat, (staging / STAGED_DAYS).read_text().split())
    registered = {row.ingest_date for row in run.read(OPS_FILE).select("ingest_date").distinct().collect()}
    left = {day for day in registered if first <= day <= last and not run.first <= day <= run.as_of_date}
    if left:
        again = f"--from {first} --as-of {last}" if first < last else f"--as-of {last}"
        raise MissingInputError(
            f"a rerun of {min(left)} was killed; run `python -m jobs.ingest {again}` first, then clear what follows it"
        )
    killed = Run(as_of_date=last, first=first, settings=run.settings)
    for table in (*SOURCES.values(), RAW_QUARANTINE, OPS_RUN):
        if run.exists(table):
            killed.clear(table, spared=registered)


def stage(run: Run, table: "Table", files: list[LandingFile], folder: Path) -> "DataFrame":
    """Parse, type and check the files once, into a folder, and tag each row with its fate.

    Adds `source`, `source_line`, `reason`, `original_text` and `fate`: new, duplicate or quarantined.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    from features.typing_rules import typed_rows

    source = table.name.removeprefix("raw_")
    rows = parsed(run, table, files)
    settings = run.settings
    typed = typed_rows(
        rows, table, settings.business_timezone, settings.future_tolerance_minutes, currency=settings.currency
    )
    typed = refuse_erased(run, typed)
    typed.write.mode("overwrite").parquet(str(folder))
    staged = run.spark.read.schema(typed.schema).parquet(str(folder))  # told, for a file may have no rows
    known = known_ids(run, table, staged).withColumn("is_known", F.lit(True))
    first_come = Window.partitionBy("event_id").orderBy(
        F.col("reason").isNotNull(), "ingest_date", "source_file", "source_line"
    )
    fate = (
        F.when(F.col("reason").isNotNull(), "quarantined")
        .when(F.col("is_known") | (F.col("_occurrence") > 1), "duplicate")
        .otherwise("new")
    )
    return (
        staged.withColumn("_occurrence", F.row_number().over(first_come))
        .join(known, "event_id", "left")
        .withColumn("fate", fate)
        .withColumn("source", F.lit(source))
    )


def known_ids(run: Run, table: "Table", staged: "DataFrame") -> "DataFrame":
    """(event_id) of the staged rows that an earlier run brought.

    An id that the source gave is looked up in all of history, for the same event may come again with another moment
    (one column: 0.4 s over 1.5 million rows). An id that is a hash holds the moment: there the same days suffice.
    """
    from pyspark.sql import functions as F

    earlier = run.read(table).filter(F.col("ingest_date") < F.lit(run.first))
    is_given = ~F.col("event_id").rlike(HASHED_ID)
    if not staged.filter(is_given).head(1):
        kept = staged.filter(F.col("reason").isNull())
        days = [row.event_date for row in kept.select("event_date").distinct().collect()]
        earlier = earlier.filter(F.col("event_date").isin(days))
    return earlier.join(staged.select("event_id"), "event_id", "left_semi").select("event_id").distinct()


def parsed(run: Run, table: "Table", files: list[LandingFile]) -> "DataFrame":
    """The files' rows as text, read in the engine's workers."""
    from features.landing import read_rows, rows_schema

    columns = tuple(column.name for column in landing_columns(table))
    listed = [(str(file.path.resolve()), file.name, file.ingest_date) for file in files]

    def read_all(batches):
        for batch in batches:
            for path, name, day in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                yield from read_rows(Path(path), name, day, columns)

    paths = run.spark.createDataFrame(listed, "path string, source_file string, ingest_date date")
    partitions = max(1, min(len(listed), PARSE_TASKS))
    return paths.repartition(partitions).mapInArrow(read_all, _spark_schema(rows_schema(columns)))


def check_headers(table: "Table", files: list[LandingFile]) -> None:
    """Refuse the source when a file lacks a required column, or has a column of the table twice."""
    from features.landing import header_of

    known = {column.name for column in landing_columns(table)}
    required = {column.name for column in landing_columns(table) if column.is_required} - {"event_id"}
    for file in files:
        header = header_of(file.path)
        if header is None:
            continue
        if doubled := sorted({name for name in header if name in known and header.count(name) > 1}):
            raise ContractError(
                f"{file.name}: column {', '.join(doubled)} stands there twice; nothing of the run was written"
            )
        if missing := sorted(required - set(header)):
            raise ContractError(
                f"{file.name}: required column {', '.join(missing)} missing; nothing of the run was written"
            )


def refuse_erased(run: Run, typed: "DataFrame") -> "DataFrame":
    """Quarantine rows of customers who were erased, without their text: they count, and nothing of them is kept."""
    from pyspark.sql import functions as F

    if "customer_id" not in typed.columns or not run.exists(OPS_ERASED_CUSTOMER):
        return typed
    erased = run.read(OPS_ERASED_CUSTOMER).select("customer_hash", F.lit(True).alias("is_erased"))
    hashed = typed.withColumn("customer_hash", pseudonym_column(F.col("customer_id"), key_of(run.settings)))
    marked = hashed.join(erased, "customer_hash", how="left").drop("customer_hash")
    return (
        marked.withColumn("reason", F.when(F.col("is_erased"), "the customer was erased").otherwise(F.col("reason")))
        .withColumn("original_text", F.when(F.col("is_erased").isNull(), F.col("original_text")))
        .drop("is_erased")
    )


def fate_counts(tagged: "DataFrame") -> dict[date, dict[str, int]]:
    """Rows by run and fate."""
    counts: dict[date, dict[str, int]] = {}
    for row in tagged.groupBy("ingest_date", "fate").count().collect():
        counts.setdefault(row["ingest_date"], {})[row["fate"]] = row["count"]
    return counts


def total_of(fates: dict[date, dict[str, int]]) -> dict[str, int]:
    """Fates over all runs."""
    return {fate: sum(day.get(fate, 0) for day in fates.values()) for fate in ("new", "duplicate", "quarantined")}


def write_quarantine(run: Run, refused: list["DataFrame"]) -> None:
    """Replace the run's quarantined rows."""
    from functools import reduce

    if not refused and not run.exists(RAW_QUARANTINE):
        run.ensure(RAW_QUARANTINE)
        return
    columns = ["ingest_date", "source", "source_file", "source_line", "reason", "original_text"]
    parts = [rows.select(*columns) for rows in refused]
    empty = run.spark.createDataFrame([], RAW_QUARANTINE.struct)
    run.replace(reduce(lambda left, right: left.unionByName(right), parts, empty), RAW_QUARANTINE)


def write_register(run: Run, files: list[LandingFile], counts: list[tuple[date, str, dict[str, int]]]) -> None:
    """Write what was read and what became of its rows; last, so that a killed run is done again.

    A day that read other files than before is to be tiled again, and so are the later ones, which built on it.
    """
    of_files = [(file.source, file.content_hash, file.name, file.ingest_date, file.size_bytes) for file in files]
    changed = first_change(run, files)
    tiled = {row.ingest_date for row in run.brought(OPS_RUN).filter("is_tiled").collect() if row.ingest_date < changed}
    later = run.read(OPS_RUN).filter(f"ingest_date > DATE'{run.as_of_date}'").collect() if changed < date.max else []
    of_runs = [tuple((row.asDict() | {"is_tiled": False})[name] for name in OPS_RUN.column_names) for row in later]
    for day, source, fates in counts:
        new, duplicate, refused = (fates.get(fate, 0) for fate in ("new", "duplicate", "quarantined"))
        file_count = sum(1 for file in files if file.source == source and file.ingest_date == day)
        of_runs.append((day, source, file_count, sum(fates.values()), new, duplicate, refused, day in tiled))
    last = max([run.as_of_date, *(row.ingest_date for row in later)])
    run.replace(run.spark.createDataFrame(of_runs, OPS_RUN.struct), OPS_RUN, last=last)
    run.replace(run.spark.createDataFrame(of_files, OPS_FILE.struct), OPS_FILE)


def first_change(run: Run, files: list[LandingFile]) -> date:
    """The first day of the run that did not read the same files before; `date.max` where all did."""
    before = {(row.ingest_date, row.source, row.content_hash) for row in run.brought(OPS_FILE).collect()}
    now = {(file.ingest_date, file.source, file.content_hash) for file in files}
    return min((day for day, *_ in before ^ now), default=date.max)


def _spark_schema(schema) -> str:
    kinds = {"string": "string", "int64": "bigint", "date32[day]": "date"}
    return ", ".join(f"`{field.name}` {kinds[str(field.type)]}" for field in schema)


if __name__ == "__main__":
    runtime.start(main)
