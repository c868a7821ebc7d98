"""Buy till you die: BG/NBD for how often a customer will order, Gamma-Gamma for how much.

BG/NBD: Fader, Hardie, Lee 2005, "Counting your customers the easy way".
Gamma-Gamma: Fader, Hardie 2013, "The Gamma-Gamma model of monetary value".
x = repeat orders, t_x = age at the last order, T = age now, all in one time unit, in which alpha is then told too.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import betaincinv, betaln, digamma, expit, gammaln, polygamma

from models.base import TrainingDataError, read_json, to_matrix, with_tuples, write_json


@dataclass(frozen=True)
class BtydConfig:
    """Column names of (x, t_x, T) and of the mean repeat order amount, and limits of the search."""

    frequency_column: str = "btyd_frequency"
    recency_column: str = "btyd_recency"
    age_column: str = "btyd_age"
    amount_column: str = "mean_repeat_amount"
    max_iterations: int = 1000


@dataclass(frozen=True)
class Triples:
    """Unique (x, t_x, T), each with the number of customers who have it."""

    x: np.ndarray
    t_x: np.ndarray
    T: np.ndarray
    weight: np.ndarray


def count_triples(x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> Triples:
    """Compress customers to unique triples: the likelihood is the same and the work no longer grows with customers."""
    rows = pd.DataFrame({"x": x, "t_x": t_x, "T": T}, dtype=float)
    counted = rows.groupby(["x", "t_x", "T"], sort=True).size()
    keys = counted.index.to_frame().to_numpy()
    return Triples(keys[:, 0], keys[:, 1], keys[:, 2], counted.to_numpy(dtype=float))


def bg_nbd_log_likelihood(parameters: np.ndarray, triples: Triples) -> tuple[float, np.ndarray]:
    """Return the log-likelihood of (r, alpha, a, b) and its gradient in them; equation (6) of the paper, in logs."""
    r, alpha, a, b = parameters
    x, t_x, T, weight = triples.x, triples.t_x, triples.T, triples.weight
    is_repeat = x > 0
    b_before = np.where(is_repeat, b + x - 1, 1.0)
    alive = -(r + x) * np.log(alpha + T)
    dead = np.where(is_repeat, np.log(a) - np.log(b_before) - (r + x) * np.log(alpha + t_x), -np.inf)
    either = np.logaddexp(alive, dead)
    purchases = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    survivals = gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    w_dead = np.exp(dead - either)
    w_alive = np.exp(alive - either)
    gradient = np.stack(
        [
            digamma(r + x) - digamma(r) + np.log(alpha) - w_alive * np.log(alpha + T) - w_dead * np.log(alpha + t_x),
            r / alpha - (r + x) * (w_alive / (alpha + T) + w_dead / (alpha + t_x)),
            digamma(a + b) - digamma(a + b + x) + w_dead / a,
            digamma(a + b) + digamma(b + x) - digamma(b) - digamma(a + b + x) - w_dead / b_before,
        ]
    )
    return float(weight @ (purchases + survivals + either)), gradient @ weight


@dataclass(frozen=True)
class BgNbd:
    """Orders come at a gamma-distributed rate; after each the customer leaves with a beta-distributed probability."""

    r: float
    alpha: float
    a: float
    b: float
    feature_names: tuple[str, ...]
    metrics: dict[str, float] = field(default_factory=dict)
    seed: int = 0

    @classmethod
    def fit(cls, frame: pd.DataFrame, config: BtydConfig | None = None) -> "BgNbd":
        """Fit by maximum likelihood on rows without nulls; time is scaled inside, so days converge as weeks do."""
        config = config or BtydConfig()
        names = (config.frequency_column, config.recency_column, config.age_column)
        values = to_matrix(frame, names)
        values = values[~np.isnan(values).any(axis=1)]
        _check_triples(values, names)
        unit = float(values[:, 2].mean())
        triples = count_triples(values[:, 0], values[:, 1] / unit, values[:, 2] / unit)
        start = np.array([1.0, 1.0, 1.0, 3.0])
        found, iterations = _maximise(
            lambda p: bg_nbd_log_likelihood(p, triples), start, len(values), config.max_iterations
        )
        r, alpha, a, b = (float(value) for value in found * np.array([1.0, unit, 1.0, 1.0]))
        in_unit = Triples(triples.x, triples.t_x * unit, triples.T * unit, triples.weight)
        metrics = {
            "log_likelihood": bg_nbd_log_likelihood(np.array([r, alpha, a, b]), in_unit)[0],
            "customers": float(len(values)),
            "triples": float(len(triples.weight)),
            "iterations": float(iterations),
        }
        return cls(r, alpha, a, b, names, metrics)

    def predict(self, frame: pd.DataFrame, horizon: float) -> pd.DataFrame:
        """Return alive_probability and expected_orders in (T, T + horizon]; null where a triple is unknown."""
        x, t_x, T = to_matrix(frame, self.feature_names).T
        alive = self.alive_probability(x, t_x, T)
        orders = self.expected_orders(x, t_x, T, horizon)
        return pd.DataFrame({"alive_probability": alive, "expected_orders": orders}, index=frame.index)

    def alive_probability(self, x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> np.ndarray:
        """P(still a customer); without a repeat order 1, as the model lets nobody leave before one."""
        is_repeat = x > 0
        b_before = np.where(is_repeat, self.b + x - 1, 1.0)
        log_odds = np.log(b_before / self.a) - (self.r + x) * np.log((self.alpha + T) / (self.alpha + t_x))
        return np.where(np.isnan(x + t_x + T), np.nan, np.where(is_repeat, expit(log_odds), 1.0))

    def expected_orders(self, x: np.ndarray, t_x: np.ndarray, T: np.ndarray, horizon: float) -> np.ndarray:
        """E[orders in (T, T + horizon]]: what a living customer would order, times the chance to be living."""
        if horizon < 0:
            raise ValueError(f"horizon must not be negative, got {horizon}")
        x, T = np.asarray(x, dtype=float), np.asarray(T, dtype=float)
        if_alive = np.full(x.shape, np.nan)
        for count in np.unique(x[~np.isnan(x)]):
            rows = x == count
            ages, at = np.unique(T[rows], return_inverse=True)
            stretch = horizon / (self.alpha + ages)
            if_alive[rows] = _orders_if_alive(self.r + count, self.a, self.b + count, stretch)[at]
        return if_alive * self.alive_probability(x, t_x, T)

    def save(self, directory: Path) -> None:
        """Write `bg_nbd.json`."""
        write_json(directory, "bg_nbd.json", asdict(self))

    @classmethod
    def load(cls, directory: Path) -> "BgNbd":
        """Read `bg_nbd.json`."""
        return cls(**with_tuples(read_json(directory, "bg_nbd.json")))


def _orders_if_alive(shape: float, a: float, b: float, stretch: np.ndarray) -> np.ndarray:
    """Equation (10) before its integral is taken: the mean over p ~ Beta(a, b) of (1 - (1 + p stretch)^-shape) / p.

    The paper's closed form needs 2F1, which SciPy gets wrong from some ninety orders on. The integrand is analytic in
    logit(p), where the trapezoid rule converges exponentially: under a hundred nodes give nine digits. Taking the value
    at p = 0 out first keeps the left tail short however small a is.
    """
    smallest, rest = betaincinv([a + 1, b], [b, a + 1], 1e-11)
    low = np.log(smallest) - np.log1p(-smallest)
    high = np.log1p(-rest) - np.log(max(rest, 1e-300))
    step = 0.5 * min(1.0, float(np.sqrt(polygamma(1, a + 1) + polygamma(1, b))))
    logit = np.arange(low, high + step, step)
    log_p, log_rest = -np.logaddexp(0, -logit), -np.logaddexp(0, logit)
    weight = step * np.exp(a * log_p + b * log_rest - betaln(a, b))
    p = np.exp(log_p)
    at_p = -np.expm1(-shape * np.log1p(np.outer(stretch, p))) / p
    at_zero = shape * stretch
    return at_zero + (at_p - at_zero[:, None]) @ weight


def gamma_gamma_log_likelihood(
    parameters: np.ndarray, x: np.ndarray, mean_amount: np.ndarray
) -> tuple[float, np.ndarray]:
    """Return the log-likelihood of (p, q, gamma) and its gradient; equation (1a) of the note."""
    p, q, gamma = parameters
    total = gamma + x * mean_amount
    terms = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(gamma)
    terms = terms + (p * x - 1) * np.log(mean_amount) + p * x * np.log(x) - (p * x + q) * np.log(total)
    gradient = [
        np.sum(x * (digamma(p * x + q) - digamma(p * x) + np.log(mean_amount * x) - np.log(total))),
        np.sum(digamma(p * x + q) - digamma(q) + np.log(gamma) - np.log(total)),
        np.sum(q / gamma - (p * x + q) / total),
    ]
    return float(terms.sum()), np.array(gradient)


@dataclass(frozen=True)
class GammaGamma:
    """A customer's orders vary around a mean of their own; those means vary between customers."""

    p: float
    q: float
    gamma: float
    feature_names: tuple[str, ...]
    metrics: dict[str, float] = field(default_factory=dict)
    seed: int = 0

    @classmethod
    def fit(cls, frame: pd.DataFrame, config: BtydConfig | None = None) -> "GammaGamma":
        """Fit on customers with a repeat order and a positive mean amount."""
        config = config or BtydConfig()
        names = (config.frequency_column, config.amount_column)
        x, amount = to_matrix(frame, names).T
        is_usable = (x > 0) & (amount > 0)
        if is_usable.sum() < 10:
            raise TrainingDataError(f"Gamma-Gamma needs 10 customers with a positive {names[1]}, got {is_usable.sum()}")
        x, amount = x[is_usable], amount[is_usable]
        unit = float(amount.mean())
        # q > 1, or the mean of a customer without repeat orders would be infinite.
        bounds = [(-8.0, 12.0), (np.log(1.05), 12.0), (-8.0, 12.0)]
        start = np.array([3.0, 3.0, 1.0])
        found, iterations = _maximise(
            lambda w: gamma_gamma_log_likelihood(w, x, amount / unit), start, len(x), config.max_iterations, bounds
        )
        p, q, gamma = (float(value) for value in found * np.array([1.0, 1.0, unit]))
        likelihood = gamma_gamma_log_likelihood(np.array([p, q, gamma]), x, amount)[0]
        correlation = float(np.corrcoef(x, amount)[0, 1]) if x.std() > 0 and amount.std() > 0 else 0.0
        metrics = {"log_likelihood": likelihood, "customers": float(len(x)), "iterations": float(iterations)}
        # The model holds amount and number of orders independent: a correlation far from 0 says that it does not fit.
        return cls(p, q, gamma, names, {**metrics, "order_amount_correlation": correlation})

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """Return each customer's expected mean order amount; the population's where no repeat order is known."""
        x, amount = to_matrix(frame, self.feature_names).T
        is_known = (x > 0) & (amount > 0)
        x, amount = np.where(is_known, x, 0.0), np.where(is_known, amount, 0.0)
        return self.p * (self.gamma + x * amount) / (self.p * x + self.q - 1)

    def save(self, directory: Path) -> None:
        """Write `gamma_gamma.json`."""
        write_json(directory, "gamma_gamma.json", asdict(self))

    @classmethod
    def load(cls, directory: Path) -> "GammaGamma":
        """Read `gamma_gamma.json`."""
        return cls(**with_tuples(read_json(directory, "gamma_gamma.json")))


