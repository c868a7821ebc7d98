"""Erase customers: out of every table, landed file, export and report; refused from then on; and a proof of it.

    python -m jobs.erase --customer C000123
    python -m jobs.erase --file ids.csv
    python -m jobs.erase --refused

Reads and writes every table whose contract names customers, their orders or browsers, or text that may quote them;
writes `ops_erased_customer` (keyed hashes, which ingest refuses) and the proof, `ops_erasure`. No old version of a
table stays: time travel ends here. It waits for the lake's running jobs, and they wait for it. Killed anywhere and run
again with the same customers, it completes. Exit code 1 where the search at the end still finds one of them.

`--refused` names nobody: it takes out of landed files the rows that ingest refused since, because their customer was
erased. `maintain` does the same each week.
"""

import argparse
import logging
from datetime import UTC, date, datetime
from pathlib import Path

from jobs import erase_files, erase_note, lake_lock, refusal, runtime
from jobs.erase_identity import identify_others
from jobs.erase_ids import Places, ids_in, ids_of_options
from jobs.erase_landing import erase_landing
from jobs.erase_names import rename_files
from jobs.erase_present import erase_state, make_present_again
from jobs.erase_quotes import blank_all
from jobs.erase_refused import erase_refused
from jobs.erase_search import Searched, search
from jobs.erase_tables import erase_rows, forget_versions, subjects_of
from jobs.erase_unknown import tell_unknown
from jobs.erase_words import Sought
from jobs.errors import MissingInputError, NightjarError
from jobs.landing_files import told
from jobs.pseudonyms import key_of, pseudonym, pseudonym_of_all
from jobs.settings import get_settings
from jobs.tables import Run
from schemas.clean import CLEAN_ORDER_LINES
from schemas.contract import ERASED
from schemas.feature import FEATURE_CUSTOMER
from schemas.identity import CLEAN_IDENTITY, CLEAN_IDENTITY_EDGE
from schemas.ops import OPS_ERASURE
from schemas.raw import RAW_CLICKSTREAM, RAW_CUSTOMERS, RAW_TRANSACTIONS
from schemas.tables import TABLES

# What links a customer to orders, browsers and addresses comes last: a killed run finds them again. Edges come after
# clicks, for they alone tell of browsers without a log-in.
LINKS = (CLEAN_ORDER_LINES, RAW_TRANSACTIONS, RAW_CLICKSTREAM, CLEAN_IDENTITY_EDGE, RAW_CUSTOMERS)

log = logging.getLogger("nightjar")
Counts = dict[str, tuple[int, int]]  # rows before and after, by place


class NotErasedError(NightjarError):
    """The search found an erased customer."""


def main(arguments: list[str]) -> None:
    """Erase the customers named."""
    parser = argparse.ArgumentParser(prog="python -m jobs.erase", description=__doc__)
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--customer", action="append", help="a customer_id; may be given several times")
    asked.add_argument("--file", type=Path, help="CSV with a column customer_id, or one id a line")
    asked.add_argument("--refused", action="store_true", help="rows that came after an erasure and were refused")
    # An erasure is no part of a night: it happens on the day it is asked for.
    parser.add_argument("--as-of", type=date.fromisoformat, default=datetime.now(UTC).date(), help="default: today")
    given = parser.parse_args(arguments)
    customers: Places = {}
    if not given.refused:
        customers = ids_of_options(given.customer) if given.customer else ids_in(given.file)
    lake = get_settings().lake
    if not lake.is_dir():
        raise MissingInputError(f"{lake} is no lake; point NIGHTJAR_LAKE at one")
    if given.refused:
        with lake_lock.alone(lake), runtime.step("erase_refused") as facts:
            facts.update(erase_refused(runtime.open_run(given.as_of, given.as_of, is_erasure=True)))
        return
    with lake_lock.alone(lake), runtime.step("erase", customers=len(customers)) as facts:
        run = runtime.open_run(given.as_of, given.as_of, is_erasure=True)
        tell_unknown(run, customers)
        facts.update(erase(run, set(customers)))


def erase(run: Run, customers: set[str]) -> dict[str, int]:
    """Refuse, remove, vacuum, search, prove; return what the log may tell."""
    key = key_of(run.settings)
    erasure_id = pseudonym_of_all(customers, key)
    with runtime.step("erase_find"):
        sought = subjects_of(run, customers)
    hashes = {pseudonym(one, key) for one in customers}
    with erase_note.unfinished(run.settings.lake, hashes, former=erasure_id):
        refusal.refuse(run, sought, key)
        counts = remove(run, sought)
        with runtime.step("erase_search") as facts:
            searched = find(run, sought, key)
            facts.update(files=searched.files)
        counts["all files of the lake"] = (len(searched.found), len(searched.found))
        prove(run, erasure_id, len(customers), counts)
    if missing := len(erase_note.noted(run.settings.lake) - {erase_note.REFUSED_AGAIN}):
        log.warning(
            "an erasure that was killed is about others too: run it again with them (customers left: %d)", missing
        )
    if searched.found:
        raise NotErasedError(
            f"{len(searched.found)} files still name an erased customer, first {told_file(searched.found[0], sought)}; "
            "mend, rename or remove them, then run the erasure again"
        )
    return {"files_searched": searched.files, "rows": sum(before - after for before, after in counts.values())}


def remove(run: Run, sought: Sought) -> Counts:
    """Take the customers out of landed files, tables with all their versions, exports and pages."""
    with runtime.step("erase_landing"):
        rename_files(run, sought)
        counts: Counts = {"landing": erase_landing(run, sought)}
    there = [table for table in (*(table for table in TABLES if table not in LINKS), *LINKS) if run.exists(table)]
    with runtime.step("erase_identity"):
        reassigned = identify_others(run, sought)
    with runtime.step("erase_tables"):
        for table in there:
            if (found := erase_rows(run, table, sought)) is not None:
                counts[table.name] = found
        make_present_again(run)
        if FEATURE_CUSTOMER.name in counts:
            erase_state(run)
    if CLEAN_IDENTITY.name in counts:
        before, after = counts[CLEAN_IDENTITY.name]
        counts[CLEAN_IDENTITY.name] = (before + reassigned, after)
    counts["exports"] = erase_files.erase_exports(run.settings.exports, sought.customers)
    erase_files.remove_quotes(run.settings, sought.customers)
    with runtime.step("erase_versions"):
        for table in there:
            forget_versions(run, table)
    return counts


def find(run: Run, sought: Sought, key: bytes) -> Searched:
    """Search every file; where somebody is quoted in it, blank that and search again."""
    lake = run.settings.lake
    people = sought.customers | sought.subjects["email"]
    hashes = {pseudonym(one, key) for one in sought.customers} | refusal.email_hashes(sought, key)
    searched = search(lake, people, hashes)
    if not searched.found:
        return searched
    blank_all(run, searched.found, sought)
    return search(lake, people, hashes)


def told_file(path: Path, sought: Sought) -> str:
    """A file's name as a log may tell it: without a customer in it."""
    blanked, _ = sought.blanked(str(path).encode("utf-8", "surrogateescape"), ERASED.encode())
    return told(blanked.decode("utf-8", "surrogateescape"))


def prove(run: Run, erasure_id: str, customers: int, counts: Counts) -> None:
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
