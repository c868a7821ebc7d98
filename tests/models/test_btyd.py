from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import approx_fprime
from scipy.stats import beta, gamma

from models.base import FeatureMismatchError, TrainingDataError
from models.btyd import (
    BgNbd,
    GammaGamma,
    bg_nbd_log_likelihood,
    count_triples,
    gamma_gamma_log_likelihood,
)

COLUMNS = ("btyd_frequency", "btyd_recency", "btyd_age")
CALIBRATION_END = pd.Timestamp("1997-09-30")


@pytest.fixture(scope="module")
def cdnow(shared_data):
    """Customers of the CDNOW sample in weeks, with the orders of the 39 weeks after calibration."""
    path = shared_data / "cdnow" / "CDNOW_sample.txt"
    names = ["master_id", "customer_id", "date", "units", "amount"]
    lines = pd.read_csv(path, sep=r"\s+", header=None, names=names, dtype={"date": str})
    lines["date"] = pd.to_datetime(lines["date"])
    orders = lines.groupby(["customer_id", "date"], as_index=False)["amount"].sum()
    known = orders[orders["date"] <= CALIBRATION_END]
    dates = known.groupby("customer_id")["date"].agg(["min", "max", "size"])
    repeat = known[known["customer_id"].duplicated()]
    after = orders[orders["date"] > CALIBRATION_END]
    customers = pd.DataFrame(
        {
            "btyd_frequency": dates["size"] - 1,
            "btyd_recency": (dates["max"] - dates["min"]).dt.days / 7,
            "btyd_age": (CALIBRATION_END - dates["min"]).dt.days / 7,
            "mean_repeat_amount": repeat.groupby("customer_id")["amount"].mean(),
            "holdout_orders": after.groupby("customer_id").size(),
        }
    )
    return customers.fillna({"holdout_orders": 0})


def simulate(customers=3000, r=0.8, alpha=40.0, a=0.9, b=4.0, days=400.0, seed=5):
    """Live the BG/NBD story customer by customer, to an age between half and all of the days."""
    rng = np.random.default_rng(seed)
    rows = []
    for rate, p, age in zip(
        rng.gamma(r, 1 / alpha, customers),
        rng.beta(a, b, customers),
        rng.uniform(days / 2, days, customers),
        strict=True,
    ):
        x, t_x, now = 0, 0.0, 0.0
        while (now := now + rng.exponential(1 / rate)) <= age:
            x, t_x = x + 1, now
            if rng.random() < p:
                break
        rows.append((x, t_x, age))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def test_cdnow_parameters_and_likelihood_are_the_published_ones(cdnow):
    model = BgNbd.fit(cdnow[list(COLUMNS)])
    assert (model.r, model.alpha, model.a, model.b) == pytest.approx((0.243, 4.414, 0.793, 2.426), rel=0.01)
    assert model.metrics["log_likelihood"] == pytest.approx(-9582.4, abs=0.1)


def test_cdnow_holdout_forecast_is_the_published_one(cdnow):
    forecast = BgNbd.fit(cdnow[list(COLUMNS)]).predict(cdnow[list(COLUMNS)], horizon=39)
    assert forecast["expected_orders"].sum() == pytest.approx(1653, rel=0.005)
    assert forecast["expected_orders"].corr(cdnow["holdout_orders"]) == pytest.approx(0.626, abs=0.002)


def test_cdnow_gamma_gamma_is_the_published_one(cdnow):
    model = GammaGamma.fit(cdnow[["btyd_frequency", "mean_repeat_amount"]])
    assert model.metrics["customers"] == 946
    assert (model.p, model.q, model.gamma) == pytest.approx((6.25, 3.74, 15.44), rel=0.01)


@pytest.mark.parametrize("unit_days", [1, 30])
def test_another_time_unit_gives_the_same_model(cdnow, unit_days):
    weeks = cdnow[list(COLUMNS)]
    scale = 7 / unit_days
    model = BgNbd.fit(weeks * [1, scale, scale])
    assert (model.r, model.alpha / scale, model.a, model.b) == pytest.approx((0.243, 4.414, 0.793, 2.426), rel=0.01)
    expected = BgNbd.fit(weeks).predict(weeks, horizon=39)
    pd.testing.assert_frame_equal(model.predict(weeks * [1, scale, scale], horizon=39 * scale), expected, rtol=1e-4)


