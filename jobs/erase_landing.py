"""Landed files without the rows of the erased."""

import gzip
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa

from features.landing import file_format
from features.landing_parquet import batches_within
from features.landing_rows import Limits, unpacked
from jobs.erase_landing_formats import Left, csv_without, json_array_without, json_lines_without, parquet_without
from jobs.erase_texts import COMPRESSIONS, files_below
from jobs.erase_words import Sought
from jobs.tables import Run
from schemas.ops import OPS_FILE
from schemas.raw import SOURCES

PARTIAL = ".erased"
WITHOUT = {"csv": csv_without, "jsonl": json_lines_without, "parquet": parquet_without}  # else a JSON array
GZIP_LEVEL = 4  # half the time of the usual 6, and a tenth more bytes


def erase_landing(run: Run, sought: Sought, files: list[tuple[str, Path]] | None = None) -> tuple[int, int]:
    """Write landed files, all or the given ones, anew without the subjects' rows; rows and quotes removed, and 0.

    The register learns the new content before the file changes; until the erasure is done no ingest looks at either.
    """
    forget_partial(run.settings.landing)
    files = landed(run) if files is None else files
    limits = Limits(run.settings.maximum_row_kb, run.settings.maximum_unpacked_mb)

    def rewritten(path: Path) -> int:
        if (left := without(path, sought, limits)) is None:
            return 0
        content, removed = left
        path.with_name(f".{path.name}{PARTIAL}").write_bytes(content)
        return removed

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        removed = list(pool.map(rewritten, (path for _, path in files)))
    changed = [(source, path) for (source, path), count in zip(files, removed, strict=True) if count]
    register(run, changed)
    for _, path in changed:
        os.replace(path.with_name(f".{path.name}{PARTIAL}"), path)
    return sum(removed), 0


def landed(run: Run) -> list[tuple[str, Path]]:
    """(source, file) of every landed file."""
    return [
        (source, path)
        for source in SOURCES
        for path in sorted((run.settings.landing / source).glob("dt=*/*"))
        if path.is_file() and not path.name.startswith((".", "_"))
    ]


def forget_partial(folder: Path) -> None:
    """Delete what a killed erasure had written and not yet put in its place."""
    for path in files_below(folder):
        if path.name.startswith(".") and path.name.endswith(PARTIAL):
            path.unlink()


def register(run: Run, changed: list[tuple[str, Path]]) -> None:
    """Put the new hashes and sizes of files in place of the old ones."""
    if not changed or not run.exists(OPS_FILE):
        return
    rows = []
    for source, path in changed:
        content = path.with_name(f".{path.name}{PARTIAL}").read_bytes()
        name = str(path.relative_to(run.settings.landing))
        # Of a file that has nothing left ingest knows the name alone (`Cache.hash_of`).
        rows.append((source, name, hashlib.sha256(content or name.encode()).hexdigest(), len(content)))
    fields = "source string, source_file string, content_hash string, size_bytes bigint"
    run.spark.createDataFrame(rows, fields).createOrReplaceTempView("erased_file")
    run.execute(
        f"MERGE INTO {run.location(OPS_FILE)} AS target USING erased_file AS source "
        "ON target.source = source.source AND target.source_file = source.source_file "
        "WHEN MATCHED THEN UPDATE SET content_hash = source.content_hash, size_bytes = source.size_bytes",
        OPS_FILE,
        "erase",
    )


def without(path: Path, sought: Sought, limits: Limits = Limits()) -> Left | None:  # noqa: B008 - frozen
    """A landed file's bytes without the subjects, and how many rows and quotes those were; None where it has none."""
    kind = file_format(path) or ""
    try:
        with unpacked(path, limits) as stream:
            data = stream.read()
        if kind == "parquet":
            for _ in batches_within(pa.BufferReader(data), limits):
                pass
        content, removed = WITHOUT.get(kind, json_array_without)(data, sought)
    except (OSError, ValueError, pa.ArrowException):
        return None  # too large or broken, its one row is in quarantine; the search tells if it names anybody
    if not removed:
        return None
    return _packed(content, path.suffix), removed


def _packed(content: bytes, suffix: str) -> bytes:
    """The content as the file's name says that it is packed."""
    if suffix == ".gz":
        return gzip.compress(content, GZIP_LEVEL, mtime=0)
    return pa.compress(content, COMPRESSIONS[suffix], asbytes=True) if suffix in COMPRESSIONS else content
