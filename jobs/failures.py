"""Failures of the place where a job runs, told in one line: a full disk, a damaged table, a folder without rights."""

import errno
from pathlib import Path
from urllib.parse import unquote

from jobs.errors import MissingInputError, NightjarError, TemporaryError
from models.registry import UnreadableModelError

_DISK_FULL_SIGNS = ("os error 28", "No space left")
# What Sail, delta-rs and delta-spark say of a log or a data file that is not what was committed.
_DAMAGE_SIGNS = (
    "Invalid JSON in log record",
    "Missing commit file",
    "No commit files found",
    "No files in log segment",
    "No table metadata or protocol",
    "Truncated record",
    "Failed to fetch metadata for file",
    "DELTA_LOG_FILE_NOT_FOUND",
    "DELTA_STATE_RECOVER_ERROR",
    "FAILED_READ_FILE",
)
# A person must change rights or names first; what is not here may be gone at the next try.
_FOR_A_PERSON = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EISDIR,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.ENOENT,
)


def known(error: Exception, lake: Path | None) -> NightjarError | None:
    """The error to end with; None where it is unknown and its traceback must be seen."""
    if isinstance(error, NightjarError):
        return error
    if isinstance(error, UnreadableModelError):
        return MissingInputError(str(error))
    text = str(error)
    os_error = error if isinstance(error, OSError) else None
    if (os_error and os_error.errno == errno.ENOSPC) or any(sign in text for sign in _DISK_FULL_SIGNS):
        return TemporaryError(f"the disk is full{_place(error)}; free some space and run the job again")
    if any(sign in text for sign in _DAMAGE_SIGNS):
        names = damaged_tables(lake) if lake else []
        return damage(names) if names else None
    if os_error and os_error.filename and os_error.errno in _FOR_A_PERSON:
        return MissingInputError(f"{os_error.filename}: {os_error.strerror}; mend the file, the folder or its rights")
    if os_error and os_error.filename:
        return TemporaryError(f"{os_error.filename}: {os_error.strerror}; run the job again")
    return None


def _place(error: Exception) -> str:
    filename = getattr(error, "filename", None)
    return f" ({filename})" if filename else ""


def damage(names: list[str]) -> MissingInputError:
    """The error for damaged tables."""
    return MissingInputError(f"table {', '.join(names)} is damaged; restore the lake from a backup")


def damaged_tables(lake: Path) -> list[str]:
    """Names of tables whose log can't be read, or whose data files are gone or no Parquet."""
    return [log.parent.name for log in sorted(lake.glob("*/_delta_log")) if not _is_whole(log.parent)]


def _is_whole(table: Path) -> bool:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        files = DeltaTable(str(table)).file_uris()
        return _has_all_commits(table) and all(_is_parquet(_path_of(file)) for file in files)
    except (DeltaError, OSError):
        return False


def _path_of(uri: str) -> Path:
    """A data file by its URI, in which blanks and letters with accents are encoded."""
    return Path(unquote(uri.removeprefix("file://")))


def _has_all_commits(table: Path) -> bool:
    """Whether no commit is missing from the first, or from a checkpoint, on; delta-rs does not mind one that is."""
    log = table / "_delta_log"
    versions = sorted(int(path.stem) for path in log.glob("*.json") if path.stem.isdigit())
    starts_whole = versions[:1] == [0] or any(log.glob("*.checkpoint*.parquet"))
    return starts_whole and versions == list(range(versions[0], versions[0] + len(versions))) if versions else False


def _is_parquet(path: Path) -> bool:
    """Whether the file begins and ends as Parquet does."""
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(-4, 2)
        return head == file.read(4) == b"PAR1"