def test_parameters_of_simulated_customers_are_recovered():
    model = BgNbd.fit(simulate())
    assert model.r / model.alpha == pytest.approx(0.8 / 40, rel=0.1)
    assert model.a / (model.a + model.b) == pytest.approx(0.9 / 4.9, rel=0.15)


def test_counted_triples_have_the_likelihood_of_the_customers():
    x, t_x, T = np.array([(0, 0, 9), (2, 5, 9), (0, 0, 9), (2, 5, 9), (1, 3, 4), (0, 0, 9)], dtype=float).T
    triples = count_triples(x, t_x, T)
    assert sorted(triples.weight) == [1, 2, 3]
    parameters = np.array([0.5, 3.0, 0.7, 2.0])
    each = [
        bg_nbd_log_likelihood(parameters, count_triples(*([v] for v in row)))[0] for row in zip(x, t_x, T, strict=True)
    ]
    assert bg_nbd_log_likelihood(parameters, triples)[0] == pytest.approx(sum(each), rel=1e-12)


def likelihood_by_integration(parameters, x, t_x, T):
    """Integrate the individual likelihood (equation 3) over rate and dropout, as the paper does on paper."""
    r, alpha, a, b = parameters

    def over_rate(f):
        return quad(lambda rate: f(rate) * gamma.pdf(rate, r, scale=1 / alpha), 0, np.inf, epsabs=0)[0]

    def over_dropout(f):
        return quad(lambda p: f(p) * beta.pdf(p, a, b), 0, 1, epsabs=0)[0]

    alive = over_dropout(lambda p: (1 - p) ** x) * over_rate(lambda rate: rate**x * np.exp(-rate * T))
    if x == 0:
        return np.log(alive)
    left = over_dropout(lambda p: p * (1 - p) ** (x - 1)) * over_rate(lambda rate: rate**x * np.exp(-rate * t_x))
    return np.log(alive + left)


@pytest.mark.parametrize("triple", [(0, 0, 20), (1, 0.5, 20), (3, 12, 20), (7, 19, 20)])
def test_likelihood_equals_numerical_integration_of_the_story(triple):
    parameters = (1.3, 6.0, 1.2, 3.1)
    ours = bg_nbd_log_likelihood(np.array(parameters), count_triples(*([float(v)] for v in triple)))[0]
    assert ours == pytest.approx(likelihood_by_integration(parameters, *triple), rel=1e-6)


@given(st.lists(st.floats(0.05, 20), min_size=4, max_size=4))
def test_gradients_equal_finite_differences(parameters):
    triples = count_triples([0, 1, 4, 9], [0, 2, 8, 10], [10, 10, 9, 12])
    parameters = np.array(parameters)
    numeric = approx_fprime(parameters, lambda p: bg_nbd_log_likelihood(p, triples)[0], 1e-7)
    np.testing.assert_allclose(bg_nbd_log_likelihood(parameters, triples)[1], numeric, rtol=1e-3, atol=1e-3)
    x, amount = np.array([1.0, 3, 8]), np.array([5.0, 20, 9])
    numeric = approx_fprime(parameters[:3], lambda w: gamma_gamma_log_likelihood(w, x, amount)[0], 1e-7)
    np.testing.assert_allclose(gamma_gamma_log_likelihood(parameters[:3], x, amount)[1], numeric, rtol=1e-3, atol=1e-3)


def orders_by_integration(model, x, T, horizon):
    """E[(1 - exp(-rate p t)) / p] for a living customer: rate ~ gamma(r + x, alpha + T), p ~ beta(a, b + x)."""

    def given_p(p):
        return (
            -np.expm1(-(model.r + x) * np.log1p(p * horizon / (model.alpha + T)))
            / p
            * beta.pdf(p, model.a, model.b + x)
        )

    return quad(given_p, 0, 0.05, epsabs=0, limit=200)[0] + quad(given_p, 0.05, 1, epsabs=0, limit=200)[0]


@pytest.mark.parametrize("a", [0.05, 0.793, 1.0, 2.0, 30.0])
@pytest.mark.parametrize(("x", "T"), [(0, 30), (1, 200), (12, 300), (90, 365), (400, 365)])
def test_expected_orders_equal_numerical_integration(a, x, T):
    model = BgNbd(r=0.6, alpha=8.0, a=a, b=3.0, feature_names=COLUMNS)
    ages = np.array([T], dtype=float)
    alive = model.alive_probability(np.array([x]), ages, ages)
    for horizon in (1, 90, 2000):
        ours = model.expected_orders(np.array([x]), ages, ages, horizon) / alive
        assert ours == pytest.approx(orders_by_integration(model, x, T, horizon), rel=1e-5)


