"""One source's new files, read once: typed and checked into a folder, each row tagged with its fate."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.landing_files import LandingFile
from jobs.refusal import refuse_erased
from jobs.staging import stored
from jobs.tables import Run
from schemas.raw import EXTRA, RAW_EXCHANGE_RATES, RAW_TRANSACTIONS, landing_columns

log = logging.getLogger("nightjar")

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from schemas.contract import Table

HASHED_ID = r"^[0-9a-f]{32}-\d+$"  # as `features.landing` makes them for rows without an id of their own
PARSE_TASKS = 8  # at once, at most; a task reads its files one after the other
SHOWN_NAMES = 20
PLAIN_NAME = re.compile(r"[^\W\d][\w .:/-]{0,63}")
FATES = ("new", "duplicate", "quarantined")
PLACE = ("source_file", "source_line")


@dataclass(frozen=True)
class Staged:
    """A source's rows: those of `table` with `source_line`, `reason`, `original_text` and `fate`.

    `refused` are the quarantined ones, known without looking for duplicates. `fates` counts rows by run and fate,
    `arrived` the new ones by run and business day; `extra_columns` are those of the run's files that the contract does
    not know.
    """

    table: "Table"
    rows: "DataFrame"
    refused: "DataFrame"
    fates: Mapping[date, Mapping[str, int]]
    arrived: Mapping[date, Mapping[date, int]]
    extra_columns: Mapping[date, list[str]]

    @property
    def source(self) -> str:
        """The landing source."""
        return self.table.name.removeprefix("raw_")

    @property
    def new(self) -> "DataFrame":
        """The rows that are new."""
        return self.rows.filter("fate = 'new'")

    @property
    def largest_day(self) -> int:
        """New rows of the run that brought most."""
        return max((day.get("new", 0) for day in self.fates.values()), default=0)

    def total(self, fate: str) -> int:
        """Rows of one fate over all runs."""
        return sum(day.get(fate, 0) for day in self.fates.values())


def typed(run: Run, table: "Table", files: list[LandingFile], folder: Path) -> "DataFrame":
    """The files' rows, parsed, typed and checked once, into a folder."""
    return kept(run, checked(run, table, parsed(run, table, files)), folder)


def tagged(run: Run, table: "Table", rows: "DataFrame", folder: Path) -> Staged:
    """Typed rows, and what becomes of each; the few duplicates lie beside `folder`."""
    refused = rows.filter("reason IS NOT NULL")
    with_fate = with_fates(rows, stored(run, duplicates(run, table, rows), folder.with_suffix(".duplicates")))
    fates, arrived = counted(with_fate)
    return Staged(table, with_fate, refused, fates, arrived, extra_columns(table, rows))


def stage(run: Run, table: "Table", files: list[LandingFile], folder: Path) -> Staged:
    """The files' rows, typed and tagged."""
    return tagged(run, table, typed(run, table, files, folder), folder)


def kept(run: Run, rows: "DataFrame", folder: Path) -> "DataFrame":
    """The rows, computed once and for all."""
    if run.settings.engine == "sail":  # which writes maps to a Delta table only where they come from one
        rows.write.format("delta").mode("overwrite").save(str(folder))
        return run.spark.read.format("delta").load(str(folder))
    return stored(run, rows, folder)


def checked(run: Run, table: "Table", rows: "DataFrame") -> "DataFrame":
    """Rows of text as typed rows, with the reason for which one is refused."""
    from features.exchange_rates import rated_days
    from features.typing_rules import typed_rows

    settings = run.settings
    currency, rated = None, None
    if table is RAW_TRANSACTIONS:
        currency = settings.currency
        if run.exists(RAW_EXCHANGE_RATES):
            rated = rated_days(run.known(RAW_EXCHANGE_RATES), settings.exchange_rate_days)
    zone, tolerance = settings.business_timezone, settings.future_tolerance_minutes
    return refuse_erased(run, typed_rows(rows, table, zone, tolerance, currency, rated))


def with_fates(staged: "DataFrame", duplicates: "DataFrame") -> "DataFrame":
    """The staged rows with `fate`: quarantined, a duplicate of a row that came before, or new."""
    from pyspark.sql import functions as F

    fate = F.when(F.col("reason").isNotNull(), "quarantined").when(F.col("is_duplicate"), "duplicate").otherwise("new")
    return staged.join(duplicates, [*PLACE], "left").withColumn("fate", fate)


