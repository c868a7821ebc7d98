from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.base import FeatureMismatchError, TrainingDataError
from models.baselines import PastRateClv
from models.btyd import BgNbd, GammaGamma
from models.clv import BtydClv, TwoPartClv, TwoPartConfig, choose, load_clv
from models.evaluation import evaluate_amounts

BTYD = ["btyd_frequency", "btyd_recency", "btyd_age", "mean_repeat_amount"]
QUICK = TwoPartConfig(rounds=60, folds=3, threads=1)
HORIZON = 90


def customers(n=2000, seed=0):
    """Customers who order at their own rate until they leave unseen; revenue of the next 90 days beside."""
    rng = np.random.default_rng(seed)
    rate, amount = rng.gamma(0.8, 1 / 40, n), rng.lognormal(3, 0.6, n)
    rows, revenue = [], np.zeros(n)
    for i in range(n):
        leave = rng.exponential(400)
        times = np.cumsum(rng.exponential(1 / rate[i], 60))
        times = times[times < leave]
        known, later = times[times <= 360], times[(times > 360) & (times <= 360 + HORIZON)]
        spent = amount[i] * rng.lognormal(0, 0.3, len(known))
        mean = spent.mean() if len(spent) else np.nan
        rows.append((len(known), known.max(initial=0), 360.0, mean, spent.sum() + amount[i]))
        revenue[i] = (amount[i] * rng.lognormal(0, 0.3, len(later))).sum()
    return pd.DataFrame(rows, columns=[*BTYD, "net_revenue_lifetime"]), revenue


@pytest.fixture(scope="module")
def train():
    return customers()


@pytest.fixture(scope="module")
def later():
    return customers(seed=1)


@pytest.fixture(scope="module")
def btyd(train):
    return BtydClv.fit(train[0][BTYD], HORIZON)


@pytest.fixture(scope="module")
def two_part(train):
    frame, revenue = train
    return TwoPartClv.fit(frame, revenue, np.arange(len(frame)), HORIZON, QUICK)


def test_both_candidates_rank_later_revenue_better_than_the_past_rate(btyd, two_part, later):
    frame, revenue = later
    baseline = PastRateClv(HORIZON)
    past = evaluate_amounts(revenue, baseline.predict(frame[list(baseline.feature_names)]))
    measured = choose([btyd, two_part], frame, revenue).metrics
    for kind in ("btyd", "two_part"):
        assert measured[kind]["spearman"] > past["spearman"] + 0.01
        assert measured[kind]["mae"] < past["mae"]


def test_forecast_totals_are_near_the_truth(btyd, two_part, later):
    measured = choose([btyd, two_part], *later).metrics
    assert abs(measured["two_part"]["total_bias_ratio"]) < 0.15
    assert abs(measured["btyd"]["total_bias_ratio"]) < 0.3


def test_btyd_value_is_expected_orders_times_expected_amount(btyd, later):
    frame = later[0].iloc[:50]
    orders = btyd.orders.predict(frame[BTYD[:3]], HORIZON)["expected_orders"]
    amounts = btyd.amounts.predict(frame[[BTYD[0], BTYD[3]]])
    np.testing.assert_allclose(btyd.predict(frame[BTYD]), orders * amounts)


def test_two_part_level_makes_out_of_fold_totals_right(two_part):
    assert two_part.metrics["out_of_fold_total_bias_ratio"] == pytest.approx(0, abs=1e-9)
    assert two_part.level > 1  # the exponential of a mean logarithm is below the mean


def test_customers_without_orders_are_worth_0_to_btyd_and_the_past_rate(btyd):
    nobody = pd.DataFrame([[np.nan] * 4], columns=BTYD)
    assert btyd.predict(nobody).tolist() == [0]
    assert PastRateClv(90).predict(pd.DataFrame({"net_revenue_lifetime": [np.nan], "btyd_age": [np.nan]})).tolist() == [
        0
    ]


def test_the_past_rate_does_not_extrapolate_from_a_first_week():
    frame = pd.DataFrame({"net_revenue_lifetime": [60.0, 60.0], "btyd_age": [1, 60]})
    assert PastRateClv(90).predict(frame).tolist() == [180, 90]


class Fixed:
    """A candidate that always says the same."""

    def __init__(self, kind, forecast):
        self.kind, self.forecast, self.feature_names = kind, np.array(forecast, dtype=float), ("a",)

    def predict(self, frame):
        return self.forecast


def test_the_better_ranking_wins_and_a_tie_goes_to_the_lower_error():
    frame, actual = pd.DataFrame({"a": range(4), "b": range(4)}), np.array([1.0, 2, 3, 4])
    ranked, exact, wrong = Fixed("ranked", [10, 20, 30, 40]), Fixed("exact", [1, 2, 3, 4]), Fixed("wrong", [1, 2, 4, 3])
    assert choose([wrong, ranked], frame, actual).best is ranked
    assert choose([ranked, exact], frame, actual).best is exact
    assert choose([Fixed("constant", [2.5] * 4), wrong], frame, actual).best is wrong
    assert set(choose([ranked, exact], frame, actual).metrics) == {"ranked", "exact"}


def test_saved_candidates_come_back_as_they_were(btyd, two_part, later, tmp_path):
    frame = later[0].iloc[:100]
    for model in (btyd, two_part):
        model.save(tmp_path / model.kind)
        loaded = load_clv(tmp_path / model.kind)
        assert type(loaded) is type(model)
        assert loaded.metrics == model.metrics
        columns = list(model.feature_names)
        np.testing.assert_array_equal(loaded.predict(frame[columns]), model.predict(frame[columns]))


def test_the_same_seed_gives_the_same_forecast(two_part, train, later):
    frame, revenue = train
    again = TwoPartClv.fit(frame, revenue, np.arange(len(frame)), HORIZON, replace(QUICK))
    np.testing.assert_array_equal(again.predict(later[0]), two_part.predict(later[0]))


def test_untrainable_data_and_other_columns_are_refused(btyd, two_part, train):
    frame, revenue = train
    groups = np.arange(len(frame))
    with pytest.raises(TrainingDataError, match="10 rows with revenue"):
        TwoPartClv.fit(frame, np.zeros(len(frame)), groups, HORIZON, QUICK)
    with pytest.raises(TrainingDataError, match="known revenue"):
        TwoPartClv.fit(frame, np.where(groups == 1, np.nan, revenue), groups, HORIZON, QUICK)
    for model in (btyd, two_part):
        with pytest.raises(FeatureMismatchError):
            model.predict(frame[list(model.feature_names)[::-1]])
        with pytest.raises(FeatureMismatchError, match=model.kind):
            choose([model], frame.drop(columns="btyd_frequency"), revenue)


def test_parts_are_the_models_of_btyd(btyd):
    assert isinstance(btyd.orders, BgNbd)
    assert isinstance(btyd.amounts, GammaGamma)
    assert btyd.metrics["bg_nbd_log_likelihood"] == btyd.orders.metrics["log_likelihood"]
