"""How well products are ranked for a customer's next order: hit rate at ten, and the peers that any ranking must beat.

All matrices are (customers, products). `Question` holds what was known by a date, and the order that came next.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

TOP = 10
ROWS = 256  # customers ranked at once: a dense row holds every product
Asked = Literal["any", "new", "rare"]
Ranking = Callable[[slice], np.ndarray]  # customers to scores of every product (n, V)


@dataclass(frozen=True)
class Question:
    """Sparse: orders in which each customer `bought` each product by the date, the `last` of them, and the `following`.

    `sold` (V,) counts recent orders with each product, `rare` (V,) tells which count as rare.
    """

    bought: Any
    last: Any
    following: Any
    sold: np.ndarray
    rare: np.ndarray

    def targets(self, asked: Asked) -> Any:
        """What counts as found: any product, those new to the customer, or the rare ones."""
        if asked == "any":
            return self.following
        if asked == "rare":
            return self.following.multiply(self.rare[None, :]).tocsr()
        return (self.following - self.following.multiply(self.bought > 0)).tocsr()


def hit_rates(question: Question, ranking: Ranking, asked: Asked = "any") -> dict[str, float]:
    """`orders`: share of next orders that hold one of the ten; `products`: share of their products among the ten.

    For `new`, what a customer has bought is not among the ten, for `rare` only rare products are. An order without
    such a product is not asked for.
    """
    targets = question.targets(asked)
    targets.eliminate_zeros()
    asked_for = np.diff(targets.indptr) > 0
    found = np.zeros(targets.shape[0])
    for start in range(0, targets.shape[0], ROWS):
        rows = slice(start, min(start + ROWS, targets.shape[0]))
        scores = np.array(ranking(rows), dtype=np.float64)
        if asked == "new":
            scores[question.bought[rows].toarray() > 0] = -np.inf
        if asked == "rare":
            scores[:, ~question.rare] = -np.inf
        ten = np.argpartition(-scores, TOP - 1, axis=1)[:, :TOP]
        found[rows] = np.take_along_axis(targets[rows].toarray() > 0, ten, axis=1).sum(axis=1)
    count = float(asked_for.sum())
    return {
        "orders": float((found[asked_for] > 0).mean()) if count else float("nan"),
        "products": float(found.sum() / max(targets.nnz, 1)),
        "asked": count,
    }


def popularity(question: Question) -> Ranking:
    """What sold in most recent orders, the same for all."""
    return lambda rows: np.broadcast_to(question.sold, (rows.stop - rows.start, len(question.sold)))


def own_purchases(question: Question) -> Ranking:
    """What the customer bought in most orders; then what sold most."""
    return lambda rows: question.bought[rows].toarray() + _places(question.sold)


def co_visitation(question: Question, together: Any) -> Ranking:
    """What stood in one basket most often with what is in the customer's last; then what sold most."""
    return lambda rows: (question.last[rows] @ together).toarray() + _places(question.sold)


def by_vectors(scores: Callable[[np.ndarray], np.ndarray], customers: np.ndarray) -> Ranking:
    """A model's scores of the customers' vectors (n, d)."""
    return lambda rows: scores(customers[rows])


def by_interests(scores: Callable[[np.ndarray], np.ndarray], means: np.ndarray, shares: np.ndarray) -> Ranking:
    """The odds of each interest (n, k, d), mixed by its share."""

    def rank(rows: slice) -> np.ndarray:
        mixed = 0.0
        for number in range(shares.shape[1]):
            told = scores(means[rows, number])
            odds = np.exp(told - told.max(axis=1, keepdims=True))
            mixed = mixed + shares[rows, number, None] * odds / odds.sum(axis=1, keepdims=True)
        return np.asarray(mixed)

    return rank


def _places(sold: np.ndarray) -> np.ndarray:
    """Numbers below one in the order of `sold`: they decide between equals alone."""
    return sold / (sold.max(initial=0) + 1) * 0.5
