"""What the models have to beat: forecasts from recency, frequency and monetary value alone."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from models.base import TrainingDataError, to_matrix
from models.scaling import FeatureScaler


@dataclass(frozen=True)
class RfmChurn:
    """Logistic regression on the scaled logarithms of recency, frequency and net revenue."""

    feature_names: tuple[str, ...]
    scaler: FeatureScaler
    coefficients: tuple[float, ...]
    intercept: float

    @classmethod
    def fit(cls, frame: pd.DataFrame, labels: np.ndarray) -> "RfmChurn":
        """Fit on the frame's columns, whatever they are called."""
        from sklearn.linear_model import LogisticRegression

        if len(np.unique(labels)) != 2:
            raise TrainingDataError("RFM baseline needs customers who stayed and who left")
        scaler = FeatureScaler.fit(frame)
        fitted = LogisticRegression(max_iter=1000).fit(scaler.transform(frame), np.asarray(labels, dtype=int))
        return cls(scaler.feature_names, scaler, tuple(fitted.coef_[0].tolist()), float(fitted.intercept_[0]))

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """P(churn) of each row."""
        from scipy.special import expit

        return expit(self.scaler.transform(frame) @ np.array(self.coefficients) + self.intercept)


@dataclass(frozen=True)
class PastRateClv:
    """The customer goes on as before: net revenue so far per day since the first order, times the horizon."""

    horizon_days: float
    feature_names: tuple[str, ...] = ("net_revenue_lifetime", "btyd_age")
    min_age_days: float = 30.0

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """Net revenue expected within the horizon; 0 for who never ordered.

        Who first ordered less than `min_age_days` ago counts as that old: a first week is not taken for a rate.
        """
        revenue, age = to_matrix(frame, self.feature_names).T
        rate = revenue / np.maximum(age, self.min_age_days)
        return np.nan_to_num(rate) * self.horizon_days
