"""What a night's features cost on Apache Spark, beside plain Spark that makes them anew of all purchases.

Size (i) of the benchmark of features, one Spark server for both. Cold is the first night of a new server, its start
included; warm are later ones, each from a new client. The rows are compared, column by column, before anything is told.
"""

import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest.mock import patch

import psutil

from jobs import spark_server
from jobs.engine import recorded_server
from jobs.settings import Settings
from tests.benchmarks.features import ROOT, SIZES, Cost, build_lake, cost_of, refuse_difference, told
from tests.benchmarks.features_peers import NAMES

RUNS = 3
# More memory than for the small shops that it is set up for, and the whole of the JVM's compiler.
CONF = {
    "spark.driver.memory": "10g",
    "spark.driver.extraJavaOptions": "-Duser.timezone=UTC",
    "spark.sql.shuffle.partitions": "4",
}


def run() -> str:
    """Measure. `BENCH_DIR` keeps the lake for a second run."""
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder:
        lake = Path(os.environ.get("BENCH_DIR") or folder) / "i"
        build_lake(lake, SIZES["i"])
        out = Path(folder) / "peer"
        settings = Settings(engine="spark", lake=lake, spark_jars=ROOT / ".jars", spark_conf=CONF, spark_remote=None)
        environment = {"NIGHTJAR_ENGINE": "spark", "NIGHTJAR_LAKE": str(lake)}
        night = partial(cost_of, "features_step", "night", str(lake))
        anew = partial(cost_of, "features_peers", "spark", str(lake), str(out))
        with patch.dict(os.environ, environment):
            try:
                began = time.monotonic()
                spark_server.start(settings)
                start = time.monotonic() - began
                cold = with_server(lake, night)
                with_server(lake, anew)  # this one is cold, too
                nights, peers = [], []
                for _ in range(RUNS):
                    nights.append(with_server(lake, night))
                    peers.append(with_server(lake, anew))
                    refuse_difference(lake, out / "features" / "*.parquet")
            finally:
                spark_server.stop(settings)
        return section(start, cold, nights, peers)


def with_server(lake: Path, measured: Callable[[], Cost]) -> Cost:
    """The cost of a client and of what the server did for it."""
    record = recorded_server(lake)
    if record is None:
        raise RuntimeError(f"the Spark server is gone; see {lake}")
    server = psutil.Process(record["pid"])
    before = sum(server.cpu_times()[:2])
    cost = measured()
    held = server.memory_info().rss / 2**30
    return Cost(cost.seconds, cost.cpu_seconds + sum(server.cpu_times()[:2]) - before, cost.peak_gib + held)


def section(start: float, cold: Cost, nights: list[Cost], peers: list[Cost]) -> str:
    """What is told."""
    size = SIZES["i"]
    ratios = [peer.seconds / night.seconds for night, peer in zip(nights, peers, strict=True)]
    cells = {
        "Nightjar's night, cold": f"{start + cold.seconds:.1f} | {cold.cpu_seconds:.1f} | {cold.peak_gib:.1f} | ",
        "Nightjar's night, warm": f"{of_runs(nights)} | 1",
        "plain Spark, all purchases anew, warm": f"{of_runs(peers)} | {told(ratios)}",
    }
    return "\n".join(
        [
            f"Size (i), simulated: {size.lines:,} purchases of {size.customers:,} customers in {size.days:,} days; "
            f"{os.cpu_count()} cores, one Spark server in local mode; {RUNS} warm runs each in turn, median, least to "
            f"most in brackets; {len(NAMES)} columns compared in every run: equal. Memory: client and server.",
            "",
            "| what | seconds | CPU-seconds | GiB | seconds ÷ night's |",
            "|---|---|---|---|---|",
            *(f"| {what} | {told_of} |" for what, told_of in cells.items()),
        ]
    )


def of_runs(costs: list[Cost]) -> str:
    """Seconds, CPU-seconds and memory."""
    return " | ".join(told([getattr(one, name) for one in costs]) for name in ("seconds", "cpu_seconds", "peak_gib"))
