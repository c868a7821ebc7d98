"""Landed files without the rows of the erased."""

import csv
import hashlib
import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.erase_search import COMPRESSIONS, Finder
from jobs.tables import Run
from schemas.ops import OPS_FILE
from schemas.raw import SOURCES

PARTIAL = ".erased"

Subjects = dict[str, set[str]]  # ids by the name of the column that holds them


def erase_landing(run: Run, subjects: Subjects) -> tuple[int, int]:
    """Write landed files anew without the subjects' rows; rows removed, and 0.

    The register learns the new content before the file changes: were the process killed between, the next ingest takes
    neither for a new file.
    """
    rewritten: list[tuple[str, Path, Path]] = []
    rows = 0
    for source in SOURCES:
        for path in sorted((run.settings.landing / source).glob("dt=*/*")):
            if path.is_file() and not path.name.startswith((".", "_")) and (kept := without(path, subjects)):
                content, removed = kept
                partial = path.with_name(f".{path.name}{PARTIAL}")
                partial.write_bytes(content)
                rewritten.append((source, path, partial))
                rows += removed
    register(run, rewritten)
    for _, path, partial in rewritten:
        os.replace(partial, path)
    return rows, 0


def register(run: Run, rewritten: list[tuple[str, Path, Path]]) -> None:
    """Put the new hashes and sizes of files in place of the old ones."""
    if not rewritten or not run.exists(OPS_FILE):
        return
    rows = []
    for source, path, partial in rewritten:
        content = partial.read_bytes()
        name = str(path.relative_to(run.settings.landing))
        rows.append((source, name, hashlib.sha256(content).hexdigest(), len(content)))
    fields = "source string, source_file string, content_hash string, size_bytes bigint"
    run.spark.createDataFrame(rows, fields).createOrReplaceTempView("erased_file")
    run.execute(
        f"MERGE INTO {run.location(OPS_FILE)} AS target USING erased_file AS source "
        "ON target.source = source.source AND target.source_file = source.source_file "
        "WHEN MATCHED THEN UPDATE SET content_hash = source.content_hash, size_bytes = source.size_bytes",
        OPS_FILE,
        "erase",
    )


def without(path: Path, subjects: Subjects) -> tuple[bytes, int] | None:
    """A landed file's bytes without the subjects' rows, and how many those were; None where it has none.

    A row that can't be read goes when it names one of the customers anywhere.
    """
    name = path.name.removesuffix(".gz").removesuffix(".zst")
    if name.endswith(".parquet"):
        return _parquet_without(path, subjects)
    try:
        with pa.input_stream(str(path), compression="detect") as stream:
            text = stream.read().decode("utf-8", "surrogateescape")
    except (OSError, pa.ArrowInvalid):
        return None  # its one row is in quarantine; the search tells if it names anybody
    if name.endswith(".csv"):
        kept, removed = _csv_without(text, subjects)
    elif name.endswith(".jsonl"):
        kept, removed = _lines_without(text, subjects)
    else:
        kept, removed = _array_without(text, subjects)
    if not removed:
        return None
    packed = pa.BufferOutputStream()
    content = kept.encode("utf-8", "surrogateescape")
    if compression := COMPRESSIONS.get(path.suffix):
        with pa.CompressedOutputStream(packed, compression) as stream:
            stream.write(content)
        return packed.getvalue().to_pybytes(), removed
    return content, removed


def _csv_without(text: str, subjects: Subjects) -> tuple[str, int]:
    csv.field_size_limit(sys.maxsize)
    taken: list[str] = []

    def lines() -> Iterator[str]:
        for line in io.StringIO(text, newline=""):
            taken.append(line)
            yield line

    kept, removed, header = [], 0, None
    for record in csv.reader(lines()):
        raw, taken[:] = "".join(taken), []
        if header is None:
            header = [name.strip("\ufeff ") for name in record]
        elif _names(dict(zip(header, record, strict=False)), subjects) or (
            len(record) != len(header) and subjects["customer_id"] & set(record)
        ):
            removed += 1
            continue
        kept.append(raw)
    return "".join(kept), removed


def _lines_without(text: str, subjects: Subjects) -> tuple[str, int]:
    lines = text.splitlines(keepends=True)
    kept = [line for line in lines if not _json_names(line, subjects)]
    return "".join(kept), len(lines) - len(kept)


def _json_names(line: str, subjects: Subjects) -> bool:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if isinstance(row, dict):
        return _names(row, subjects)
    return Finder(subjects["customer_id"]).finds(line.encode("utf-8", "surrogateescape"))


def _array_without(text: str, subjects: Subjects) -> tuple[str, int]:
    try:
        rows = json.loads(text)
    except ValueError:
        rows = None
    if not isinstance(rows, list):
        return text, 0
    kept = [row for row in rows if not (isinstance(row, dict) and _names(row, subjects))]
    return json.dumps(kept, ensure_ascii=False), len(rows) - len(kept)


def _parquet_without(path: Path, subjects: Subjects) -> tuple[bytes, int] | None:
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowInvalid):
        return None
    hit = pa.array([False] * table.num_rows)
    for column, ids in subjects.items():
        if column in table.column_names and ids:
            named = pc.is_in(table[column].cast(pa.string()), value_set=pa.array(sorted(ids)))
            hit = pc.or_(hit, named.combine_chunks() if isinstance(named, pa.ChunkedArray) else named)
    removed = pc.sum(hit).as_py() or 0
    if not removed:
        return None
    packed = pa.BufferOutputStream()
    pq.write_table(table.filter(pc.invert(hit)), packed)
    return packed.getvalue().to_pybytes(), removed


def _names(row: dict[str, Any], subjects: Subjects) -> bool:
    return any(str(row[column]) in ids for column, ids in subjects.items() if row.get(column) is not None)
