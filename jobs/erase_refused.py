"""Landed files that came after an erasure and name the erased again: made anew without the rows that ingest refused.

Reads `raw_quarantine`, `ops_erased_customer` and the landed files in which ingest refused such rows; writes these files
and what the register says of them. The list holds hashes, so the files themselves tell whom it means.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from features.landing import read_rows
from features.landing_rows import Limits
from jobs import erase_note, refusal
from jobs.erase_landing import erase_landing
from jobs.erase_words import WORD_LENGTH, Sought, Words, spellings
from jobs.pseudonyms import key_of, pseudonym
from jobs.tables import Run
from schemas.ops import OPS_ERASED_CUSTOMER
from schemas.raw import RAW_QUARANTINE, SOURCES, landing_columns

File = tuple[str, Path]  # source, landed file
KINDS = ("customer_id", "email")  # an address tells whose a row is only where it names no customer


class Refused(Sought):
    """Whom ingest refused. A row goes where ingest judges it to be theirs, and nothing else is touched.

    An address may be another customer's by now: it is blanked nowhere, and takes out no row of a customer.
    """

    def __init__(self, customers: set[str], addresses: set[str]) -> None:
        super().__init__({"customer_id": customers, "email": addresses})
        self._words = Words(spellings(customers | addresses))

    def names(self, values: Iterable[tuple[str, object]]) -> bool:
        """Whether a row is of one of them."""
        row = {column: str(value).strip() for column, value in values if value is not None and column in KINDS}
        kind = "customer_id" if row.get("customer_id") else "email"
        return row.get(kind) in self.subjects[kind]

    def mentions(self, broken: bytes) -> bool:
        """Whether one of them stands in a row that can't be read."""
        return self._words.finds(broken)

    def blanked(self, text: bytes, instead: bytes) -> tuple[bytes, int]:
        """The text as it is."""
        return text, 0


def refused_files(run: Run) -> list[File]:
    """Landed files of which ingest refused rows because their customer was erased."""
    rows = run.read(RAW_QUARANTINE).filter(f"reason = '{refusal.ERASED}'").select("source", "source_file").distinct()
    found = sorted((row.source, run.settings.landing / row.source_file) for row in rows.collect())
    return [(source, path) for source, path in found if path.is_file()]


def erase_refused(run: Run) -> dict[str, int]:
    """Make those files anew; the lake must be held alone. Killed anywhere and run again, it completes."""
    files = refused_files(run)
    with erase_note.unfinished(run.settings.lake, {erase_note.REFUSED_AGAIN}):
        sought = named_in(run, files)
        removed, _ = erase_landing(run, sought, files) if sought.anywhere else (0, 0)
    return {"files": len(files), "rows": removed}


def named_in(run: Run, files: Iterable[File]) -> Refused:
    """Those on the list whom the files name, as they are spelt there."""
    key = key_of(run.settings)
    listed: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for row in run.read(OPS_ERASED_CUSTOMER).collect():
        kind = row.asDict().get("identifier_kind")  # a list of before has none: of customers alone
        listed[kind or "customer_id"].add(row.customer_hash)
    found: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for kind, spelt in {one for file in files for one in identifiers(run, *file)}:
        same = (spelt, spelt.lower()) if kind is None else (spelt.lower() if kind == "email" else spelt,)
        hashes = {pseudonym(one, key) for one in same}
        for of_kind in KINDS if kind is None else (kind,):
            if hashes & listed[of_kind]:
                found[of_kind].add(spelt)
    return Refused(found["customer_id"], found["email"])


def identifiers(run: Run, source: str, path: Path) -> Iterator[tuple[str | None, str]]:
    """(kind, customer or address) of a file's rows; kind None for words of rows that can't be read."""
    limits = Limits(run.settings.maximum_row_kb, run.settings.maximum_unpacked_mb)
    columns = tuple(column.name for column in landing_columns(SOURCES[source]))
    for rows in read_rows(path, path.name, date.min, columns, limits):
        for kind in set(KINDS) & set(columns):
            yield from ((kind, one) for one in _values(pc.utf8_trim_whitespace(rows[kind])))
        for text in _values(rows["original_text"]):
            words = {word for cut in refusal.CUTS for word in re.split(cut, text)}
            yield from ((None, word) for word in words if len(word) >= WORD_LENGTH)


def _values(column: pa.Array) -> list[str]:
    return [one for one in pc.unique(column).to_pylist() if one]
