"""Put quarantined rows back through ingest, once: those that were repaired, or that the rules allow by now.

    python -m jobs.replay --reason "no exchange rate" --as-of D
    python -m jobs.replay --reason "is no decimal" --draft rows.jsonl --as-of D      # then mend `row` in each line
    python -m jobs.replay --repair rows.jsonl --as-of D

Reads `raw_quarantine` and, where a row's text is no row, its landing file; writes landing files
`landing/<source>/dt=D/replay-<hash>.jsonl`, which the ingest of D reads as any other, and `ops_replay`. D is a night
that is not published. Rows that still break a rule stay where they are, as do those of erased customers. Killed
anywhere and run again, it writes the same file: rows keep their ids, so ingest takes each once.
"""

import argparse
import json
import logging
import shutil
from pathlib import Path

from jobs import lake_lock, runtime
from jobs.errors import ContractError, MissingInputError
from jobs.ingest_staging import stage
from jobs.landing_files import LandingFile
from jobs.pseudonyms import key_of, pseudonym
from jobs.replay_ids import numbered
from jobs.replay_rows import Candidate, Refused, candidates, draft_of, repairs_in, text_of
from jobs.tables import Run
from schemas.ops import OPS_REPLAY
from schemas.raw import RAW_QUARANTINE, SOURCES

log = logging.getLogger("nightjar")


def main(arguments: list[str]) -> None:
    """Replay, or draft a repair of, the rows asked for."""
    parser = runtime.parser("replay", __doc__)
    parser.add_argument("--reason", help="text that stands in the reason")
    parser.add_argument("--source", choices=sorted(SOURCES), help="landing source")
    parser.add_argument("--file", help="landing file as raw_quarantine names it")
    parser.add_argument("--line", type=int, help="source_line within --file")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--repair", type=Path, help="a draft whose rows were mended; only they are replayed")
    what.add_argument("--draft", type=Path, help="write the rows there, to be mended; replay nothing")
    given = parser.parse_args(arguments)
    if not (given.reason or given.file or given.repair):
        raise MissingInputError("which rows? Give --reason, --file or --repair; see raw_quarantine")
    run = runtime.run_of(given)
    refuse_published(run)
    staging = run.settings.staging / "replay"
    with (
        lake_lock.only(staging.with_suffix(".lock"), "replay"),  # two at once could give two rows one id
        runtime.step("replay", reason=given.reason or "any") as facts,
    ):
        asked = rows_asked(run, given)
        if given.draft:
            facts.update(drafted=write_draft(run, asked, given.draft))
            return
        repairs = repairs_in(given.repair, asked) if given.repair else {}
        wanted = [row for row in asked if row.key in repairs] if given.repair else asked
        fresh = not_replayed(run, wanted)
        before = len(wanted) - len(fresh)
        facts.update(matching=len(wanted), replayed_before=before)
        if before:
            log.info("step=replay %s", put_back_already(before))
        try:
            facts.update(replay(run, fresh, repairs, staging, before))
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def refuse_published(run: Run) -> None:
    """Raise where the night can take no more files."""
    newest = max(run.published_dates(), default=None)
    if newest and run.as_of_date <= newest:
        raise MissingInputError(
            f"{newest} is published and takes no more rows; give a later night, as --as-of, whose ingest comes yet"
        )


def rows_asked(run: Run, given: argparse.Namespace) -> list[Refused]:
    """The quarantined rows that the options name, replayed or not, whatever their night."""
    from pyspark.sql import functions as F

    rows = run.known(RAW_QUARANTINE)
    for column, value in (("source", given.source), ("source_file", given.file), ("source_line", given.line)):
        if value is not None:
            rows = rows.filter(F.col(column) == value)
    if given.reason:
        rows = rows.filter(F.contains("reason", F.lit(given.reason)))
    fields = ("ingest_date", "source", "source_file", "source_line", "reason", "original_text")
    found = [Refused(*row) for row in rows.select(*fields).collect()]
    if not found:
        raise MissingInputError("no quarantined row matches; see the reasons and files in raw_quarantine")
    return sorted(found, key=lambda row: row.key)


def not_replayed(run: Run, rows: list[Refused]) -> list[Refused]:
    """Those that no replay has put back. A line of a mended file has another text: it is another row."""
    key = key_of(run.settings)
    done = {
        (row.ingest_date, row.source_file, row.source_line, row.text_hash) for row in run.read(OPS_REPLAY).collect()
    }
    return [row for row in rows if (*row.key, pseudonym(row.text or "", key)) not in done]


def write_draft(run: Run, rows: list[Refused], path: Path) -> int:
    """Write the rows that no replay has put back as JSON lines with what could be read of each."""
    fresh = not_replayed(run, rows)
    path.write_text("".join(json.dumps(draft_of(run, row), ensure_ascii=False) + "\n" for row in fresh), "utf-8")
    return len(fresh)