def duplicates(run: Run, table: "Table", staged: "DataFrame") -> "DataFrame":
    """(source_file, source_line, is_duplicate) of good rows whose id another run brought, or an earlier row of this."""
    from pyspark.sql import functions as F

    from features.duplicates import repeats

    good = staged.filter("reason IS NULL").select("event_id", "ingest_date", *PLACE)
    again = repeats(good, "event_id", "ingest_date", *PLACE)
    known = good.join(known_ids(run, table, staged), "event_id", "left_semi")
    return again.unionByName(known).select(*PLACE).distinct().withColumn("is_duplicate", F.lit(True))


def known_ids(run: Run, table: "Table", staged: "DataFrame") -> "DataFrame":
    """(event_id) of the staged rows that another run brought: an earlier one, or, in a rerun, a later one.

    An id that the source gave is looked up in all of history, for the same event may come again with another moment
    (one column: 0.4 s over 1.5 million rows). An id that is a hash holds the moment: there the same days suffice.
    """
    from pyspark.sql import functions as F

    others = run.read(table).filter(~F.col("ingest_date").between(F.lit(run.first), F.lit(run.as_of_date)))
    is_given = ~F.col("event_id").rlike(HASHED_ID)
    if not staged.filter(is_given).head(1):
        kept = staged.filter(F.col("reason").isNull())
        days = [row.event_date for row in kept.select("event_date").distinct().collect()]
        others = others.filter(F.col("event_date").isin(days))
    return others.join(staged.select("event_id"), "event_id", "left_semi").select("event_id").distinct()


def parsed(run: Run, table: "Table", files: list[LandingFile]) -> "DataFrame":
    """The files' rows as text, read in the engine's workers."""
    from features.landing import read_rows, rows_schema
    from features.landing_rows import Limits

    limits = Limits(run.settings.maximum_row_kb, run.settings.maximum_unpacked_mb)
    columns = tuple(column.name for column in landing_columns(table))
    listed = [(str(file.path.resolve()), file.name, file.ingest_date) for file in files]

    def read_all(batches):
        for batch in batches:
            for path, name, day in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                yield from read_rows(Path(path), name, day, columns, limits)

    paths = run.spark.createDataFrame(listed, "path string, source_file string, ingest_date date")
    partitions = max(1, min(len(listed), PARSE_TASKS))
    return paths.repartition(partitions).mapInArrow(read_all, _spark_schema(rows_schema(columns)))


def counted(with_fate: "DataFrame") -> tuple[dict[date, dict[str, int]], dict[date, dict[date, int]]]:
    """Rows by run and fate, and new rows by run and business day: in one pass."""
    fates: dict[date, dict[str, int]] = {}
    arrived: dict[date, dict[date, int]] = {}
    for row in with_fate.groupBy("ingest_date", "fate", "event_date").count().collect():
        of_run = fates.setdefault(row["ingest_date"], {})
        of_run[row["fate"]] = of_run.get(row["fate"], 0) + row["count"]
        if row["fate"] == "new":
            arrived.setdefault(row["ingest_date"], {})[row["event_date"]] = row["count"]
    return fates, arrived


def extra_columns(table: "Table", staged: "DataFrame") -> dict[date, list[str]]:
    """Names in `_extra` by run; each is told once."""
    from pyspark.sql import functions as F

    named = staged.filter(F.col(EXTRA).isNotNull()).select("ingest_date", F.explode(F.map_keys(EXTRA)).alias("name"))
    found: dict[date, set[str]] = {}
    for row in named.distinct().collect():
        found.setdefault(row["ingest_date"], set()).add(row["name"])
    source = table.name.removeprefix("raw_")
    for name in shown_names(set().union(*found.values())):
        log.warning("source=%s extra column=%s, kept in %s", source, name, EXTRA)
    return {day: shown_names(names) for day, names in found.items()}


def shown_names(names: set[str]) -> list[str]:
    """Names as a log may tell them: of files that use names as values, which may be a customer's, only how many."""
    plain = sorted(name for name in names if PLAIN_NAME.fullmatch(name))
    others = len(names) - len(plain[:SHOWN_NAMES])
    return plain[:SHOWN_NAMES] + ([f"({others} others)"] if others else [])


def _spark_schema(schema) -> str:
    kinds = {"string": "string", "int64": "bigint", "date32[day]": "date", "map<string, string>": "map<string,string>"}
    return ", ".join(f"`{field.name}` {kinds[str(field.type)]}" for field in schema)
