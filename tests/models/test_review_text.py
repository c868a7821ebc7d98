"""What every model of texts shares: lessons from stars, readings from logits, a threshold by macro-F1."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from models.base import TrainingDataError
from models.review_text import HEADS, SENTIMENT, best_threshold, lessons, reading


def test_kind_and_unkind_weigh_the_same_in_the_sentiment_and_those_between_nothing():
    stars = np.array([5] * 17 + [3] * 2 + [1])
    labels, weights = lessons(stars, stars >= 4)
    assert weights[:17, SENTIMENT].sum() == pytest.approx(9) and weights[19, SENTIMENT] == pytest.approx(9)
    assert (weights[17:19, SENTIMENT] == 0).all() and (weights[:, 1:] == 1).all()
    assert labels[18].tolist() == [0, 0, 1, 1, 0, 0] and labels[0].tolist() == [1] * HEADS


def test_one_sided_or_too_few_reviews_are_refused():
    with pytest.raises(TrainingDataError, match="kind and unkind"):
        lessons([5] * 80, [True] * 80)
    with pytest.raises(TrainingDataError, match="got 2"):
        lessons([5, 1], [True, False])


def test_logits_become_a_sentiment_a_probability_and_stars():
    big = 50.0
    found = reading(
        np.array([[0.0] * HEADS, [big] * HEADS, [-big] * HEADS, [big] * HEADS]), np.array([True] * 3 + [False])
    )
    np.testing.assert_allclose(found.sentiment, [0, 1, -1, np.nan])
    np.testing.assert_allclose(found.recommend_probability, [0.5, 1, 0, np.nan], atol=1e-12)
    np.testing.assert_allclose(found.implied_rating, [3, 5, 1, np.nan])


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 8).map(lambda n: n / 8)), min_size=2, max_size=25))
def test_no_other_threshold_has_a_higher_macro_f1(rows):
    actual, told = (np.array(part) for part in zip(*rows, strict=True))
    found = best_threshold(actual, told)
    if not 0 < actual.sum() < len(actual):
        assert found == 0.5
        return

    def macro(threshold: float) -> float:
        return float(f1_score(actual, told >= threshold, average="macro", zero_division=0))

    assert macro(found) >= max(map(macro, told)) - 1e-12  # at least one text is taken to recommend
