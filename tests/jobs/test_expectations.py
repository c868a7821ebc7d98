"""What history lets a gate expect."""

from datetime import date, timedelta

import pytest

from jobs.expectations import least_rows, of_history, usual_volume
from schemas.clean import CLEAN_ORDER_LINES
from schemas.contract import Table
from schemas.feature import FEATURE_CUSTOMER
from schemas.score import CUSTOMER_360, SCORE_CHURN, SCORE_CLV, SCORE_RFM

D = date(2024, 3, 29)


@pytest.fixture
def give(make_run, frame):
    """`give(table, {day: rows})`: so many rows of each day."""

    def write(table: Table, counts: dict[date, int]) -> None:
        key = next(name for name in reversed(table.key) if name != table.slice_column)
        rows = [
            {table.slice_column: day, key: f"{day}-{number}", "event_date": day}
            if "event_date" in table.column_names
            else {table.slice_column: day, key: f"{day}-{number}"}
            for day, count in counts.items()
            for number in range(count)
        ]
        make_run(min(counts), max(counts)).replace(frame(table, *rows), table)

    return write


def weeks(*counts: int) -> dict[date, int]:
    """So many rows one, two, … weeks before D."""
    return {D - timedelta(weeks=week): count for week, count in enumerate(counts, 1)}


def test_usual_is_the_median_of_the_same_weekday(give, make_run):
    give(CLEAN_ORDER_LINES, weeks(4, 6, 2, 8, 9) | {D - timedelta(days=1): 40})
    run = make_run(D, first_date=D - timedelta(weeks=5))
    assert usual_volume(run, CLEAN_ORDER_LINES) == 6
    assert of_history(run, CLEAN_ORDER_LINES) == [("expect_table_row_count_to_be_between", {"min_value": 4})]


def test_a_day_without_rows_is_part_of_what_is_usual_once_the_shop_was_open(give, make_run):
    give(CLEAN_ORDER_LINES, weeks(0, 0, 4, 4, 4))
    assert usual_volume(make_run(D, first_date=D - timedelta(weeks=8)), CLEAN_ORDER_LINES) == 0


def test_with_less_than_four_weeks_there_is_nothing_to_compare(give, make_run):
    give(CLEAN_ORDER_LINES, weeks(4, 4, 4))
    assert usual_volume(make_run(D, first_date=D - timedelta(weeks=3)), CLEAN_ORDER_LINES) == 0


def test_a_day_on_which_the_shop_was_closed_may_be_empty(give, make_run):
    give(CLEAN_ORDER_LINES, weeks(4, 4, 4, 4))
    run = make_run(D, first_date=D - timedelta(weeks=4), closed_dates=(D,))
    assert usual_volume(run, CLEAN_ORDER_LINES) == 0


def test_lines_name_customers_as_they_did_where_there_were_enough_to_tell(make_run, frame):
    def give(guests: int, named: int) -> list:
        days = list(weeks(1, 1, 1, 1))
        rows = [
            {"ingest_date": day, "event_date": day, "line_id": f"{day}-{number}", "customer_id": customer}
            for day in days
            for number, customer in enumerate([None] * guests + ["c"] * named)
        ]
        make_run(min(days), max(days)).replace(frame(CLEAN_ORDER_LINES, *rows), CLEAN_ORDER_LINES)
        return of_history(make_run(D, first_date=min(days)), CLEAN_ORDER_LINES)[1:]

    expected = ("expect_column_values_to_not_be_null", {"column": "customer_id", "mostly": 0.125})
    assert give(guests=100, named=100) == [expected]
    assert give(guests=100, named=99) == []


def test_a_model_whose_scores_were_all_lost_is_known_by_the_dates_published_from_them(make_run, frame, give):
    ordered = {"as_of_date": D, "btyd_age": 3}
    make_run(D).replace(frame(FEATURE_CUSTOMER, ordered | {"customer_id": "a"}, {"as_of_date": D}), FEATURE_CUSTOMER)
    yesterday = D - timedelta(days=1)
    row = {"as_of_date": yesterday, "customer_id": "a", "models": "rfm-1, churn-2"}
    make_run(yesterday).replace(frame(CUSTOMER_360, row), CUSTOMER_360)
    assert of_history(make_run(D), SCORE_CHURN) == least_rows(1)
    assert of_history(make_run(D), SCORE_RFM) == least_rows(2)
    assert of_history(make_run(D), SCORE_CLV) == []


def test_customers_may_not_become_fewer_than_in_the_latest_snapshot(give, make_run):
    give(FEATURE_CUSTOMER, {D - timedelta(days=9): 40, D - timedelta(days=2): 20})
    assert of_history(make_run(D), FEATURE_CUSTOMER) == least_rows(19)
