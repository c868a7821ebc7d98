"""Score every customer of the run's snapshot with the registered models.

Reads `feature_customer`, `clean_order_lines`, `clean_identity`, the MLflow registry; writes `score_rfm`,
`score_embedding`, `score_churn`, `score_clv`, `score_product_vector`, `score_product_pair`, `score_customer_vector`.

Models run inside the engine, batch by batch. A model that the shop never could train leaves its table without rows for
the date. Scores of a published date stay as they are.
"""

import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from jobs import runtime
from jobs.errors import MissingInputError
from jobs.tables import Run
from jobs.vector_scores import write_vectors
from schemas.feature import FEATURE_CUSTOMER, HAS_ORDERED, NUMBERS
from schemas.score import SCORE_CHURN, SCORE_CLV, SCORE_EMBEDDING, SCORE_RFM

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

    from schemas.contract import Table

log = logging.getLogger("nightjar")
KEY = ["as_of_date", "customer_id"]


def main(arguments: list[str]) -> None:
    """Write the score tables of the run's date."""
    run = runtime.run_of(runtime.parser("score", __doc__).parse_args(arguments))
    if run.is_published():
        log.info("step=score %s is published; its scores stay", run.as_of_date)
        return
    customers = customers_of(run)
    from models.autoencoder import Autoencoder
    from models.churn import ChurnModel
    from models.clv import BtydClv, load_clv
    from models.product_vectors import ProductVectors
    from models.rfm import RfmModel

    models = {
        "rfm": RfmModel.load,
        "embedding": Autoencoder.load,
        "churn": ChurnModel.load,
        "clv": load_clv,
        "btyd": BtydClv.load,
        "product_vectors": ProductVectors.load,
    }
    champions = {name: champion(run, name, loader) for name, loader in models.items()}
    if not any(champions.values()):
        raise MissingInputError("no model is registered; run `python -m jobs.train` for an earlier date")
    buyers = customers.filter(HAS_ORDERED)
    plans: list[tuple[Table, Any, Callable[[pd.DataFrame], pd.DataFrame] | None]] = [
        (SCORE_RFM, customers, champions["rfm"] and rfm_scores(*champions["rfm"])),
        (SCORE_EMBEDDING, customers, champions["embedding"] and embeddings(*champions["embedding"])),
        (SCORE_CHURN, buyers, champions["churn"] and churn_scores(*champions["churn"])),
        (
            SCORE_CLV,
            buyers,
            champions["clv"] and champions["btyd"] and clv_scores(*champions["clv"], champions["btyd"][0]),
        ),
    ]
    for table, rows, scorer in plans:
        if scorer:
            run.replace(score_rows(rows, table, scorer), table)
        else:
            run.clear(table)
    write_vectors(run, champions["product_vectors"])


def customers_of(run: Run) -> "DataFrame":
    """The run's snapshot, every feature as a double."""
    from pyspark.sql import functions as F

    snapshot = run.read(FEATURE_CUSTOMER).filter(F.col("as_of_date") == F.lit(run.as_of_date))
    if not snapshot.head(1):
        raise MissingInputError(
            f"no snapshot of {run.as_of_date}; run `python -m jobs.snapshot --as-of {run.as_of_date}`"
        )
    return snapshot.select(*KEY, *(F.col(name).cast("double").alias(name) for name in NUMBERS))


def champion(run: Run, name: str, loader: Callable[..., Any]) -> tuple[Any, str] | None:
    """The registered model and its version as `name-version`; None when none could be trained."""
    from models.registry import load_champion

    found = load_champion(name, loader, run.settings.tracking_uri)
    if found is None:
        log.warning("step=score model=%s is not registered; its scores are left out", name)
        return None
    return found[0], f"{name}-{found[1]}"


def score_rows(rows: "DataFrame", table: "Table", scorer: Callable[["pd.DataFrame"], "pd.DataFrame"]) -> "DataFrame":
    """Run a scorer over the rows inside the engine; it returns the table's columns beside the key."""
    names = list(table.column_names)

    def score(batches: "Iterator[pd.DataFrame]") -> "Iterator[pd.DataFrame]":
        for batch in batches:
            batch = batch.reset_index(drop=True)
            yield batch[KEY].join(scorer(batch))[names]

    return rows.mapInPandas(score, table.struct)


def rfm_scores(model: Any, version: str) -> Callable[["pd.DataFrame"], "pd.DataFrame"]:
    """Columns of `score_rfm`."""

    def score(batch: "pd.DataFrame") -> "pd.DataFrame":
        scores = model.predict(batch[list(model.feature_names)]).drop(columns="rfm_score")
        return scores.assign(model_version=version)

    return score


def embeddings(model: Any, version: str) -> Callable[["pd.DataFrame"], "pd.DataFrame"]:
    """Columns of `score_embedding`."""
    import pandas as pd

    def score(batch: "pd.DataFrame") -> "pd.DataFrame":
        features = batch[list(model.feature_names)]
        codes = {
            "embedding": list(model.encode(features)),
            "reconstruction_error": model.reconstruction_error(features),
        }
        return pd.DataFrame(codes, index=batch.index).assign(model_version=version)

    return score


def churn_scores(model: Any, version: str) -> Callable[["pd.DataFrame"], "pd.DataFrame"]:
    """Columns of `score_churn`; reasons are features that raise the probability, strongest first."""
    import pandas as pd

    def score(batch: "pd.DataFrame") -> "pd.DataFrame":
        features = batch[list(model.feature_names)]
        told = model.explain(features)
        ranks = range(1, len(told.columns) // 2 + 1)
        raising = [told[f"reason_{rank}"].where(told[f"contribution_{rank}"] > 0) for rank in ranks]
        reasons = [", ".join(name for name in row if isinstance(name, str)) for row in zip(*raising, strict=True)]
        columns = {"churn_probability": model.predict(features), "top_reasons": [told or None for told in reasons]}
        facts = {"horizon_days": model.config.horizon_days, "model_version": version}
        return pd.DataFrame(columns, index=batch.index).assign(**facts)

    return score


def clv_scores(model: Any, version: str, btyd: Any) -> Callable[["pd.DataFrame"], "pd.DataFrame"]:
    """Columns of `score_clv`."""
    import pandas as pd

    def score(batch: "pd.DataFrame") -> "pd.DataFrame":
        orders = btyd.orders.predict(batch[list(btyd.orders.feature_names)], model.horizon_days)
        columns = {
            "expected_net_revenue": model.predict(batch[list(model.feature_names)]).clip(min=0),
            "expected_order_days": orders["expected_orders"].to_numpy(),
            "alive_probability": orders["alive_probability"].to_numpy(),
        }
        facts = {"horizon_days": int(model.horizon_days), "method": model.kind, "model_version": version}
        return pd.DataFrame(columns, index=batch.index).assign(**facts)

    return score


if __name__ == "__main__":
    runtime.start(main)
