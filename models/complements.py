"""Products that are bought together more often than chance would have it."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Complements:
    """Pairs (n,) by product and rank: positions of both, baskets that held both, lift, and the place by lift from 1."""

    product: np.ndarray
    other: np.ndarray
    basket_count: np.ndarray
    lift: np.ndarray
    rank: np.ndarray

    @classmethod
    def none(cls) -> "Complements":
        """No pairs."""
        whole = np.empty(0, dtype=np.int64)
        return cls(whole, whole, whole, np.empty(0), whole)

    @classmethod
    def fit(cls, baskets: Any, fewest: int = 10, most: int = 10) -> "Complements":
        """The `most` products of greatest lift for each, among those in at least `fewest` baskets with it.

        `baskets` is a sparse matrix (baskets, products) of ones. Lift is the share of baskets with both over what it
        would be if neither knew of the other. Of equal lifts the pair in more baskets comes first.
        """
        count, sold = baskets.shape[0], np.asarray(baskets.sum(axis=0)).ravel()
        found = (baskets.T @ baskets).tocsr()
        found.setdiag(0)
        found.data[found.data < fewest] = 0
        found.eliminate_zeros()
        found = found.tocoo()
        lift = found.data.astype(np.float64) * count / sold[found.row] / sold[found.col]
        order = np.lexsort((found.col, -found.data, -lift, found.row))
        product = found.row[order].astype(np.int64)
        first = np.searchsorted(product, product)  # place of each product's first pair
        rank = np.arange(len(product)) - first + 1
        kept = rank <= most
        columns = (product, found.col[order].astype(np.int64), found.data[order].astype(np.int64), lift[order], rank)
        return cls(*(column[kept] for column in columns))
