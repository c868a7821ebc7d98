"""The landing folder: what lies there, in its place or not, and what a file's content is."""

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from jobs.errors import MissingInputError
from jobs.tables import Run
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


def landing_files(landing: Path, last: date) -> tuple[list[tuple[str, Path, date]], date | None]:
    """(source, file, day) of every landing file of days up to `last`, and the newest day that has a folder.

    Partial and hidden files are left alone. Whatever else is no landing file in its place is refused: left alone it
    would be lost without a word.
    """
    root, newest = landing.resolve(), None
    found = []
    for source in _folders(landing, root, f"landing sources are {', '.join(SOURCES)}"):
        if source.name not in SOURCES:
            raise MissingInputError(f"{told(source)}: no source of that name; rename it to one of {', '.join(SOURCES)}")
        for folder in _folders(source, root, "files of a day lie in a folder dt=YYYY-MM-DD"):
            day = _day_of(folder)
            newest = max(day, newest or day)
            found += [(source.name, path, day) for path in (_files(folder, root) if day <= last else [])]
    return sorted(found, key=lambda one: (list(SOURCES).index(one[0]), one[2], one[1])), newest


def _visible(folder: Path, root: Path) -> list[Path]:
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith((".", "_")))
    for path in entries:
        if not _is_utf8(path.name):
            raise MissingInputError(f"{told(folder)}: the file name {path.name!a} is not UTF-8; rename the file")
        if not path.exists():
            raise MissingInputError(f"{told(path)} is a link that points to nothing; remove it, or mend its target")
        if not path.resolve().is_relative_to(root):
            raise MissingInputError(f"{told(path)} points out of the landing folder; replace the link by what it names")
    return entries


def _folders(folder: Path, root: Path, what: str) -> list[Path]:
    entries = _visible(folder, root)
    for path in entries:
        if not path.is_dir():
            raise MissingInputError(f"{told(path)} is a file; {what}: move it there, or out of the landing folder")
    return entries


def _files(folder: Path, root: Path) -> list[Path]:
    from features.landing import file_format

    entries = _visible(folder, root)
    for path in entries:
        if not path.is_file():
            raise MissingInputError(f"{told(path)} is no file; move what is in it up into the folder of its day")
        if file_format(path) is None:
            raise MissingInputError(
                f"{told(path)}: no csv, json, jsonl or parquet file; move it out of the landing folder"
            )
    return entries


def _day_of(folder: Path) -> date:
    try:
        if not folder.name.startswith("dt="):
            raise ValueError
        return date.fromisoformat(folder.name.removeprefix("dt="))
    except ValueError:
        raise MissingInputError(f"{told(folder)}: the folder's name is no day; rename it to dt=YYYY-MM-DD") from None


def told(path: Path | str) -> str:
    """A path as one line that changes no terminal, whatever is in its name."""
    return str(path) if str(path).isprintable() else ascii(str(path))


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
