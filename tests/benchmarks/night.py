"""What a night costs: seconds of each task through Airflow, on either engine, and how much of a task is start-up."""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RUNS = {"sail": 3, "spark": 2}  # a night on Spark takes minutes
START_RUNS = 3
LAST = date(2017, 12, 31)
TASK = re.compile(r"^\s+(\w+) done seconds=([\d.]+)")
STARTS = {
    "Python alone": "pass",
    "engine session (sail)": "from jobs import engine, settings; engine.get_spark(settings.get_settings())",
    "Great Expectations": "import great_expectations",
    "models of scoring": "import xgboost, lightgbm",
    "matplotlib": "import matplotlib.figure",
    "Airflow": "import airflow.sdk",
}


def run() -> str:
    """Build Complete Journey's history once, then time the newest nights on copies of that lake."""
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder:
        base = Path(folder) / "base"
        before = LAST - timedelta(days=1)
        for module, *arguments in (
            ("jobs.land", "--dataset", "complete-journey", "--lake", str(base)),
            ("jobs.backfill", "--to", str(before)),
            ("jobs.train", "--as-of", str(before)),
        ):
            subprocess.run(
                [sys.executable, "-m", module, *arguments], env=environment(base, "sail"), check=True, cwd=ROOT
            )
        nights = {engine: [one_night(base, Path(folder), engine) for _ in range(runs)] for engine, runs in RUNS.items()}
    return section(nights)


def environment(lake: Path, engine: str) -> dict[str, str]:
    """What jobs and Airflow need to know."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    told = {"NIGHTJAR_LAKE": str(lake), "NIGHTJAR_ENGINE": engine, "NIGHTJAR_BUSINESS_TIMEZONE": "America/New_York"}
    return {**os.environ, **told, "PATH": path, "NIGHTJAR_SPARK_JARS": str(ROOT / ".jars")}


def one_night(base: Path, folder: Path, engine: str) -> dict[str, float]:
    """Seconds of each task, of all of it, and of what is left for Airflow, on a fresh copy of the lake."""
    lake = folder / "night"
    shutil.rmtree(lake, ignore_errors=True)
    shutil.copytree(base, lake)
    command = [sys.executable, str(ROOT / "dags" / "run.py"), "nightly", str(LAST)]
    began = time.monotonic()
    done = subprocess.run(command, env=environment(lake, engine), check=True, cwd=ROOT, capture_output=True, text=True)
    total = time.monotonic() - began
    tasks = {found[1]: float(found[2]) for line in done.stdout.splitlines() if (found := TASK.match(line))}
    return {**tasks, "Airflow's own": total - sum(tasks.values()), "in all": total}


def section(nights: dict[str, list[dict[str, float]]]) -> str:
    """Tables of tasks and of start-up."""
    lines = [
        f"One night of Complete Journey ({LAST}, real data, a year before it) through Airflow, {os.cpu_count()} cores; "
        f"fresh copies of one lake, {RUNS['sail']} nights on sail and {RUNS['spark']} on spark; "
        "median, least to most in brackets; seconds.",
        "",
        "| task (a process each; on Spark they share one server) | sail | spark |",
        "|---|---|---|",
    ]
    for name in nights["spark"][0]:
        cells = (told([night[name] for night in nights[engine] if name in night]) for engine in ("sail", "spark"))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", "What a process pays before it works (median of 3, seconds):", "", "| start | seconds |", "|---|---|"]
    lines += [f"| {name} | {told([start_seconds(code) for _ in range(START_RUNS)])} |" for name, code in STARTS.items()]
    return "\n".join(lines)


def start_seconds(code: str) -> float:
    """Wall seconds of a process that does only this."""
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", f"{code}\nimport os; os._exit(0)"], check=True, cwd=ROOT, capture_output=True)
    return time.monotonic() - began


def told(seconds: list[float]) -> str:
    """Median and range; nothing for what an engine does not have."""
    if not seconds:
        return "–"
    return f"{statistics.median(seconds):.1f} ({min(seconds):.1f}–{max(seconds):.1f})"
