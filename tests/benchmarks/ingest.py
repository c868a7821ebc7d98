"""What ingest and conform of a large day cost, beside the same cleaning written by hand in Polars and in DuckDB.

Peers in the same run, on the same files, a fresh process each; and what the 400th day costs against the 40th.
`BENCH_ROWS` gives another size than five million.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import psutil

from tests.benchmarks import day_set
from tests.benchmarks.night import told

ROOT = Path(__file__).resolve().parents[2]
ROWS = int(os.environ.get("BENCH_ROWS", 5_000_000))
SEED, ROUNDS = 20_241_125, 3
KINDS = ("csv", "parquet")
PEERS = ("polars", "duckdb")
GROWTH_DAYS, GROWTH_ROWS, GROWTH_CLICKS, GROWTH_ROUNDS = (40, 400), 5_000, 20_000, 5
FIRST = date(2023, 1, 1)  # of the growing history
SAMPLE_SECONDS = 0.1
STEP = re.compile(r"(?:step|write table)=(\S+) .*?seconds=([\d.]+)")


@dataclass(frozen=True)
class Cost:
    """Of one process and its children."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str

    @property
    def steps(self) -> dict[str, float]:
        """Seconds by step and table, as the job's log tells them."""
        return {name: float(seconds) for name, seconds in STEP.findall(self.output)}


def run() -> str:
    """Measure both layouts and the growth; return the section."""
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as scratch:
        folder = Path(scratch)
        lines = day_set.day_lines(ROWS, SEED)
        costs = {kind: of_kind(kind, folder, day_set.write(lines, folder / kind, kind)) for kind in KINDS}
        del lines
        days = growth(folder / "growth")
    return section(costs, days)


def of_kind(kind: str, folder: Path, files: list[Path]) -> dict[str, list[Cost]]:
    """Costs of ours and the peers in turn, after all have found the same rows."""
    costs: dict[str, list[Cost]] = {"nightjar": [], **{peer: [] for peer in PEERS}}
    for _ in range(ROUNDS):
        out = folder / "out"
        for name in costs:
            shutil.rmtree(out, ignore_errors=True)
            out.mkdir()
            if name == "nightjar":
                landed(out, day_set.DAY, files)
                cost = measured([sys.executable, "-m", "jobs", "ingest", "conform", "--as-of", str(day_set.DAY)], out)
                found = of_lake(out)
            else:
                command = [sys.executable, "-m", "tests.benchmarks.ingest_peers", name, kind, str(files[0].parent)]
                cost = measured([*command, str(out)], out)
                found = json.loads(cost.output.splitlines()[-1])
            agree(name, found, costs)
            costs[name].append(cost)
    return costs


_found: dict[str, object] = {}


def agree(name: str, found: dict[str, object], costs: dict[str, list[Cost]]) -> None:
    """Raise unless every contender counts the same rows and the same money."""
    if not _found:
        _found.update(found)
    if any(str(found[key]) != str(_found[key]) for key in ("rows", "new", "quarantined", "net")):
        raise AssertionError(f"{name} found {found}, {next(iter(costs))} {_found}")


def landed(lake: Path, day: date, files: list[Path]) -> None:
    """Put files into a lake's landing folder of the day."""
    folder = lake / "landing" / "transactions" / f"dt={day}"
    folder.mkdir(parents=True)
    for path in files:
        os.link(path, folder / path.name)


def of_lake(lake: Path) -> dict[str, object]:
    """What our tables hold, read by another engine."""
    import polars as pl

    told_run = pl.read_delta(str(lake / "ops_run")).row(0, named=True)
    net = pl.scan_delta(str(lake / "clean_orders")).select(pl.col("net_amount").sum(), pl.len()).collect().row(0)
    return {
        "rows": told_run["file_row_count"],
        "new": told_run["new_row_count"],
        "quarantined": told_run["quarantined_row_count"],
        "orders": net[1],
        "net": f"{net[0]:.4f}",
    }


def measured(command: list[str], lake: Path) -> Cost:
    """Run a process and watch it and its children."""
    environment = {**os.environ, "NIGHTJAR_LAKE": str(lake)}
    began = time.monotonic()
    process = subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    peak, cpu = [0.0], [0.0]
    watcher = threading.Thread(target=watch, args=(process.pid, peak, cpu))
    watcher.start()
    output, _ = process.communicate()
    seconds = time.monotonic() - began
    watcher.join()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{output[-2000:]}")
    return Cost(seconds, cpu[0], peak[0], output)


