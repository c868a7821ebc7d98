import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from models.base import FeatureMismatchError, check_features, read_arrays, to_matrix, write_arrays


def test_a_frame_with_the_fitted_columns_is_accepted():
    check_features(pd.DataFrame({"a": [1], "b": [2]}), ("a", "b"))


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        (["a"], "b"),
        (["b", "a"], "'b' where 'a'"),
        (["a", "b", "extra"], "extra"),
        (["a", "b", "b"], "'b' where 'the end'"),
    ],
)
def test_a_frame_that_lacks_reorders_adds_or_doubles_columns_is_refused_by_name(columns, named):
    frame = pd.DataFrame(np.ones((1, len(columns))), columns=columns)
    with pytest.raises(FeatureMismatchError, match=named):
        check_features(frame, ("a", "b"))


def test_null_and_infinite_values_of_any_dtype_become_nan():
    frame = pd.DataFrame(
        {
            "nullable": pd.array([1, None], dtype="Int64"),
            "flag": pd.array([True, None], dtype="boolean"),
            "infinite": [np.inf, 2.0],
            "object": [None, 3],
        }
    )
    expected = np.array([[1, 1, np.nan, np.nan], [np.nan, np.nan, 2, 3]])
    np.testing.assert_array_equal(to_matrix(frame, tuple(frame.columns)), expected)


def test_arrays_that_only_a_pickle_could_hold_are_refused(tmp_path):
    with pytest.raises(ValueError, match="allow_pickle"):
        write_arrays(tmp_path, "objects.npz", {"texts": np.array(["a", None], dtype=object)})


def test_arrays_come_back_as_written(tmp_path):
    write_arrays(tmp_path / "new", "arrays.npz", {"a": np.arange(3), "b": np.eye(2, dtype=np.float32)})
    arrays = read_arrays(tmp_path / "new", "arrays.npz")
    np.testing.assert_array_equal(arrays["a"], np.arange(3))
    assert arrays["b"].dtype == np.float32


HEAVY = ("jax", "xgboost", "lightgbm", "sklearn", "mlflow", "pyspark")


@pytest.mark.parametrize(
    "module",
    [
        "autoencoder",
        "base",
        "baselines",
        "btyd",
        "calibration",
        "churn",
        "clv",
        "evaluation",
        "registry",
        "review_choice",
        "review_network",
        "review_text",
        "review_words",
        "rfm",
        "scaling",
    ],
)
def test_importing_a_model_imports_no_heavy_library(module):
    code = f"import sys, models.{module}; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