@given(
    st.tuples(st.floats(0.05, 5), st.floats(1, 200), st.floats(0.02, 20), st.floats(0.05, 50)),
    st.integers(0, 300),
    st.floats(0.01, 1),
    st.floats(1, 1000),
)
def test_forecasts_are_finite_and_grow_with_the_horizon(parameters, x, share, T):
    model = BgNbd(*parameters, feature_names=COLUMNS)
    t_x = share * T if x else 0.0
    frame = pd.DataFrame([(x, t_x, T)], columns=list(COLUMNS), dtype=float)
    forecasts = [model.predict(frame, horizon)["expected_orders"].item() for horizon in (0, 30, 90, 365)]
    assert np.isfinite(forecasts).all()
    assert forecasts[0] == pytest.approx(0, abs=1e-9)
    assert all(later >= sooner * (1 - 1e-7) for sooner, later in pairwise(forecasts))
    assert 0 <= model.predict(frame, 1)["alive_probability"].item() <= 1


def test_silence_lowers_the_chance_to_be_alive_and_one_timers_are_alive():
    model = BgNbd(r=0.24, alpha=4.4, a=0.79, b=2.4, feature_names=COLUMNS)
    x, t_x, T = np.array([5, 5, 0]), np.array([30.0, 10.0, 0.0]), np.array([30.0, 30.0, 30.0])
    recent, silent, once = model.alive_probability(x, t_x, T)
    assert silent < recent < once == 1


def test_gamma_gamma_shrinks_the_mean_amount_towards_the_population_with_few_orders():
    model = GammaGamma(p=6.25, q=3.74, gamma=15.44, feature_names=("btyd_frequency", "mean_repeat_amount"))
    frame = pd.DataFrame({"btyd_frequency": [0, 1, 100], "mean_repeat_amount": [np.nan, 100.0, 100.0]})
    nobody, one, many = model.predict(frame)
    assert nobody == pytest.approx(6.25 * 15.44 / 2.74)
    assert nobody < one < many < 100
    assert many == pytest.approx(100, rel=0.01)


def test_gamma_gamma_recovers_simulated_parameters():
    rng = np.random.default_rng(2)
    p, q, scale, n = 6.0, 4.0, 15.0, 8000
    x = rng.integers(1, 12, n)
    amount = rng.gamma(p * x, 1 / (rng.gamma(q, 1 / scale, n) * x))
    model = GammaGamma.fit(pd.DataFrame({"btyd_frequency": x, "mean_repeat_amount": amount}))
    assert (model.p, model.q, model.gamma) == pytest.approx((p, q, scale), rel=0.12)


def test_unknown_triples_get_no_forecast_and_do_not_enter_the_fit():
    known = simulate(300)
    model = BgNbd.fit(pd.concat([known, known.iloc[:5] * np.nan], ignore_index=True))
    assert model == BgNbd.fit(known)
    assert model.predict(known.iloc[:1] * np.nan, horizon=90).isna().all(axis=None)


def test_saved_and_loaded_models_are_equal(tmp_path):
    model = BgNbd.fit(simulate(300))
    model.save(tmp_path)
    assert BgNbd.load(tmp_path) == model
    amounts = GammaGamma(6.25, 3.74, 15.44, ("btyd_frequency", "mean_repeat_amount"), {"customers": 3.0})
    amounts.save(tmp_path)
    assert GammaGamma.load(tmp_path) == amounts


def test_impossible_or_too_few_rows_are_refused():
    with pytest.raises(TrainingDataError, match="a repeat order"):
        BgNbd.fit(pd.DataFrame([(0, 0, 5)] * 50, columns=list(COLUMNS)))
    rows = simulate(100)
    rows.loc[0] = [3, 50.0, 10.0]
    with pytest.raises(TrainingDataError, match="1 rows break"):
        BgNbd.fit(rows)
    with pytest.raises(TrainingDataError, match="10 customers"):
        GammaGamma.fit(pd.DataFrame({"btyd_frequency": [1], "mean_repeat_amount": [3.0]}))
    with pytest.raises(FeatureMismatchError):
        BgNbd.fit(simulate(100)).predict(simulate(3)[list(COLUMNS[::-1])], 90)
