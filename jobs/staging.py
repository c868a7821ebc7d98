"""Rows put aside while a job runs, in the lake's staging folder: neither engine keeps a frame in memory alike."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.tables import Run

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from features.identity_accounts import Keep


def stored(run: Run, rows: "DataFrame", folder: Path) -> "DataFrame":
    """The rows, computed once, into a folder."""
    rows.write.mode("overwrite").parquet(str(folder))
    return run.spark.read.schema(rows.schema).parquet(str(folder))  # told, for there may be no rows


@contextmanager
def staging(run: Run, name: str) -> Iterator["Keep"]:
    """`keep(rows, step)` gives rows that several steps read: computed once, and gone at the end.

    Also where they are few: Sail computes the source of a MERGE three times (1.8 s for what took 0.2 s once).
    """
    folder = run.settings.staging / name

    def keep(rows: "DataFrame", step: str) -> "DataFrame":
        return stored(run, rows, folder / step)

    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield keep
    finally:
        shutil.rmtree(folder, ignore_errors=True)
