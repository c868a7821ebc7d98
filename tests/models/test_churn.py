from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from models.base import FeatureMismatchError, TrainingDataError
from models.baselines import RfmChurn
from models.churn import ChurnConfig, ChurnModel, evaluate

QUICK = ChurnConfig(rounds=40, folds=3, threads=1)


def customers(n=1500, seed=0):
    """Churn follows silence relative to a customer's own rhythm, which RFM alone cannot see."""
    rng = np.random.default_rng(seed)
    gap = rng.gamma(3, 10, n)
    recency = rng.exponential(1.5, n) * gap
    labels = rng.random(n) < 1 / (1 + np.exp(-2 * (recency / gap - 1.5)))
    features = {"recency_days": recency, "order_count": rng.poisson(5, n) + 1, "monetary": rng.lognormal(3, 1, n)}
    frame = pd.DataFrame({**features, "mean_gap_days": gap, "noise": rng.normal(size=n)})
    frame.loc[rng.random(n) < 0.05, "noise"] = np.nan
    return frame, labels.astype(int)


@pytest.fixture(scope="module")
def model():
    frame, labels = customers()
    return ChurnModel.fit(frame, labels, np.arange(len(frame)), QUICK)


def test_the_ensemble_beats_the_rfm_baseline_on_later_customers(model):
    rfm = ["recency_days", "order_count", "monetary"]
    frame, labels = customers()
    later, happened = customers(seed=1)
    baseline = RfmChurn.fit(frame[rfm], labels)
    ours, theirs = evaluate(model, later, happened), evaluate(baseline, later[rfm], happened)
    assert ours["roc_auc"] > theirs["roc_auc"] + 0.01
    assert ours["brier"] < theirs["brier"]
    assert ours["ece"] < 0.05
    assert ours["base_rate"] == happened.mean()


def test_prediction_is_the_calibrated_mean_of_both_ensembles(model):
    import xgboost

    frame, _ = customers(20, seed=2)
    matrix = frame.to_numpy(dtype=float)
    mean = (model.xgboost.predict(xgboost.DMatrix(matrix)) + model.lightgbm.predict(matrix)) / 2
    np.testing.assert_allclose(model.predict(frame), model.calibration.predict(mean), atol=1e-7)


def test_snapshots_of_one_customer_do_not_leak_into_the_calibration():
    """Labels here are noise fixed per customer: only a leak through repeated snapshots could predict them."""
    rng = np.random.default_rng(0)
    fingerprint, coin = rng.normal(size=(150, 4)), rng.integers(0, 2, 150)
    groups = np.repeat(np.arange(150), 4)
    frame = pd.DataFrame(fingerprint[groups], columns=list("abcd"))
    grouped = ChurnModel.fit(frame, coin[groups], groups, QUICK)
    leaky = ChurnModel.fit(frame, coin[groups], np.arange(len(groups)), QUICK)
    assert leaky.metrics["out_of_fold_roc_auc"] > 0.9
    assert grouped.metrics["out_of_fold_roc_auc"] < 0.65
    assert np.ptp(grouped.predict(frame)) < np.ptp(leaky.predict(frame))


def test_the_strongest_reason_is_the_feature_that_decides(model):
    frame, _ = customers(50, seed=3)
    reasons = model.explain(frame, top=2)
    assert list(reasons.columns) == ["reason_1", "contribution_1", "reason_2", "contribution_2"]
    leavers = reasons[model.predict(frame) > 0.5]
    assert leavers["reason_1"].isin(["recency_days", "mean_gap_days"]).mean() > 0.9
    assert (reasons["contribution_1"] >= reasons["contribution_2"]).all()
    silent = frame.assign(recency_days=500.0, mean_gap_days=10.0)
    by_recency = model.explain(silent, top=5)
    contributions = by_recency[[f"contribution_{rank}" for rank in range(1, 6)]].to_numpy()
    assert (np.diff(contributions, axis=1) <= 0).all(), "what raises stands before what lowers, however strongly"
    assert (contributions < 0).any()
    assert (by_recency.loc[by_recency["reason_1"] == "recency_days", "contribution_1"] > 0).all()


