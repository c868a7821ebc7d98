"""Which landing files a run reads: by content, each once, and to which run each belongs."""

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from jobs.errors import MissingInputError
from jobs.tables import Run
from schemas.ops import OPS_FILE
from schemas.raw import SOURCES

HASH_CHUNK = 1 << 20


@dataclass(frozen=True)
class LandingFile:
    """One file to read, and the run that it belongs to."""

    source: str
    path: Path
    name: str  # from the landing folder
    content_hash: str
    size_bytes: int
    ingest_date: date


def landing_of(run: Run) -> Path:
    """The lake's landing folder, which must be there."""
    landing = run.settings.landing
    if not landing.is_dir():
        raise MissingInputError(f"{landing} is not there; run `python -m jobs.land`, or point NIGHTJAR_LAKE at a lake")
    return landing


def new_files(run: Run) -> list[LandingFile]:
    """Files of days up to the run's that no earlier or later run has read, by content, oldest day first.

    What is published was made from the files known then, and so were the days before it: a file that comes later
    belongs to the first run after the newest published date.
    """
    landing = landing_of(run)
    known = {(row.source, row.content_hash): row for row in run.read(OPS_FILE).collect()}
    published = run.published_dates()
    first_open = max(published) + timedelta(days=1) if published else run.first
    seen: set[tuple[str, str]] = set()
    found = []
    for source, path, day in landing_files(landing, run.as_of_date):
        content_hash, size = hash_file(path)
        if not size:  # nothing came: each such file is a fault of its own day, not yesterday's sent again
            content_hash = hashlib.sha256(str(path.relative_to(landing)).encode()).hexdigest()
        earlier = known.get((source, content_hash))
        ingest_date = earlier.ingest_date if earlier else max(day, run.first, first_open)
        if run.first <= ingest_date <= run.as_of_date and (source, content_hash) not in seen:
            seen.add((source, content_hash))
            found.append(LandingFile(source, path, str(path.relative_to(landing)), content_hash, size, ingest_date))
    replaced = {file.name for file in found}  # upstream mended a file of a date that is not yet published
    lost = [
        row.source_file
        for key, row in known.items()
        if run.first <= row.ingest_date <= run.as_of_date and key not in seen and row.source_file not in replaced
    ]
    if lost:
        raise MissingInputError(
            f"{len(lost)} landing files that this run read before are gone, first {lost[0]}; put them back, run again"
        )
    return found


def landing_files(landing: Path, last: date) -> list[tuple[str, Path, date]]:
    """(source, file, day) of every landing file of days up to `last`; partial and hidden files are left alone."""
    from features.landing import file_format

    found = []
    for source in SOURCES:
        for folder in sorted((landing / source).glob("dt=*")):
            try:
                day = date.fromisoformat(folder.name.removeprefix("dt="))
            except ValueError:
                raise MissingInputError(f"{folder}: the folder's name is no day; rename it to dt=YYYY-MM-DD") from None
            if not folder.is_dir():
                raise MissingInputError(f"{folder} is a file; a folder of that name holds the files of the day")
            files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith((".", "_")))
            for path in files if day <= last else []:
                if not _is_utf8(path.name):
                    raise MissingInputError(f"{folder}: the file name {path.name!a} is not UTF-8; rename the file")
                if file_format(path) is None:
                    raise MissingInputError(
                        f"{path}: no csv, json, jsonl or parquet file; move it out of the landing folder"
                    )
                if not path.resolve().is_relative_to(landing.resolve()):
                    raise MissingInputError(f"{path} points out of the landing folder; replace the link by the file")
                found.append((source, path, day))
    return found


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def hash_file(path: Path) -> tuple[str, int]:
    """SHA-256 and size of a file's bytes."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while chunk := stream.read(HASH_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size
