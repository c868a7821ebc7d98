import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from models.base import TrainingDataError
from models.product_vectors import METHODS, ProductVectors, Sequences, VectorConfig, _pairs, together

IDS = tuple(f"p{number:02d}" for number in range(24))
QUICK = VectorConfig(size=8, learning_rate=0.02, pairs_per_product=60, seed=3)


def of_rows(*rows: list[int]) -> Sequences:
    return Sequences(np.concatenate(rows), np.repeat(np.arange(len(rows)), [len(row) for row in rows]))


@pytest.fixture(scope="module")
def sequences() -> Sequences:
    """Two halves of the products: a sequence has four of one half and, one in ten times, one of the other."""
    rng = np.random.default_rng(1)
    rows = []
    for number in range(600):
        half = np.arange(12) + 12 * (number % 2)
        row = rng.choice(half, 4, replace=False)
        rows.append(np.append(row, 12 - half[0] + rng.integers(12)) if number % 10 == 0 else row)
    return of_rows(*rows)


def nearness(model: ProductVectors) -> np.ndarray:
    units = model.vectors / np.linalg.norm(model.vectors, axis=1, keepdims=True)
    return units @ units.T


@pytest.mark.parametrize("method", METHODS)
def test_products_that_come_with_the_same_others_are_near(sequences, method):
    near = nearness(ProductVectors.fit(sequences, IDS, config=replace(QUICK, method=method)))
    within = [near[:12, :12][np.triu_indices(12, 1)].mean(), near[12:, 12:][np.triu_indices(12, 1)].mean()]
    assert min(within) > near[:12, 12:].mean() + 0.3


@pytest.mark.parametrize("method", METHODS)
def test_what_comes_with_a_product_is_scored_above_what_does_not(sequences, method):
    model = ProductVectors.fit(sequences, IDS, config=replace(QUICK, method=method))
    scores = model.scores(model.vectors)
    assert scores[:12, :12].mean() > scores[:12, 12:].mean() + 2


def test_each_product_of_a_sequence_meets_one_of_the_others():
    met = together(of_rows([0, 1, 2], [0, 1], [3, 4]).matrix(5)).toarray()
    expected = np.zeros((5, 5))
    for row in ([0, 1, 2], [0, 1], [3, 4]):
        for one in row:
            for other in set(row) - {one}:
                expected[one, other] += 1 / (len(row) - 1)
    np.testing.assert_allclose(met, expected, rtol=1e-6)
    np.testing.assert_allclose(met.sum(axis=1), [2, 2, 1, 1, 1], rtol=1e-6)


def information(sequences: Sequences, smoothing: float = 0.75) -> np.ndarray:
    """Log of P(other | product) over the chance of the other, by loops."""
    rows = [set(sequences.products[sequences.sequence == number]) for number in np.unique(sequences.sequence)]
    met, counts = np.zeros((24, 24)), np.ones(24)
    for row in rows:
        for one in row:
            counts[one] += 1
            for other in row - {one}:
                met[one, other] += 1 / (len(row) - 1)
    chance = counts**smoothing / (counts**smoothing).sum()
    with np.errstate(divide="ignore"):
        return np.log(met / met.sum(axis=1, keepdims=True) / chance)


def test_ppmi_svd_is_the_best_approximation_of_positive_information(sequences):
    model = ProductVectors.fit(sequences, IDS, config=replace(QUICK, method="ppmi_svd"))
    left, values, right = np.linalg.svd(np.maximum(information(sequences), 0))
    expected = (left[:, :8] * values[:8]) @ right[:8]
    np.testing.assert_allclose(model.vectors @ model.contexts.T, expected, atol=1e-4)


def test_skip_gram_comes_to_information_less_the_log_of_negatives(sequences):
    """Levy and Goldberg 2014, equation 7; where two products never met, to far less."""
    config = replace(QUICK, size=24, pairs_per_product=1500)
    model = ProductVectors.fit(sequences, IDS, config=config)
    wanted = information(sequences) - np.log(config.negatives)
    found = model.vectors @ model.contexts.T
    often = wanted > -1.5
    assert np.abs(found - wanted)[often].mean() < 0.15
    assert found[np.isneginf(wanted) & ~np.eye(24, dtype=bool)].mean() < found[often].mean() - 2


def test_a_rare_product_leans_on_its_kind(sequences):
    """It came once, with a product of the other half."""
    rare = of_rows(*(sequences.products[sequences.sequence == n] for n in np.unique(sequences.sequence)), [24, 12])
    ids, kinds = (*IDS, "rare"), np.array([[0]] * 12 + [[1]] * 12 + [[0]])
    config = replace(QUICK, pairs_per_product=20)
    alone, leaning = (nearness(ProductVectors.fit(rare, ids, kind, config)) for kind in (None, kinds))
    assert leaning[24, :12].mean() > alone[24, :12].mean() + 0.2


def test_a_kind_that_is_not_known_is_no_kind(sequences):
    unknown = ProductVectors.fit(sequences, IDS, np.full((24, 2), -1), replace(QUICK, pairs_per_product=2))
    assert np.isfinite(unknown.vectors).all()


def test_pairs_are_drawn_within_a_sequence_and_never_of_one_product():
    matrix = of_rows([0, 1, 2], [3, 4], [5]).matrix(6)
    pairs = _pairs(matrix, QUICK, np.random.default_rng(0))
    assert set(map(tuple, pairs)) == {(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (3, 4), (4, 3)}


def test_the_pair_cap_bounds_training(sequences):
    matrix = sequences.matrix(24)
    assert len(_pairs(matrix, replace(QUICK, most_pairs=1000), np.random.default_rng(0))) == 768  # whole batches of 256


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_vectors(sequences, method):
    config = replace(QUICK, method=method, pairs_per_product=5)
    one, other = (ProductVectors.fit(sequences, IDS, config=config) for _ in range(2))
    np.testing.assert_array_equal(one.vectors, other.vectors)
    np.testing.assert_array_equal(one.contexts, other.contexts)


def test_another_seed_gives_other_skip_gram_vectors_and_the_same_ppmi(sequences):
    def apart(method):
        config = replace(QUICK, method=method, pairs_per_product=5)
        one, other = (ProductVectors.fit(sequences, IDS, config=replace(config, seed=seed)) for seed in (3, 4))
        return np.abs(one.vectors @ one.contexts.T - other.vectors @ other.contexts.T).max()

    assert apart("skip_gram") > 0.01 > 1e-4 > apart("ppmi_svd")


def test_a_saved_model_scores_equally_without_importing_jax(sequences, tmp_path):
    model = ProductVectors.fit(sequences, IDS, config=replace(QUICK, pairs_per_product=2))
    model.save(tmp_path)
    loaded = ProductVectors.load(tmp_path)
    assert (loaded.product_ids, loaded.config, loaded.metrics) == (model.product_ids, model.config, model.metrics)
    np.save(tmp_path / "expected.npy", model.scores(model.vectors[:5]))
    code = """
import sys, pathlib, numpy as np
from models.product_vectors import ProductVectors
folder = pathlib.Path(sys.argv[1])
model = ProductVectors.load(folder)
np.testing.assert_array_equal(model.scores(model.vectors[:5]), np.load(folder / "expected.npy"))
assert not {"jax", "optax", "scipy"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


def test_too_few_products_or_none_together_are_refused(sequences):
    with pytest.raises(TrainingDataError, match="20 products"):
        ProductVectors.fit(of_rows([0, 1], [1, 2]), IDS[:3])
    with pytest.raises(TrainingDataError, match="came together"):
        ProductVectors.fit(of_rows([0], [1], [2]), IDS)
