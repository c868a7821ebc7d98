import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from models.calibration import IsotonicCalibration
from models.evaluation import evaluate_probabilities, expected_calibration_error

pairs = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2, max_size=60)


@given(pairs, st.lists(st.floats(-0.5, 1.5), min_size=2, max_size=20))
def test_calibration_is_monotone_and_stays_strictly_within_0_and_1(rows, scores):
    x, labels = np.array(rows, dtype=float).T
    calibrated = IsotonicCalibration.fit(x, labels).predict(np.sort(scores))
    assert (np.diff(calibrated) >= -1e-12).all()
    assert calibrated.min() > 0
    assert calibrated.max() < 1


@given(pairs)
def test_knots_give_what_sklearn_gives_but_for_the_margin(rows):
    x, labels = np.array(rows, dtype=float).T
    theirs = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(x, labels).predict(x)
    margin = 1 / (len(rows) + 2)
    ours = IsotonicCalibration.fit(x, labels).predict(x)
    assert np.abs(ours - theirs).max() <= margin + 1e-9


def test_calibration_repairs_overconfident_scores():
    rng = np.random.default_rng(0)
    truth = rng.uniform(0.1, 0.9, 4000)
    labels = rng.random(4000) < truth
    overconfident = 1 / (1 + np.exp(-6 * (truth - 0.5) * 2))
    calibrated = IsotonicCalibration.fit(overconfident[:2000], labels[:2000]).predict(overconfident[2000:])
    before = expected_calibration_error(labels[2000:], overconfident[2000:])
    assert expected_calibration_error(labels[2000:], calibrated) < before / 2


def test_expected_calibration_error_of_known_forecasts():
    labels = np.array([0, 1] * 50)
    assert expected_calibration_error(labels, np.full(100, 0.5)) == 0
    assert expected_calibration_error(labels, np.full(100, 0.8)) == pytest.approx(0.3)


def test_a_day_with_one_class_has_no_ranking_but_a_brier_score():
    metrics = evaluate_probabilities(np.zeros(4), np.full(4, 0.5))
    assert np.isnan(metrics["roc_auc"])
    assert metrics["brier"] == 0.25
    assert metrics["log_loss"] == pytest.approx(np.log(2))
