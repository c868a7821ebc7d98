"""RFM: recency, frequency and monetary scores by frozen quintiles, and a named segment for every customer."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from models.base import TrainingDataError, read_json, to_matrix, with_tuples, write_json

NO_ORDERS = "no_orders"

# Row: recency score 1..5 from top; column: frequency score 1..5 from left. The usual R x F grid, every cell named once.
_GRID = (
    ("lost", "lost", "at_risk", "at_risk", "cannot_lose"),
    ("hibernating", "hibernating", "at_risk", "at_risk", "cannot_lose"),
    ("about_to_sleep", "about_to_sleep", "needs_attention", "loyal", "loyal"),
    ("promising", "potential_loyalist", "potential_loyalist", "loyal", "loyal"),
    ("new", "potential_loyalist", "potential_loyalist", "champions", "champions"),
)
SEGMENT_BY_CELL = {(r + 1, f + 1): name for r, row in enumerate(_GRID) for f, name in enumerate(row)}


@dataclass(frozen=True)
class RfmConfig:
    """Which columns hold days since the last order, number of orders, and net revenue."""

    recency_column: str = "recency_days"
    frequency_column: str = "order_count_lifetime"
    monetary_column: str = "net_revenue_lifetime"


@dataclass(frozen=True)
class RfmModel:
    """Cut-points frozen at one date, so that a score means the same on every later date.

    A value on a cut-point belongs to the bin below it, hence equal values always get equal scores.
    """

    feature_names: tuple[str, ...]
    recency_edges: tuple[float, ...]
    frequency_edges: tuple[float, ...]
    monetary_edges: tuple[float, ...]
    metrics: dict[str, float] = field(default_factory=dict)
    seed: int = 0

    @classmethod
    def fit(cls, frame: pd.DataFrame, config: RfmConfig | None = None) -> "RfmModel":
        """Take the quintiles of the customers who have ordered at least once."""
        config = config or RfmConfig()
        names = (config.recency_column, config.frequency_column, config.monetary_column)
        values = to_matrix(frame, names)
        buyers = values[_has_ordered(values)]
        if not len(buyers):
            raise TrainingDataError("RFM quintiles need at least one customer with an order, got none")
        buyers[:, 2] = np.nan_to_num(buyers[:, 2])
        # "lower" takes observed values, so a cut-point is never an average that no customer has.
        edges = np.quantile(buyers, [0.2, 0.4, 0.6, 0.8], axis=0, method="lower")
        recency, frequency, monetary = (tuple(column.tolist()) for column in edges.T)
        return cls(names, recency, frequency, monetary, {"rows": float(len(frame)), "buyers": float(len(buyers))})

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return scores 1..5 (5 best), rfm_score such as "543" and segment; without an order scores are null."""
        values = to_matrix(frame, self.feature_names)
        has_ordered = _has_ordered(values)
        recency = 5 - _edges_below(self.recency_edges, values[:, 0])
        frequency = 1 + _edges_below(self.frequency_edges, values[:, 1])
        monetary = 1 + _edges_below(self.monetary_edges, np.nan_to_num(values[:, 2]))
        cells = np.array(_GRID, dtype=object)[recency - 1, frequency - 1]
        code = pd.Series(recency * 100 + frequency * 10 + monetary, index=frame.index).astype(str)
        scores = {
            "recency_score": recency,
            "frequency_score": frequency,
            "monetary_score": monetary,
        }
        result = pd.DataFrame(scores, index=frame.index).astype("Int32")
        result.loc[~has_ordered] = pd.NA
        result["rfm_score"] = code.astype(object).where(has_ordered, None)
        result["segment"] = np.where(has_ordered, cells, NO_ORDERS)
        return result

    def save(self, directory: Path) -> None:
        """Write `rfm.json`."""
        write_json(directory, "rfm.json", asdict(self))

    @classmethod
    def load(cls, directory: Path) -> "RfmModel":
        """Read `rfm.json`."""
        return cls(**with_tuples(read_json(directory, "rfm.json")))


def _has_ordered(values: np.ndarray) -> np.ndarray:
    """A customer has ordered when an order is counted and its age is known; revenue alone proves no order."""
    return (np.nan_to_num(values[:, 1]) >= 1) & ~np.isnan(values[:, 0])


def _edges_below(edges: tuple[float, ...], values: np.ndarray) -> np.ndarray:
    """Count the cut-points strictly below each value: 0..4."""
    return np.minimum(np.searchsorted(np.array(edges), values, side="left"), len(edges))
