"""What every job's process needs: arguments, a run with its session, log lines, exit codes."""

import argparse
import importlib
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from jobs import failures, lake_lock
from jobs.erase_note import refuse_after_unfinished_erasure
from jobs.errors import MissingInputError, NightjarError
from jobs.settings import get_settings
from jobs.tables import Run

log = logging.getLogger("nightjar")

# Jobs whose tables are cut by the run that brought a row. The others write rows of `--as-of` alone: given a stretch,
# they would empty the days before it.
STRETCH_JOBS = ("ingest", "conform", "identify", "tile", "gate")


@contextmanager
def step(name: str, **facts: object) -> Iterator[dict[str, object]]:
    """Log one line for a step: its facts, and its seconds."""
    started = time.monotonic()
    yield facts
    told = "".join(f" {key}={value}" for key, value in facts.items())
    log.info("step=%s%s seconds=%.1f", name, told, time.monotonic() - started)


def parser(job: str, about: str | None) -> argparse.ArgumentParser:
    """Arguments that every dated job has, and `--from` for those that run a stretch of nights at once."""
    made = argparse.ArgumentParser(prog=f"python -m jobs.{job}", description=about, allow_abbrev=False)
    made.add_argument("--as-of", type=date.fromisoformat, required=True, help="last full day known, YYYY-MM-DD")
    if job in STRETCH_JOBS:
        made.add_argument(
            "--from", dest="first", type=date.fromisoformat, help="first day, to run a stretch of nights at once"
        )
    else:
        made.set_defaults(first=None)
    return made


def run_of(arguments: argparse.Namespace, *, is_erasure: bool = False) -> Run:
    """The run that the arguments ask for."""
    return open_run(arguments.as_of, arguments.first or arguments.as_of, is_erasure=is_erasure)


def open_run(as_of_date: date, first: date, *, is_erasure: bool = False) -> Run:
    """A run of this process, with its session; refused where an erasure was killed, unless it is one itself."""
    if first > as_of_date:
        raise MissingInputError(f"--from {first} is after --as-of {as_of_date}; swap them")
    run = Run(as_of_date=as_of_date, first=first, settings=get_settings())
    if not run.settings.lake.is_dir():  # a job would make it, and end well without having done anything
        raise MissingInputError(
            f"there is no lake at {run.settings.lake.resolve()}; land files there first, or point NIGHTJAR_LAKE at one"
        )
    lake_lock.share(run.settings.lake)
    if not is_erasure:
        refuse_after_unfinished_erasure(run.settings.lake)
    run.spark  # noqa: B018 - started here, because column expressions need to know the engine
    return run


def run_jobs(names: list[str], arguments: list[str]) -> None:
    """Run jobs by name, one after the other, in this process and session."""
    for name in names:
        with step(name):
            importlib.import_module(f"jobs.{name}").main(arguments)


def leave() -> None:
    """End the process without the interpreter's tear-down, during which Sail's threads once in 25 runs aborted it."""
    from jobs import engine

    if engine.has_sail():
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _lake() -> Path | None:
    """The lake of this process; None where that is what is wrong."""
    try:
        return get_settings().lake
    except NightjarError:
        return None


def start(main: Callable[[list[str]], None], arguments: list[str] | None = None) -> None:
    """Run a job's `main` as a process: log to stderr, turn known errors into one line and their exit code."""
    # Waiting OpenMP threads spin by default: beside other work on the same cores, training took five times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("JAX_PLATFORMS", "cpu")  # small networks: looking for other devices only costs time
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s", datefmt="%H:%M:%S")
    for noisy in ("py4j", "pyspark", "mlflow", "alembic", "great_expectations", "matplotlib"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        main(sys.argv[1:] if arguments is None else arguments)
    except Exception as error:
        told = failures.known(error, _lake())
        if told is None:
            raise
        log.debug("the failure in full", exc_info=True)
        sys.stderr.write(f"nightjar: {told}\n")
        sys.exit(told.exit_code)
    leave()
