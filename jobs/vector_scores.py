"""The tables of the registered product vectors for one date: products, their pairs, and customers among them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from jobs.tables import Run
from jobs.vectors import HALF_LIFE_DAYS, HISTORY_DAYS, purchases
from schemas.vectors import MEAN, SCORE_CUSTOMER_VECTOR, SCORE_PRODUCT_PAIR, SCORE_PRODUCT_VECTOR

if TYPE_CHECKING:
    import pandas as pd

    from models.product_vectors import ProductVectors

BUCKETS = 16  # parts of the customers, one call each: a call per customer costs more than its work
WEIGHT_DIGITS = 9  # engines differ in the last digits of a sum


def write_vectors(run: Run, found: "tuple[ProductVectors, str] | None") -> None:
    """Replace the date's rows of the three tables; leave none where there is no model."""
    tables = (SCORE_PRODUCT_VECTOR, SCORE_PRODUCT_PAIR, SCORE_CUSTOMER_VECTOR)
    if found is None:
        for table in tables:
            if run.exists(table):
                run.clear(table)
        return
    model, version = found
    rows = {SCORE_PRODUCT_VECTOR: product_rows(model), SCORE_PRODUCT_PAIR: pair_rows(model)}
    for table, frame in rows.items():
        dated = frame.assign(as_of_date=run.as_of_date, model_version=version)[list(table.column_names)]
        run.replace(run.spark.createDataFrame(dated, table.struct), table)
    write_customers(run, model, version)


def product_rows(model: "ProductVectors") -> "pd.DataFrame":
    """Columns of `score_product_vector`."""
    import pandas as pd

    vectors = {"vector": list(model.vectors), "context_vector": list(model.ranking_contexts)}
    log_chance = model.log_chance.astype(float)
    return pd.DataFrame({"product_id": list(model.product_ids), **vectors, "log_chance": log_chance})


def pair_rows(model: "ProductVectors") -> "pd.DataFrame":
    """Columns of `score_product_pair`."""
    import numpy as np
    import pandas as pd

    names, pairs = np.array(model.product_ids, dtype=object), model.complements
    ids = {"product_id": names[pairs.product], "other_product_id": names[pairs.other]}
    return pd.DataFrame({**ids, "basket_count": pairs.basket_count, "lift": pairs.lift, "pair_rank": pairs.rank})


def write_customers(run: Run, model: "ProductVectors", version: str) -> None:
    """`score_customer_vector`: computed inside the engine, a part of the customers a call."""
    from pyspark.sql import functions as F

    from features.purchases import recent_purchases

    day = run.as_of_date
    weights = recent_purchases(purchases(run, day, HISTORY_DAYS), day, HALF_LIFE_DAYS)
    parts = weights.withColumn("bucket", F.pmod(F.xxhash64("customer_id"), F.lit(BUCKETS))).groupBy("bucket")
    score = customer_rows(model)

    def dated(part: "pd.DataFrame") -> "pd.DataFrame":
        return score(part).assign(as_of_date=day, model_version=version)[list(SCORE_CUSTOMER_VECTOR.column_names)]

    run.replace(parts.applyInPandas(dated, SCORE_CUSTOMER_VECTOR.struct), SCORE_CUSTOMER_VECTOR)


def customer_rows(model: "ProductVectors") -> "Callable[[pd.DataFrame], pd.DataFrame]":
    """From (customer_id, product_id, weight) to the columns of `score_customer_vector`, known products alone."""
    import numpy as np
    import pandas as pd

    from models.customer_vectors import interests, mean_vectors

    places, vectors = pd.Index(model.product_ids), model.vectors

    def score(part: "pd.DataFrame") -> "pd.DataFrame":
        product = places.get_indexer(part["product_id"])
        weight = part["weight"].round(WEIGHT_DIGITS).to_numpy(dtype=float)
        known = (product >= 0) & (weight > 0)
        customer, names = pd.factorize(part["customer_id"][known], sort=True)
        order = np.lexsort((product[known], customer))
        rows = (customer[order], product[known][order], weight[known][order], vectors, len(names))
        means, (groups, shares) = mean_vectors(*rows), interests(*rows)
        vector = np.concatenate([means[:, None], groups], axis=1).astype(np.float32)
        share = np.concatenate([np.ones((len(names), 1)), shares], axis=1)
        which, number = np.nonzero(share > 0)
        told = {"customer_id": np.asarray(names)[which], "interest_number": (number + MEAN).astype(np.int32)}
        return pd.DataFrame({**told, "weight_share": share[which, number], "vector": list(vector[which, number])})

    return score
