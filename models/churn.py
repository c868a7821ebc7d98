"""Churn: XGBoost and LightGBM probabilities averaged, then calibrated on customers that neither had seen."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models.base import TrainingDataError, read_json, to_matrix, with_tuples, write_json
from models.calibration import IsotonicCalibration
from models.evaluation import evaluate_probabilities


@dataclass(frozen=True)
class ChurnConfig:
    """Small trees, many of them. The result does not depend on `threads`.

    One thread by default: on two cores that others use too, OpenMP's spinning threads made a fit fifty times slower.
    """

    horizon_days: int = 90  # what the labels mean: no order within so many days
    rounds: int = 200
    learning_rate: float = 0.05
    max_depth: int = 4
    leaves: int = 15
    min_rows_in_leaf: int = 20
    row_share: float = 0.8
    column_share: float = 0.8
    l2: float = 1.0
    folds: int = 5
    threads: int = 1
    seed: int = 0


@dataclass(frozen=True)
class ChurnModel:
    """Two boosted ensembles and the line that turns their mean into a probability."""

    feature_names: tuple[str, ...]
    xgboost: Any
    lightgbm: Any
    calibration: IsotonicCalibration
    seed: int
    metrics: dict[str, float]
    config: ChurnConfig

    @classmethod
    def fit(
        cls, frame: pd.DataFrame, labels: np.ndarray, groups: np.ndarray, config: ChurnConfig | None = None
    ) -> "ChurnModel":
        """Fit on all rows; `groups` is each row's customer, whose snapshots must all stay in one fold."""
        from sklearn.model_selection import StratifiedGroupKFold

        config = config or ChurnConfig()
        names = tuple(str(column) for column in frame.columns)
        features, target = to_matrix(frame, names), _check_labels(labels, groups, len(frame))
        folds = StratifiedGroupKFold(_fold_count(target, groups, config), shuffle=True, random_state=config.seed)
        unseen = np.full(len(target), np.nan)
        for train, test in folds.split(features, target, groups):
            pair = _fit_pair(features[train], target[train], config)
            unseen[test] = _average(*pair, features[test], config.threads)
        calibration = IsotonicCalibration.fit(unseen, target)
        # Uncalibrated on purpose: the calibration has seen these rows, so calibrated they would look too good.
        measured = {f"out_of_fold_{key}": value for key, value in evaluate_probabilities(target, unseen).items()}
        return cls(names, *_fit_pair(features, target, config), calibration, config.seed, measured, config)

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """P(churn) of each row, calibrated; missing features are allowed, as trees have a branch for them."""
        features = to_matrix(frame, self.feature_names)
        if not len(features):
            return np.empty(0)
        return self.calibration.predict(_average(self.xgboost, self.lightgbm, features, self.config.threads))

    def explain(self, frame: pd.DataFrame, top: int = 3) -> pd.DataFrame:
        """Name the features that raise each row most, by exact tree SHAP values of the XGBoost half.

        reason_1.. are names, the strongest raiser first; contribution_1.. are log-odds, at or below 0 where no further
        feature raises the row.
        """
        import xgboost

        features = to_matrix(frame, self.feature_names)
        top = min(top, len(self.feature_names))
        shares = np.empty((0, len(self.feature_names)))
        if len(features):
            matrix = xgboost.DMatrix(features, nthread=self.config.threads)
            shares = self.xgboost.predict(matrix, pred_contribs=True)[:, :-1].astype(float)
        order = np.argsort(-shares, axis=1, kind="stable")[:, :top]
        names = np.array(self.feature_names, dtype=object)[order]
        amounts = np.take_along_axis(shares, order, axis=1)
        columns: dict[str, np.ndarray] = {}
        for rank in range(top):
            columns[f"reason_{rank + 1}"] = names[:, rank]
            columns[f"contribution_{rank + 1}"] = amounts[:, rank]
        return pd.DataFrame(columns, index=frame.index)

    def save(self, directory: Path) -> None:
        """Write `churn.json`, `churn.xgboost.ubj` and `churn.lightgbm.txt`."""
        content = {name: getattr(self, name) for name in ("feature_names", "seed", "metrics")}
        parts = {"calibration": asdict(self.calibration), "config": asdict(self.config)}
        write_json(directory, "churn.json", {**content, **parts})
        self.xgboost.save_model(directory / "churn.xgboost.ubj")
        self.lightgbm.save_model(directory / "churn.lightgbm.txt")

    @classmethod
    def load(cls, directory: Path) -> "ChurnModel":
        """Read what `save` wrote."""
        import lightgbm
        import xgboost

        content = read_json(directory, "churn.json")
        calibration = IsotonicCalibration(**with_tuples(content["calibration"]))
        return cls(
            tuple(content["feature_names"]),
            xgboost.Booster(model_file=directory / "churn.xgboost.ubj"),
            lightgbm.Booster(model_file=directory / "churn.lightgbm.txt"),
            calibration,
            content["seed"],
            content["metrics"],
            ChurnConfig(**content["config"]),
        )


