"""Train the models on stored snapshots and register them.

Reads `feature_customer`, `feature_customer_day`, `clean_reviews`, `raw_reviews`, `clean_order_lines`, `clean_events`,
`clean_products`, `clean_identity`; writes the MLflow registry.

The latest snapshot whose horizon is over is the holdout date. Churn and CLV train on the earlier ones whose horizon
ended by then, so nothing that a model learned from happened after the holdout date. The registered model is the one
that was measured. A model for which the shop has too little data is left out, with a log line, and the others go on.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from jobs import runtime, session_patterns
from jobs.errors import MissingInputError
from jobs.tables import Run
from jobs.training_frame import feature_rows, training_frame
from schemas.clean import CLEAN_REVIEWS
from schemas.feature import FEATURE_CUSTOMER, HAS_ORDERED, NUMBERS
from schemas.raw import RAW_REVIEWS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from pyspark.sql import DataFrame

    from models.review_text import TextModel

log = logging.getLogger("nightjar")

MAXIMUM_ROWS = 500_000  # of one training set on the driver; beyond, customers are sampled by a hash of their id
MAXIMUM_REVIEWS = 50_000  # of the text model's training, drawn by a hash of their id: a minute, however many there are
HOLDOUT_EVERY = 5
RFM_COLUMNS = ("recency_days", "order_count_lifetime", "net_revenue_lifetime")
BTYD_COLUMNS = ("btyd_frequency", "btyd_recency", "btyd_age", "mean_repeat_amount")


@dataclass(frozen=True)
class TrainingSet:
    """Feature rows of customers who have ordered, and what they did in the horizon after their snapshot."""

    frame: "pd.DataFrame"
    customers: "np.ndarray"
    later_order_count: "np.ndarray"
    later_net_revenue: "np.ndarray"


def main(arguments: list[str]) -> None:
    """Train and register every model that the data allow."""
    run = runtime.run_of(runtime.parser("train", __doc__).parse_args(arguments))
    stored = stored_dates(run)
    if run.as_of_date not in stored:
        raise MissingInputError(f"no snapshot of {run.as_of_date}; run `python -m jobs.backfill --to {run.as_of_date}`")
    trainers: dict[str, Callable[[Run, list[date]], Any]] = {
        "rfm": train_rfm,
        "embedding": train_embedding,
        "churn": train_churn,
        "clv": train_clv,
        "review_text": train_review_text,
        "product_vectors": train_product_vectors,
        session_patterns.MODEL: train_session_patterns,
    }
    from models.base import TrainingDataError

    for name, train in trainers.items():
        with runtime.step("train", model=name) as facts:
            try:
                facts.update(train(run, stored))
            except TrainingDataError as error:
                log.warning("step=train model=%s left out: %s", name, error)


def stored_dates(run: Run) -> list[date]:
    """Dates that have a snapshot, up to the run's."""
    return sorted(day for day in run.dates(FEATURE_CUSTOMER) if day <= run.as_of_date)


def split(stored: list[date], last: date, horizon_days: int) -> tuple[list[date], date]:
    """(training dates, holdout date): the latest date with its horizon over by `last`, and those over by that date."""
    from models.base import TrainingDataError

    horizon = timedelta(days=horizon_days)
    over = [day for day in stored if day + horizon <= last]
    training = [day for day in over if day + horizon <= over[-1]]
    if not training:
        raise TrainingDataError(
            f"needs two snapshots {horizon_days} days apart, the later {horizon_days} days before {last}; "
            f"stored are {', '.join(map(str, stored))}"
        )
    return training, over[-1]


def training_set(run: Run, dates: list[date], horizon_days: int) -> TrainingSet:
    """The rows of `training_frame` of customers who have ordered."""
    rows = sampled(training_frame(run, dates, horizon_days).filter(HAS_ORDERED))
    frame: pd.DataFrame = rows.orderBy("as_of_date", "customer_id").toPandas()
    return TrainingSet(
        frame[list(NUMBERS)],
        frame["customer_id"].to_numpy(),
        frame["later_order_count"].to_numpy(dtype=float),
        frame["later_net_revenue"].to_numpy(),
    )


