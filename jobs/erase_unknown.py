"""Warn of ids that nothing names: a misspelt one would leave the customer where he is, though an erasure says done.

Reads the raw tables and, for ids that none of them names, the landed files: rows in quarantine, files not yet read.
"""

import logging
import os
from collections.abc import Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jobs.erase_ids import Places
from jobs.erase_tables import frame_of
from jobs.erase_texts import files_below, texts_of
from jobs.erase_words import Words, is_distinctive, spellings
from jobs.pseudonyms import key_of, pseudonym
from jobs.tables import Run
from schemas.ops import OPS_ERASED_CUSTOMER
from schemas.raw import SOURCES

log = logging.getLogger("nightjar")
PLACES_TOLD = 20


def tell_unknown(run: Run, customers: Places) -> None:
    """Warn by where an id was given, for a log names nobody; who is on the list was erased or told of before."""
    key = key_of(run.settings)
    listed = {row.customer_hash for row in run.read(OPS_ERASED_CUSTOMER).select("customer_hash").collect()}
    fresh = {one for one in customers if pseudonym(one, key) not in listed}
    if len(fresh) < len(customers):
        log.info("step=erase on the list already=%d", len(customers) - len(fresh))
    left = fresh - in_raw_tables(run, fresh)
    left -= in_files(run.settings.landing, {one for one in left if is_distinctive(one)})
    if places := [place for one, place in customers.items() if one in left]:
        told = ", ".join(places[:PLACES_TOLD]) + (", …" if len(places) > PLACES_TOLD else "")
        log.warning(
            "nothing in the lake names %d of %d customers: check the ids (%s); from now on they are refused",
            len(places),
            len(customers),
            told,
        )


def in_raw_tables(run: Run, ids: Set[str]) -> set[str]:
    """The ids that stand in a customer column of a raw table."""
    from pyspark.sql import functions as F

    found: set[str] = set()
    asked = frame_of(run, "customer_id", ids)
    for table in SOURCES.values():
        for column in table.customer_columns if run.exists(table) else ():
            rows = run.read(table).select(F.col(column).alias("customer_id"))
            named = rows.join(asked, "customer_id", how="left_semi").distinct()
            found |= {row.customer_id for row in named.collect()}
    return found


def in_files(folder: Path, ids: Set[str]) -> set[str]:
    """The ids that stand as a word in a file of the folder."""
    whose = {spelt: one for one in ids for spelt in spellings([one])}
    if not whose:
        return set()
    words = Words(whose)

    def named(path: Path) -> set[str]:
        return {whose[spelt] for _, text in texts_of(path) for _, spelt in words.places(text)}

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return set().union(*pool.map(named, sorted(files_below(folder))))
