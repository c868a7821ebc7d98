"""The files of an erasure: landed files and exports without the customers' rows, and the search for what is left."""

import csv
import hashlib
import io
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.tables import Run
from schemas.ops import OPS_FILE
from schemas.raw import SOURCES

# A shorter id is part of too many words and bytes; in free bytes it counts only as a value, in quotes or tags.
WORD_LENGTH = 6
NOT_SEARCHED = (".pseudonym-key", "truth")  # the truth of a simulated shop is about nobody
PARTIAL = ".erased"
_WORD = re.compile(rb"[0-9A-Za-z_\-]+")
_COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}

Subjects = dict[str, set[str]]


class Finder:
    """Tells whether bytes name one of some ids, as a whole word. `shortest`: of an id that counts without quotes."""

    def __init__(self, ids: set[str], shortest: int = 1) -> None:
        coded = {one.encode() for one in ids}
        bare = {one for one in coded if len(one) >= shortest}
        self._words = {one for one in bare if _WORD.fullmatch(one)}  # looked up, however many they are
        parts = [rb"(?<![\w-])" + re.escape(one) + rb"(?![\w-])" for one in sorted(bare - self._words)]
        parts += [rb"(?<=[\"'>\x00])" + re.escape(one) + rb"(?=[\"'<\x00\\])" for one in sorted(coded - bare)]
        self._others = re.compile(b"|".join(parts)) if parts else None

    def finds(self, text: bytes) -> bool:
        """Whether one of the ids stands in the text."""
        if self._words and not self._words.isdisjoint(_WORD.findall(text)):
            return True
        return bool(self._others and self._others.search(text))


# --- landed files ---


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
    if compression := _COMPRESSIONS.get(path.suffix):
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


# --- exports, reports, Data Docs, versions ---


def erase_exports(exports: Path, customers: set[str]) -> tuple[int, int]:
    """Take customers out of campaign files; the manifest tells the new count and hash."""
    rows = 0
    for contacts in sorted(exports.glob("*/*/contacts.csv")):
        with contacts.open(newline="", encoding="utf-8") as stream:
            header, *records = csv.reader(stream)
        place = header.index("customer_id")
        # A leading apostrophe keeps spreadsheets from taking an id for a formula.
        kept = [one for one in records if one[place] not in customers and one[place].removeprefix("'") not in customers]
        if len(kept) == len(records):
            continue
        rows += len(records) - len(kept)
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([header, *kept])
        content = text.getvalue().encode()
        about = json.loads((contacts.parent / "manifest.json").read_text())
        about |= {"contact_count": len(kept), "erased_count": about.get("erased_count", 0) + len(records) - len(kept)}
        about["files"]["contacts.csv"] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        _replace(contacts, content)
        _replace(contacts.parent / "manifest.json", (json.dumps(about, indent=2) + "\n").encode())
    return rows, 0


def remove_quotes(run_settings: Any, customers: set[str]) -> None:
    """Delete pages that quote a customer: Data Docs are written anew by each gate, staged rows by each ingest."""
    finder = Finder(customers, WORD_LENGTH)
    for folder in (run_settings.quality, run_settings.lake / "_staging"):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and any(finder.finds(text) for text in _texts(path)):
                path.unlink()


def forget_versions(table: Path) -> None:
    """Delete what earlier versions of a Delta table left, data and log."""
    from deltalake import DeltaTable

    def stored() -> Any:
        return DeltaTable(str(table))

    stored().vacuum(0, dry_run=False, enforce_retention_duration=False, full=True)
    stored().alter.set_table_properties({"delta.logRetentionDuration": "interval 0 seconds"})
    stored().create_checkpoint()
    stored().cleanup_metadata()
    stored().alter.set_table_properties({"delta.logRetentionDuration": "interval 30 days"})
    version = f"{stored().version():020d}"
    for old in (table / "_delta_log").glob("*.crc"):  # of versions whose entries are gone; they repeat statistics
        if old.name.split(".")[0] < version:
            old.unlink()


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}{PARTIAL}")
    partial.write_bytes(content)
    os.replace(partial, path)


# --- search ---


@dataclass
class Searched:
    """What a search went through and found."""

    files: int = 0
    found: int = 0
    first: str = ""


def search(lake: Path, customers: set[str], hashes: set[str]) -> Searched:
    """Look for customers, and plain SHA-256 hashes of their ids, in every file of the lake, unpacked.

    The list of the refused holds keyed hashes and is meant to; they are looked for everywhere else.
    """
    plain = {hashlib.sha256(one.encode()).hexdigest() for one in customers}
    without_keyed, result = Finder(customers | plain, WORD_LENGTH), Searched()
    anything = Finder(customers | plain | hashes, WORD_LENGTH)
    for path in sorted(lake.rglob("*")):
        if not path.is_file() or path.relative_to(lake).parts[0] in NOT_SEARCHED:
            continue
        result.files += 1
        finder = without_keyed if "ops_erased_customer" in path.parts else anything
        if any(finder.finds(text) for text in _texts(path)):
            result.found += 1
            result.first = result.first or str(path)
    return result


def _texts(path: Path) -> Iterator[bytes]:
    """A file's content in pieces to search: values of Parquet columns, unpacked text, else the bytes."""
    if path.suffix == ".parquet":
        try:
            yield from _parquet_texts(path)
            return
        except (OSError, pa.ArrowInvalid):
            pass
    if path.suffix in _COMPRESSIONS:
        try:
            with pa.input_stream(str(path), compression="detect") as stream:
                yield stream.read()
            return
        except (OSError, pa.ArrowInvalid):
            pass
    yield path.read_bytes()


def _parquet_texts(path: Path) -> Iterator[bytes]:
    """Distinct texts of a Parquet file, each between zero bytes, a row group at a time."""
    file = pq.ParquetFile(path)
    for group in range(file.num_row_groups):
        for column in file.read_row_group(group).flatten().columns:
            if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
                values = column.unique().to_pylist()
                yield b"\x00" + b"\x00".join(one.encode() for one in values if one is not None) + b"\x00"
