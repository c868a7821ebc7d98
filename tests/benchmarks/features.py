"""What a night's features cost beside making them anew of all purchases: seconds, CPU-seconds and peak memory.

Simulated purchases (tests/benchmarks/purchase_history.py). Each figure is of a process of its own, start of Python and
of the engine's session included; the rows are compared, column by column, before anything is told.
`BENCH_DIR` keeps the lakes for a second run.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb
import psutil
import pyarrow.compute as pc
from deltalake import DeltaTable

from tests.benchmarks.features_peers import DAY, NAMES
from tests.benchmarks.purchase_history import Size, build

ROOT = Path(__file__).resolve().parents[2]
SIZES = {
    "i": Size(200_000, 366, 20_000_000),
    "ii": Size(200_000, 1_827, 100_000_000),
    "iii": Size(800_000, 366, 80_000_000),
}
RUNS = 3
LOOK_SECONDS = 0.1
NIGHT = "Nightjar's night on sail: tiles and snapshot"
PEERS = {  # module, and its word before lake and folder
    "DuckDB, all purchases anew": ("features_peers", "duckdb"),
    "DuckDB, knowing that nobody orders twice a day": ("features_peers", "duckdb-days"),
    "Polars, all purchases anew": ("features_polars",),
    "DuckDB, from the day before, by hand for this shop alone": ("features_increment", "step"),
}


@dataclass(frozen=True)
class Cost:
    """One process: seconds, CPU-seconds, and the most memory that it and its children held."""

    seconds: float
    cpu_seconds: float
    peak_gib: float


def run(name: str) -> str:
    """Measure a size."""
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder:
        return of_size(name, Path(os.environ.get("BENCH_DIR") or folder) / name, Path(folder))


def of_size(name: str, lake: Path, out: Path) -> str:
    """Time night and peers in turn."""
    size = SIZES[name]
    build_lake(lake, size)
    subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.features_increment", "before", str(lake), str(out / "step")],
        check=True,
        cwd=ROOT,
    )
    costs: dict[str, list[Cost]] = {}
    for _ in range(RUNS):
        costs.setdefault(NIGHT, []).append(cost_of("features_step", "night", str(lake)))
        for peer, words in PEERS.items():
            folder = out / words[-1]
            costs.setdefault(peer, []).append(cost_of(*words, str(lake), str(folder)))
            refuse_difference(lake, folder / "features.parquet")
    return section(name, size, costs)


def build_lake(lake: Path, size: Size) -> None:
    """Purchases, tiles of all days before the night, and the snapshot before it, where they are not there."""
    if not (lake / "feature_customer").is_dir():
        build(lake, size)
        for what in (["history", str(lake), str(size.first)], ["before", str(lake)]):
            subprocess.run([sys.executable, "-m", "tests.benchmarks.features_step", *what], check=True, cwd=ROOT)


def cost_of(module: str, *arguments: str) -> Cost:
    """Run a module of the benchmarks and watch it."""
    began = time.monotonic()
    process = psutil.Popen([sys.executable, "-m", f"tests.benchmarks.{module}", *arguments], cwd=ROOT)
    peak, cpu = 0, 0.0
    while process.poll() is None:
        try:
            family = [process, *process.children(recursive=True)]
            peak = max(peak, sum(one.memory_info().rss for one in family))
            cpu = max(cpu, sum(sum(one.cpu_times()[:2]) for one in family))
        except psutil.Error:
            pass  # it ended while it was looked at
        time.sleep(LOOK_SECONDS)
    if process.returncode:
        raise RuntimeError(f"{module} {' '.join(arguments)} ended with {process.returncode}")
    return Cost(time.monotonic() - began, cpu, peak / 2**30)


def refuse_difference(lake: Path, peer: Path) -> None:
    """Raise unless night and peer tell the same of every customer: counts equal, what is divided to 1e-9."""
    columns = ["as_of_date", "customer_id", *NAMES]
    rows = DeltaTable(str(lake / "feature_customer")).to_pyarrow_dataset().to_table(columns=columns)
    engine = duckdb.connect()
    engine.register("ours", rows.filter(pc.equal(rows["as_of_date"], DAY)))
    engine.sql(f"CREATE VIEW theirs AS FROM read_parquet('{peer}')")
    counts = "(SELECT count(*) FROM ours), (SELECT count(*) FROM theirs)"
    [numbers] = engine.sql(f"SELECT {counts}, count(*) FROM ours JOIN theirs USING (customer_id)").fetchall()  # noqa: S608
    if len(set(numbers)) > 1:
        raise AssertionError(f"customers of ours, theirs and both: {numbers}")
    for name in NAMES:
        one, other = f"ours.{name}", f"theirs.{name}"
        is_far = f"abs({one}::DOUBLE - {other}::DOUBLE) > 1e-9 * greatest(1, abs({one}::DOUBLE))"
        if name == "top_category_90d":
            is_far = f"{one} <> {other}"
        differs = f"({one} IS NULL) <> ({other} IS NULL) OR {is_far}"
        [found] = engine.sql(
            f"SELECT count(*) FROM ours JOIN theirs USING (customer_id) WHERE {differs}"  # noqa: S608
        ).fetchall()
        if found[0]:
            raise AssertionError(f"{name} differs for {found[0]} customers")


def section(name: str, size: Size, costs: dict[str, list[Cost]]) -> str:
    """A table of one size."""
    lines = [
        f"Size ({name}), simulated: {size.lines:,} purchases of {size.customers:,} customers in {size.days:,} days, "
        f"seed 1; {os.cpu_count()} cores; {RUNS} processes each in turn, median, least to most in brackets. "
        f"{len(NAMES)} columns of features compared for every customer in every run: equal.",
        "",
        "| what | seconds | CPU-seconds | peak GiB | seconds ÷ night's |",
        "|---|---|---|---|---|",
    ]
    nights = [cost.seconds for cost in costs[NIGHT]]
    for what, of_runs in costs.items():
        ratios = [cost.seconds / night for cost, night in zip(of_runs, nights, strict=True)]
        cells = ([c.seconds for c in of_runs], [c.cpu_seconds for c in of_runs], [c.peak_gib for c in of_runs], ratios)
        lines.append(f"| {what} | {' | '.join(map(told, cells))} |")
    return "\n".join(lines)


def told(numbers: list[float]) -> str:
    """Median and range."""
    return f"{statistics.median(numbers):.1f} ({min(numbers):.1f}-{max(numbers):.1f})"
