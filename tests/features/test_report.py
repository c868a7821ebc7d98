"""Totals of the report on a few rows: edges of bins, ties of tenths, what is known of which day."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from features import report
from schemas.campaign import CAMPAIGN_RESULT
from schemas.feature import FEATURE_CUSTOMER_DAY
from schemas.score import CUSTOMER_360

D = date(2024, 6, 30)


@pytest.fixture
def customers(frame):
    """`customers(column, values)`: published customers a, b, … with these values."""
    return lambda column, values: frame(
        CUSTOMER_360,
        *({"as_of_date": D, "customer_id": chr(97 + n), column: value} for n, value in enumerate(values)),
    )


def test_the_last_bin_holds_certainty_and_the_first_zero_and_nobody_without_a_score(customers):
    rows = report.churn_bins(customers("churn_probability", [0.0, 0.049, 0.05, 1.0, None])).collect()
    assert {row.bin: row.customer_count for row in rows} == {0: 2, 1: 1, 19: 1}


def test_tenths_begin_with_those_worth_most_and_add_up(customers):
    rows = report.clv_deciles(customers("expected_net_revenue", [*range(1, 21), None])).collect()
    assert {row.decile: row.customer_count for row in rows} == dict.fromkeys(range(1, 11), 2)
    assert {row.decile: row.amount for row in rows if row.decile in (1, 10)} == {1: Decimal(39), 10: Decimal(3)}


def test_a_segments_active_customers_ordered_within_90_days(customers):
    (row,) = report.segment_totals(customers("recency_days", [0, 89, 90, None])).collect()
    assert (row.customer_count, row.active_count) == (4, 2)


def test_days_are_told_as_known_at_the_date(frame):
    def tile(day: int, run: int, count: int) -> dict:
        return {"event_date": D - timedelta(day), "ingest_date": D - timedelta(run), "order_count": count}

    given = [tile(0, 0, 1), tile(1, 1, 5), tile(1, 0, -1), tile(0, -1, 100), tile(2, 2, 100), tile(-1, 0, 100)]
    rows = report.daily_totals(frame(FEATURE_CUSTOMER_DAY, *given), D, days=2).collect()
    assert {row.event_date: row.order_count for row in rows} == {D: 1, D - timedelta(1): 4}


def test_of_a_plans_results_the_last_one_up_to_the_date_is_told(frame):
    def result(age: int, plan: int, arm: str = "treatment") -> dict:
        return {"measured_date": D - timedelta(age), "as_of_date": D - timedelta(plan), "arm": arm}

    given = [result(2, 9), result(1, 9), result(-1, 9), result(3, 8), result(0, 8, "control")]
    rows = report.latest_results(frame(CAMPAIGN_RESULT, *given), D).collect()
    assert {row.as_of_date: row.measured_date for row in rows} == {
        D - timedelta(9): D - timedelta(1),
        D - timedelta(8): D - timedelta(3),
    }
