"""What history lets a gate expect."""

from datetime import date, timedelta

import pytest

from jobs.expectations import least_rows, of_history, usual_volume
from schemas.clean import CLEAN_ORDER_LINES
from schemas.contract import Table
from schemas.feature import FEATURE_CUSTOMER

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


def test_customers_may_not_become_fewer_than_in_the_latest_snapshot(give, make_run):
    give(FEATURE_CUSTOMER, {D - timedelta(days=9): 40, D - timedelta(days=2): 20})
    assert of_history(make_run(D), FEATURE_CUSTOMER) == least_rows(19)
