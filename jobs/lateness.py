"""How late rows come: measured by source and run, from the days that they arrived for."""

from collections.abc import Mapping
from datetime import date
from itertools import accumulate

from jobs.ingest_staging import Staged
from jobs.tables import Run
from schemas.ops import LATENESS_BUCKETS, OPS_LATENESS

Row = tuple[object, ...]


def write_lateness(run: Run, staged: list[Staged]) -> None:
    """Replace the run's measurements."""
    rows = [
        lateness_row(ingest_date, one.source, days)
        for one in staged
        for ingest_date, days in sorted(one.arrived.items())
    ]
    run.replace(run.spark.createDataFrame(rows, OPS_LATENESS.struct), OPS_LATENESS)


def lateness_row(ingest_date: date, source: str, arrived: Mapping[date, int]) -> Row:
    """One row of the table from new rows by the day on which they happened."""
    late: dict[int, int] = {}
    for day, count in arrived.items():
        days = max(0, (ingest_date - day).days)  # a clock that is ahead is not late
        late[days] = late.get(days, 0) + count
    buckets = [
        sum(count for days, count in late.items() if low <= days and (high is None or days <= high))
        for _, low, high in LATENESS_BUCKETS
    ]
    middle, most = (quantile(late, share) for share in (0.5, 0.99))
    earlier_days = sum(1 for day in arrived if day < ingest_date)
    return (ingest_date, source, sum(late.values()), *buckets, middle, most, max(late), earlier_days)


def quantile(counts: Mapping[int, int], share: float) -> int:
    """The least value that so large a share of the counted ones does not exceed."""
    values = sorted(counts)
    least = share * sum(counts.values())
    return next(v for v, n in zip(values, accumulate(counts[v] for v in values), strict=True) if n >= least)
