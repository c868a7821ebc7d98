"""Landed files that are called after an erased customer get another name, on disk and wherever a table tells it.

A customer's file may hold rows of others, and the register goes by content and name: under a name that it knows, the
file stays the one that was read.
"""

from collections.abc import Iterable
from pathlib import Path

from jobs.erase_landing import landed
from jobs.erase_words import Sought
from jobs.landing_cache import CACHE_FILE
from jobs.pseudonyms import key_of, pseudonym
from jobs.tables import Run
from schemas.ops import OPS_FILE
from schemas.tables import TABLES

INSTEAD = b"erased"


def rename_files(run: Run, sought: Sought) -> int:
    """Give the files and their rows the new name; how many files those were.

    The tables come first, and a name has one successor: killed between, the next run renames the same file the same.
    """
    landing = run.settings.landing
    there = {str(path.relative_to(landing)): path for _, path in landed(run)}
    known = {row.source_file for row in run.read(OPS_FILE).select("source_file").collect()}
    names = successors(there.keys() | known, sought, key_of(run.settings))
    if not names:
        return 0
    run.spark.createDataFrame(sorted(names.items()), "old_name string, new_name string").createOrReplaceTempView(
        "renamed_file"
    )
    for table in TABLES:
        if "source_file" in table.column_names and run.exists(table):
            run.execute(
                f"MERGE INTO {run.location(table)} AS target USING renamed_file AS source "
                "ON target.source_file = source.old_name "
                "WHEN MATCHED THEN UPDATE SET source_file = source.new_name",
                table,
                "erase",
            )
    for name in names.keys() & there.keys():
        there[name].rename(landing / names[name])
    (run.settings.lake / CACHE_FILE).unlink(missing_ok=True)  # made anew by the next ingest; it tells names
    return len(names)


def successors(names: Iterable[str], sought: Sought, key: bytes) -> dict[str, str]:
    """New names, by old one, of files whose name holds somebody; each its own, with the same ending."""
    found = {}
    for name in names:
        path = Path(name)
        blanked, count = sought.blanked(path.name.encode("utf-8", "surrogateescape"), INSTEAD)
        if count:
            start = pseudonym(name.encode("utf-8", "surrogateescape").hex(), key)[:12]
            found[name] = str(path.with_name(f"{start}-{blanked.decode('utf-8', 'surrogateescape')}"))
    return found
