"""Isotonic calibration kept as knots, so that applying it is one interpolation and storing it two lists."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class IsotonicCalibration:
    """A non-decreasing line through knots (x, y), flat beyond its ends."""

    x: tuple[float, ...]
    y: tuple[float, ...]

    @classmethod
    def fit(cls, scores: np.ndarray, labels: np.ndarray) -> "IsotonicCalibration":
        """Fit on out-of-fold scores; n rows never prove certainty, so 0 and 1 are kept 1/(n+2) away."""
        from sklearn.isotonic import IsotonicRegression

        line = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(scores, labels)
        margin = 1 / (len(scores) + 2)
        y = np.clip(line.y_thresholds_, margin, 1 - margin)
        return cls(tuple(line.X_thresholds_.astype(float).tolist()), tuple(y.astype(float).tolist()))

    def predict(self, scores: np.ndarray) -> np.ndarray:
        """Map scores to probabilities."""
        return np.interp(scores, self.x, self.y)