def watch(pid: int, peak: list[float], cpu: list[float]) -> None:
    """Keep the peak of resident memory (MB) and the CPU seconds used, until the process ends."""
    while True:
        try:
            family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
            memory = sum(one.memory_info().rss for one in family if one.status() != psutil.STATUS_ZOMBIE)
            peak[0] = max(peak[0], memory / 2**20)
            times = [one.cpu_times() for one in family]
            cpu[0] = max(cpu[0], sum(one.user + one.system for one in times))
            if family[0].status() == psutil.STATUS_ZOMBIE:
                return
        except psutil.Error:
            return
        time.sleep(SAMPLE_SECONDS)


def growth(folder: Path) -> dict[int, list[Cost]]:
    """Costs of one night's ingest and conform on day 40 and on day 400 of the same history."""
    lake = folder / "lake"
    found: dict[int, list[Cost]] = {}
    begun = 0
    for last in GROWTH_DAYS:
        for number in range(begun, last - 1):
            land_day(lake, number)
        span = ["--from", str(day_of(begun)), "--as-of", str(day_of(last - 2))]
        measured([sys.executable, "-m", "jobs", "ingest", "conform", "tile", *span], lake)
        land_day(lake, last - 1)
        night = ["ingest", "conform", "--as-of", str(day_of(last - 1))]
        for number in range(GROWTH_ROUNDS):
            copy = folder / f"copy{number}"
            shutil.copytree(lake, copy)
            found.setdefault(last, []).append(measured([sys.executable, "-m", "jobs", *night], copy))
            shutil.rmtree(copy)
        begun = last - 1
    return found


def day_of(number: int) -> date:
    """The day of a place in the history, from 0."""
    return FIRST + timedelta(days=number)


def land_day(lake: Path, number: int) -> None:
    """Land one small day of lines and of clicks, unless it is there."""
    day = day_of(number)
    logs = {
        "transactions": lambda: day_set.day_lines(GROWTH_ROWS, SEED + number, day),
        "clickstream": lambda: day_set.day_clicks(GROWTH_CLICKS, SEED + number, day),
    }
    for source, made in logs.items():
        folder = lake / "landing" / source / f"dt={day}"
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            day_set.write(made(), folder, "csv", files=1)


def section(costs: dict[str, dict[str, list[Cost]]], days: dict[int, list[Cost]]) -> str:
    """The tables."""
    lines = [
        f"Ingest and conform of one day of {ROWS:,} simulated transaction lines (not real data; seed {SEED}; "
        f"{day_set.FILES} files; {day_set.DUPLICATE_SHARE:.0%} sent twice, {day_set.BAD_SHARE:.1%} bad, "
        f"{day_set.RETURN_SHARE:.0%} returns), {os.cpu_count()} cores, engine sail; peers by hand on the same files "
        f"in the same run, a fresh process each, in turn; {ROUNDS} rounds, median, least to most in brackets. "
        "All found the same rows and the same net revenue.",
        "",
        "| files | by | seconds | against Polars | rows a second | CPU seconds | peak MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind, by_name in costs.items():
        base = by_name["polars"]
        for name, found in by_name.items():
            ratio = [one.seconds / other.seconds for one, other in zip(found, base, strict=True)]
            rate = sorted(ROWS / one.seconds for one in found)[len(found) // 2]
            lines.append(
                f"| {kind} | {name} | {told([one.seconds for one in found])} | {told(ratio)} | {rate:,.0f} "
                f"| {told([one.cpu_seconds for one in found])} | {told([one.peak_mb for one in found])} |"
            )
    lines += ["", "Where Nightjar's seconds go (of the log's steps; a step holds the writes within it):", ""]
    lines += ["| step or table written | csv | parquet |", "|---|---|---|"]
    steps = {kind: [one.steps for one in by_name["nightjar"]] for kind, by_name in costs.items()}
    for name in steps["csv"][0]:
        cells = (told([one[name] for one in steps[kind] if name in one]) for kind in KINDS)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    early, late = (days[number] for number in GROWTH_DAYS)
    ratio = [one.seconds / other.seconds for one, other in zip(late, early, strict=True)]
    lines += [
        "",
        f"A day of {GROWTH_ROWS:,} lines and {GROWTH_CLICKS:,} clicks, ingest and conform: day {GROWTH_DAYS[0]} "
        f"{told([one.seconds for one in early])} s, day {GROWTH_DAYS[1]} {told([one.seconds for one in late])} s; "
        f"ratio {told(ratio)}.",
    ]
    return "\n".join(lines)
