"""Rows and texts of the erased in tables, found by what contracts say of their columns."""

from collections.abc import Iterable
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from jobs import erase_files
from jobs.erase_texts import leaves, separated
from jobs.erase_words import Sought
from jobs.tables import Run
from schemas.contract import ERASED
from schemas.identity import CLEAN_IDENTITY_EDGE
from schemas.raw import RAW_CLICKSTREAM, RAW_CUSTOMERS, RAW_TRANSACTIONS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from schemas.contract import Table

LINKED_IN = {  # where an identifier of each kind stands beside a customer
    "order_id": (RAW_TRANSACTIONS,),
    "visitor_id": (RAW_CLICKSTREAM, CLEAN_IDENTITY_EDGE),
    "device_id": (RAW_CLICKSTREAM, CLEAN_IDENTITY_EDGE),
    "email": (RAW_CUSTOMERS, RAW_CLICKSTREAM),
    "email_hash": (CLEAN_IDENTITY_EDGE,),
}
ADDRESSES = ("email",)


def subjects_of(run: Run, customers: set[str]) -> Sought:
    """The customers, and orders, browsers, devices and addresses that were only theirs."""
    found = {column: only_theirs(run, column, tables, customers) for column, tables in LINKED_IN.items()}
    found["visitor_id"] |= browsers_without_login(run, found)
    found["identifier"] = found["visitor_id"] | found["device_id"] | found["email_hash"]
    return Sought({"customer_id": customers, **found})


def browsers_without_login(run: Run, found: dict[str, set[str]]) -> set[str]:
    """Browsers in which nobody logged in, on devices that were only theirs or with an address that was."""
    if not run.exists(CLEAN_IDENTITY_EDGE):
        return set()
    edges = run.read(CLEAN_IDENTITY_EDGE)
    named = edges.filter("edge_kind = 'visitor_customer'").select("visitor_id")
    browsers: set[str] = set()
    for column, kind in (("device_id", "visitor_device"), ("email_hash", "visitor_email")):
        if found[column]:
            ids = frame_of(run, column, found[column])
            tied = edges.filter(f"edge_kind = '{kind}'").join(ids, column, "left_semi")
            browsers |= set(tied.join(named, "visitor_id", "left_anti").toArrow()["visitor_id"].to_pylist())
    return browsers


def only_theirs(run: Run, column: str, tables: Iterable["Table"], customers: set[str]) -> set[str]:
    """Values of a column that stand beside these customers, and beside no other one; addresses however spelt."""
    from pyspark.sql import functions as F

    from features.identity_edges import normal_email

    same = normal_email(F.col("value")) if column in ADDRESSES else F.col("value")
    parts = []
    for table in tables:
        if run.exists(table):
            run.ensure(table)  # a lake of before may lack the column
            rows = run.read(table).select(F.col(column).alias("value"), "customer_id").withColumn("same", same)
            parts.append(rows.filter("customer_id IS NOT NULL AND same IS NOT NULL").distinct())
    if not parts:
        return set()
    theirs = frame_of(run, "customer_id", customers).withColumn("is_theirs", F.lit(1))
    named: DataFrame = reduce(lambda left, right: left.unionByName(right), parts)
    # Of few values the others' owners are asked for, not of all.
    near = named.join(named.join(theirs, "customer_id", "left_semi").select("same").distinct(), "same", "left_semi")
    owned = near.join(theirs, "customer_id", how="left").groupBy("same")
    only = owned.agg(
        F.min(F.coalesce("is_theirs", F.lit(0))).alias("is_only_theirs"), F.collect_set("value").alias("values")
    ).filter("is_only_theirs = 1")
    return set(only.select(F.explode("values").alias("value")).toArrow().column(0).to_pylist())


def frame_of(run: Run, column: str, ids: Iterable[str]) -> "DataFrame":
    """Ids as rows of one column: never as text of a statement."""
    return run.spark.createDataFrame([(one,) for one in sorted(ids)], f"{column} string")


def erase_rows(run: Run, table: "Table", sought: Sought) -> tuple[int, int] | None:
    """Delete a table's rows of the subjects and blank text that quotes them.

    Returns their rows before and after, None for a table that holds nothing of customers.
    """
    followed = [(column, "customer_id") for column in table.customer_columns]
    followed += [(column, column) for column in table.linked_columns]
    followed += [(name, name) for name in table.column_names if name in ADDRESSES]
    if not followed and not table.quoting_columns:
        return None
    run.ensure(table)  # a lake of before may lack a column
    followed = [(column, kind) for column, kind in followed if sought.subjects.get(kind)]
    before = after = 0
    if followed and (keys := keys_of(run, table, followed, sought)).num_rows:
        delete(run, table, keys)
        before, after = keys.num_rows, keys_of(run, table, followed, sought).num_rows
    blanked = sum(blank(run, table, column, sought) for column in table.quoting_columns)
    return before + blanked, after