def put_back_already(count: int) -> str:
    """Rows that an earlier replay has put back, in words."""
    return f"{count} row was put back already" if count == 1 else f"{count} rows were put back already"


def replay(
    run: Run, rows: list[Refused], repairs: dict[tuple, dict[str, object]], staging: Path, before: int
) -> dict[str, int]:
    """Land the rows that keep the rules now, by source; return what the log may tell. `before` were put back."""
    landed = left = 0
    first = ""
    for source in SOURCES:
        of_source = [row for row in rows if row.source == source]
        if not of_source:
            continue
        read, unread = candidates(run, of_source, repairs)
        good, bad = checked(run, source, read, staging) if read else ([], [])
        if good:
            land(run, source, numbered(run, source, good), staging)
        landed, left = landed + len(good), left + len(unread) + len(bad)
        first = first or next(iter([*unread, *bad]), "")
    if left:
        log.info("step=replay left in quarantine=%d, first %s", left, first)
    if left and not landed:
        others = f"; {put_back_already(before)}" if before else ""
        raise ContractError(
            f"none of the {left} rows left can be read and keeps the rules, first {first}; mend them by --draft{others}"
        )
    return {"landed": landed, "left": left}


def checked(run: Run, source: str, read: list[Candidate], staging: Path) -> tuple[list[Candidate], list[str]]:
    """The rows that ingest would take, and where the others stand and why: by ingest's own reading and rules."""
    staging.mkdir(parents=True, exist_ok=True)
    path = staging / f"{source}.jsonl"
    path.write_bytes(b"".join(map(text_of, read)))
    file = LandingFile(source, path, path.name, "", path.stat().st_size, run.as_of_date)
    rows = stage(run, SOURCES[source], [file], staging / source).rows
    judged = {row.source_line: row for row in rows.select("source_line", "reason", "event_id", "fate").collect()}
    mended = {judged[number].event_id: row for number, row in enumerate(read, 1) if row.is_mended and row.has_own_id}
    taken = ids_taken(run, source, mended)
    good, bad = [], []
    for number, candidate in enumerate(read, start=1):
        row = judged[number]
        if row.reason is not None:
            bad.append(f"{candidate.origin.place} ({row.reason.partition(':')[0]})")  # no value of a customer's
        elif candidate.is_by_line and row.fate != "new":  # an erasure may have moved the file's lines
            bad.append(f"{candidate.origin.place} (another row stands there by now)")
        elif candidate.is_mended and candidate.has_own_id and (row.fate != "new" or row.event_id in taken):
            # Ingest would drop it as a duplicate, and the mark say that it came back.
            bad.append(f"{candidate.origin.place} (its event_id is another row's)")
        else:
            good.append(candidate.named(row.event_id))
    return good, bad


def ids_taken(run: Run, source: str, mended: dict[str, Candidate]) -> set[str]:
    """Ids of mended rows that rows of the same night or of an earlier replay have: no fate tells of them."""
    from pyspark.sql import functions as F

    key = key_of(run.settings)
    marks = {
        row.event_hash: (row.ingest_date, row.source_file, row.source_line) for row in run.read(OPS_REPLAY).collect()
    }
    replayed = {one for one, row in mended.items() if marks.get(pseudonym(one, key), row.origin.key) != row.origin.key}
    landed = run.brought(SOURCES[source]).filter(~F.contains("source_file", F.lit("/replay-")))
    found = landed.filter(F.col("event_id").isin(list(mended))).select("event_id").collect() if mended else []
    return replayed | {row.event_id for row in found}


def land(run: Run, source: str, rows: list[Candidate], staging: Path) -> None:
    """Write the landing file, then note its rows as replayed.

    Between the two a killed run leaves rows that the next one lands again, under the same ids.
    """
    key = key_of(run.settings)
    content = b"".join(map(text_of, rows))
    name = f"replay-{pseudonym(content.decode(), key)[:16]}.jsonl"
    landing = run.settings.landing / source
    path = next(landing.glob(f"dt=*/{name}"), landing / f"dt={run.as_of_date}" / name)
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        (staging / name).write_bytes(content)
        (staging / name).replace(path)
    marks = {
        row.origin.key: (
            row.origin.ingest_date,
            source,
            row.origin.source_file,
            row.origin.source_line,
            pseudonym(row.origin.text or "", key),
            pseudonym(row.event_id, key),
            run.as_of_date,
            str(path.relative_to(run.settings.landing)),
        )
        for row in rows
    }
    run.merge(run.spark.createDataFrame(list(marks.values()), OPS_REPLAY.struct), OPS_REPLAY)


if __name__ == "__main__":
    runtime.start(main)
