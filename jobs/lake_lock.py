"""One lock of a lake: jobs share it, an erasure has it alone.

A job that read a customer's rows before an erasure and wrote after it would bring them back; so the erasure waits for
running jobs, and jobs wait for it. The lock is the kernel's (`flock`): it ends with its process, however that ends.
"""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from jobs.errors import TemporaryError

log = logging.getLogger("nightjar")

LOCK_FILE = ".lock"
_held: dict[Path, int] = {}  # file descriptors, open as long as the process lives


def share(lake: Path) -> None:
    """Hold the lake with the other jobs for the rest of the process; where it is held already, do nothing."""
    if lake.is_dir() and lake.resolve() not in _held:
        _take(lake.resolve(), fcntl.LOCK_SH)


@contextmanager
def alone(lake: Path) -> Iterator[None]:
    """Hold the lake alone, once the jobs that run have ended."""
    place = lake.resolve()
    had = place in _held
    _take(place, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(_held[place], fcntl.LOCK_SH if had else fcntl.LOCK_UN)
        if not had:
            os.close(_held.pop(place))


@contextmanager
def only(lock: Path, what: str) -> Iterator[None]:
    """Be the only process that does something; where another does it, end with what Airflow tries again."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TemporaryError(f"another {what} runs on this lake; run this one again when it has ended") from None
        yield
    finally:
        os.close(descriptor)


def _take(lake: Path, kind: int) -> None:
    if lake not in _held:
        _held[lake] = os.open(lake / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(_held[lake], kind | fcntl.LOCK_NB)
    except BlockingIOError:
        log.info("lake=%s is in use; waiting", lake)
        fcntl.flock(_held[lake], kind)
