"""Next purchases by product vectors, and by what anybody would try first, on two real shops.

Vectors, products and customers are those known 28 days before the end; asked for is each customer's first order after.
The settings of both methods were chosen on next orders of two months earlier, in the same shops.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from jobs.tables import Run
    from jobs.vectors import Material
    from models.next_purchase import Asked, Question, Ranking

SEEDS = (1, 2, 3)
POPULARITY = "popularity, last 28 days"
SHARED = Path(os.environ.get("NIGHTJAR_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


@dataclass(frozen=True)
class Shop:
    """A data set, its last day here, and the folder of its files where it has one."""

    title: str
    dataset: str
    last: date
    source: Path | None = None


SHOPS = (
    Shop("Complete Journey (grocer)", "complete-journey", date(2017, 12, 31)),
    Shop("Online Retail (gifts)", "online-retail", date(2011, 8, 31), SHARED / "online-retail"),
)
ASKED: dict["Asked", str] = {"any": "any product", "new": "new to the customer", "rare": "rare products"}


def run() -> str:
    """Measure both shops and return the section."""
    head = (
        "Each customer's next order after the date up to which all is known; ten products are named for each. Before "
        "the stroke the share of orders that hold one of the ten, after it the share of their products among the ten. "
        "*New*: only products that the customer had not bought are asked for and named; *rare*: only the least sold, "
        "which together make a fifth of purchases. Skip-gram with categories and prices: median over seeds "
        f"{', '.join(map(str, SEEDS))}, least to most in brackets; without: seed {SEEDS[0]}. Settings were chosen on "
        "the next orders of two months earlier."
    )
    return "\n\n".join([head, *map(of_shop, SHOPS)])


def of_shop(shop: Shop) -> str:
    """Land a shop, build its orders, and tell how well each way ranks its next ones."""
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder:
        lake = Path(folder) / "lake"
        source = ("--source", str(shop.source)) if shop.source else ()
        job("jobs.land", lake, "--dataset", shop.dataset, "--lake", str(lake), *source)
        job("jobs.backfill", lake, "--to", str(shop.last))
        return measured(shop, lake)


def job(module: str, lake: Path, *arguments: str) -> None:
    """Run one of the project's commands on the lake."""
    environment = {**os.environ, "NIGHTJAR_LAKE": str(lake)}
    subprocess.run([sys.executable, "-m", module, *arguments], env=environment, check=True)


def measured(shop: Shop, lake: Path) -> str:
    """One table: rows are ways to rank, columns what is asked for."""
    from jobs import vectors
    from jobs.settings import Settings
    from jobs.tables import Run
    from models.next_purchase import hit_rates

    run = Run(as_of_date=shop.last, first=shop.last, settings=Settings(lake=lake))
    day = shop.last - timedelta(days=vectors.holdout_days(run))
    known = vectors.material(run, day)
    asked, past = vectors.question(known, run, day)
    told: dict[str, dict[Asked, list[dict[str, float]]]] = {}
    seconds: dict[str, list[float]] = {}
    for name, took, ranking in ways(known, asked, past):
        seconds.setdefault(name, []).append(took)
        scores = np.asarray(ranking(slice(0, asked.bought.shape[0])), dtype=np.float32)  # once for all that is asked
        for kind in ASKED:
            told.setdefault(name, {}).setdefault(kind, []).append(hit_rates(asked, scores.__getitem__, kind))
    counts = {kind: told[POPULARITY][kind][0]["asked"] for kind in ASKED}
    lines = [
        f"**{shop.title}**, known up to {day}, {len(known.product_ids):,} products with a vector, of which "
        f"{int(asked.rare.sum()):,} rare; next orders up to {shop.last} of {counts['any']:,.0f} customers, "
        f"{share_known(run, day, known):.0%} of whose products are among these: "
        f"{counts['new']:,.0f} with a product new to the customer, {counts['rare']:,.0f} with a rare one.",
        "",
        f"| ranked by | {' | '.join(ASKED.values())} | seconds to learn |",
        "|---|---|---|---|---|",
    ]
    for name, by_kind in told.items():
        cells = [
            " / ".join(cell([one[key] for one in found]) for key in ("orders", "products"))
            for found in by_kind.values()
        ]
        lines.append(f"| {name} | {' | '.join(cells)} | {cell(seconds[name], 1)} |")
    return "\n".join(lines)


def share_known(run: "Run", day: date, known: "Material") -> float:
    """Share of the products in later orders that have a vector: the others can't be found by any way."""
    from jobs.vectors import placed, purchases, to_pandas

    later = to_pandas(purchases(run, run.as_of_date, (run.as_of_date - day).days)).dropna(subset=["customer_id"])
    return len(placed(later, known.product_ids)) / len(later)


def cell(values: list[float], digits: int = 3) -> str:
    """The value, or the median of several with their range."""
    low, middle, high = (f"{one:.{digits}f}" for one in (min(values), median(values), max(values)))
    return middle if len(values) == 1 else f"{middle} ({low} … {high})"


def ways(known: "Material", asked: "Question", past: Any) -> "Iterator[tuple[str, float, Ranking]]":
    """Every way to rank, with the seconds that learning took; skip-gram once a seed."""
    from models.customer_vectors import interests, mean_vectors
    from models.next_purchase import by_interests, by_vectors, co_visitation, own_purchases, popularity
    from models.product_vectors import ProductVectors, VectorConfig

    began = time.monotonic()
    met = (known.baskets.T @ known.baskets).tocsr()
    met.setdiag(0)
    yield POPULARITY, 0.0, popularity(asked)
    yield "the customer's own purchases by frequency", 0.0, own_purchases(asked)
    yield "co-visitation with the last basket", time.monotonic() - began, co_visitation(asked, met)
    rows = [past[name].to_numpy() for name in ("customer", "product", "weight")]
    methods = [("PPMI with SVD", VectorConfig(method="ppmi_svd"), None)]
    methods += [("skip-gram", VectorConfig(seed=seed), known.kinds) for seed in SEEDS]
    methods += [("skip-gram without categories and prices", VectorConfig(seed=SEEDS[0]), None)]
    for name, config, kinds in methods:
        began = time.monotonic()
        model = ProductVectors.fit(known.sequences, known.product_ids, kinds, config)
        took, given = time.monotonic() - began, (*rows, model.vectors, asked.bought.shape[0])
        yield f"{name}, mean", took, by_vectors(model.scores, mean_vectors(*given))
        yield f"{name}, three interests", took, by_interests(model.scores, *interests(*given))
