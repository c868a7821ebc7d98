"""Tables by contract: a run's reading and writing of them, whatever the engine and wherever they lie.

Reads and writes Delta tables, each write in one commit; knows nothing of processes (see `jobs/runtime.py`).
"""

import logging
import os
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.checked_rows import checked_rows, missing_columns_named
from jobs.engine import get_spark
from jobs.errors import ContractError, TemporaryError
from jobs.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from schemas.contract import Column, Table

log = logging.getLogger("nightjar")

COMMIT_TRIES = 5
LARGE_DAY_CELLS = 10_000_000  # more cells of one day are written by the tasks that make them, into a file each
_CONFLICT_SIGNS = ("Failed to commit transaction", "ConcurrentAppend", "ConcurrentModification", "ConcurrentDelete")
_OTHER_MAPS = "requires all inputs to have the same data type per column"


@dataclass(frozen=True)
class Run:
    """One run of a job: the days it covers, the settings, and the lake.

    `first` .. `as_of_date` are the runs it stands for: one night, or a stretch of nights when history is built.
    """

    as_of_date: date
    first: date
    settings: Settings

    @cached_property
    def spark(self) -> "SparkSession":
        """The engine's session, started when first used."""
        return get_spark(self.settings)

    def location(self, table: "Table") -> str:
        """Name of the table in SQL: a Delta path, or catalog.schema.table."""
        if self.settings.catalog:
            return f"{self.settings.catalog}.{table.name}"
        return f"delta.`{self.path(table)}`"

    def path(self, table: "Table") -> Path:
        """Folder of the table in a lake without a catalog."""
        return self.settings.lake.resolve() / table.name

    def exists(self, table: "Table") -> bool:
        """Whether the table has been made."""
        if self.settings.catalog:
            return bool(self.spark.catalog.tableExists(self.location(table)))
        return (self.path(table) / "_delta_log").is_dir()

    def read(self, table: "Table") -> "DataFrame":
        """The table's rows; none, with the contract's columns, before its first write."""
        if not self.exists(table):
            return self.spark.createDataFrame([], table.struct)
        if self.settings.catalog:
            return self.spark.table(self.location(table))
        return self.spark.read.format("delta").load(str(self.path(table)))

    def known(self, table: "Table") -> "DataFrame":
        """Rows that runs up to this one brought: the only ones that its jobs may see."""
        from pyspark.sql import functions as F

        return self.read(table).filter(F.col("ingest_date") <= F.lit(self.as_of_date))

    def brought(self, table: "Table") -> "DataFrame":
        """Rows brought by the runs that this run stands for."""
        from pyspark.sql import functions as F

        return self.read(table).filter(F.col("ingest_date").between(F.lit(self.first), F.lit(self.as_of_date)))

    def dates(self, table: "Table") -> set[date]:
        """Dates of which a table by `as_of_date` has rows."""
        return {row.as_of_date for row in self.read(table).select("as_of_date").distinct().collect()}

    def published_dates(self) -> set[date]:
        """Dates that readers see: those with rows in `customer_360`."""
        from schemas.score import CUSTOMER_360

        return self.dates(CUSTOMER_360)

    def published_days(self) -> list[date]:
        """Those of the run's days that are published."""
        return sorted(day for day in self.published_dates() if self.first <= day <= self.as_of_date)

    def is_published(self) -> bool:
        """Whether the run's date is published: then its snapshot, scores and rows stay as they are."""
        return self.as_of_date in self.published_dates()

    def replace(
        self,
        rows: "DataFrame",
        table: "Table",
        first: date | None = None,
        last: date | None = None,
        also: str = "",
        largest_day: int = 0,
    ) -> None:
        """Make `rows` the table's slice for the days first .. last (default: this run's), in one commit.

        `also` narrows the slice by a further SQL condition of our own making. Rows outside the slice, or against the
        contract, fail the write: nothing of it stays. `largest_day`, the rows of the day with most, where they are
        known: so large a day is not one task's.
        """
        column = table.slice_column
        if column is None:
            raise ValueError(f"{table.name} is merged, it has no slices")
        days = (first or self.first, last or self.as_of_date)
        where = f"{column} >= DATE'{days[0]}' AND {column} <= DATE'{days[1]}'" + (f" AND {also}" if also else "")
        # Sail writes rows that replaceWhere does not cover; Spark refuses them. The check makes both refuse.
        inside = (f"{column} must lie in the slice {days[0]}..{days[1]}", where)

        @missing_columns_named(rows, table)
        def write() -> None:
            checked = checked_rows(rows, table, also=(inside,))
            # Each day gets one file; more rows stay in the tasks that make them.
            if largest_day * len(table.columns) < LARGE_DAY_CELLS:
                checked = checked.repartition(os.cpu_count() or 1, *table.partition_columns)
            ordered = checked.select(*self.ensure(table))  # Sail puts columns in by place, not by name
            is_sail = self.settings.engine == "sail" and not self.settings.catalog
            if is_sail and table.has_arrays:
                # Sail 0.7.2 can't replaceWhere a table with an array column, and takes "dynamic" for the whole table.
                self._replace_without_engine(ordered, table, where)
                return
            writer = ordered.write.format("delta").mode("overwrite").option("replaceWhere", where)
            try:
                writer.saveAsTable(self.location(table)) if self.settings.catalog else writer.save(
                    str(self.path(table))
                )
            except Exception as error:
                # Sail 0.7.2 plans it for maps that come from a Delta table, as those of ingest do, and for no others.
                if not (is_sail and _OTHER_MAPS in str(error)):
                    raise
                self._replace_without_engine(ordered, table, where)

        self.commit(write, table, f"slice={days[0]}..{days[1]}")

    def _replace_without_engine(self, rows: "DataFrame", table: "Table", where: str) -> None:
        from deltalake import write_deltalake

        write_deltalake(str(self.path(table)), rows.toArrow(), mode="overwrite", predicate=where)

    def clear(self, table: "Table", spared: Collection[date] = ()) -> None:
        """Leave the table without rows for this run's days, but for those that are spared."""
        self.ensure(table)
        where = f"{table.slice_column} BETWEEN DATE'{self.first}' AND DATE'{self.as_of_date}'"
        if spared:
            days = ", ".join(f"DATE'{day}'" for day in sorted(spared))
            where += f" AND {table.slice_column} NOT IN ({days})"
        self.delete(table, where)

    def delete(self, table: "Table", where: str) -> None:
        """Delete the rows that a SQL condition of our own making names, in one commit."""
        self.execute(f"DELETE FROM {self.location(table)} WHERE {where}", table, f"delete={where}")  # noqa: S608

    def execute(self, statement: str, table: "Table", what: str) -> None:
        """Run a statement that changes the table, of names in contracts and of views alone, in one commit."""
        self.commit(lambda: self.spark.sql(statement).collect(), table, what)

    def merge(self, rows: "DataFrame", table: "Table", gone: "DataFrame | None" = None) -> None:
        """Insert `rows` or, where the key is there already, put them in its place, in one commit.

        `gone` are keys whose rows go, in the same commit. The engine reads `rows` several times. Where a table is cut,
        no other writer may move its rows meanwhile: the parts are looked up before the commit.
        """
        from pyspark.sql import functions as F

        gone = gone if gone is None else gone.select(*table.key)
        view = f"incoming_{table.name}"
        on = " AND ".join(f"target.`{name}` = source.`{name}`" for name in table.key)
        names = table.column_names
        pairs = ", ".join(f"`{name}` = source.`{name}`" for name in names)
        columns, values = ", ".join(f"`{n}`" for n in names), ", ".join(f"source.`{n}`" for n in names)
        delete = "" if gone is None else "WHEN MATCHED AND source.`_is_gone` THEN DELETE "

        @missing_columns_named(rows, table)
        def write() -> None:
            self.ensure(table)
            parts = self._parts_of(table, rows, gone)
            source = checked_rows(rows, table).withColumn("_is_gone", F.lit(False))
            if gone is not None:
                left = gone.withColumn("_is_gone", F.lit(True))
                source = source.unionByName(left, allowMissingColumns=True)
            source.createOrReplaceTempView(view)
            self.spark.sql(
                f"MERGE INTO {self.location(table)} AS target USING {view} AS source ON {on}{parts} "  # noqa: S608 - names of contracts
                f"{delete}WHEN MATCHED THEN UPDATE SET {pairs} "
                f"WHEN NOT MATCHED AND NOT source.`_is_gone` THEN INSERT ({columns}) VALUES ({values})"
            ).collect()

        self.commit(write, table, "merge")

    def _parts_of(self, table: "Table", rows: "DataFrame", gone: "DataFrame | None") -> str:
        """Condition that names the parts of `target` in which rows of these keys lie, or come to lie."""
        if table.cut_column is None:
            return ""
        keys = rows.select(*table.key)
        there = self.read(table).join(keys if gone is None else keys.unionByName(gone), [*table.key], "left_semi")
        found = there.select(table.cut_column).unionByName(rows.select(table.cut_column)).distinct().collect()
        days = ", ".join(f"DATE'{row[0]}'" for row in found if row[0])
        is_one = f"target.`{table.cut_column}` IN ({days})" if days else "false"
        # Rows of before there was the column have none.
        return f" AND ({is_one}" + (f" OR target.`{table.cut_column}` IS NULL)" if (None,) in found else ")")

    def commit(self, write: Callable[[], object], table: "Table", what: str) -> None:
        """Do a write, again where another writer won; after the last try end with what Airflow tries again (75)."""
        from deltalake.exceptions import CommitFailedError

        started = time.monotonic()
        for attempt in range(1, COMMIT_TRIES + 1):
            try:
                write()
                break
            except Exception as error:
                message = str(error)
                if "contract:" in message:
                    broken = message.split("contract:", 1)[1].split("\n")[0].strip()
                    raise ContractError(f"{table.name}: {broken}; nothing was written") from None
                if not (isinstance(error, CommitFailedError) or any(sign in message for sign in _CONFLICT_SIGNS)):
                    raise
                if attempt == COMMIT_TRIES:
                    raise TemporaryError(
                        f"{table.name}: other writers won {attempt} times; run the job again"
                    ) from error
                time.sleep(0.2 * attempt)
        log.info("write table=%s %s seconds=%.1f", table.name, what, time.monotonic() - started)

    def ensure(self, table: "Table") -> tuple[str, ...]:
        """Make the table, empty, if it is not there, and give it the columns that its contract got since.

        Returns the columns in their stored order.
        """
        if not self.exists(table):
            self._create(table)
        return self._evolve(table)

    def _evolve(self, table: "Table") -> tuple[str, ...]:
        names = self._stored_names(table)
        if gone := [name for name in names if name not in table.column_names]:
            raise ContractError(
                f"{table.name}: stored column {', '.join(gone)} is no longer in the contract; "
                "declare it again, or build the lake anew"
            )
        new = tuple(name for name in table.column_names if name not in names)
        if new:
            log.info("table=%s new columns %s; rows written before have null there", table.name, list(new))
            self._add(table, new)
        return names + new

    def _stored_names(self, table: "Table") -> tuple[str, ...]:
        if self.settings.catalog:
            return tuple(self.spark.table(self.location(table)).columns)
        from deltalake import DeltaTable

        return tuple(field.name for field in DeltaTable(str(self.path(table))).schema().fields)

    def _add(self, table: "Table", names: tuple[str, ...]) -> None:
        if self.settings.catalog:
            columns = ", ".join(_declared(table[name]) for name in names)
            self.spark.sql(f"ALTER TABLE {self.location(table)} ADD COLUMNS ({columns})").collect()
            return
        from deltalake import DeltaTable, Schema

        fields = Schema.from_json(table.commented_struct.json()).fields
        DeltaTable(str(self.path(table))).alter.add_columns([field for field in fields if field.name in names])

    def _create(self, table: "Table") -> None:
        partition = table.partition_columns
        if self.settings.catalog:
            columns = ", ".join(map(_declared, table.columns))
            partitioned = f" PARTITIONED BY (`{partition[0]}`)" if partition else ""
            comment = f" COMMENT '{_quoted(table.meaning)}'"
            self.spark.sql(
                f"CREATE TABLE IF NOT EXISTS {self.location(table)} ({columns}) USING delta{partitioned}{comment}"
            )
            return
        # Neither engine makes a table at a path by SQL with comments that the other one sees; delta-rs does.
        from deltalake import DeltaTable, Schema

        self.path(table).parent.mkdir(parents=True, exist_ok=True)
        schema = Schema.from_json(table.commented_struct.json())
        DeltaTable.create(
            str(self.path(table)),
            schema,
            mode="ignore",
            partition_by=partition,
            name=table.name,
            description=table.meaning,
        )


def _declared(column: "Column") -> str:
    return f"`{column.name}` {column.type.simpleString().upper()} COMMENT '{_quoted(column.comment)}'"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")