def evaluate(model: Any, frame: pd.DataFrame, labels: np.ndarray) -> dict[str, float]:
    """Measure a churn model, or its baseline, on rows of a later date: ranking, calibration and base rate."""
    return evaluate_probabilities(np.asarray(labels), model.predict(frame))


def _check_labels(labels: np.ndarray, groups: np.ndarray, rows: int) -> np.ndarray:
    target = np.asarray(labels, dtype=float)
    if len(target) != rows or len(groups) != rows:
        raise TrainingDataError(f"{rows} rows need as many labels and groups, got {len(target)} and {len(groups)}")
    if not np.isin(target, (0, 1)).all():
        raise TrainingDataError("churn labels must be 0 or 1 and known; leave out rows whose horizon has not passed")
    if target.min(initial=1) == target.max(initial=0):
        raise TrainingDataError(f"churn needs customers who stayed and who left: all {rows} labels are {target[:1]}")
    return target


def _fold_count(target: np.ndarray, groups: np.ndarray, config: ChurnConfig) -> int:
    """As many folds as the rarer class has customers, at most the configured number."""
    groups = np.asarray(groups)
    rarer = min(len(pd.unique(groups[target == value])) for value in (0, 1))
    if rarer < 2:
        raise TrainingDataError(f"churn needs two customers of each class to hold one out, got {rarer}")
    return min(config.folds, rarer)


def _fit_pair(features: np.ndarray, target: np.ndarray, config: ChurnConfig) -> tuple[Any, Any]:
    import lightgbm
    import xgboost

    trees = xgboost.train(
        {
            "objective": "binary:logistic",
            "tree_method": "hist",
            "eta": config.learning_rate,
            "max_depth": config.max_depth,
            "lambda": config.l2,
            "subsample": config.row_share,
            "colsample_bytree": config.column_share,
            "nthread": config.threads,
            "seed": config.seed,
        },
        xgboost.DMatrix(features, target, nthread=config.threads),
        num_boost_round=config.rounds,
    )
    leaves = lightgbm.train(
        {
            "objective": "binary",
            "learning_rate": config.learning_rate,
            "num_leaves": config.leaves,
            "min_data_in_leaf": min(config.min_rows_in_leaf, max(1, len(target) // 10)),
            "lambda_l2": config.l2,
            "bagging_fraction": config.row_share,
            "bagging_freq": 1,
            "feature_fraction": config.column_share,
            "num_threads": config.threads,
            "seed": config.seed,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        },
        lightgbm.Dataset(features, target, params={"verbosity": -1}),
        num_boost_round=config.rounds,
    )
    return trees, leaves


def _average(trees: Any, leaves: Any, features: np.ndarray, threads: int) -> np.ndarray:
    import xgboost

    first = trees.predict(xgboost.DMatrix(features, nthread=threads)).astype(float)
    return (first + leaves.predict(features, num_threads=threads)) / 2
