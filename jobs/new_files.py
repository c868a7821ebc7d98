"""Which landing files a run reads: by content, each once, and to which run each belongs."""

import logging
from datetime import date, timedelta

from jobs.errors import MissingInputError
from jobs.landing_cache import Cache
from jobs.landing_files import LandingFile, landing_files, landing_of, told
from jobs.tables import Run

log = logging.getLogger("nightjar")

LONGEST_SILENCE_DAYS = 31  # a date further after the newest landed day is most likely mistyped


def new_files(run: Run, cache: Cache) -> tuple[list[LandingFile], set[str]]:
    """Files of days up to the run's that no earlier or later run has read, by content, and the names of all there are.

    What is published was made from the files known then, and so were the days before it: a file that comes later
    belongs to the first run after the newest published date. A file of another run, unchanged since, is not read again
    to know its content; those of this run are.
    """
    landing = landing_of(run)
    landed, newest = landing_files(landing, run.as_of_date)
    refuse_far_ahead(run, newest)
    known = {(row.source, row.content_hash): row for row in cache.register}
    # Files of two nights may have become the same by an erasure: each stays its own night's.
    own = {(row.source, row.content_hash, row.source_file): row for row in cache.register}
    of_run = {row.source_file for row in cache.register if run.first <= row.ingest_date <= run.as_of_date}
    published = run.published_dates()
    first_open = max(published) + timedelta(days=1) if published else run.first
    seen: set[tuple[str, str]] = set()
    found = []
    names = set()
    for source, path, day in landed:
        name = str(path.relative_to(landing))
        names.add(name)
        content_hash, size = cache.hash_of(path, name, is_certain=name in of_run)
        earlier = own.get((source, content_hash, name)) or known.get((source, content_hash))
        ingest_date = earlier.ingest_date if earlier else max(day, run.first, first_open)
        if run.first <= ingest_date <= run.as_of_date and (source, content_hash) not in seen:
            seen.add((source, content_hash))
            found.append(LandingFile(source, path, name, content_hash, size, ingest_date))
    refuse_lost(run, cache, {file.name for file in found}, seen)
    tell_late_files(run, found)
    return found, names


def refuse_far_ahead(run: Run, newest: date | None) -> None:
    """Raise where the run's date lies long after all that was landed: it would take in every day before it."""
    if newest and run.as_of_date > newest + timedelta(days=LONGEST_SILENCE_DAYS):
        raise MissingInputError(
            f"--as-of {run.as_of_date} is {(run.as_of_date - newest).days} days after {newest}, the newest landed day; "
            "mistyped? If it is meant, land that day first: an empty folder dt=… of one source will do"
        )


def refuse_lost(run: Run, cache: Cache, replaced: set[str], seen: set[tuple[str, str]]) -> None:
    """Raise where a file of this run is gone, without one of the same name in its place.

    Upstream may mend a file of a date that is not yet published.
    """
    lost = [
        row.source_file
        for row in cache.register
        if run.first <= row.ingest_date <= run.as_of_date
        and (row.source, row.content_hash) not in seen
        and row.source_file not in replaced
    ]
    if lost:
        first = told(min(lost))
        raise MissingInputError(
            f"{len(lost)} landing files that this run read before are gone, first {first}; put them back, run again"
        )


def tell_late_files(run: Run, files: list[LandingFile]) -> None:
    """Say so where a run takes in files of days before it."""
    days = sorted(file.name.split("/")[1].removeprefix("dt=") for file in files)
    late = [day for day in days if date.fromisoformat(day) < run.first]
    if late:
        log.info("step=ingest files of earlier days=%d, from %s to %s", len(late), late[0], late[-1])
