"""Rows of weeks and events as padded arrays: every number in its place, and nothing where nothing is."""

from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.sequences import event_steps, panel

D, LATER = date(2024, 6, 30), date(2024, 7, 7)


def week(customer: str, number: int, first: int, day: date = D, **facts: float) -> dict:
    told = {"as_of_date": day, "customer_id": customer, "week_number": number, "first_week_number": first}
    return told | {"order_count": 0, "net_amount": Decimal(0)} | facts


def event(customer: str, rank: int, kind: str, **more) -> dict:
    told = {"as_of_date": D, "customer_id": customer, "event_rank": rank, "event_type": kind}
    return told | {"gap_seconds": None, "amount": None, "category": None} | more


def keys(*customers: str, day: date = D) -> pd.DataFrame:
    return pd.DataFrame({"as_of_date": day, "customer_id": customers})


def test_the_last_week_is_that_of_the_date_and_the_mask_begins_with_the_customer():
    rows = [week("b", 0, 1, net_amount=Decimal("2.5")), week("a", 2, 9, order_count=3), week("a", 7, 9, order_count=8)]
    found = panel(pd.DataFrame(rows), ("order_count", "net_amount"), 4)
    assert list(found.keys["customer_id"]) == ["a", "b"]
    assert found.values.shape == (2, 4, 2) and found.values.dtype == np.float32
    assert found.values[:, :, 0].tolist() == [[0, 3, 0, 0], [0, 0, 0, 0]]
    assert found.values[:, :, 1].tolist() == [[0, 0, 0, 0], [0, 0, 0, 2.5]]
    assert found.mask.tolist() == [[True] * 4, [False, False, True, True]]


def test_who_did_nothing_in_reach_was_there_and_who_is_not_asked_for_is_left_out():
    rows = pd.DataFrame([week("a", 0, 0, order_count=1), week("b", 0, 0, order_count=2)])
    found = panel(rows, ("order_count",), 2, keys("old", "b"))
    assert found.values[:, :, 0].tolist() == [[0, 0], [0, 2]]
    assert found.mask.tolist() == [[True, True], [False, True]]


def test_a_customer_of_two_dates_is_two_rows():
    rows = pd.DataFrame([week("a", 0, 0, order_count=1), week("a", 1, 1, LATER, order_count=1)])
    assert panel(rows, ("order_count",), 2).values[:, :, 0].tolist() == [[0, 1], [1, 0]]


def test_the_newest_step_is_the_last_and_padding_is_before_it():
    rows = [
        event("a", 3, "view", category="shoes", gap_seconds=43200),
        event("a", 1, "order", amount=Decimal("9.5"), category="hats", gap_seconds=86400),
        event("b", 1, "search"),
    ]
    found = event_steps(pd.DataFrame(rows), 3, ("order", "view"), ("hats", "shoes"))
    assert found.event_type.tolist() == [[0, 2, 1], [0, 0, 0]]
    assert found.category.tolist() == [[0, 2, 1], [0, 0, 0]]
    assert found.gap_days.tolist() == [[0, 0.5, 1], [0, 0, 0]]
    assert found.amount.tolist() == [[0, 0, 9.5], [0, 0, 0]]
    assert found.mask.tolist() == [[False, True, True], [False, False, True]]  # an unknown word is a step all the same


def test_only_the_newest_steps_stay_and_a_customer_without_events_is_all_padding():
    rows = pd.DataFrame([event("a", rank, "view", gap_seconds=rank * 86400) for rank in (1, 2, 3)])
    found = event_steps(rows, 2, ("view",), (), keys("none", "a"))
    assert found.gap_days.tolist() == [[0, 0], [2, 1]]
    assert found.mask.tolist() == [[False, False], [True, True]]


def test_no_rows_are_no_customers():
    nobody = pd.DataFrame([week("a", 0, 0)])[:0]
    assert panel(nobody, ("order_count",), 3).values.shape == (0, 3, 1)
    assert event_steps(pd.DataFrame([event("a", 1, "view")])[:0], 3, ("view",), ()).mask.shape == (0, 3)


def test_a_customer_asked_for_twice_is_refused():
    with pytest.raises(ValueError, match="1 customers twice"):
        panel(pd.DataFrame([week("a", 0, 0)]), ("order_count",), 1, keys("a", "a"))


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.integers(1, 50)),
        min_size=1,
        unique_by=lambda one: one[:2],
    )
)
def test_the_panel_holds_every_row_once_and_nothing_else(drawn):
    rows = pd.DataFrame([week(who, number, 9, order_count=count) for who, number, count in drawn])
    found = panel(rows.sample(frac=1, random_state=1), ("order_count",), 10)
    for (_, who), weeks in zip(found.keys.itertuples(index=False), found.values[:, :, 0], strict=True):
        wanted = {9 - number: count for name, number, count in drawn if name == who}
        assert {place: int(count) for place, count in enumerate(weeks) if count} == wanted
