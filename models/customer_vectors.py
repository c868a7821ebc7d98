"""Customers by what they bought: one vector, the weighted mean, and a few interests, each with its share of the weight.

Rows are one per customer and product, (customer, product, weight), with customers as numbers from 0. Recency is in
the caller's weights.
"""

from typing import Any

import numpy as np

BLOCK = 4096  # rows whose vectors are laid side by side at once: more leave the processor's cache
ROUNDS = 5  # of moving products to their nearest interest; further ones moved under one in a hundred


def mean_vectors(
    customer: np.ndarray, product: np.ndarray, weight: np.ndarray, vectors: np.ndarray, count: int
) -> np.ndarray:
    """Weighted mean of the products' vectors (count, d), by customer; zeros for who has none."""
    found = _grouped(customer, weight, product, vectors, count)
    return found / np.maximum(np.bincount(customer, weight, minlength=len(found)), 1e-12)[:, None]


def interests(
    customer: np.ndarray, product: np.ndarray, weight: np.ndarray, vectors: np.ndarray, count: int, most: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """Up to `most` groups of a customer's products that point the same way: means (count, most, d) and shares
    (count, most).

    K-means by cosine. The first group begins with the product of greatest weight, each next one with the product of
    greatest weight times distance from the groups begun. Groups come by falling share; those not needed have share 0.
    """
    vectors = np.asarray(vectors, dtype=np.float64)
    units = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    centres = np.zeros((count, most, vectors.shape[1]))
    nearest = np.full(len(customer), -1.0)  # cosine to the nearest group begun
    for number in range(most):
        chosen = _greatest(customer, weight * (1 - nearest), count)
        begun = chosen >= 0
        centres[begun, number] = units[product[chosen[begun]]]
        nearest = np.maximum(nearest, _cosines(customer, product, units, centres[:, number]))
    for _ in range(ROUNDS):
        group = _group(customer, product, units, centres)
        centres = _grouped(group, weight, product, units, count * most).reshape(centres.shape)
        centres /= np.maximum(np.linalg.norm(centres, axis=2, keepdims=True), 1e-12)
    group = _group(customer, product, units, centres)
    held = np.bincount(group, weight, minlength=count * most)
    means = _grouped(group, weight, product, vectors, count * most) / np.maximum(held, 1e-12)[:, None]
    shares = held.reshape(count, most)
    shares = shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-12)
    order = np.argsort(-shares, axis=1, kind="stable")
    means = np.take_along_axis(means.reshape(centres.shape), order[..., None], axis=1)
    return means, np.take_along_axis(shares, order, axis=1)


def _group(customer: np.ndarray, product: np.ndarray, units: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Number of each row's nearest group, counted through all customers."""
    near = [_cosines(customer, product, units, centres[:, number]) for number in range(centres.shape[1])]
    return customer * centres.shape[1] + np.argmax(near, axis=0)


def _cosines(customer: np.ndarray, product: np.ndarray, units: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Cosine of each row's product to its customer's centre; a centre that is not there is nearest to none."""
    found = np.empty(len(customer))
    for start in range(0, len(customer), BLOCK):
        rows = slice(start, start + BLOCK)
        found[rows] = np.einsum("nd,nd->n", units[product[rows]], centres[customer[rows]])
    return np.where(np.abs(centres).sum(axis=1)[customer] > 0, found, -1.0)


def _greatest(customer: np.ndarray, value: np.ndarray, count: int) -> np.ndarray:
    """Row of each customer's greatest value, the first of equals; -1 where none is above 0."""
    order = np.lexsort((-np.arange(len(customer)), value, customer))
    found = np.full(count, -1)
    found[customer[order]] = order  # the last of each customer stays
    return np.where(np.append(value, 0)[found] > 1e-9, found, -1)


def _grouped(group: np.ndarray, weight: np.ndarray, product: np.ndarray, vectors: np.ndarray, count: int) -> Any:
    """Weighted sum of the products' vectors (count, d), by group."""
    from scipy.sparse import csr_matrix

    rows = csr_matrix((weight.astype(np.float64), (group, product)), shape=(count, len(vectors)))
    return rows @ np.asarray(vectors, dtype=np.float64)
