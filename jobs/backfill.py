"""Build history: every night that is missing up to a date, in one pass, and the snapshots that training needs.

Runs ingest, conform and tile over the missing stretch at once (the same rows as night by night), then makes missing
snapshots: of the date, of the month-ends, and of the dates one and two horizons before it. Finds by itself what is
there: `ingest` lets no night begin before those before it are tiled, so the stretch begins after the latest snapshot.

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
from schemas.feature import FEATURE_CUSTOMER
from schemas.ops import OPS_GATE

log = logging.getLogger("nightjar")


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
    stored = run.dates(FEATURE_CUSTOMER)
    start = max((day for day in stored if day <= given.to), default=first - timedelta(days=1)) + timedelta(days=1)
    if start <= given.to:
        refuse_refused_nights(run, start)
        log.info("step=backfill rows of %s..%s", start, given.to)
        runtime.run_jobs(["ingest", "conform", "tile"], ["--from", str(start), "--as-of", str(given.to)])
    missing = sorted(wanted_snapshots(settings, first, given.to) - stored)
    if missing:
        log.info("step=backfill snapshots of %s", ", ".join(map(str, missing)))
        runtime.run_jobs(["snapshot"], ["--as-of", str(given.to), "--dates", *map(str, missing)])


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
    return parser.parse_args(arguments)


def wanted_snapshots(settings: Settings, first: date, last: date) -> set[date]:
    """The date itself, month-ends, and one and two horizons before the date: holdout and training dates."""
    earliest = first + timedelta(days=FEWEST_DAYS)
    days = (earliest + timedelta(days=shift) for shift in range((last - earliest).days + 1))
    month_ends = {day for day in days if (day + timedelta(days=1)).day == 1}
    horizons = {settings.churn_horizon_days, settings.clv_horizon_days}
    before = {last - timedelta(days=times * horizon) for horizon in horizons for times in (1, 2)}
    return {last} | {day for day in month_ends | before if earliest <= day <= last}


if __name__ == "__main__":
    runtime.start(main)
