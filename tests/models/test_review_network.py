"""The network reads the order of words; NumPy reads what JAX trained; a text's neighbours change nothing of it."""

import numpy as np
import pandas as pd
import pytest

from models.base import TrainingDataError
from models.review_network import ReviewNetwork, ReviewNetworkConfig, _forward, _ids, _logits, _numbers
from models.review_text import HEADS
from models.review_words import words

SMALL = ReviewNetworkConfig(
    min_training_reviews=100,
    longest_text=12,
    embedding_size=8,
    state_size=8,
    dropout=0.1,
    epochs=12,
    learning_rate=2e-2,
)


def order_matters(seed: int, count: int = 800) -> tuple[list[str], np.ndarray]:
    """Texts of the same words, which are kind or not by their order."""
    rng = np.random.default_rng(seed)
    is_kind = rng.random(count) < 0.6
    fill = [" ".join(rng.choice(["shirt", "colour", "blue", "shop"], rng.integers(0, 3))) for _ in range(count)]
    texts = [
        f"{more} {'not bad but good' if kind else 'not good but bad'}" for more, kind in zip(fill, is_kind, strict=True)
    ]
    return texts, np.where(is_kind, 5, 1)


@pytest.fixture(scope="module")
def model():
    texts, stars = order_matters(1)
    return ReviewNetwork.fit(texts, stars, stars >= 4, SMALL)


def test_it_reads_the_order_of_words(model):
    texts, stars = order_matters(2, 200)
    read = model.read(texts)
    assert ((read.sentiment > 0) == (stars > 3)).mean() > 0.97
    assert ((read.recommend_probability >= model.threshold) == (stars > 3)).mean() > 0.97
    assert read.implied_rating[stars > 3].mean() > 4 and read.implied_rating[stars < 3].mean() < 2


def test_numpy_reads_what_jax_trained(model):
    ids = _ids([words(text) for text in [*order_matters(3, 20)[0], "good", ""]], _numbers(model.vocabulary), 12)
    theirs = np.asarray(_forward({k: np.asarray(v) for k, v in model.arrays.items()}, ids, None, SMALL))
    assert theirs.shape == (22, HEADS)
    np.testing.assert_allclose(_logits(model.arrays, ids)[:-1], theirs[:-1], atol=2e-5)


def test_a_text_reads_the_same_whatever_is_read_with_it(model):
    texts = order_matters(4, 300)[0]
    together, alone = model.read(texts), model.read([texts[7]])
    for ours, single in zip(together, alone, strict=True):
        assert ours[7] == pytest.approx(single[0], rel=1e-12)


def test_missing_empty_or_unknown_text_says_nothing(model):
    for said in model.read([None, np.nan, pd.NA, "", "  ?! 12", "qwertz", "good"]):
        assert np.isnan(said[:6]).all() and not np.isnan(said[6])
    assert all(len(said) == 0 for said in model.read([]))


def test_the_same_seed_trains_the_same_network(model):
    texts, stars = order_matters(1)
    again = ReviewNetwork.fit(texts, stars, stars >= 4, SMALL)
    np.testing.assert_array_equal(again.read(texts[:20]), model.read(texts[:20]))


def test_saved_and_loaded_model_reads_equally(model, tmp_path):
    model.save(tmp_path)
    loaded = ReviewNetwork.load(tmp_path)
    texts = order_matters(5, 30)[0]
    np.testing.assert_array_equal(loaded.read(texts), model.read(texts))
    assert (loaded.vocabulary, loaded.config, loaded.threshold) == (model.vocabulary, model.config, model.threshold)
    assert sorted(file.suffix for file in tmp_path.iterdir()) == [".json", ".npz"]


def test_too_few_reviews_are_refused():
    with pytest.raises(TrainingDataError, match="needs 100 reviews, got 2"):
        ReviewNetwork.fit(["good", "bad", "", "?"], [5, 1, 5, 1], [True, False] * 2, SMALL)
