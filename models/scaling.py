"""Feature scaling for networks and linear models: skewed, missing and constant columns become tame float32."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models.base import TrainingDataError, read_json, to_matrix, with_tuples, write_json


@dataclass(frozen=True)
class ScalerConfig:
    """How columns are tamed. Counts and money are skewed, hence the logarithm; `clip` is in standard deviations."""

    is_log: bool = True
    clip: float = 5.0
    has_missing_indicator: bool = True


@dataclass(frozen=True)
class FeatureScaler:
    """Signed log1p, then (x - mean) / deviation, clipped; missing becomes 0, the mean.

    A column that had missing values in training gets one more output, 1 where missing, after all scaled columns.
    """

    feature_names: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    indicator_names: tuple[str, ...]
    config: ScalerConfig

    @classmethod
    def fit(cls, frame: pd.DataFrame, config: ScalerConfig | None = None) -> "FeatureScaler":
        """Learn mean and deviation of each column over its known values."""
        config = config or ScalerConfig()
        names = tuple(str(column) for column in frame.columns)
        if not len(frame) or not names:
            raise TrainingDataError(f"scaler needs rows and columns, got {frame.shape}")
        values = _compress(to_matrix(frame, names), config)
        known = ~np.isnan(values)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, values, 0.0).sum(axis=0) / count
        deviation = np.sqrt(np.where(known, (values - mean) ** 2, 0.0).sum(axis=0) / count)
        # Rounding leaves a constant column with a tiny deviation, which would blow noise up.
        deviation = np.where(deviation > 1e-9 * np.maximum(1.0, np.abs(mean)), deviation, 1.0)
        has_missing = ~known.all(axis=0) if config.has_missing_indicator else np.zeros(len(names), dtype=bool)
        indicators = tuple(name for name, flag in zip(names, has_missing, strict=True) if flag)
        return cls(names, tuple(mean.tolist()), tuple(deviation.tolist()), indicators, config)

    def transform(self, frame: pd.DataFrame) -> np.ndarray:
        """Return float32 (n, d): the scaled columns, then the indicators of missing values."""
        values = _compress(to_matrix(frame, self.feature_names), self.config)
        missing = np.isnan(values)
        scaled = np.clip((values - np.array(self.mean)) / np.array(self.deviation), -self.config.clip, self.config.clip)
        scaled[missing] = 0.0
        at = [self.feature_names.index(name) for name in self.indicator_names]
        return np.hstack([scaled, missing[:, at]]).astype(np.float32)

    def save(self, directory: Path) -> None:
        """Write `scaler.json`."""
        write_json(directory, "scaler.json", asdict(self))

    @classmethod
    def load(cls, directory: Path) -> "FeatureScaler":
        """Read `scaler.json`."""
        return cls.from_json(read_json(directory, "scaler.json"))

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "FeatureScaler":
        """Rebuild from the fields as JSON keeps them, alone or inside a model that holds a scaler."""
        return cls(**with_tuples({**content, "config": ScalerConfig(**content["config"])}))


def _compress(values: np.ndarray, config: ScalerConfig) -> np.ndarray:
    return np.sign(values) * np.log1p(np.abs(values)) if config.is_log else values