def test_the_same_seed_gives_the_same_probabilities_whatever_the_threads(model):
    frame, labels = customers()
    again = ChurnModel.fit(frame, labels, np.arange(len(frame)), replace(QUICK, threads=2))
    np.testing.assert_allclose(again.predict(frame), model.predict(frame), atol=1e-6)


def test_saved_and_loaded_model_predicts_equally(model, tmp_path):
    frame, _ = customers(100, seed=4)
    model.save(tmp_path / "churn")
    loaded = ChurnModel.load(tmp_path / "churn")
    np.testing.assert_array_equal(loaded.predict(frame), model.predict(frame))
    pd.testing.assert_frame_equal(loaded.explain(frame), model.explain(frame))
    assert (loaded.metrics, loaded.config, loaded.seed) == (model.metrics, model.config, model.seed)


def test_one_class_unknown_labels_or_a_single_leaver_are_refused():
    frame, labels = customers(60)
    groups = np.arange(60)
    with pytest.raises(TrainingDataError, match="who stayed and who left"):
        ChurnModel.fit(frame, np.zeros(60), groups, QUICK)
    with pytest.raises(TrainingDataError, match="0 or 1 and known"):
        ChurnModel.fit(frame, np.where(groups == 3, np.nan, labels), groups, QUICK)
    with pytest.raises(TrainingDataError, match="two customers of each class"):
        ChurnModel.fit(frame, (groups == 3).astype(int), groups, QUICK)
    with pytest.raises(TrainingDataError, match="as many labels"):
        ChurnModel.fit(frame, labels[:5], groups, QUICK)


def test_a_dozen_rows_with_nulls_still_train_and_an_empty_frame_scores_empty():
    frame, _ = customers(12)
    frame["empty"] = np.nan
    model = ChurnModel.fit(frame, np.arange(12) % 2, np.arange(12), QUICK)
    assert np.isfinite(model.predict(frame)).all()
    assert len(model.predict(frame.iloc[:0])) == len(model.explain(frame.iloc[:0])) == 0


def test_other_columns_are_refused(model):
    frame, _ = customers(5)
    with pytest.raises(FeatureMismatchError, match="noise"):
        model.predict(frame.drop(columns="noise"))
    with pytest.raises(FeatureMismatchError):
        model.explain(frame[frame.columns[::-1]])


def test_feature_names_with_any_characters_are_kept(tmp_path):
    frame, labels = customers(100)
    frame.columns = ["a[1]", "b:<2>", "c,3", '"d"', "é"]
    model = ChurnModel.fit(frame, labels, np.arange(100), QUICK)
    model.save(tmp_path)
    assert ChurnModel.load(tmp_path).feature_names == tuple(frame.columns)


def test_telco_customers_are_ranked_as_well_as_gradient_boosting_does(shared_data):
    telco = pd.read_csv(shared_data / "telco-churn" / "Telco-Customer-Churn.csv")
    labels = (telco.pop("Churn") == "Yes").to_numpy().astype(int)
    telco["TotalCharges"] = pd.to_numeric(telco["TotalCharges"], errors="coerce")
    frame = pd.get_dummies(telco.drop(columns="customerID"), dtype=float)
    train, test = train_test_split(np.arange(len(frame)), test_size=0.2, random_state=0, stratify=labels)
    config = ChurnConfig(rounds=60, learning_rate=0.1, folds=2, threads=1)
    model = ChurnModel.fit(frame.iloc[train], labels[train], train, config)
    measured = evaluate(model, frame.iloc[test], labels[test])
    assert measured["roc_auc"] > 0.83
    assert measured["ece"] < 0.04


def test_the_baseline_needs_customers_of_both_kinds():
    frame, labels = customers(200)
    assert RfmChurn.fit(frame, labels).feature_names == tuple(frame.columns)
    with pytest.raises(TrainingDataError):
        RfmChurn.fit(frame, np.ones(200))
