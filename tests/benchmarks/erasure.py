"""What it costs to erase 1,000 of 200,000 customers, and whether a search of our own then finds anybody.

The search here shares no code with the job: it unpacks every file by other means and matches a pattern.
"""

import gzip
import hashlib
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq

CUSTOMERS, ERASED, DAYS, SEED = 200_000, 1_000, 45, 4
START = date(2024, 1, 1)
LAST = START + timedelta(days=DAYS - 1)
HORIZONS = {"NIGHTJAR_CHURN_HORIZON_DAYS": "7", "NIGHTJAR_CLV_HORIZON_DAYS": "7"}
NIGHT = (
    ("jobs", "ingest", "conform"),
    ("jobs.gate", "--layer", "clean"),
    ("jobs", "tile", "snapshot"),
    ("jobs.gate", "--layer", "feature"),
    ("jobs.score",),
    ("jobs.gate", "--layer", "score"),
    ("jobs", "publish", "plan_campaign", "export_campaign", "report"),
)
STEP = re.compile(r"step=(erase\w*) .*?seconds=([\d.]+)")
PARTS = {
    "erase_find": "find their orders, browsers and addresses; refuse them",
    "erase_landing": "landed files",
    "erase_identity": "identity of who was one with them",
    "erase_tables": "tables",
    "erase_versions": "earlier versions of tables",
    "erase_search": "the job's own search of every file",
    "erase": "in all",
}
ID = re.compile(rb"(?<![0-9A-Za-z_-])c\d{7}(?![0-9A-Za-z_-])")  # as the simulated shop writes customers
HASH = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


def run() -> str:
    """Build the shop, search, erase, search."""
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder:
        lake, ids = Path(folder) / "lake", Path(folder) / "ids.csv"
        build(lake)
        erased = random.Random(SEED).sample(customers(lake), ERASED)
        ids.write_text("\n".join(["customer_id", *erased]) + "\n")
        before = search(lake, set(erased))
        done, seconds = job(lake, "jobs.erase", "--file", str(ids))
        after = search(lake, set(erased))
        steps = {found[1]: float(found[2]) for found in STEP.finditer(done.stderr)}
        return section(steps, seconds, before, after, rows(lake), proof(lake))


def build(lake: Path) -> None:
    """Land the shop, build and train its history, run its last night."""
    dials = (f"customers={CUSTOMERS}", f"days={DAYS}", "sessions_per_order=2")
    options = [word for dial in dials for word in ("--option", dial)]
    job(lake, "jobs.land", "--dataset", "simulated", "--lake", str(lake), *options)
    before = str(LAST - timedelta(days=1))
    job(lake, "jobs.backfill", "--to", before)
    job(lake, "jobs.train", "--as-of", before)
    for module, *words in NIGHT:
        job(lake, module, *words, "--as-of", str(LAST))


def job(lake: Path, module: str, *words: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """One of the project's commands as a process, and its seconds."""
    told = {**os.environ, "NIGHTJAR_LAKE": str(lake), "NIGHTJAR_MINIMUM_VOLUME_RATIO": "0.1", **HORIZONS}
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-m", module, *words], env=told, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{module} {' '.join(words)} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done, time.monotonic() - began


def customers(lake: Path) -> list[str]:
    """Who ever ordered or signed up, by the truth of the simulation."""
    return sorted(pq.read_table(lake / "truth" / "customers.parquet", columns=["customer_id"])[0].to_pylist())


def search(lake: Path, erased: set[str]) -> dict[str, int]:
    """Files that name one of the erased, or the plain hash of one, by the first folder; the truth apart."""
    wanted = {one.encode() for one in erased} | {hashlib.sha256(one.encode()).hexdigest().encode() for one in erased}
    found = {"files": 0, "bytes": 0}
    for path in sorted(path for path in lake.rglob("*") if path.is_file()):
        place = path.relative_to(lake).parts[0]
        if place == "truth":
            continue
        found["files"] += 1
        found["bytes"] += path.stat().st_size
        if any(wanted & {*ID.findall(text), *HASH.findall(text)} for text in unpacked(path)):
            found[place] = found.get(place, 0) + 1
    return found


def unpacked(path: Path) -> Iterator[bytes]:
    """A file's bytes as they are, and unpacked."""
    yield path.read_bytes()
    if path.suffix == ".gz":
        yield gzip.decompress(path.read_bytes())
    if path.suffix == ".parquet":
        for column in pq.ParquetFile(path).read().columns:
            yield repr(column.to_pylist()).encode()


def rows(lake: Path) -> int:
    """Landed rows, as the runs counted them."""
    from deltalake import DeltaTable

    return int(sum(DeltaTable(str(lake / "ops_run")).to_pyarrow_table()["file_row_count"].to_pylist()))


def proof(lake: Path) -> list[dict[str, object]]:
    """The job's own proof."""
    from deltalake import DeltaTable

    return sorted(DeltaTable(str(lake / "ops_erasure")).to_pyarrow_table().to_pylist(), key=lambda row: row["place"])


def section(
    steps: dict[str, float],
    seconds: float,
    before: dict[str, int],
    after: dict[str, int],
    row_count: int,
    told: list[dict[str, object]],
) -> str:
    """Tables of seconds, of what the search found and of the proof."""
    places = sorted(set(before) - {"files", "bytes"})
    left = {place: count for place, count in sorted(after.items()) if place not in ("files", "bytes")}
    lines = [
        f"Simulated shop (not real data), {CUSTOMERS:,} customers x {DAYS} days, {row_count:,} landed rows, "
        f"{before['bytes'] / 1e6:,.0f} MB in {before['files']:,} files; {ERASED:,} customers drawn by seed {SEED} are "
        f"erased by one `python -m jobs.erase --file`, engine sail, {os.cpu_count()} cores.",
        "",
        "| part | seconds |",
        "|---|---|",
        *(f"| {words} | {steps[name]:.1f} |" for name, words in PARTS.items() if name in steps),
        f"| the process, with its start | {seconds:.1f} |",
        "",
        "A search that shares no code with the job, over every file unpacked: files that name one of the customers, or "
        f"the SHA-256 of one, before: {sum(before[place] for place in places):,} of {before['files']:,}; "
        f"**after: {sum(left.values())} of {after['files']:,}**"
        + "".join(f", {place} {count}" for place, count in left.items())
        + ". Before, by place: "
        + ", ".join(f"{place} {before[place]}" for place in places)
        + ".",
        "",
        "Rows by place, as `ops_erasure` has them: "
        + ", ".join(f"{row['place']} {row['before_count']:,} → {row['after_count']:,}" for row in told)
        + ".",
    ]
    return "\n".join(lines)