def sampled(rows: "DataFrame") -> "DataFrame":
    """About `MAXIMUM_ROWS` rows at most, whole customers, always the same ones."""
    from pyspark.sql import functions as F

    count = rows.count()
    if count <= MAXIMUM_ROWS:
        return rows
    kept = int(1_000_000 * MAXIMUM_ROWS / count)
    return rows.filter(F.pmod(F.xxhash64("customer_id"), F.lit(1_000_000)) < kept)


def register(run: Run, name: str, model: Any, metrics: dict[str, float], **tags: object) -> str:
    """Make the model the champion of its name; a rerun of the same date puts it in the earlier one's place."""
    from models import registry

    run.settings.models.mkdir(parents=True, exist_ok=True)
    return registry.register(
        name,
        model,
        tracking_uri=run.settings.tracking_uri,
        training_key=f"as_of={run.as_of_date}",
        metrics=metrics,
        tags={key: str(value) for key, value in tags.items()} | {"dataset": run.settings.dataset},
    )


def train_rfm(run: Run, stored: list[date]) -> dict[str, object]:
    """Quintiles of the run's date, frozen."""
    from models.rfm import RfmConfig, RfmModel

    frame = feature_rows(run, [run.as_of_date]).select(*RFM_COLUMNS).toPandas()
    model = RfmModel.fit(frame, RfmConfig(*RFM_COLUMNS))
    return {"version": register(run, "rfm", model, {}, training_dates=run.as_of_date)}


def train_embedding(run: Run, stored: list[date]) -> dict[str, object]:
    """Contractive autoencoder on the run's date."""
    from models.autoencoder import Autoencoder, AutoencoderConfig

    frame: pd.DataFrame = sampled(feature_rows(run, [run.as_of_date])).orderBy("customer_id").toPandas()
    model = Autoencoder.fit(frame[list(NUMBERS)].astype(float), AutoencoderConfig(seed=run.settings.seed))
    version = register(run, "embedding", model, {}, training_dates=run.as_of_date)
    return {"version": version, "mse": model.metrics["holdout_mse"], "mean_mse": model.metrics["column_mean_mse"]}


def train_churn(run: Run, stored: list[date]) -> dict[str, object]:
    """Boosted trees on earlier snapshots, measured on the holdout date beside RFM alone."""
    from models.baselines import RfmChurn
    from models.churn import ChurnConfig, ChurnModel, evaluate

    horizon = run.settings.churn_horizon_days
    training_dates, holdout_date = split(stored, run.as_of_date, horizon)
    training, holdout = (training_set(run, dates, horizon) for dates in (training_dates, [holdout_date]))
    config = ChurnConfig(horizon_days=horizon, seed=run.settings.seed % 2**31, threads=run.settings.threads)
    model = ChurnModel.fit(training.frame, training.later_order_count <= 0, training.customers, config)
    rfm = list(RFM_COLUMNS)
    baseline = RfmChurn.fit(training.frame[rfm], training.later_order_count <= 0)
    left = holdout.later_order_count <= 0
    metrics = {f"holdout_{key}": value for key, value in evaluate(model, holdout.frame, left).items()}
    metrics |= {f"holdout_rfm_{key}": value for key, value in evaluate(baseline, holdout.frame[rfm], left).items()}
    dates = {"training_dates": ",".join(map(str, training_dates)), "holdout_date": holdout_date}
    version = register(run, "churn", model, metrics, horizon_days=horizon, **dates)
    return {"version": version, "auc": metrics["holdout_roc_auc"], "rfm_auc": metrics["holdout_rfm_roc_auc"]}


