"""Erase customers: out of every table, landed file, export and report; refused from then on; and a proof of it.

    python -m jobs.erase --customer C000123
    python -m jobs.erase --file ids.csv

Reads and writes every table whose contract names customers, their orders or browsers, or text that may quote them;
writes `ops_erased_customer` (keyed hashes, which ingest refuses) and the proof, `ops_erasure`. No old version of a
table stays: time travel ends here. It waits for the lake's running jobs, and they wait for it. Killed anywhere and run
again with the same customers, it completes. Exit code 1 where the search at the end still finds one of them.
"""

import argparse
import csv
import logging
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql.types import MapType

from jobs import erase_files, lake_lock, runtime
from jobs.erase_landing import Subjects, erase_landing
from jobs.erase_search import Finder, search
from jobs.errors import MissingInputError, NightjarError
from jobs.pseudonyms import key_of, pseudonym, pseudonym_of_all
from jobs.settings import get_settings
from jobs.tables import Run
from schemas.clean import CLEAN_ORDER_LINES
from schemas.identity import CLEAN_IDENTITY_EDGE
from schemas.ops import OPS_ERASED_CUSTOMER, OPS_ERASURE
from schemas.raw import RAW_CLICKSTREAM, RAW_TRANSACTIONS
from schemas.tables import TABLES

if TYPE_CHECKING:
    from schemas.contract import Table

log = logging.getLogger("nightjar")
ERASED = "(erased)"
# Orders and browsers of a customer are found in these; so they come last, and a killed run finds them again.
LINKS = (CLEAN_ORDER_LINES, RAW_TRANSACTIONS, CLEAN_IDENTITY_EDGE, RAW_CLICKSTREAM)
LINKED_IN = {
    "order_id": RAW_TRANSACTIONS,
    "visitor_id": RAW_CLICKSTREAM,
    "device_id": RAW_CLICKSTREAM,
    "email_hash": CLEAN_IDENTITY_EDGE,
}


class NotErasedError(NightjarError):
    """The search found an erased customer."""


def main(arguments: list[str]) -> None:
    """Erase the customers named."""
    parser = argparse.ArgumentParser(prog="python -m jobs.erase", description=__doc__)
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--customer", action="append", help="a customer_id; may be given several times")
    asked.add_argument("--file", type=Path, help="CSV with a column customer_id, or one id a line")
    # An erasure is no part of a night: it happens on the day it is asked for.
    parser.add_argument("--as-of", type=date.fromisoformat, default=datetime.now(UTC).date(), help="default: today")
    given = parser.parse_args(arguments)
    customers = set(given.customer) if given.customer else ids_in(given.file)
    lake = get_settings().lake
    if not lake.is_dir():
        raise MissingInputError(f"{lake} is no lake; point NIGHTJAR_LAKE at one")
    with lake_lock.alone(lake), runtime.step("erase", customers=len(customers)) as facts:
        facts.update(erase(runtime.open_run(given.as_of, given.as_of), customers))


def ids_in(path: Path) -> set[str]:
    """Customer ids of a file."""
    if not path.is_file():
        raise MissingInputError(f"{path} is not there; give a CSV with a column customer_id")
    rows = [row for row in csv.reader(path.read_text(encoding="utf-8-sig").splitlines()) if row]
    place = rows[0].index("customer_id") if rows and "customer_id" in rows[0] else None
    if place is None and any(len(row) > 1 for row in rows):
        raise MissingInputError(
            f"{path} has several columns and none is called customer_id; name the one that holds ids"
        )
    found = {row[place] if place is not None else row[0] for row in rows[0 if place is None else 1 :]} - {""}
    if not found:
        raise MissingInputError(f"{path} names no customer; put one id on each line")
    return found


def erase(run: Run, customers: set[str]) -> dict[str, int]:
    """Refuse, remove, vacuum, search, prove; return what the log may tell."""
    key = key_of(run.settings)
    refuse(run, customers, key)
    subjects = {"customer_id": customers, **links(run, customers)}
    counts: dict[str, tuple[int, int]] = {"landing": erase_landing(run, subjects)}
    ordered = [*(table for table in TABLES if table not in LINKS), *LINKS]
    for table in ordered:
        if run.exists(table) and (found := erase_rows(run, table, subjects)) is not None:
            counts[table.name] = found
    counts["exports"] = erase_files.erase_exports(run.settings.exports, customers)
    erase_files.remove_quotes(run.settings, customers)
    for table in TABLES:
        if run.exists(table):
            forget_versions(run, table)
    searched = search(run.settings.lake, customers, {pseudonym(one, key) for one in customers})
    counts["all files of the lake"] = (searched.found, searched.found)
    prove(run, pseudonym_of_all(customers, key), len(customers), counts)
    if searched.found:
        raise NotErasedError(
            f"{searched.found} files still name an erased customer, first {searched.first}; run the erasure again"
        )
    return {"files_searched": searched.files, "rows": sum(before - after for before, after in counts.values())}


def refuse(run: Run, customers: set[str], key: bytes) -> None:
    """Put the customers on the list that ingest refuses, before anything is removed: nothing new comes meanwhile."""
    rows = [(pseudonym(customer, key), run.as_of_date) for customer in sorted(customers)]
    run.merge(run.spark.createDataFrame(rows, OPS_ERASED_CUSTOMER.struct), OPS_ERASED_CUSTOMER)


