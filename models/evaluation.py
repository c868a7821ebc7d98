"""Metrics that several models share; scikit-learn and SciPy where they have them."""

import numpy as np


def expected_calibration_error(labels: np.ndarray, probabilities: np.ndarray, bins: int = 10) -> float:
    """Mean gap between forecast and observed share over bins of equally many rows, sorted by forecast."""
    order = np.argsort(probabilities, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [abs(float(labels[part].mean()) - float(probabilities[part].mean())) * len(part) for part in parts]
    return sum(gaps) / len(order)


def evaluate_probabilities(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Return ranking and calibration of a yes/no forecast; ranking is NaN where only one class happened."""
    from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

    labels = np.asarray(labels, dtype=int)
    has_both = 0 < labels.sum() < len(labels)
    return {
        "roc_auc": float(roc_auc_score(labels, probabilities)) if has_both else float("nan"),
        "average_precision": float(average_precision_score(labels, probabilities)) if has_both else float("nan"),
        "brier": float(brier_score_loss(labels, probabilities, pos_label=1)),
        "log_loss": float(log_loss(labels, probabilities, labels=[0, 1])),
        "ece": expected_calibration_error(labels, probabilities),
        "base_rate": float(labels.mean()),
        "rows": float(len(labels)),
    }


def evaluate_recommendations(labels: np.ndarray, probabilities: np.ndarray, threshold: float) -> dict[str, float]:
    """Return F1 of yes and no taken alike (macro) and by their numbers (weighted), and ROC AUC (NaN for one class)."""
    from sklearn.metrics import f1_score, roc_auc_score

    labels, said = np.asarray(labels, dtype=int), np.asarray(probabilities) >= threshold
    has_both = 0 < labels.sum() < len(labels)
    averages = {
        f"{kind}_f1": float(f1_score(labels, said, average=kind, zero_division=0)) for kind in ("macro", "weighted")
    }
    return averages | {"roc_auc": float(roc_auc_score(labels, probabilities)) if has_both else float("nan")}


def normalised_gini(actual: np.ndarray, forecast: np.ndarray) -> float:
    """Revenue gathered early when customers are taken in order of forecast: 1 as by the truth, 0 as by chance.

    Customers with equal forecasts are taken together, so that row order changes nothing.
    """

    def gain(order_by: np.ndarray) -> float:
        _, group = np.unique(-order_by, return_inverse=True)
        size, amount = np.bincount(group), np.bincount(group, weights=actual)
        mean_position = np.cumsum(size) - (size - 1) / 2
        return float(-(amount * mean_position).sum() + actual.sum() * (len(actual) + 1) / 2)

    best = gain(actual)
    return gain(forecast) / best if best > 0 else float("nan")


def evaluate_amounts(actual: np.ndarray, forecast: np.ndarray) -> dict[str, float]:
    """Return rank, size and total error of forecast amounts; total_bias_ratio is forecast over actual, minus one."""
    from scipy.stats import spearmanr

    actual, forecast = np.asarray(actual, dtype=float), np.asarray(forecast, dtype=float)
    varies = len(actual) > 1 and np.ptp(actual) > 0 and np.ptp(forecast) > 0
    total = actual.sum()
    return {
        "spearman": float(spearmanr(actual, forecast).statistic) if varies else float("nan"),
        "mae": float(np.abs(actual - forecast).mean()),
        "rmse": float(np.sqrt(np.square(actual - forecast).mean())),
        "total_bias_ratio": float(forecast.sum() / total - 1) if total else float("nan"),
        "normalised_gini": normalised_gini(actual, forecast),
        "rows": float(len(actual)),
    }
