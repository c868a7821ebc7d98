import numpy as np
import pytest

from models.customer_vectors import interests, mean_vectors

VECTORS = np.array([[1, 0.1], [1, -0.1], [2, 0], [0, 1], [0.1, 2]])


def rows(*given: tuple[int, int, float]):
    customer, product, weight = map(np.array, zip(*given, strict=True))
    return customer, product, weight.astype(float), VECTORS


def test_a_customer_is_the_weighted_mean_of_what_was_bought():
    found = mean_vectors(*rows((0, 0, 3), (0, 3, 1), (2, 2, 5)), 3)
    np.testing.assert_allclose(found, [[0.75, 0.325], [0, 0], [2, 0]])


def test_products_that_point_two_ways_are_two_interests_the_larger_first():
    means, shares = interests(*rows((0, 3, 1), (0, 4, 1), (0, 0, 2), (0, 1, 2), (0, 2, 2)), 1, most=2)
    np.testing.assert_allclose(shares, [[0.75, 0.25]])
    np.testing.assert_allclose(means[0], [[4 / 3, 0], [0.05, 1.5]])


def test_a_customer_with_fewer_products_than_interests_has_fewer():
    means, shares = interests(*rows((0, 3, 1), (1, 0, 2), (1, 4, 1)), 3)
    np.testing.assert_allclose(shares, [[1, 0, 0], [2 / 3, 1 / 3, 0], [0, 0, 0]])
    np.testing.assert_allclose(means[1, :2], VECTORS[[0, 4]])


def test_the_shares_of_all_interests_make_up_the_mean():
    rng = np.random.default_rng(0)
    customer, product = (column.ravel() for column in np.meshgrid(np.arange(6), np.arange(40), indexing="ij"))
    given = (customer, product, rng.random(240), rng.normal(size=(40, 5)))
    means, shares = interests(*given, 6, most=4)
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert (np.diff(shares, axis=1) <= 0).all()
    np.testing.assert_allclose((means * shares[..., None]).sum(axis=1), mean_vectors(*given, 6))


def test_other_customers_change_nothing():
    rng = np.random.default_rng(0)
    product, weight, vectors = rng.permutation(40)[:20], rng.random(20), rng.normal(size=(40, 5))
    alone = interests(np.zeros(20, dtype=int), product, weight, vectors, 1)
    customer = np.concatenate([np.zeros(20, dtype=int), np.ones(40, dtype=int)])
    beside = (customer, np.concatenate([product, np.arange(40)]), np.concatenate([weight, rng.random(40)]))
    for one, other in zip(alone, interests(*beside, vectors, 2), strict=True):
        np.testing.assert_allclose(other[0], one[0])


@pytest.mark.parametrize("count", [0, 2])
def test_without_purchases_there_are_no_vectors(count):
    nothing = np.empty(0, dtype=int)
    assert not mean_vectors(nothing, nothing, nothing, VECTORS, count).any()
    assert interests(nothing, nothing, nothing, VECTORS, count)[1].shape == (count, 3)
