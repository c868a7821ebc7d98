"""Product vectors learned from orders and sessions: what is known at a date, and how well it tells the next orders."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from jobs.tables import Run
from schemas.clean import CLEAN_EVENTS, CLEAN_ORDER_LINES, CLEAN_PRODUCTS
from schemas.identity import CLEAN_IDENTITY

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from pyspark.sql import DataFrame

    from models.next_purchase import Question, Ranking
    from models.product_vectors import ProductVectors, Sequences

WINDOW_DAYS = 365  # of orders and visits that vectors are learned from
HOLDOUT_DAYS = (
    28  # before the training date, in which next orders are looked for; of a young shop a quarter of its days
)
POPULAR_DAYS = 28  # of the popularity to beat
HISTORY_DAYS, HALF_LIFE_DAYS = 180, 60  # of a customer's own vector: what is older weighs an eighth at most
MOST_ROWS = 3_000_000  # products of sequences on the driver; beyond, sequences are sampled by a hash of their id
LONGEST = 200  # products of one sequence; more are a reseller's or a robot's, and cost the square of it
FEWEST_SEQUENCES, MOST_PRODUCTS = 5, 10_000  # of a product to have a vector; of vectors, the most frequent
PRICE_BANDS = 5
RARE_SHARE = 0.2  # of purchases: the least sold products that make them up are the rare ones


@dataclass(frozen=True)
class Material:
    """What was known at a date: products with kinds (V, m), sequences, and orders as (sequence, product, customer)."""

    product_ids: tuple[str, ...]
    kinds: "np.ndarray"
    sequences: "Sequences"
    orders: "pd.DataFrame"

    @property
    def baskets(self) -> Any:
        """Orders of several products, sparse (orders, products)."""
        from models.product_vectors import Sequences

        sizes = self.orders.groupby("sequence")["product"].transform("size")
        kept = self.orders[sizes <= LONGEST]
        return Sequences(kept["product"].to_numpy(), kept["sequence"].to_numpy()).matrix(len(self.product_ids))


def learn(run: Run) -> tuple["ProductVectors", dict[str, float], date]:
    """The better of both methods on the next orders after an earlier date, its metrics beside popularity, that date."""
    from models.complements import Complements
    from models.next_purchase import hit_rates, popularity
    from models.product_vectors import METHODS, ProductVectors, VectorConfig

    day = run.as_of_date - timedelta(days=holdout_days(run))
    known = material(run, day)
    asked, past = question(known, run, day)
    measured = {"popularity": hit_rates(asked, popularity(asked))}
    models = {}
    for method in METHODS:
        config = VectorConfig(method=method, seed=run.settings.seed)
        models[method] = ProductVectors.fit(known.sequences, known.product_ids, known.kinds, config)
        measured[method] = hit_rates(asked, ranking(models[method], past, asked))
    best = max(METHODS, key=lambda method: measured[method]["orders"])
    pairs = Complements.fit(known.baskets)
    metrics = {
        f"holdout_{name}_{key}": value
        for name, found in measured.items()
        for key, value in found.items()
        if key != "asked"
    }
    metrics["holdout_customers"] = measured[best]["asked"]
    return replace(models[best], complements=pairs), metrics, day


def holdout_days(run: Run) -> int:
    """Days before the training date that vectors know nothing of."""
    from pyspark.sql import functions as F

    from models.base import TrainingDataError

    row = run.known(CLEAN_ORDER_LINES).agg(F.min("order_date").alias("first")).first()
    if row is None or row.first is None:
        raise TrainingDataError(f"no order is known at {run.as_of_date}")
    return min(HOLDOUT_DAYS, (run.as_of_date - row.first).days // 4)


def ranking(model: "ProductVectors", past: "pd.DataFrame", asked: "Question") -> "Ranking":
    """The model's ranking of products by the interests of what customers bought."""
    from models.customer_vectors import interests
    from models.next_purchase import by_interests

    customer, product, weight = (past[name].to_numpy() for name in ("customer", "product", "weight"))
    groups = interests(customer, product, weight, model.vectors, asked.bought.shape[0])
    return by_interests(model.scores, *groups)


def purchases(run: Run, day: date, window_days: int) -> "DataFrame":
    """Products by order as known at a date, with the person in place of an account."""
    from features.persons import of_persons_at
    from features.purchases import baskets

    found = baskets(run.read(CLEAN_ORDER_LINES), day, window_days)
    return of_persons_at(found, run.read(CLEAN_IDENTITY), day) if run.exists(CLEAN_IDENTITY) else found


