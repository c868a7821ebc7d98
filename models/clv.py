"""Customer lifetime value: net revenue within a horizon, by two candidates of which a later date chooses one."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd

from models.base import FeatureMismatchError, Model, TrainingDataError, read_json, to_matrix, with_tuples, write_json
from models.btyd import BgNbd, BtydConfig, GammaGamma
from models.evaluation import evaluate_amounts


class ClvModel(Model, Protocol):
    """What every candidate can do."""

    @property
    def kind(self) -> str:
        """Name of the method."""

    @property
    def horizon_days(self) -> float:
        """Days that the forecast covers."""

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """Net revenue expected of each row in (D, D + horizon]."""


@dataclass(frozen=True)
class BtydClv:
    """Expected orders (BG/NBD) times expected order amount (Gamma-Gamma), discounting nothing within the horizon."""

    horizon_days: float
    orders: BgNbd
    amounts: GammaGamma
    feature_names: tuple[str, ...]
    metrics: dict[str, float] = field(default_factory=dict)
    seed: int = 0
    kind: str = "btyd"

    @classmethod
    def fit(cls, frame: pd.DataFrame, horizon_days: float, config: BtydConfig | None = None) -> "BtydClv":
        """Fit on the orders so far; no label is needed."""
        config = config or BtydConfig()
        names = (config.frequency_column, config.recency_column, config.age_column, config.amount_column)
        to_matrix(frame, names)
        orders = BgNbd.fit(frame[list(names[:3])], config)
        amounts = GammaGamma.fit(frame[[names[0], names[3]]], config)
        parts = {"bg_nbd": orders.metrics, "gamma_gamma": amounts.metrics}
        metrics = {f"{part}_{key}": value for part, measured in parts.items() for key, value in measured.items()}
        return cls(horizon_days, orders, amounts, names, metrics)

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """Expected net revenue; 0 for who never ordered, of whom this model knows nothing."""
        to_matrix(frame, self.feature_names)
        orders = self.orders.predict(frame[list(self.orders.feature_names)], self.horizon_days)["expected_orders"]
        amounts = self.amounts.predict(frame[list(self.amounts.feature_names)])
        return np.nan_to_num(orders.to_numpy() * amounts)

    def save(self, directory: Path) -> None:
        """Write `clv.json` and the two parts."""
        keys = ("kind", "horizon_days", "feature_names", "metrics", "seed")
        write_json(directory, "clv.json", {key: getattr(self, key) for key in keys})
        self.orders.save(directory)
        self.amounts.save(directory)

    @classmethod
    def load(cls, directory: Path) -> "BtydClv":
        """Read what `save` wrote."""
        content = with_tuples(read_json(directory, "clv.json"))
        return cls(**content, orders=BgNbd.load(directory), amounts=GammaGamma.load(directory))


@dataclass(frozen=True)
class TwoPartConfig:
    """Small trees for both parts; one thread for the reason told in churn.py."""

    rounds: int = 150
    learning_rate: float = 0.05
    leaves: int = 15
    min_rows_in_leaf: int = 20
    l2: float = 1.0
    folds: int = 5
    threads: int = 1
    seed: int = 0


@dataclass(frozen=True)
class TwoPartClv:
    """P(any net revenue) times the amount if any, the latter learned as log1p; LightGBM for both.

    `level` turns the exponential of a mean logarithm, which is too low, into a mean amount: the ratio of actual to
    forecast revenue over customers whom the trees had not seen. It also nets out customers whose revenue is negative.
    """

    horizon_days: float
    feature_names: tuple[str, ...]
    classifier: Any
    regressor: Any
    level: float
    seed: int
    metrics: dict[str, float]
    config: TwoPartConfig
    kind: str = "two_part"

    @classmethod
    def fit(
        cls,
        frame: pd.DataFrame,
        net_revenue: np.ndarray,
        groups: np.ndarray,
        horizon_days: float,
        config: TwoPartConfig | None = None,
    ) -> "TwoPartClv":
        """Fit on what each row's customer (`groups`) brought within the horizon after the row's date."""
        from sklearn.model_selection import GroupKFold

        config = config or TwoPartConfig()
        names = tuple(str(column) for column in frame.columns)
        features, actual = to_matrix(frame, names), np.asarray(net_revenue, dtype=float)
        folds = min(config.folds, len(pd.unique(np.asarray(groups))))
        if len(actual) != len(features) or not np.isfinite(actual).all() or folds < 2:
            raise TrainingDataError(
                f"two-part CLV needs known revenue for {len(features)} rows of two customers or more"
            )
        if (actual > 0).sum() < 10 or (actual > 0).all():
            raise TrainingDataError(
                f"two-part CLV needs 10 rows with revenue and one without, got {(actual > 0).sum()}"
            )
        unseen = np.full(len(actual), np.nan)
        for train, test in GroupKFold(folds, shuffle=True, random_state=config.seed).split(features, groups=groups):
            pair = _fit_parts(features[train], actual[train], config)
            unseen[test] = _forecast(*pair, features[test], config.threads)
        level = max(0.0, float(actual.sum() / unseen.sum()))
        measured = {f"out_of_fold_{key}": value for key, value in evaluate_amounts(actual, unseen * level).items()}
        pair = _fit_parts(features, actual, config)
        return cls(horizon_days, names, *pair, level, config.seed, {**measured, "level": level}, config)

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """Expected net revenue of each row, never negative."""
        features = to_matrix(frame, self.feature_names)
        if not len(features):
            return np.empty(0)
        return self.level * _forecast(self.classifier, self.regressor, features, self.config.threads)

    def save(self, directory: Path) -> None:
        """Write `clv.json` and two LightGBM texts."""
        keys = ("kind", "horizon_days", "feature_names", "level", "seed", "metrics")
        content = {key: getattr(self, key) for key in keys}
        write_json(directory, "clv.json", {**content, "config": asdict(self.config)})
        self.classifier.save_model(directory / "clv.classifier.txt")
        self.regressor.save_model(directory / "clv.regressor.txt")

    @classmethod
    def load(cls, directory: Path) -> "TwoPartClv":
        """Read what `save` wrote."""
        import lightgbm

        content = with_tuples(read_json(directory, "clv.json"))
        content["config"] = TwoPartConfig(**content["config"])
        for part in ("classifier", "regressor"):
            content[part] = lightgbm.Booster(model_file=directory / f"clv.{part}.txt")
        return cls(**content)


class Choice(NamedTuple):
    """The chosen candidate and how every candidate did on the same holdout, by kind."""

    best: ClvModel
    metrics: dict[str, dict[str, float]]


def choose(candidates: Sequence[ClvModel], holdout: pd.DataFrame, actual: np.ndarray) -> Choice:
    """Take the candidate that ranks a later date's customers best (Spearman, three digits); on a tie the lower MAE.

    The holdout has all candidates' columns; each gets its own.
    """
    metrics = {}
    for candidate in candidates:
        lacking = [name for name in candidate.feature_names if name not in holdout.columns]
        if lacking:
            raise FeatureMismatchError(f"holdout lacks columns {lacking} of candidate {candidate.kind}")
        metrics[candidate.kind] = evaluate_amounts(actual, candidate.predict(holdout[list(candidate.feature_names)]))

    def worth(candidate: ClvModel) -> tuple[float, float]:
        measured = metrics[candidate.kind]
        return round(float(np.nan_to_num(measured["spearman"], nan=-1.0)), 3), -measured["mae"]

    return Choice(max(candidates, key=worth), metrics)


def load_clv(directory: Path) -> BtydClv | TwoPartClv:
    """Read whichever candidate was saved."""
    kinds: dict[str, type[BtydClv] | type[TwoPartClv]] = {"btyd": BtydClv, "two_part": TwoPartClv}
    return kinds[read_json(directory, "clv.json")["kind"]].load(directory)


def _fit_parts(features: np.ndarray, actual: np.ndarray, config: TwoPartConfig) -> tuple[Any, Any]:
    import lightgbm

    common = {
        "learning_rate": config.learning_rate,
        "num_leaves": config.leaves,
        "lambda_l2": config.l2,
        "num_threads": config.threads,
        "seed": config.seed,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    is_buyer = actual > 0

    def train(objective: str, rows: np.ndarray, target: np.ndarray) -> Any:
        leaf = min(config.min_rows_in_leaf, max(1, len(target) // 10))
        parameters = {**common, "objective": objective, "min_data_in_leaf": leaf}
        data = lightgbm.Dataset(features[rows], target, params={"verbosity": -1})
        return lightgbm.train(parameters, data, num_boost_round=config.rounds)

    everyone = np.ones(len(actual), dtype=bool)
    return train("binary", everyone, is_buyer.astype(float)), train("regression", is_buyer, np.log1p(actual[is_buyer]))


def _forecast(classifier: Any, regressor: Any, features: np.ndarray, threads: int) -> np.ndarray:
    chance = classifier.predict(features, num_threads=threads)
    return chance * np.maximum(0.0, np.expm1(regressor.predict(features, num_threads=threads)))