def _check_triples(values: np.ndarray, names: tuple[str, ...]) -> None:
    if len(values) < 10 or not (values[:, 0] > 0).any():
        repeaters = int((values[:, 0] > 0).sum())
        raise TrainingDataError(f"BG/NBD needs 10 customers and a repeat order, got {len(values)} with {repeaters}")
    x, t_x, T = values.T
    wrong = (x < 0) | (t_x < 0) | (t_x > T) | ((x == 0) != (t_x == 0))
    if wrong.any():
        raise TrainingDataError(
            f"{int(wrong.sum())} rows break 0 <= {names[1]} <= {names[2]}, 0 exactly when {names[0]} is 0"
        )
    if not values[:, 2].mean() > 0:
        raise TrainingDataError(f"BG/NBD needs time to have passed: {names[2]} is 0 everywhere")


def _maximise(
    likelihood: Callable[[np.ndarray], tuple[float, np.ndarray]],
    start: np.ndarray,
    rows: int,
    max_iterations: int,
    bounds: list[tuple[float, float]] | None = None,
) -> tuple[np.ndarray, int]:
    """Climb in log parameters, which keeps them positive; bounds stop a flat ridge from running to infinity."""

    def loss(logs: np.ndarray) -> tuple[float, np.ndarray]:
        parameters = np.exp(logs)
        value, gradient = likelihood(parameters)
        return -value / rows, -gradient * parameters / rows

    options = {"maxiter": max_iterations, "ftol": 1e-13, "gtol": 1e-8}
    limits = bounds or [(-10.0, 12.0)] * len(start)
    result = minimize(loss, np.log(start), jac=True, method="L-BFGS-B", bounds=limits, options=options)
    is_flat = float(np.abs(result.jac).max()) < 1e-4  # the line search may give up on the last digits of a found peak
    if not result.success and not is_flat:
        raise TrainingDataError(f"maximum likelihood did not converge after {result.nit} steps: {result.message}")
    return np.exp(result.x), int(result.nit)
