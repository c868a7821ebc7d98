"""Sources that always have rows on a weekday, and whether they had any today."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

from jobs.expectations import FEWEST_WEEKS, WEEKS
from jobs.tables import Run
from schemas.ops import OPS_RUN

FEWEST_ROWS = 5  # in each of the weeks before: of a smaller source a day without rows says nothing


@dataclass(frozen=True)
class Heard:
    """A source whose rows can be expected, and how many came."""

    source: str
    rows: int
    usual: float
    weeks: int
    weekday: str

    @property
    def observed(self) -> str:
        """What was seen beside what was usual."""
        told = {"rows": self.rows, "usual": self.usual, "weekday": self.weekday, "weeks": self.weeks}
        return json.dumps(told)


def silent_sources(run: Run, stopped: Collection[str] = ()) -> list[Heard]:
    """Every source that had rows on the same weekday of each week before, as far as history goes.

    Not on `closed_dates`, which count in no history either; not those in `may_be_silent`, or that ingest stopped.
    """
    settings = run.settings
    if run.as_of_date in settings.closed_dates:
        return []
    counts = rows_by_day(run, run.as_of_date - timedelta(weeks=WEEKS))
    weeks = [run.as_of_date - timedelta(weeks=week) for week in range(1, WEEKS + 1)]
    days = [day for day in weeks if day not in settings.closed_dates]
    found = []
    for source, by_day in sorted(counts.items()):
        first = max(min(by_day), settings.first_date or date.min)
        known = [by_day.get(day, 0) for day in days if day >= first]
        is_usual = len(known) >= FEWEST_WEEKS and min(known) >= FEWEST_ROWS
        if is_usual and source not in {*settings.may_be_silent, *stopped}:
            today = by_day.get(run.as_of_date, 0)
            found.append(Heard(source, today, median(known), len(known), f"{run.as_of_date:%A}"))
    return found


def rows_by_day(run: Run, first: date) -> dict[str, dict[date, int]]:
    """Rows in the files of each source, by run."""
    from pyspark.sql import functions as F

    found: dict[str, dict[date, int]] = {}
    for row in run.known(OPS_RUN).filter(F.col("ingest_date") >= F.lit(first)).collect():
        found.setdefault(row.source, {})[row.ingest_date] = row.file_row_count
    return found
