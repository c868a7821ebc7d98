"""How well visitors are told from log-ins, on the simulated shop where it is known who made every click; and how fast.

Peers are what a sceptic would do: take an event's own account and nothing else, or for a visitor the last account that
logged in on him.
"""

import os
import subprocess
import sys
import tempfile
import time
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from deltalake import DeltaTable

from tests.benchmarks.forecasts import spread

ROOT = Path(__file__).resolve().parents[2]
CUSTOMERS, DAYS, SEEDS = 2000, 90, (1, 2, 3)
FIRST = date(2024, 1, 1)
DIALS = {
    "orders_per_month": "2",
    "login_share": "0.5",
    "second_account_share": "0.1",
    "shared_device_share": "0.2",
    "device_id_share": "0.5",
    "cookie_days": "21",
    "guest_email_share": "0.3",
}
METHODS = {
    "own": "the event's own account alone",
    "last": "the visitor's last account",
    "nightjar": "Nightjar",
}
GRAPH_EDGES, NIGHT_EVENTS = 1_000_000, 5_000
Scores = dict[str, float]


def run() -> str:
    """Measure over the seeds, time a large graph, and return the section."""
    measured = [of_seed(seed) for seed in SEEDS]
    dials = ", ".join(f"{name} {value}" for name, value in DIALS.items())
    lines = [
        f"Simulated shop (not real data), {CUSTOMERS} customers x {DAYS} days, seeds {', '.join(map(str, SEEDS))}; "
        f"{dials}; as of the last day. Pairs of clicks (bots left out): are two by one person? Median over the seeds, "
        "least to most in brackets. *Named*: clicks given to anybody; *right*: given to the person who made them, both "
        "of all clicks.",
        "",
        "| a click is whose | precision | recall | F1 | named | right |",
        "|---|---|---|---|---|---|",
    ]
    for method, title in METHODS.items():
        cells = (spread([one[f"{method}_{name}"] for one in measured]) for name in SCORES)
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", large_graph()])


def of_seed(seed: int) -> Scores:
    """Land and conform one shop; score what its clean tables say of who made each click."""
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder:
        lake = Path(folder)
        dials = {"customers": str(CUSTOMERS), "days": str(DAYS), "seed": str(seed), "start_date": str(FIRST), **DIALS}
        options = [word for name, value in dials.items() for word in ("--option", f"{name}={value}")]
        last = FIRST + timedelta(days=DAYS - 1)
        call(lake, "jobs.land", "--dataset", "simulated", *options, "--lake", str(lake))
        call(lake, "jobs", "ingest", "conform", "--from", str(FIRST), "--as-of", str(last))
        return {
            f"{method}_{name}": score
            for method, told in answers(lake, last).items()
            for name, score in scores(told).items()
        }


def call(lake: Path, module: str, *arguments: str) -> None:
    """Run a step on the lake."""
    environment = {**os.environ, "NIGHTJAR_LAKE": str(lake)}
    subprocess.run([sys.executable, "-m", module, *arguments], env=environment, check=True, cwd=ROOT)


def answers(lake: Path, last: date) -> dict[str, pd.DataFrame]:
    """For each method its answer (an account) and whose that is beside the truth, click by click."""
    raw = DeltaTable(str(lake / "raw_clickstream")).to_pandas(
        columns=["event_id", "event_at", "visitor_id", "customer_id"]
    )
    bots = DeltaTable(str(lake / "clean_events")).to_pandas(columns=["event_id", "customer_id", "is_bot"])
    truth = pd.read_parquet(lake / "truth" / "visits")[["event_id", "person_id"]]
    in_session = bots.rename(columns={"customer_id": "session_customer"})
    clicks = raw.merge(in_session, on="event_id").query("not is_bot").merge(truth, on="event_id")
    named = clicks[clicks["customer_id"].notna()].sort_values("event_at")
    last_account = named.groupby("visitor_id")["customer_id"].last()
    identity = DeltaTable(str(lake / "clean_identity")).to_pandas()
    holds = (identity["valid_from"] <= last) & (identity["valid_to"].isna() | (identity["valid_to"] > last))
    of_kind = {
        kind: rows.set_index("identifier")["customer_id"] for kind, rows in identity[holds].groupby("identifier_kind")
    }
    persons = pd.read_parquet(lake / "truth" / "customers.parquet").set_index("customer_id")["person_id"]
    account = clicks["session_customer"].map(of_kind["customer"]).fillna(clicks["session_customer"])
    found = {
        "own": clicks["customer_id"],
        "last": clicks["customer_id"].fillna(clicks["visitor_id"].map(last_account)),
        "nightjar": account.fillna(clicks["visitor_id"].map(of_kind["visitor"])),
    }
    return {
        method: clicks[["person_id"]].assign(answer=answer, answered=answer.map(persons))
        for method, answer in found.items()
    }


