import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from models.evaluation import evaluate_amounts, evaluate_recommendations, normalised_gini


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=40))
def test_normalised_gini_of_yes_and_no_is_twice_the_auc_less_one(rows):
    actual, forecast = np.array(rows, dtype=float).T
    if 0 < actual.sum() < len(actual):
        assert normalised_gini(actual, forecast) == pytest.approx(2 * roc_auc_score(actual, forecast) - 1)


def test_the_truth_scores_1_its_reverse_minus_1_and_one_value_for_all_0():
    actual = np.array([0.0, 5.0, 30.0, 1.0])
    assert normalised_gini(actual, actual) == pytest.approx(1)
    assert normalised_gini(actual, -actual) == pytest.approx(-1)
    assert normalised_gini(actual, np.ones(4)) == pytest.approx(0)


def test_amount_metrics_of_known_errors():
    metrics = evaluate_amounts(np.array([0.0, 10.0, 30.0]), np.array([2.0, 10.0, 38.0]))
    assert metrics["spearman"] == pytest.approx(1)
    assert metrics["mae"] == pytest.approx(10 / 3)
    assert metrics["rmse"] == pytest.approx(np.sqrt(68 / 3))
    assert metrics["total_bias_ratio"] == pytest.approx(0.25)


def test_saying_yes_to_all_has_half_of_its_f1_where_yes_and_no_count_alike():
    found = evaluate_recommendations(np.array([1, 1, 1, 0]), np.full(4, 0.7), 0.7)
    assert found["macro_f1"] == pytest.approx((6 / 7 + 0) / 2)
    assert found["weighted_f1"] == pytest.approx(6 / 7 * 3 / 4)
    assert found["roc_auc"] == pytest.approx(0.5)
    assert np.isnan(evaluate_recommendations(np.ones(3), np.ones(3), 0.5)["roc_auc"])
