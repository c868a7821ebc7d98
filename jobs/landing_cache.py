"""What an ingest may remember of the ones before, so that the 400th night costs what the 40th does.

Content hashes of landing files, by name, size and time of change, and the register's rows, by the version of
`ops_file`. Both follow from files and table: whatever is lost, damaged or outdated is made anew.
"""

import hashlib
import json
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from jobs.landing_files import LandingFile, hash_file
from jobs.tables import Run
from jobs.whole_files import write_whole
from schemas.ops import OPS_FILE

CACHE_FILE = ".landing-cache.json"


@dataclass(frozen=True)
class Registered:
    """A file that was read, as `ops_file` tells it."""

    source: str
    content_hash: str
    source_file: str
    ingest_date: date


@dataclass
class Cache:
    """Hashes by file name, with size and nanoseconds of the file's last change; and a version of the register."""

    path: Path
    hashes: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    version: int | None = None
    register: list[Registered] = field(default_factory=list)

    def hash_of(self, path: Path, name: str, is_certain: bool) -> tuple[str, int]:
        """Content hash and size of a file; read anew where it changed since, or where it must be certain."""
        about = path.stat()
        size, changed, content_hash = self.hashes.get(name, (-1, -1, ""))
        if is_certain or (size, changed) != (about.st_size, about.st_mtime_ns):
            content_hash, size = hash_file(path)
            if not size:  # nothing came: each such file is a fault of its own day, not yesterday's sent again
                content_hash = hashlib.sha256(name.encode()).hexdigest()
            self.hashes[name] = (size, about.st_mtime_ns, content_hash)
        return content_hash, size

    def keep(self) -> None:
        """Write it down."""
        told = {
            "hashes": self.hashes,
            "version": self.version,
            "register": [
                (one.source, one.content_hash, one.source_file, str(one.ingest_date)) for one in self.register
            ],
        }
        write_whole(self.path, json.dumps(told).encode())


def cache_of(run: Run) -> Cache:
    """What the lake remembers, brought up to date with its register."""
    cache = Cache(run.settings.lake / CACHE_FILE)
    try:
        told = json.loads(cache.path.read_text())
        cache.hashes = {name: (int(size), int(at), str(one)) for name, (size, at, one) in told["hashes"].items()}
        cache.version = told["version"]
        cache.register = [
            Registered(source, content_hash, name, date.fromisoformat(day))
            for source, content_hash, name, day in told["register"]
        ]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        cache.hashes, cache.version = {}, None
    version = version_of(run)
    if version is None or version != cache.version:
        columns = ("source", "content_hash", "source_file", "ingest_date")
        cache.register = [Registered(*row) for row in run.read(OPS_FILE).select(*columns).collect()]
        cache.version = version
    return cache


def remember(run: Run, cache: Cache, files: list[LandingFile], landed: set[str]) -> None:
    """Keep what the ingest knows at its end: the register with its own files, and hashes of files that are there."""
    version = version_of(run)
    is_own = version is not None and cache.version is not None and version == cache.version + 1
    cache.version = version if is_own else None  # else others wrote, too: the next one reads it all
    cache.register = [one for one in cache.register if not run.first <= one.ingest_date <= run.as_of_date]
    cache.register += [Registered(one.source, one.content_hash, one.name, one.ingest_date) for one in files]
    later = f"dt={run.as_of_date}"
    cache.hashes = {name: known for name, known in cache.hashes.items() if name in landed or name.split("/")[1] > later}
    cache.keep()


def version_of(run: Run) -> int | None:
    """Number of the register's newest commit; None where there is none to count."""
    if run.settings.catalog or not run.exists(OPS_FILE):
        return None
    commits = (run.path(OPS_FILE) / "_delta_log").glob("*.json")
    return max((int(path.stem) for path in commits if path.stem.isdigit()), default=None)
