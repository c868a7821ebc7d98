import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.base import FeatureMismatchError, TrainingDataError
from models.rfm import NO_ORDERS, SEGMENT_BY_CELL, RfmModel
from schemas.score import SEGMENTS


def customers(recency, orders, monetary):
    return pd.DataFrame(
        {"recency_days": recency, "order_count_lifetime": orders, "net_revenue_lifetime": monetary}, dtype=float
    )


def ladder(n=100):
    """Customer i is the i-th worst in all three respects."""
    return customers(range(n, 0, -1), range(1, n + 1), range(1, n + 1))


def test_all_25_cells_have_exactly_one_named_segment():
    assert set(SEGMENT_BY_CELL) == {(r, f) for r in range(1, 6) for f in range(1, 6)}
    assert set(SEGMENT_BY_CELL.values()) == {
        *("champions", "loyal", "potential_loyalist", "new", "promising", "needs_attention"),
        *("about_to_sleep", "at_risk", "cannot_lose", "hibernating", "lost"),
    }


def test_the_segments_are_those_that_the_contract_allows():
    assert {*SEGMENT_BY_CELL.values(), NO_ORDERS} == set(SEGMENTS)


def test_distinct_values_fall_into_equal_fifths_with_5_best():
    scores = RfmModel.fit(ladder()).predict(ladder())
    for column in ("recency_score", "frequency_score", "monetary_score"):
        assert scores[column].tolist() == [1] * 20 + [2] * 20 + [3] * 20 + [4] * 20 + [5] * 20
    assert scores["rfm_score"].iloc[[0, -1]].tolist() == ["111", "555"]
    assert scores["segment"].iloc[[0, -1]].tolist() == ["lost", "champions"]


def test_score_digits_stand_in_the_order_recency_frequency_monetary():
    scores = RfmModel.fit(ladder()).predict(customers([1], [45], [25]))
    assert scores["rfm_score"].tolist() == ["532"]
    assert scores["segment"].tolist() == ["potential_loyalist"]


def test_customers_without_orders_have_null_scores_and_do_not_move_the_cut_points():
    nobody = customers([np.nan, 5, np.nan], [0, 0, np.nan], [0, 10, np.nan])
    model = RfmModel.fit(pd.concat([ladder(), nobody], ignore_index=True))
    assert model.recency_edges == RfmModel.fit(ladder()).recency_edges
    scores = model.predict(nobody)
    assert scores["segment"].tolist() == [NO_ORDERS] * 3
    assert scores.drop(columns="segment").isna().all(axis=None)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4), st.integers(-3, 9)), min_size=1, max_size=40))
def test_equal_values_get_equal_scores_and_better_values_never_worse_ones(rows):
    frame = customers(*zip(*rows, strict=True))
    scores = RfmModel.fit(frame).predict(frame)
    for column, score, sign in [
        ("recency_days", "recency_score", -1),
        ("order_count_lifetime", "frequency_score", 1),
        ("net_revenue_lifetime", "monetary_score", 1),
    ]:
        by_value = scores[score].astype(int).groupby(sign * frame[column])
        assert (by_value.nunique() == 1).all()
        assert by_value.first().is_monotonic_increasing
        assert by_value.first().between(1, 5).all()


def test_cut_points_are_frozen_so_a_score_does_not_depend_on_who_else_is_scored():
    model = RfmModel.fit(ladder())
    alone = model.predict(ladder().iloc[[70]])
    pd.testing.assert_frame_equal(alone, model.predict(ladder()).iloc[[70]])


def test_index_is_kept_and_an_empty_frame_gives_an_empty_frame():
    model = RfmModel.fit(ladder())
    assert model.predict(ladder().set_axis(range(7, 107))).index[0] == 7
    assert list(model.predict(ladder().iloc[:0]).columns) == list(model.predict(ladder()).columns)


def test_saved_and_loaded_model_is_equal(tmp_path):
    model = RfmModel.fit(ladder())
    model.save(tmp_path)
    assert RfmModel.load(tmp_path) == model


def test_no_buyer_or_other_columns_are_refused():
    with pytest.raises(TrainingDataError, match="at least one customer"):
        RfmModel.fit(customers([np.nan], [0], [0]))
    with pytest.raises(FeatureMismatchError, match="net_revenue_lifetime"):
        RfmModel.fit(ladder()).predict(ladder().drop(columns="net_revenue_lifetime"))
