"""Quarantined rows as rows of a landing file again: by their repair, by their text, or by their line of their file."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from jobs.errors import MissingInputError
from jobs.ingest_staging import HASHED_ID, parsed
from jobs.landing_files import LandingFile, hash_file
from jobs.tables import Run
from schemas.contract import ERASED
from schemas.ops import OPS_FILE
from schemas.raw import EXTRA, SOURCES, landing_columns

UNKNOWN_CHARACTER = "\ufffd"  # in the text of a row that is not UTF-8, for what could not be read
Key = tuple[date, str, int]
Record = dict[str, Any]


@dataclass(frozen=True)
class Refused:
    """A row of `raw_quarantine`."""

    ingest_date: date
    source: str
    source_file: str
    source_line: int
    reason: str
    text: str | None

    @property
    def key(self) -> Key:
        """What names the row."""
        return self.ingest_date, self.source_file, self.source_line

    @property
    def place(self) -> str:
        """The row's place, as a log may tell it."""
        return f"{self.source_file} line {self.source_line}"


@dataclass(frozen=True)
class Candidate:
    """A row to put back, and the quarantined row that it was: of a whole file that was refused, many are of one."""

    origin: Refused
    record: Record
    event_id: str = ""
    is_by_line: bool = False
    is_mended: bool = False

    @property
    def has_own_id(self) -> bool:
        """Whether the row brings an id; else its id is the hash of its content."""
        return self.record.get("event_id") not in (None, "")

    def named(self, event_id: str) -> "Candidate":
        """The same row under an id."""
        return replace(self, event_id=event_id)


def text_of(row: Candidate) -> bytes:
    """The row as a line of a landing file."""
    record = row.record | {"event_id": row.event_id} if row.event_id else row.record
    try:
        return json.dumps(record, ensure_ascii=False).encode() + b"\n"
    except UnicodeEncodeError:  # half a character; its escape is refused with a reason
        return json.dumps(record).encode() + b"\n"


def candidates(run: Run, rows: Iterable[Refused], repairs: dict[Key, Record]) -> tuple[list[Candidate], list[str]]:
    """The rows that can be read, and where the others stand and why."""
    found: list[Candidate] = []
    unread: list[str] = []
    by_line: dict[tuple[str, date], list[Refused]] = {}
    for row in rows:
        if row.key in repairs:
            found.append(Candidate(row, _without_old_hash(repairs[row.key], row), is_mended=True))
        elif is_erased(row):
            unread.append(f"{row.place} (the customer was erased)")
        elif row.source_line > 0 and (record := record_of(row.text)) is not None:
            found.append(Candidate(row, record))
        else:
            by_line.setdefault((row.source_file, row.ingest_date), []).append(row)
    for of_file in by_line.values():
        again = read_again(run, of_file)
        read = {candidate.origin.key for candidate in again}
        found += again
        unread += [f"{row.place} ({row.reason.partition(':')[0]})" for row in of_file if row.key not in read]
    return sorted(found, key=lambda candidate: candidate.origin.key), unread


def is_erased(row: Refused) -> bool:
    """Whether an erasure took the row's text."""
    return row.text == ERASED or "the customer was erased" in row.reason or ERASED in row.reason