def train_clv(run: Run, stored: list[date]) -> dict[str, object]:
    """BG/NBD + Gamma-Gamma against two-part trees; the better on the holdout date is the champion.

    The BTYD model is kept beside it whichever wins: it alone tells P(alive) and expected order days.
    """
    from models.baselines import PastRateClv
    from models.btyd import BtydConfig
    from models.clv import BtydClv, TwoPartClv, TwoPartConfig, choose
    from models.evaluation import evaluate_amounts

    horizon = run.settings.clv_horizon_days
    training_dates, holdout_date = split(stored, run.as_of_date, horizon)
    training, holdout = (training_set(run, dates, horizon) for dates in (training_dates, [holdout_date]))
    columns = BtydConfig(*BTYD_COLUMNS)
    # BTYD needs no labels, so the holdout date's own history is fair: all of it lies before what is forecast.
    btyd = BtydClv.fit(holdout.frame[list(BTYD_COLUMNS)], horizon, columns)
    config = TwoPartConfig(seed=run.settings.seed % 2**31, threads=run.settings.threads)
    trees = TwoPartClv.fit(training.frame, training.later_net_revenue, training.customers, horizon, config)
    best, measured = choose([btyd, trees], holdout.frame, holdout.later_net_revenue)
    past = PastRateClv(horizon)
    measured["rfm"] = evaluate_amounts(holdout.later_net_revenue, past.predict(holdout.frame[list(past.feature_names)]))
    metrics = {f"holdout_{kind}_{key}": value for kind, values in measured.items() for key, value in values.items()}
    dates = {"training_dates": ",".join(map(str, training_dates)), "holdout_date": holdout_date}
    register(run, "btyd", btyd, metrics, horizon_days=horizon, **dates)
    version = register(run, "clv", best, metrics, horizon_days=horizon, **dates)
    ranks = {f"{kind}_spearman": values["spearman"] for kind, values in measured.items()}
    return {"version": version, "method": best.kind, **ranks}


def train_review_text(run: Run, stored: list[date]) -> dict[str, object]:
    """What texts of reviews say, learned from the shop's own stars: by words, or by a network where that tells better.

    Both are measured on a fifth of the reviews that neither saw; chance, but always the same, draws it.
    """
    import numpy as np
    from pyspark.sql import functions as F

    from features.reviews import is_recommending, review_text
    from models.base import TrainingDataError
    from models.review_choice import choose
    from models.review_network import ReviewNetwork, ReviewNetworkConfig
    from models.review_words import ReviewWords, ReviewWordsConfig

    if not run.exists(CLEAN_REVIEWS):
        raise TrainingDataError("the shop has no reviews")
    by_chance = F.xxhash64("event_id")
    texts = run.known(RAW_REVIEWS).select(
        "event_id", review_text().alias("text"), "rating", is_recommending().alias("yes")
    )
    reviews: pd.DataFrame = (
        texts.filter("text IS NOT NULL").orderBy(by_chance, "event_id").limit(MAXIMUM_REVIEWS).toPandas()
    )
    is_held = np.arange(len(reviews)) % HOLDOUT_EVERY == 0
    training, holdout = reviews[~is_held], reviews[is_held]
    lesson = (training["text"].tolist(), training["rating"].to_numpy(), training["yes"].to_numpy())
    seed = run.settings.seed
    candidates: list[TextModel] = [ReviewWords.fit(*lesson, ReviewWordsConfig(seed=seed))]
    try:
        candidates.append(ReviewNetwork.fit(*lesson, ReviewNetworkConfig(seed=seed)))
    except TrainingDataError as error:
        log.info("step=train model=review_text by words alone: %s", error)
    best, measured = choose(candidates, holdout["text"].tolist(), holdout["yes"].to_numpy())
    metrics = {f"holdout_{kind}_{key}": value for kind, values in measured.items() for key, value in values.items()}
    version = register(run, "review_text", best, metrics, training_dates=run.as_of_date)
    return {"version": version, "method": best.kind} | {f"{k}_macro_f1": one["macro_f1"] for k, one in measured.items()}


def train_product_vectors(run: Run, stored: list[date]) -> dict[str, object]:
    """Skip-gram against PPMI with SVD; the better on the next orders after an earlier date is the champion."""
    from jobs.vectors import learn

    model, metrics, day = learn(run)
    version = register(run, "product_vectors", model, metrics, method=model.config.method, training_dates=day)
    rates = {name: metrics[f"holdout_{name}_orders"] for name in ("skip_gram", "ppmi_svd", "popularity")}
    return {"version": version, "method": model.config.method, **rates}


def train_session_patterns(run: Run, stored: list[date]) -> dict[str, object]:
    """Patterns that tell buying sessions from others, of the run's last days."""
    from models.session_patterns import SessionPatternConfig

    model = session_patterns.fit(run, SessionPatternConfig())
    version = register(run, session_patterns.MODEL, model, {}, training_dates=run.as_of_date)
    found = {name: int(count) for name, count in model.metrics.items()}
    return {"version": version, "sample_seed": model.seed, **found}


if __name__ == "__main__":
    runtime.start(main)
