"""Build history: every night that is missing up to a date, in one pass, and the snapshots that a stretch lacks.

Runs ingest, conform and tile over the nights that are not tiled yet at once (the same rows as night by night), then
makes the snapshots of `--from` .. `--to` that are not stored: of the last date, of month-ends, and of the dates one and
two horizons before it, as training needs them; with `--daily` of every day. It finds by itself what is there, also in
the middle of a history whose nights are all tiled. A snapshot that is stored is left as it is; one of a published date
that was lost or thinned is made again, and what was published of that date stays.

No gate judges the stretch. A night that a gate refused is therefore not taken into it: it is to be finished as a night
of its own first (exit code 2).
"""

import argparse
import logging
from datetime import date, timedelta

from jobs import runtime
from jobs.errors import MissingInputError
from jobs.settings import FEWEST_DAYS, Settings, get_settings
from jobs.tables import Run
from schemas.feature import FEATURE_CUSTOMER, FEATURE_CUSTOMER_DAY
from schemas.ops import OPS_GATE, OPS_RUN

log = logging.getLogger("nightjar")

ONE_DAY = timedelta(days=1)


def main(arguments: list[str]) -> None:
    """Bring the lake up to a date."""
    given = parse(arguments)
    settings = get_settings()
    first = given.first or settings.first_date
    if first is None:
        raise MissingInputError("where history begins is not known; give --from, or land the data set again")
    if first > given.to:
        raise MissingInputError(f"--from {first} is after --to {given.to}; there is nothing to build")
    run = runtime.open_run(given.to, first)
    build_rows(run)
    earliest = earliest_tile(run)
    if earliest and given.to < earliest:
        raise MissingInputError(f"nothing is known up to {given.to}: the earliest tile is of {earliest}")
    if earliest and given.first and given.first < earliest:
        log.info(
            "step=backfill no snapshots of %s..%s: the earliest tile is of %s", first, earliest - ONE_DAY, earliest
        )
    begin = max(first, earliest or first)
    wanted = days_of(begin, given.to) if given.daily else wanted_snapshots(settings, first, given.to, earliest or first)
    make_snapshots(run, sorted(set(wanted) - run.dates(FEATURE_CUSTOMER)))


def build_rows(run: Run) -> None:
    """Ingest, conform and tile the nights up to the run's date that are not in the tiles."""
    newest = max(run.dates(FEATURE_CUSTOMER) | tiled_nights(run), default=run.first - ONE_DAY)
    if newest < run.as_of_date:
        start = newest + ONE_DAY
        refuse_refused_nights(run, start)
        log.info("step=backfill rows of %s..%s", start, run.as_of_date)
        runtime.run_jobs(["ingest", "conform", "tile"], ["--from", str(start), "--as-of", str(run.as_of_date)])


def tiled_nights(run: Run) -> set[date]:
    """Nights whose rows are in the tiles."""
    run.ensure(OPS_RUN)  # a lake of before may lack the column
    return {row.ingest_date for row in run.read(OPS_RUN).filter("is_tiled").select("ingest_date").distinct().collect()}


def earliest_tile(run: Run) -> date | None:
    """The first run that brought a tile; None where none did."""
    rows = run.read(FEATURE_CUSTOMER_DAY).selectExpr("min(ingest_date) AS first").collect()
    return rows[0].first if rows else None


def make_snapshots(run: Run, missing: list[date]) -> None:
    """Snapshots of the dates."""
    if missing:
        dates = list(map(str, missing))
        log.info("step=backfill snapshots of %s", ", ".join(dates))
        runtime.run_jobs(["snapshot"], ["--as-of", str(run.as_of_date), "--dates", *dates])


def refuse_refused_nights(run: Run, start: date) -> None:
    """Raise where a gate stands against a night of the stretch: what it refused must not come in unseen."""
    days = f"as_of_date >= DATE'{start}' AND as_of_date <= DATE'{run.as_of_date}'"
    refused = {row.as_of_date for row in run.read(OPS_GATE).filter(f"NOT is_success AND {days}").collect()}
    if refused:
        raise MissingInputError(
            f"a gate refused {min(refused)}; repair that night and run it again, then build the days after it"
        )


def parse(arguments: list[str]) -> argparse.Namespace:
    """Text to dates."""
    parser = argparse.ArgumentParser(prog="python -m jobs.backfill", description=__doc__)
    parser.add_argument("--to", type=date.fromisoformat, required=True, help="last full day, YYYY-MM-DD")
    parser.add_argument("--from", dest="first", type=date.fromisoformat, help="first day; default: the shop's first")
    parser.add_argument("--daily", action="store_true", help="a snapshot of every day, not only those of training")
    return parser.parse_args(arguments)


def wanted_snapshots(settings: Settings, first: date, last: date, earliest: date) -> set[date]:
    """The date itself, month-ends, and one and two horizons before the date: holdout and training dates.

    From `first` on; but for the date itself none that stands on less than four weeks since the earliest tile.
    """
    begin = max(first, earliest + timedelta(days=FEWEST_DAYS))
    month_ends = {day for day in days_of(begin, last) if (day + ONE_DAY).day == 1}
    horizons = {settings.churn_horizon_days, settings.clv_horizon_days}
    before = {last - timedelta(days=times * horizon) for horizon in horizons for times in (1, 2)}
    return {last} | {day for day in month_ends | before if begin <= day <= last}


def days_of(first: date, last: date) -> list[date]:
    """Every day of a stretch."""
    return [first + timedelta(days=shift) for shift in range((last - first).days + 1)]


if __name__ == "__main__":
    runtime.start(main)
