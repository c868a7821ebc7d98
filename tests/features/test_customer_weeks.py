"""The panel of customers by week: sums of tiles as known at a date, for the person that accounts and visitors are."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.customer_weeks import customer_weeks
from features.persons import Identity
from schemas.feature import FEATURE_CUSTOMER_DAY, FEATURE_VISITOR_DAY
from schemas.identity import CLEAN_IDENTITY
from schemas.sequences import FEATURE_CUSTOMER_WEEK, WEEK_FACTS

D = date(2024, 6, 30)
WEEKS = 4


def tile(age: int, customer: str = "c", known: int | None = None, **facts: float) -> dict:
    """What a run `known` days before D (default: that of the day) added to the day `age` days before it."""
    day, run = (D - timedelta(days=back) for back in (age, age if known is None else known))
    return {"customer_id": customer, "event_date": day, "ingest_date": run} | facts


@pytest.fixture
def panel(frame, assert_rows):
    """`panel(tile, …, identity=None)`: {(customer, week): (first week, {fact: value})} without zeros."""

    def make(*tiles: dict, identity: Identity | None = None) -> dict:
        rows = customer_weeks(frame(FEATURE_CUSTOMER_DAY, *tiles), D, WEEKS, identity)
        assert_rows(rows, None, FEATURE_CUSTOMER_WEEK)
        return {
            (row.customer_id, row.week_number): (
                row.first_week_number,
                {name: float(row[name]) for name in WEEK_FACTS if row[name]},
            )
            for row in rows.collect()
        }

    return make


def test_week_0_is_the_seven_days_that_end_with_the_date(panel):
    found = panel(tile(0, order_count=1, net_amount=5), tile(6, order_count=1), tile(7, view_count=3))
    assert found == {
        ("c", 0): (1, {"order_count": 2.0, "net_amount": 5.0}),
        ("c", 1): (1, {"view_count": 3.0}),
    }


def test_what_became_known_after_the_date_is_in_no_week_and_neither_are_days_after_it(panel):
    late = tile(3, known=-1, net_amount=-4, refund_amount=4)
    assert panel(tile(3, net_amount=9), late, tile(-1, known=0, net_amount=2)) == {("c", 0): (0, {"net_amount": 9.0})}


def test_a_return_lowers_the_week_of_its_order_and_a_week_of_zeros_has_no_row(panel):
    undone = [tile(8, order_count=1, net_amount=5), tile(8, known=1, order_count=-1, net_amount=-5)]
    assert panel(*undone, tile(0, order_count=1)) == {("c", 0): (1, {"order_count": 1.0})}


def test_first_week_number_looks_beyond_the_reach(panel):
    assert panel(tile(0, order_count=1), tile(70, order_count=1)) == {("c", 0): (10, {"order_count": 1.0})}
    assert panel(tile(28, order_count=1)) == {}


def test_accounts_of_one_person_and_the_clicks_of_his_visitors_are_one(panel, frame):
    def whose(kind: str, identifier: str, since: int, **more: object) -> dict:
        from_day = D - timedelta(days=since)
        known = {"identifier_kind": kind, "identifier": identifier, "valid_from": from_day, "ingest_date": from_day}
        return known | {"customer_id": "a"} | more

    rows = [whose("customer", "a", 9), whose("customer", "b", 2), whose("visitor", "v", 1), whose("visitor", "w", -1)]
    clicks = [tile(3, click_count=5, view_count=2) | {"visitor_id": one} for one in ("v", "w", "guest")]
    for click in clicks:
        del click["customer_id"]
    identity = Identity(frame(CLEAN_IDENTITY, *rows), frame(FEATURE_VISITOR_DAY, *clicks))
    bought = [tile(1, "a", order_count=1), tile(2, "b", order_count=1)]
    assert panel(*bought, identity=identity) == {
        ("a", 0): (0, {"order_count": 2.0, "click_count": 5.0, "view_count": 2.0})
    }
    assert set(panel(*bought)) == {("a", 0), ("b", 0)}


TILES = st.lists(
    st.tuples(
        st.integers(-2, 40), st.integers(-3, 3), st.sampled_from("ab"), st.sampled_from(WEEK_FACTS), st.integers(-3, 9)
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda drawn: drawn[:3],
)


@settings(max_examples=15)
@given(drawn=TILES)
def test_the_sum_of_the_weeks_is_the_sum_of_the_tiles_in_reach(spark, drawn):
    tiles = [tile(age, who, age - delay, **{fact: value}) for age, delay, who, fact, value in drawn]
    rows = spark.createDataFrame(FEATURE_CUSTOMER_DAY.rows(*tiles), FEATURE_CUSTOMER_DAY.struct)
    found = customer_weeks(rows, D, WEEKS).collect()
    for name in WEEK_FACTS:
        wanted = sum(
            one.get(name, 0)
            for one in tiles
            if one["ingest_date"] <= D and 0 <= (D - one["event_date"]).days < WEEKS * 7
        )
        assert sum(row[name] for row in found) == wanted
