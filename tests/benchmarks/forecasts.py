"""How good the scores are on the simulated shop, where what happens next, and why, is known.

The lake knows nothing after D. What customers then do is read from the later landing files, and their hidden rate and
death from the truth. The peer is RFM alone: recency, order count and net revenue, fitted on the same snapshots.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

CUSTOMERS, DAYS, SEEDS = 2000, 500, (1, 2, 3)
FIRST = date(2024, 1, 1)
HORIZON_DAYS = 90
AS_OF = FIRST + timedelta(days=DAYS - 1 - HORIZON_DAYS)
CLICK_SHARE = "sessions_per_order=3"


def run() -> str:
    """Measure over the seeds and return the section."""
    measured = [of_seed(seed) for seed in SEEDS]
    rows = [
        ("churn, ROC AUC", "what happened in 90 days", "churn_auc", "rfm_churn_auc"),
        ("churn, ROC AUC", "dead by D + 45 days (truth)", "dead_auc", "rfm_dead_auc"),
        ("churn, Brier score (less is better)", "what happened in 90 days", "churn_brier", "rfm_churn_brier"),
        ("CLV, Spearman", "net revenue in 90 days", "clv_spearman", "rfm_clv_spearman"),
        ("CLV, Spearman", "expected net revenue (truth)", "clv_truth_spearman", "rfm_clv_truth_spearman"),
        ("CLV, mean absolute error", "net revenue in 90 days", "clv_mae", "rfm_clv_mae"),
        ("embedding, reconstruction MSE", "column means", "mse", "mean_mse"),
    ]
    lines = [
        f"Simulated shop (not real data), {CUSTOMERS} customers x {DAYS} days, seeds {', '.join(map(str, SEEDS))}; "
        f"scored as of {AS_OF}, horizon {HORIZON_DAYS} days. Peer: RFM alone (for the embedding: column means). "
        "Median over the seeds, least to most in brackets.",
        "",
        "| score | held against | Nightjar | RFM alone | difference |",
        "|---|---|---|---|---|",
    ]
    for title, against, ours, peer in rows:
        difference = [one[ours] - one[peer] for one in measured]
        cells = (spread([one[key] for one in measured]) for key in (ours, peer))
        lines.append(f"| {title} | {against} | {' | '.join(cells)} | {spread(difference, sign=True)} |")
    return "\n".join(lines)


def spread(values: list[float], sign: bool = False) -> str:
    """Median and range."""
    form = "{:+.4g}" if sign else "{:.4g}"
    low, middle, high = min(values), float(np.median(values)), max(values)
    return f"{form.format(middle)} ({form.format(low)} … {form.format(high)})"


def of_seed(seed: int) -> dict[str, float]:
    """Land, build, train and score one shop, then look at what it does next."""
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder:
        lake = Path(folder) / "lake"
        dials = (f"customers={CUSTOMERS}", f"days={DAYS}", f"seed={seed}", CLICK_SHARE)
        options = [word for dial in dials for word in ("--option", dial)]
        job("jobs.land", lake, "--dataset", "simulated", "--lake", str(lake), *options)
        job("jobs.backfill", lake, "--to", str(AS_OF))
        job("jobs.train", lake, "--as-of", str(AS_OF))
        job("jobs.score", lake, "--as-of", str(AS_OF))
        return compare(lake)


def job(module: str, lake: Path, *arguments: str) -> None:
    """Run one of the project's commands on the lake."""
    horizons = {f"NIGHTJAR_{name}_HORIZON_DAYS": str(HORIZON_DAYS) for name in ("CHURN", "CLV")}
    environment = {**os.environ, "NIGHTJAR_LAKE": str(lake), **horizons}
    subprocess.run([sys.executable, "-m", module, *arguments], env=environment, check=True)