def material(run: Run, day: date) -> Material:
    """What vectors of a date are learned from."""
    import numpy as np
    import pandas as pd

    from features.purchases import product_kinds, visits
    from models.base import TrainingDataError
    from models.product_vectors import Sequences

    orders = to_pandas(purchases(run, day, WINDOW_DAYS))
    parts = [orders]
    if run.exists(CLEAN_EVENTS):
        parts.append(to_pandas(visits(run.read(CLEAN_EVENTS), day, WINDOW_DAYS)))
    told = pd.concat([part[["sequence", "product_id"]] for part in parts])
    told = told[told.groupby("sequence")["product_id"].transform("size") <= LONGEST]
    counts = told["product_id"].value_counts()
    frequent = counts[counts >= FEWEST_SEQUENCES].sort_index().sort_values(ascending=False, kind="stable")
    product_ids = tuple(sorted(frequent.index[:MOST_PRODUCTS]))
    if not product_ids:
        raise TrainingDataError(f"no product was in {FEWEST_SEQUENCES} orders or sessions by {day}")
    told = placed(told, product_ids).sort_values(["sequence", "product"])
    sequences = Sequences(told["product"].to_numpy(), told["sequence"].to_numpy())
    lines, catalogue = run.read(CLEAN_ORDER_LINES), run.read(CLEAN_PRODUCTS)
    kinds: pd.DataFrame = product_kinds(lines, catalogue, day, WINDOW_DAYS).toPandas()
    kinds = kinds.set_index("product_id").reindex(product_ids)
    categories = pd.factorize(kinds["category"], sort=True)[0]
    bands = price_bands(kinds["unit_price"].to_numpy(dtype=float))
    return Material(product_ids, np.stack([categories, bands], axis=1), sequences, placed(orders, product_ids))


def to_pandas(rows: "DataFrame") -> "pd.DataFrame":
    """Sequences with a number in place of their id; about `MOST_ROWS` rows, whole sequences, always the same ones."""
    from pyspark.sql import functions as F

    named = {"order_date": F.unix_date("order_date").alias("day"), "order_at": F.unix_micros("order_at").alias("at")}
    rows = rows.select(
        F.xxhash64("sequence_id").alias("sequence"),
        *(named.get(name, F.col(name)) for name in rows.columns if name != "sequence_id"),
    )
    count = rows.count()
    if count > MOST_ROWS:
        rows = rows.filter(F.pmod("sequence", F.lit(1_000_000)) < int(1_000_000 * MOST_ROWS / count))
    frame: pd.DataFrame = rows.toPandas()
    return frame.sort_values(["sequence", "product_id"], ignore_index=True)


def placed(rows: "pd.DataFrame", product_ids: tuple[str, ...]) -> "pd.DataFrame":
    """Rows of known products, with their `product` as a position."""
    import pandas as pd

    product = pd.Index(product_ids).get_indexer(rows["product_id"])
    return rows.assign(product=product)[product >= 0]


def price_bands(prices: "np.ndarray") -> "np.ndarray":
    """Fifths of the products by unit price, from 0; -1 without a price."""
    import numpy as np

    is_known = np.isfinite(prices)
    bands = np.full(len(prices), -1)
    if is_known.any():
        cuts = np.quantile(prices[is_known], np.arange(1, PRICE_BANDS) / PRICE_BANDS)
        bands[is_known] = np.searchsorted(cuts, prices[is_known], side="right")
    return bands


def question(known: Material, run: Run, day: date) -> tuple["Question", "pd.DataFrame"]:
    """What customers known at `day` ordered next up to the run's date, and (customer, product, weight) of their past.

    Only products and customers known at `day` are asked for.
    """
    import numpy as np
    import pandas as pd
    from scipy.sparse import csr_matrix

    from models.base import TrainingDataError
    from models.next_purchase import Question

    past = known.orders.dropna(subset=["customer_id"])
    later = to_pandas(purchases(run, run.as_of_date, (run.as_of_date - day).days)).dropna(subset=["customer_id"])
    later = first_orders(placed(later, known.product_ids), ascending=True)
    customers = np.intersect1d(past["customer_id"].unique().astype(str), later["customer_id"].unique().astype(str))
    if not len(customers):
        raise TrainingDataError(f"no customer of before {day} ordered again by {run.as_of_date}")
    shape = (len(customers), len(known.product_ids))

    def matrix(rows: pd.DataFrame) -> Any:
        customer = pd.Index(customers).get_indexer(rows["customer_id"])
        kept = customer >= 0
        return csr_matrix((np.ones(kept.sum()), (customer[kept], rows["product"].to_numpy()[kept])), shape=shape)

    size, last_day = len(known.product_ids), (day - date(1970, 1, 1)).days
    sold = np.bincount(known.orders.loc[known.orders["day"] > last_day - POPULAR_DAYS, "product"], minlength=size)
    ever = np.bincount(known.orders["product"], minlength=size)
    order = np.argsort(ever, kind="stable")
    rare = np.zeros(size, dtype=bool)
    rare[order[np.cumsum(ever[order]) <= RARE_SHARE * ever.sum()]] = True
    bought, last = matrix(past), matrix(first_orders(past, ascending=False))
    recent = past[past["day"] > last_day - HISTORY_DAYS]
    weights = recent.assign(weight=0.5 ** ((last_day - recent["day"]) / HALF_LIFE_DAYS))
    weights = weights.assign(customer=pd.Index(customers).get_indexer(weights["customer_id"])).query("customer >= 0")
    weights = weights.groupby(["customer", "product"], as_index=False)["weight"].sum()
    return Question(bought, last, matrix(later), sold, rare), weights


def first_orders(orders: "pd.DataFrame", ascending: bool) -> "pd.DataFrame":
    """Rows of each customer's first order, or of the last."""
    ordered = orders.sort_values(["at", "sequence"], ascending=ascending, kind="stable")
    chosen = ordered.drop_duplicates("customer_id")["sequence"]
    return orders[orders["sequence"].isin(chosen)]
