import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.base import FeatureMismatchError, TrainingDataError
from models.scaling import FeatureScaler, ScalerConfig

values = st.one_of(st.floats(-1e12, 1e12), st.just(np.nan))


def test_known_values_are_standardised_after_signed_log():
    frame = pd.DataFrame({"amount": [-np.expm1(1), 0.0, np.expm1(1)]})
    scaled = FeatureScaler.fit(frame).transform(frame)
    np.testing.assert_allclose(scaled[:, 0], np.array([-1, 0, 1]) / np.sqrt(2 / 3), rtol=1e-6)


def test_without_log_the_result_is_the_plain_z_score():
    frame = pd.DataFrame({"a": [1.0, 2.0, 6.0]})
    scaled = FeatureScaler.fit(frame, ScalerConfig(is_log=False)).transform(frame)
    np.testing.assert_allclose(scaled[:, 0], (frame["a"] - 3) / frame["a"].std(ddof=0), rtol=1e-6)


def test_missing_becomes_the_mean_and_is_told_by_an_indicator():
    frame = pd.DataFrame({"a": [1.0, np.nan, 3.0], "b": [1.0, 2.0, 3.0]})
    scaler = FeatureScaler.fit(frame)
    assert scaler.indicator_names == ("a",)
    np.testing.assert_array_equal(scaler.transform(frame)[1, [0, 2]], [0, 1])
    assert FeatureScaler.fit(frame, ScalerConfig(has_missing_indicator=False)).transform(frame).shape == (3, 2)


def test_missing_values_do_not_move_the_mean():
    known = FeatureScaler.fit(pd.DataFrame({"a": [1.0, 3.0]}))
    with_missing = FeatureScaler.fit(pd.DataFrame({"a": [1.0, np.nan, 3.0]}))
    assert with_missing.mean == known.mean


@pytest.mark.parametrize("constant", [0.0, 0.3, 1e9, np.nan])
def test_a_constant_column_is_zero(constant):
    frame = pd.DataFrame({"a": [constant] * 10})
    np.testing.assert_allclose(FeatureScaler.fit(frame).transform(frame)[:, 0], 0, atol=1e-9)


def test_outliers_are_clipped():
    scaler = FeatureScaler.fit(pd.DataFrame({"a": [0.0, 1.0]}), ScalerConfig(clip=2.0))
    np.testing.assert_array_equal(scaler.transform(pd.DataFrame({"a": [1e300, -1e300]})), [[2], [-2]])


@given(arrays(np.float64, (6, 3), elements=values))
def test_output_is_always_finite_float32_within_the_clip(matrix):
    frame = pd.DataFrame(matrix, columns=["a", "b", "c"])
    scaler = FeatureScaler.fit(frame)
    scaled = scaler.transform(frame)
    assert scaled.dtype == np.float32
    assert scaled.shape == (6, 3 + len(scaler.indicator_names))
    assert np.abs(scaled).max() <= 5


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20))
def test_order_of_values_is_kept(column):
    frame = pd.DataFrame({"a": sorted(column)})
    assert (np.diff(FeatureScaler.fit(frame).transform(frame)[:, 0]) >= 0).all()


def test_saved_and_loaded_scaler_is_equal(tmp_path):
    scaler = FeatureScaler.fit(pd.DataFrame({"a": [1.0, np.nan, 7.0], "b": [0.1, 0.2, 0.3]}), ScalerConfig(clip=3.0))
    scaler.save(tmp_path)
    assert FeatureScaler.load(tmp_path) == scaler


def test_other_columns_and_no_rows_are_refused():
    scaler = FeatureScaler.fit(pd.DataFrame({"a": [1.0], "b": [1.0]}))
    with pytest.raises(FeatureMismatchError):
        scaler.transform(pd.DataFrame({"b": [1.0], "a": [1.0]}))
    with pytest.raises(TrainingDataError):
        FeatureScaler.fit(pd.DataFrame({"a": []}))
