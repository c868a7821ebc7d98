"""What every model shares: its two errors, the check of its columns, and plain files instead of pickles."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import pandas as pd


class FeatureMismatchError(ValueError):
    """The columns of a frame are not the ones, in the order, that the model was fitted on."""


class TrainingDataError(ValueError):
    """The rows given cannot train this model, for a reason the message names."""


class Model(Protocol):
    """A fitted model: what it reads, what it scored in training, and how it is kept."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Columns that `predict` expects, in this order and no others."""

    @property
    def seed(self) -> int:
        """The number from which all randomness of the fit came."""

    @property
    def metrics(self) -> dict[str, float]:
        """What the fit measured about itself."""

    def save(self, directory: Path) -> None:
        """Write the model into a folder."""

    @classmethod
    def load(cls, directory: Path) -> Self:
        """Read the model that `save` wrote."""


def check_features(frame: pd.DataFrame, feature_names: Sequence[str]) -> None:
    """Refuse a frame whose columns differ from the list the model was fitted on."""
    columns = [str(column) for column in frame.columns]
    if columns == list(feature_names):
        return
    missing = [name for name in feature_names if name not in columns]
    extra = [column for column in columns if column not in feature_names]
    if not missing and not extra:
        at = next(
            (i for i, (a, b) in enumerate(zip(columns, feature_names, strict=False)) if a != b), len(feature_names)
        )
        expected = feature_names[at] if at < len(feature_names) else "the end"
        what = f"column {at} is {columns[at]!r} where {expected!r} was expected"
    else:
        what = f"missing {missing}, not expected {extra}"
    raise FeatureMismatchError(
        f"frame does not match the model's features: {what}; select them with frame[list(model.feature_names)]"
    )


def to_matrix(frame: pd.DataFrame, feature_names: Sequence[str]) -> np.ndarray:
    """Return the checked frame as float64 (n, d); anything missing or infinite is NaN."""
    check_features(frame, feature_names)
    matrix = frame.to_numpy(dtype=np.float64, na_value=np.nan)
    if not np.isfinite(matrix).all():
        matrix = np.where(np.isfinite(matrix), matrix, np.nan)
    return matrix


def write_json(directory: Path, name: str, content: Mapping[str, Any]) -> None:
    """Write one readable JSON file, making the folder where needed."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(directory: Path, name: str) -> dict[str, Any]:
    """Read what `write_json` wrote."""
    content: dict[str, Any] = json.loads((directory / name).read_text(encoding="utf-8"))
    return content


def with_tuples(content: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the lists of JSON back into the tuples that frozen dataclasses hold."""
    return {key: tuple(value) if isinstance(value, list) else value for key, value in content.items()}


def write_arrays(directory: Path, name: str, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays of numbers; an array of Python objects is refused, as only a pickle could hold it."""
    directory.mkdir(parents=True, exist_ok=True)
    np.savez(directory / name, allow_pickle=False, **{key: np.asarray(value) for key, value in arrays.items()})


def read_arrays(directory: Path, name: str) -> dict[str, np.ndarray]:
    """Read what `write_arrays` wrote, never unpickling."""
    with np.load(directory / name, allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}
