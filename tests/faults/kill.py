"""SIGKILL for a job in the middle of its work, at a moment drawn by chance."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from tests.faults.shop import NIGHT, REPOSITORY, Job, command, copy, environment

TRIES = 8
LONGEST_SECONDS = 240.0
LAKE_PARTS_NOT_WRITTEN = ("landing", "truth")


def files_of(lake: Path) -> set[str]:
    """Every file that jobs may write."""
    found = set()
    folders = [entry.path for entry in os.scandir(lake) if entry.name not in LAKE_PARTS_NOT_WRITTEN]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except (FileNotFoundError, NotADirectoryError):  # gone, as scratch files go; or a file of the lake itself
            continue
        folders += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        found |= {entry.path for entry in entries if not entry.is_dir(follow_symlinks=False)}
    return found


def kill_once(lake: Path, job: Job, should_die: Callable[[float], bool], day: date) -> tuple[bool, float]:
    """(whether it was killed, its seconds): the job as a process, until `should_die`, told its age, says so."""
    started = time.monotonic()
    process = subprocess.Popen(
        command(job, day),
        cwd=REPOSITORY,
        env=environment(lake),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while process.poll() is None:
        age = time.monotonic() - started
        if age > LONGEST_SECONDS or should_die(age):
            os.killpg(process.pid, signal.SIGKILL)
        time.sleep(0.003)
    return process.wait() == -signal.SIGKILL, time.monotonic() - started


def kill_in_the_middle(
    lake: Path,
    job: Job,
    written: int,
    chance: random.Random,
    scratch: Path,
    day: date = NIGHT,
    *,
    by_time: bool = False,
) -> tuple[Path, str]:
    """(a copy of the lake as the killed job left it, at which moment).

    `written` is how many files the whole job writes; it dies when so many of them are there as chance says, and a few
    milliseconds later; `by_time`, or where it was quicker, after a share of its time, on another copy.
    """
    seconds = _seconds(lake, job, day, scratch) if by_time else 0.0
    for number in range(TRIES):
        left = copy(lake, scratch / f"{'-'.join(job)}{number}")
        before = files_of(left)
        if number == 0 and not by_time:
            most, delay = chance.randint(1, max(1, written - 1)), chance.uniform(0, 0.05)
            moment = f"{delay * 1000:.0f} ms after file {most} of {written}"
            killed, seconds = kill_once(left, job, _after_files(left, before, most, delay), day)
        else:
            share = chance.uniform(0.3, 0.95)
            moment = f"after {share:.2f} of {seconds:.1f} s"
            killed, took = kill_once(left, job, lambda age, last=seconds * share: age > last, day)
            seconds = min(seconds, took)  # on a machine less busy now, it would be over before the next kill too
        if killed:
            return left, moment
    raise AssertionError(f"{job} was quicker than every kill")


_SECONDS: dict[tuple[Path, Job], float] = {}


def _seconds(lake: Path, job: Job, day: date, scratch: Path) -> float:
    """Seconds of the job as a process, on a copy of its own; measured once."""
    if (lake, job) not in _SECONDS:
        undisturbed = copy(lake, scratch / "undisturbed")
        _SECONDS[lake, job] = kill_once(undisturbed, job, lambda _: False, day)[1]
    return _SECONDS[lake, job]


def _after_files(lake: Path, before: set[str], most: int, delay: float) -> Callable[[float], bool]:
    def enough(age: float) -> bool:
        if len(files_of(lake) - before) < most:
            return False
        time.sleep(delay)
        return True

    return enough
