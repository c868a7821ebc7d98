"""What ninety lost snapshots cost by one backfill, beside a build of each by itself.

Size (ii) of the benchmark of features: five years of simulated purchases. Both make them of the same tiles; every
column of every date that both made is compared before anything is told. Of the builds by themselves every thirtieth
date is made, in a process of its own: the others would cost as much.

    python -m tests.benchmarks.features_backfill single LAKE DAY
"""

import os
import shutil
import statistics
import sys
import tempfile
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from deltalake import DeltaTable

from schemas.feature import FEATURE_CUSTOMER
from tests.benchmarks.features import SIZES, Cost, build_lake, cost_of, told
from tests.benchmarks.features_step import BEFORE, snapshot

SIZE = SIZES["ii"]
DATES, EVERY = 90, 30
DAYS = [BEFORE - timedelta(days=back) for back in reversed(range(DATES))]


def run() -> str:
    """Measure. `BENCH_DIR` keeps the lake for a second run."""
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder:
        lake = Path(os.environ.get("BENCH_DIR") or folder) / "ii"
        build_lake(lake, SIZE)
        table, of_lake = lake / FEATURE_CUSTOMER.name, lake / f"{FEATURE_CUSTOMER.name}-kept"
        table.rename(of_lake)
        try:
            alone = DAYS[EVERY - 1 :: EVERY]
            singles = [cost_of("features_backfill", "single", str(lake), str(day)) for day in alone]
            kept = Path(folder) / "alone.parquet"
            pq.write_table(DeltaTable(str(table)).to_pyarrow_table(), kept)
            shutil.rmtree(table)
            together = cost_of("features_backfill", "all", str(lake))
            refuse_difference(table, kept, alone)
        finally:
            shutil.rmtree(table, ignore_errors=True)
            of_lake.rename(table)
        return section(singles, together)


def refuse_difference(table: Path, kept: Path, days: list[date]) -> None:
    """Raise unless both ways made the same rows of these dates: all equal, what is divided to 1e-9."""
    made = DeltaTable(str(table))
    if (found := len(made.to_pyarrow_table(columns=["as_of_date"])["as_of_date"].unique())) != DATES:
        raise AssertionError(f"{found} dates were made, not {DATES}")
    engine = duckdb.connect()
    engine.register("together", made.to_pyarrow_dataset().to_table(filter=ds.field("as_of_date").isin(days)))
    engine.sql(f"CREATE VIEW alone AS FROM read_parquet('{kept}')")
    counts = "(SELECT count(*) FROM together), (SELECT count(*) FROM alone)"
    both = "together JOIN alone USING (as_of_date, customer_id)"
    [numbers] = engine.sql(f"SELECT {counts}, count(*) FROM {both}").fetchall()  # noqa: S608 - names of contracts
    if len(set(numbers)) > 1:
        raise AssertionError(f"rows made together, alone and both: {numbers}")
    for column in FEATURE_CUSTOMER.columns:
        one, other = f"together.{column.name}", f"alone.{column.name}"
        differs = f"{one} IS DISTINCT FROM {other}"
        if column.type.typeName() == "double":
            differs += f" AND coalesce(abs({one} - {other}) > 1e-9 * greatest(1, abs({one})), true)"
        [found_rows] = engine.sql(f"SELECT count(*) FROM {both} WHERE {differs}").fetchall()  # noqa: S608 - the same
        if found_rows[0]:
            raise AssertionError(f"{column.name} differs in {found_rows[0]} rows")


def section(singles: list[Cost], together: Cost) -> str:
    """What is told of both."""
    seconds, cpu = [one.seconds for one in singles], [one.cpu_seconds for one in singles]
    alone = Cost(DATES * statistics.mean(seconds), DATES * statistics.mean(cpu), max(one.peak_gib for one in singles))
    ratio = f"{alone.seconds / together.seconds:.1f} | {alone.cpu_seconds / together.cpu_seconds:.1f}"
    return "\n".join(
        [
            f"Simulated: {SIZE.lines:,} purchases of {SIZE.customers:,} customers in {SIZE.days:,} days, seed 1; "
            f"{os.cpu_count()} cores; {len(FEATURE_CUSTOMER.columns)} columns of {len(singles)} dates compared: equal. "
            f"Of the {DATES} builds {len(singles)} were made, and their mean is counted {DATES} times.",
            "",
            "| what | seconds | CPU-seconds | peak GiB |",
            "|---|---|---|---|",
            f"| {DATES} snapshots by `jobs.backfill --daily`, one process | {_cells(together)} |",
            f"| {DATES} single builds; one took {told(seconds)} s | {_cells(alone)} |",
            f"| single builds ÷ backfill | {ratio} | |",
        ]
    )


def _cells(cost: Cost) -> str:
    return f"{cost.seconds:.0f} | {cost.cpu_seconds:.0f} | {cost.peak_gib:.1f}"


if __name__ == "__main__":
    os.environ["NIGHTJAR_LAKE"] = sys.argv[2]
    if sys.argv[1] == "single":
        snapshot(date.fromisoformat(sys.argv[3]))
    else:
        from jobs import backfill

        backfill.main(["--from", str(DAYS[0]), "--to", str(DAYS[-1]), "--daily"])
    sys.stdout.flush()
    os._exit(0)