SCORES = ("precision", "recall", "f1", "named", "right")


def scores(told: pd.DataFrame) -> Scores:
    """Pairwise scores, and shares of clicks."""
    both = pairs(told.dropna().groupby(["answer", "person_id"]).size())
    claimed, true = pairs(told["answer"].value_counts()), pairs(told["person_id"].value_counts())
    precision, recall = both / claimed, both / true
    return {
        "precision": precision,
        "recall": recall,
        "f1": 2 * precision * recall / (precision + recall),
        "named": float(told["answer"].notna().mean()),
        "right": float((told["answered"] == told["person_id"]).mean()),
    }


def pairs(counts: "pd.Series[int]") -> float:
    """Pairs within groups of these sizes."""
    return float((counts * (counts - 1) / 2).sum())


def large_graph() -> str:
    """Seconds for a million new edges at once, and for a night of few new ones after them."""
    from pyspark.sql import functions as F

    from jobs import identities
    from jobs.settings import Settings
    from jobs.tables import Run
    from schemas.identity import CLEAN_IDENTITY, CLEAN_IDENTITY_EDGE
    from schemas.raw import RAW_CLICKSTREAM

    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder:
        nights = [
            Run(day, day, Settings(lake=Path(folder), spark_remote=None)) for day in (FIRST, FIRST + timedelta(days=1))
        ]
        seconds = []
        for night, events in zip(nights, (GRAPH_EDGES * 2 // 5, NIGHT_EVENTS), strict=True):
            told = night.spark.createDataFrame(log_ins(night.as_of_date, events))
            others = [column for column in RAW_CLICKSTREAM.columns if column.name not in told.columns]
            rows = told.withColumns({column.name: F.lit(None).cast(column.type) for column in others})
            night.replace(rows, RAW_CLICKSTREAM)
            began = time.monotonic()
            identities.link(night)
            seconds.append(time.monotonic() - began)
        edges, rows = (nights[1].read(table).count() for table in (CLEAN_IDENTITY_EDGE, CLEAN_IDENTITY))
    return (
        f"A graph of {edges:,} edges (drawn by chance, seed 1) from one run's log-ins: {seconds[0]:.1f} s on sail, "
        f"{os.cpu_count()} cores; the night after it, with {NIGHT_EVENTS:,} more log-ins: {seconds[1]:.1f} s. "
        f"`clean_identity` then has {rows:,} rows."
    )


def log_ins(day: date, count: int) -> pa.Table:
    """Clicks of log-ins: every twentieth account has the address of the one before, a tenth is on a foreign device."""
    rng = np.random.default_rng([1, day.toordinal()])
    account = rng.integers(0, GRAPH_EDGES // 4, count)
    device = np.where(rng.random(count) < 0.9, account, account + 1) * 2 + rng.integers(0, 2, count)
    visitor = device * 3 + rng.integers(0, 3, count)
    texts = {
        "event_id": [f"{day}-{number}" for number in range(count)],
        "visitor_id": [f"v{number}" for number in visitor],
        "device_id": [f"d{number}" for number in device],
        "customer_id": [f"c{number}" for number in account],
        "email": [f"{number}@example.com" for number in account - (account % 20 == 1)],
        "event_type": ["login"] * count,
        "source_file": ["drawn"] * count,
    }
    moment = datetime(day.year, day.month, day.day, 12)
    told = {name: pa.array(values) for name, values in texts.items()}
    told |= {name: pa.array([day] * count) for name in ("event_date", "ingest_date")}
    return pa.table(told | {"event_at": pa.array([moment] * count, pa.timestamp("us", "UTC"))})