def record_of(text: str | None) -> Record | None:
    """The columns in a refused row's text; None where it is no JSON object, says a name twice, or lost a character."""
    if UNKNOWN_CHARACTER in (text or ""):
        return None
    try:
        record = json.loads(text or "", parse_float=str, parse_int=str, parse_constant=_no, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _no(constant: str) -> None:
    raise ValueError(constant)


def _once(pairs: list[tuple[str, Any]]) -> Record:
    if len(record := dict(pairs)) < len(pairs):
        raise ValueError("a name stands twice")
    return record


def _without_old_hash(repaired: Record, row: Refused) -> Record:
    """The mended row; an id that is the hash of what was bad is made anew, as the mended file would have it."""
    given = str(repaired.get("event_id") or "")
    was_hash = given == (record_of(row.text) or {}).get("event_id") and re.match(HASHED_ID, given)
    return {name: value for name, value in repaired.items() if not (was_hash and name == "event_id")}


def landed_file(run: Run, row: Refused) -> LandingFile | None:
    """The file that the row came from, if it is still what was read then."""
    path = run.settings.landing / row.source_file
    if not path.is_file():
        return None
    read = run.read(OPS_FILE).filter(f"ingest_date = DATE'{row.ingest_date}'").collect()
    content_hash, size = hash_file(path)
    if (row.source_file, content_hash) not in {(one.source_file, one.content_hash) for one in read}:
        return None
    return LandingFile(row.source, path, row.source_file, content_hash, size, row.ingest_date)


def read_again(run: Run, rows: list[Refused]) -> list[Candidate]:
    """Lines of one file, or the whole of it, that can be read by now."""
    from pyspark.sql import functions as F

    file = landed_file(run, rows[0])
    if file is None:
        return []
    table = SOURCES[rows[0].source]
    lines = {row.source_line: row for row in rows}
    read = parsed(run, table, [file]).filter(F.col("problem").isNull())
    if 0 not in lines:
        read = read.filter(F.col("source_line").isin(list(lines)))
    names = [column.name for column in landing_columns(table)]
    found = []
    for line in read.collect():
        record = {name: line[name] for name in (*names, EXTRA) if line[name] is not None}
        found.append(Candidate(lines.get(line.source_line) or lines[0], record, is_by_line=line.source_line in lines))
    return found


def draft_of(run: Run, row: Refused) -> Record:
    """What an operator mends: `row` is what could be read, null where nothing could."""
    return {
        "ingest_date": str(row.ingest_date),
        "source_file": row.source_file,
        "source_line": row.source_line,
        "reason": row.reason,
        "text": row.text,
        "row": record_of(row.text) or _by_header(run, row),
    }


def _by_header(run: Run, row: Refused) -> Record | None:
    from features.landing import file_format, header_of
    from features.landing_csv import csv_records

    file = landed_file(run, row) if row.source_line > 0 and row.text else None
    if file is None or file_format(file.path) != "csv":
        return None
    fields = next(csv_records([row.text or ""]), [])
    return dict(zip(header_of(file.path) or [], fields, strict=False))


def _place_of(told: dict[str, Any]) -> Key:
    file, line = told["source_file"], told["source_line"]
    if not isinstance(file, str) or type(line) is not int:
        raise TypeError("source_file must be a text and source_line a whole number")
    return date.fromisoformat(told["ingest_date"]), file, line


def repairs_in(path: Path, asked: Iterable[Refused]) -> dict[Key, Record]:
    """The mended rows of a draft by what names them; each must be one of the rows asked for."""
    if not path.is_file():
        raise MissingInputError(f"{path} is not there; write a draft with --draft, then mend its rows")
    known = {row.key: row for row in asked}
    repairs: dict[Key, Record] = {}
    # Not splitlines: texts may hold other characters that end a line, which JSON leaves as they are.
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            told = json.loads(line.decode("utf-8-sig"))
            key = _place_of(told)
            row = told["row"]
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise MissingInputError(
                f"{path} line {number} is no line of a draft: {error!r}; mend `row` alone"
            ) from None
        if key not in known:
            raise MissingInputError(f"{path} line {number}: no such row is in quarantine; write the draft anew")
        if not isinstance(row, dict) or not row:
            raise MissingInputError(
                f"{path} line {number}: row is empty, or no object; fill in its columns, or delete the line"
            )
        if key in repairs:
            raise MissingInputError(f"{path} line {number}: this row is mended twice; delete one of the lines")
        if key[2] == 0 or is_erased(known[key]):
            raise MissingInputError(
                f"{path} line {number}: a whole file, or an erased customer, is not mended by a row"
            )
        repairs[key] = row
    return repairs
