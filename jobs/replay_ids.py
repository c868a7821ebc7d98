"""Ids of replayed rows that bring none: those which the rows would have had in their own file, had they been right.

A row without an id is named by the hash of its content and its number among the equal rows of its file. A mended row
is therefore numbered after the equal rows of the file that it came from: two equal purchases of which one was torn stay
two, and the mended file, should it be sent as well, has the same ids.
"""

from typing import TYPE_CHECKING

from jobs.errors import MissingInputError
from jobs.ingest_staging import parsed
from jobs.pseudonyms import key_of, pseudonym
from jobs.replay_rows import Candidate, Refused, landed_file
from jobs.tables import Run
from schemas.ops import OPS_REPLAY
from schemas.raw import RAW_QUARANTINE, SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterable


def numbered(run: Run, source: str, rows: list[Candidate]) -> list[Candidate]:
    """The rows; those that are named by a hash with the number that is theirs."""
    to_number: dict[str, list[Candidate]] = {}
    for row in rows:
        if not row.has_own_id:
            to_number.setdefault(row.origin.source_file, []).append(row)
    ids: dict[int, str] = {}
    for of_file in to_number.values():
        ids |= numbers_of(run, source, of_file)
    return [row.named(ids.get(id(row), row.event_id)) for row in rows]


def numbers_of(run: Run, source: str, rows: list[Candidate]) -> dict[int, str]:
    """Ids of one file's rows, by the row."""
    key = key_of(run.settings)
    counts = equal_rows(run, source, rows[0].origin, {_content(row.event_id) for row in rows})
    replayed = run.read(OPS_REPLAY).filter(f"ingest_date = DATE'{rows[0].origin.ingest_date}'").collect()
    taken = {row.event_hash for row in replayed if row.source_file == rows[0].origin.source_file}
    ids = {}
    for row in rows:
        content = _content(row.event_id)
        number = counts.get(content, 0) + 1
        while pseudonym(f"{content}-{number}", key) in taken:
            number += 1
        ids[id(row)] = f"{content}-{number}"
        taken.add(pseudonym(ids[id(row)], key))
    return ids


def equal_rows(run: Run, source: str, origin: Refused, contents: "Iterable[str]") -> dict[str, int]:
    """How many rows of each content the file has, but for those in quarantine."""
    from pyspark.sql import functions as F

    file = landed_file(run, origin)
    if file is None:
        raise MissingInputError(
            f"{origin.source_file} is no longer what was read, and its mended rows have no event_id; "
            "put the file back, or give them ids"
        )
    refused = run.read(RAW_QUARANTINE).filter(F.col("source_file") == origin.source_file)
    lines = [row.source_line for row in refused.filter(f"ingest_date = DATE'{origin.ingest_date}'").collect()]
    good = parsed(run, SOURCES[source], [file]).filter(F.col("problem").isNull() & ~F.col("source_line").isin(lines))
    content = F.substring("event_id", 1, 32)
    counts = good.filter(content.isin(list(contents))).groupBy(content.alias("content")).count().collect()
    return {row["content"]: row["count"] for row in counts}


def _content(hashed_id: str) -> str:
    return hashed_id.rpartition("-")[0]