def links(run: Run, customers: set[str]) -> Subjects:
    """Orders, browsers, devices and hashes of addresses that were only theirs."""
    from pyspark.sql import functions as F

    found: Subjects = {column: set() for column in LINKED_IN}
    view(run, "customer_id", customers)
    theirs = run.spark.table("erased_customer_id").select(F.col("customer_id"), F.lit(True).alias("is_erased"))
    for column, table in LINKED_IN.items():
        if not run.exists(table) or column not in run.read(table).columns:
            continue
        both = run.read(table).filter(f"customer_id IS NOT NULL AND {column} IS NOT NULL")
        named = both.select(column, "customer_id").distinct()
        owned = named.join(theirs, "customer_id", how="left").groupBy(column)
        only = owned.agg(F.min(F.coalesce("is_erased", F.lit(False))).alias("only_theirs")).filter("only_theirs")
        found[column] = {row[0] for row in only.select(column).collect()}
    found["visitor_id"] |= browsers_without_login(run, found)
    found["identifier"] = found["visitor_id"] | found["device_id"] | found["email_hash"]
    return found


def browsers_without_login(run: Run, found: Subjects) -> set[str]:
    """Browsers in which nobody logged in, on devices that were only theirs or with an address that was."""
    if not run.exists(CLEAN_IDENTITY_EDGE):
        return set()
    edges = run.read(CLEAN_IDENTITY_EDGE)
    named = edges.filter("edge_kind = 'visitor_customer'").select("visitor_id")
    browsers: set[str] = set()
    for column, kind in (("device_id", "visitor_device"), ("email_hash", "visitor_email")):
        if found[column]:
            view(run, column, found[column])
            tied = edges.filter(f"edge_kind = '{kind}'").join(run.spark.table(f"erased_{column}"), column, "left_semi")
            browsers |= {row.visitor_id for row in tied.join(named, "visitor_id", "left_anti").collect()}
    return browsers


def view(run: Run, column: str, ids: set[str]) -> None:
    """Give the engine ids as a view, never as text of a statement."""
    rows = [(one,) for one in sorted(ids)]
    run.spark.createDataFrame(rows, f"{column} string").createOrReplaceTempView(f"erased_{column}")


def erase_rows(run: Run, table: "Table", subjects: Subjects) -> tuple[int, int] | None:
    """Delete a table's rows of the subjects and blank text that quotes them.

    Returns their rows before and after, None for a table that holds nothing of customers.
    """
    followed = [(column, "customer_id") for column in table.customer_columns]
    followed += [(column, column) for column in table.linked_columns]
    if not followed and not table.quoting_columns:
        return None
    before = after = 0
    for column, kind in followed:
        if not subjects.get(kind):
            continue
        view(run, kind, subjects[kind])
        matching = f"MERGE INTO {run.location(table)} AS target USING erased_{kind} AS source "
        matching += f"ON target.`{column}` = source.`{kind}` WHEN MATCHED THEN DELETE"
        if count := rows_of(run, table, column, kind):
            before += count
            run.execute(matching, table, "erase")
            after += rows_of(run, table, column, kind)
    for column in table.quoting_columns:
        before += blank(run, table, column, subjects["customer_id"])
    return before, after


def rows_of(run: Run, table: "Table", column: str, kind: str) -> int:
    """Rows of a table whose column holds one of the ids in view."""
    from pyspark.sql import functions as F

    ids = run.spark.table(f"erased_{kind}").select(F.col(kind).alias(column))
    return run.read(table).join(ids, column, how="left_semi").count()


def blank(run: Run, table: "Table", column: str, customers: set[str]) -> int:
    """Overwrite a text that quotes a customer; the row, which others count, stays."""
    finder = Finder(customers)
    texts = run.read(table).filter(f"`{column}` IS NOT NULL").select(*table.key, column).toArrow()
    hits = [row for row in texts.to_pylist() if finder.finds(_said(row[column]).encode())]
    if not hits:
        return 0
    struct = table.struct
    fields = [struct[name] for name in table.key]
    rows = [tuple(row[name] for name in table.key) for row in hits]
    run.spark.createDataFrame(rows, type(struct)(fields)).createOrReplaceTempView("erased_text")
    on = " AND ".join(f"target.`{name}` = source.`{name}`" for name in table.key)
    statement = f"MERGE INTO {run.location(table)} AS target USING erased_text AS source ON {on} "
    is_map = isinstance(table[column].type, MapType)
    blanked = f"map('{ERASED}', '')" if is_map else f"'{ERASED}'"
    run.execute(f"{statement} WHEN MATCHED THEN UPDATE SET `{column}` = {blanked}", table, "blank")
    return len(hits)


def _said(value: str | list[tuple[str, str]]) -> str:
    """A text, or all that stands in a map."""
    return value if isinstance(value, str) else "\n".join(f"{key}\n{text}" for key, text in value)


def forget_versions(run: Run, table: "Table") -> None:
    """Delete the files and log entries of a table's earlier versions; the log's statistics quote ids too."""
    if run.settings.catalog:
        run.spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
        run.spark.sql(f"VACUUM {run.location(table)} RETAIN 0 HOURS").collect()
        return
    erase_files.forget_versions(run.path(table))


def prove(run: Run, erasure_id: str, customers: int, counts: dict[str, tuple[int, int]]) -> None:
    """Keep what each place held before and after. A second run keeps the first one's `before`."""
    from pyspark.sql import functions as F

    earlier = run.read(OPS_ERASURE).filter(F.col("erasure_id") == erasure_id)
    first = {row.place: row.before_count for row in earlier.collect()}
    rows = [
        (erasure_id, place, run.as_of_date, customers, max(before, first.get(place, 0)), after)
        for place, (before, after) in sorted(counts.items())
    ]
    run.merge(run.spark.createDataFrame(rows, OPS_ERASURE.struct), OPS_ERASURE)


if __name__ == "__main__":
    runtime.start(main)