def compare(lake: Path) -> dict[str, float]:
    """Scores of D against what happened after D, and against the truth; the same for RFM alone."""
    from sklearn.metrics import roc_auc_score

    from models.evaluation import evaluate_amounts, evaluate_probabilities

    frame = scored(lake).join(future(lake)).fillna({"later_order_count": 0, "later_net_revenue": 0.0}).join(truth(lake))
    left = (frame["later_order_count"] <= 0).to_numpy()
    is_dead = (frame["death_date"] <= pd.Timestamp(AS_OF + timedelta(days=HORIZON_DAYS // 2))).to_numpy()
    found: dict[str, float] = {}
    for prefix, churn, value in (("", "churn", "clv"), ("rfm_", "rfm_churn", "rfm_clv")):
        probabilities = evaluate_probabilities(left, frame[churn].to_numpy())
        amounts = evaluate_amounts(frame["later_net_revenue"].to_numpy(), frame[value].to_numpy())
        hidden = evaluate_amounts(frame["true_expected"].to_numpy(), frame[value].to_numpy())
        found |= {
            f"{prefix}churn_auc": probabilities["roc_auc"],
            f"{prefix}churn_brier": probabilities["brier"],
            f"{prefix}dead_auc": float(roc_auc_score(is_dead, frame[churn])),
            f"{prefix}clv_spearman": amounts["spearman"],
            f"{prefix}clv_mae": amounts["mae"],
            f"{prefix}clv_truth_spearman": hidden["spearman"],
        }
    return found | embedding_errors(lake)


def scored(lake: Path) -> pd.DataFrame:
    """Scores of D by customer, and RFM's own, fitted on the training snapshots that churn and CLV used."""
    from jobs.settings import Settings
    from jobs.tables import Run
    from jobs.train import RFM_COLUMNS, feature_rows, split, stored_dates, training_set
    from models.baselines import PastRateClv, RfmChurn

    settings = Settings(lake=lake, churn_horizon_days=HORIZON_DAYS, clv_horizon_days=HORIZON_DAYS)
    run = Run(as_of_date=AS_OF, first=AS_OF, settings=settings)
    run.spark  # noqa: B018 - column expressions need a session
    training_dates, _ = split(stored_dates(run), AS_OF, HORIZON_DAYS)
    training = training_set(run, training_dates, HORIZON_DAYS)
    names = list(RFM_COLUMNS)
    baseline = RfmChurn.fit(training.frame[names], training.later_order_count <= 0)
    features = (
        feature_rows(run, [AS_OF])
        .filter("btyd_age IS NOT NULL")
        .toPandas()
        .set_index("customer_id")
        .astype({name: float for name in (*names, "btyd_age")})
    )
    past = PastRateClv(HORIZON_DAYS)
    own = pd.DataFrame(
        {
            "rfm_churn": baseline.predict(features[names]),
            "rfm_clv": past.predict(features[list(past.feature_names)]),
        },
        index=features.index,
    )
    churn = of_date(lake, "score_churn")["churn_probability"].rename("churn")
    value = of_date(lake, "score_clv")["expected_net_revenue"].rename("clv")
    return own.join(churn).join(value)


def of_date(lake: Path, table: str) -> pd.DataFrame:
    """Rows of a score table for D by customer."""
    from deltalake import DeltaTable

    rows = DeltaTable(str(lake / table)).to_pyarrow_table().to_pandas()
    return rows[rows["as_of_date"] == AS_OF].set_index("customer_id")


def future(lake: Path) -> pd.DataFrame:
    """Orders and net revenue of each customer in (D, D + H], from landing files that the lake has not read.

    Returns of those orders count, as far as they landed; malformed and repeated lines do not.
    """
    parts = [
        pd.read_csv(path, dtype=str)
        for path in sorted((lake / "landing" / "transactions").glob("dt=*/*.csv"))
        if date.fromisoformat(path.parent.name.removeprefix("dt=")) > AS_OF
    ]
    lines = pd.concat(parts)
    lines["line_amount"] = pd.to_numeric(lines["line_amount"], errors="coerce")
    moment = pd.to_datetime(lines["event_at"], errors="coerce", utc=True).dt.tz_convert("Europe/Berlin")
    lines["day"] = moment.dt.date
    lines = lines.dropna(subset=["line_amount", "day", "customer_id", "order_id"]).drop_duplicates("event_id")
    lines = lines[(lines["day"] > AS_OF) & (lines["day"] <= AS_OF + timedelta(days=HORIZON_DAYS))]
    sales = lines[lines["line_type"] == "sale"]
    return pd.DataFrame(
        {
            "later_order_count": sales.groupby("customer_id")["order_id"].nunique(),
            "later_net_revenue": lines.groupby("customer_id")["line_amount"].sum(),
        }
    )


def truth(lake: Path) -> pd.DataFrame:
    """Death date and expected net revenue in the horizon of each customer, as the simulation knows them."""
    people = pd.read_parquet(lake / "truth" / "customers.parquet").set_index("customer_id")
    death = pd.to_datetime(people["death_date"]).fillna(pd.Timestamp.max.normalize())
    alive_days = (death - pd.Timestamp(AS_OF)).dt.days.sub(1).clip(0, HORIZON_DAYS)
    return pd.DataFrame(
        {"death_date": death, "true_expected": people["expected_net_amount_per_day"].astype(float) * alive_days}
    )


def embedding_errors(lake: Path) -> Mapping[str, float]:
    """Reconstruction error of the registered autoencoder and of the column means, on customers it never saw."""
    from models.autoencoder import Autoencoder
    from models.registry import load_champion

    uri = f"sqlite:///{(lake / 'models' / 'mlflow.db').resolve()}"
    champion = load_champion("embedding", Autoencoder.load, uri)
    assert champion is not None
    return {"mse": champion[0].metrics["holdout_mse"], "mean_mse": champion[0].metrics["column_mean_mse"]}
