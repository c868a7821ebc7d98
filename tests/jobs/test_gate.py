"""Gates: what history lets expect, what is kept of a judgement. Broken tables are in tests/faults."""

import json
from datetime import date, timedelta
from typing import Any

import pytest

from jobs import gate
from jobs.errors import GateRefusedError, MissingInputError
from schemas.clean import CLEAN_ORDER_LINES, CLEAN_REVIEWS
from schemas.contract import NotNull, Table
from schemas.feature import FEATURE_CUSTOMER
from schemas.ops import OPS_GATE, OPS_RUN

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
    assert gate.usual_volume(run, CLEAN_ORDER_LINES) == 6
    assert gate.of_history(run, CLEAN_ORDER_LINES) == [("expect_table_row_count_to_be_between", {"min_value": 4})]


def test_a_day_without_rows_is_part_of_what_is_usual_once_the_shop_was_open(give, make_run):
    give(CLEAN_ORDER_LINES, weeks(0, 0, 4, 4, 4))
    assert gate.usual_volume(make_run(D, first_date=D - timedelta(weeks=8)), CLEAN_ORDER_LINES) == 0


def test_with_less_than_four_weeks_there_is_nothing_to_compare(give, make_run):
    give(CLEAN_ORDER_LINES, weeks(4, 4, 4))
    assert gate.usual_volume(make_run(D, first_date=D - timedelta(weeks=3)), CLEAN_ORDER_LINES) == 0


def test_a_day_on_which_the_shop_was_closed_may_be_empty(give, make_run):
    give(CLEAN_ORDER_LINES, weeks(4, 4, 4, 4))
    run = make_run(D, first_date=D - timedelta(weeks=4), closed_dates=(D,))
    assert gate.usual_volume(run, CLEAN_ORDER_LINES) == 0


def test_customers_may_not_become_fewer_than_in_the_latest_snapshot(give, make_run):
    give(FEATURE_CUSTOMER, {D - timedelta(days=9): 40, D - timedelta(days=2): 20})
    assert gate.of_history(make_run(D), FEATURE_CUSTOMER) == gate.least_rows(19)


def test_every_rule_of_a_contract_becomes_an_expectation():
    rules = sum(len(column.constraints) for column in CLEAN_REVIEWS.columns)
    assert len(CLEAN_REVIEWS.expectations()) == 1 + rules + 1  # columns, rules, key
    assert any(isinstance(rule, NotNull) for column in CLEAN_REVIEWS.columns for rule in column.constraints)


def refusals(make_run, *counts: tuple[int, int]) -> list[gate.Result]:
    run = make_run(D, maximum_refused_share=0.05)
    rows = [(D, f"source{n}", 1, rows, rows - bad, 0, bad) for n, (rows, bad) in enumerate(counts)]
    run.replace(run.spark.createDataFrame(rows, OPS_RUN.struct), OPS_RUN)
    return gate.refused_shares(run)


def test_a_share_of_refused_rows_up_to_the_limit_passes_for_each_source_by_itself(make_run):
    assert [one.is_success for one in refusals(make_run, (100, 5), (100, 6), (0, 0))] == [True, False, True]


def test_failing_rows_are_named_by_their_key_and_a_rerun_replaces_them(make_run, frame, run_job):
    def give_reviews(**bad: Any) -> None:
        rows = [{"review_id": "good", "ingest_date": D, "event_date": D}]
        rows += [{"review_id": "bad", "ingest_date": D, "event_date": D, **bad}]
        # Straight to the files: the job's own write would refuse such a row.
        make_run(D).ensure(CLEAN_REVIEWS)
        frame(CLEAN_REVIEWS, *rows).write.format("delta").mode("overwrite").save(str(make_run(D).path(CLEAN_REVIEWS)))

    def failed() -> list[Any]:
        results = make_run(D).read(OPS_GATE).collect()
        assert len({(row.layer, row.table_name, row.expectation) for row in results}) == len(results)
        return [row for row in results if not row.is_success]

    give_reviews(sentiment_score=1.5)
    with pytest.raises(GateRefusedError, match="clean_reviews expect_column_values_to_be_between"):
        run_job("gate", D, None, "--layer", "clean")
    (row,) = failed()
    assert json.loads(row.observed)["unexpected_count"] == 1
    assert "bad" in row.observed and "good" not in row.observed
    give_reviews(sentiment_score=1.0)
    run_job("gate", D, None, "--layer", "clean")
    assert not failed()


def test_a_layer_without_tables_says_what_to_run(run_job):
    with pytest.raises(MissingInputError, match="no table of layer feature exists"):
        run_job("gate", D, None, "--layer", "feature")