def keys_of(run: Run, table: "Table", followed: list[tuple[str, str]], sought: Sought) -> pa.Table:
    """Keys of the rows whose columns, (column, kind of id), hold one of the ids."""
    rows, parts = run.read(table), []
    for column, kind in followed:
        ids = frame_of(run, column, sought.subjects[kind])
        parts.append(rows.join(ids, column, how="left_semi").select(*table.key))
    found: DataFrame = reduce(lambda left, right: left.unionByName(right), parts)
    return (found.distinct() if len(parts) > 1 else found).toArrow()


def delete(run: Run, table: "Table", keys: pa.Table) -> None:
    """Delete rows by key: each file is written anew once, whichever column named them."""
    on = named_rows(run, table, keys)
    statement = (
        f"MERGE INTO {run.location(table)} AS target USING erased_rows AS source ON {on} WHEN MATCHED THEN DELETE"
    )
    run.execute(statement, table, "erase")


def named_rows(run: Run, table: "Table", keys: pa.Table) -> str:
    """Make the view `erased_rows` of these keys; returns the condition that finds them in `target`."""
    struct = table.struct
    fields = [struct[name] for name in table.key]
    rows = [tuple(row[name] for name in table.key) for row in keys.to_pylist()]
    run.spark.createDataFrame(rows, type(struct)(fields)).createOrReplaceTempView("erased_rows")
    return " AND ".join(f"target.`{name}` = source.`{name}`" for name in table.key)


def blank(run: Run, table: "Table", column: str, sought: Sought, days: Iterable[str] = ()) -> int:
    """Overwrite texts that quote a customer, in some days of the slice or all; the rows, which others count, stay."""
    rows = run.read(table).filter(f"`{column}` IS NOT NULL")
    if days:
        dates = ", ".join(f"DATE'{day}'" for day in sorted(days))
        rows = rows.filter(f"{table.slice_column} IN ({dates})")
    # A short id counts in texts of rows that can't be read; in columns that no contract knows it may be any number.
    is_map = table[column].type.typeName() == "map"
    finder = sought.quoted if is_map else sought.customer_words
    if not any(finder.finds(separated(leaf)) for leaf in leaves(rows.select(column).toArrow().column(0))):
        return 0
    texts = rows.select(*table.key, column).toArrow()
    hits = [place for place, text in enumerate(texts[column].to_pylist()) if finder.finds(str(text).encode())]
    overwrite(run, table, column, texts.select(list(table.key)).take(hits))
    return len(hits)


def overwrite(run: Run, table: "Table", column: str, keys: pa.Table) -> None:
    """Put `ERASED` in place of texts and maps, null in place of anything else."""
    on = named_rows(run, table, keys)
    instead = {"string": f"'{ERASED}'", "map": f"map('{ERASED}', '')"}
    value = instead.get(table[column].type.typeName(), "NULL")
    statement = f"MERGE INTO {run.location(table)} AS target USING erased_rows AS source ON {on} "
    run.execute(f"{statement} WHEN MATCHED THEN UPDATE SET `{column}` = {value}", table, "blank")


def blank_quotes(run: Run, table: "Table", files: Iterable[Path], sought: Sought) -> None:
    """Overwrite what quotes a customer in these data files of a table, in whatever column that makes no key."""
    days: dict[str, set[str]] = {}
    for path in files:
        file = pq.ParquetFile(path)
        for name in set(file.schema_arrow.names) & set(table.column_names) - set(table.key):
            column = file.read(columns=[name]).column(0)
            if any(sought.quoted.finds(separated(leaf)) for leaf in leaves(column)):
                days.setdefault(name, set()).update(
                    part.partition("=")[2] for part in path.parts if part.startswith(f"{table.slice_column}=")
                )
    for name, of_slice in sorted(days.items()):
        blank(run, table, name, sought, of_slice)


def forget_versions(run: Run, table: "Table") -> None:
    """Delete the files and log entries of a table's earlier versions; the log's statistics quote ids too."""
    if run.settings.catalog:
        run.spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
        run.spark.sql(f"VACUUM {run.location(table)} RETAIN 0 HOURS").collect()
        return
    erase_files.forget_versions(run.path(table))
