"""A source that always had rows on a weekday and has none is noticed; small, new, ended and closed ones are not."""

import json
from datetime import date, timedelta

import pytest

from jobs import gate
from jobs.settings import Source
from jobs.silence import silent_sources
from schemas.ops import OPS_RUN
from schemas.raw import SOURCES

D = date(2024, 3, 29)


@pytest.fixture
def heard(make_run, frame):
    """`heard({source: {weeks before D: rows}}, **settings)`: what is told of D."""

    def read(counts: dict[str, dict[int, int]], **settings) -> dict[str, tuple[int, float]]:
        rows = [
            {"ingest_date": D - timedelta(weeks=week), "source": source, "file_row_count": n, "new_row_count": n}
            for source, weeks in counts.items()
            for week, n in weeks.items()
        ]
        run = make_run(D, **settings)
        run.replace(frame(OPS_RUN, *rows), OPS_RUN, D - timedelta(weeks=20), D)
        return {one.source: (one.rows, one.usual) for one in silent_sources(run)}

    return read


def test_a_source_without_rows_on_a_weekday_that_always_had_some_is_noticed(heard):
    assert heard({"reviews": {1: 9, 2: 7, 3: 5, 4: 30}}) == {"reviews": (0, 8)}
    assert heard({"reviews": {0: 1, 1: 9, 2: 7, 3: 5, 4: 30}}) == {"reviews": (1, 8)}


def test_with_less_than_four_weeks_or_five_rows_a_week_nothing_is_expected(heard):
    assert heard({"reviews": {1: 9, 2: 9, 3: 9}, "payments": {1: 9, 2: 9, 3: 4, 4: 9, 5: 9}}) == {}


def test_another_weekdays_rows_let_expect_nothing(heard, make_run, frame):
    tuesdays = {"ingest_date": D - timedelta(days=3), "source": "products", "file_row_count": 9, "new_row_count": 9}
    rows = [tuesdays | {"ingest_date": tuesdays["ingest_date"] - timedelta(weeks=week)} for week in range(8)]
    run = make_run(D)
    run.replace(frame(OPS_RUN, *rows), OPS_RUN, D - timedelta(weeks=20), D)
    assert silent_sources(run) == []


def test_days_on_which_the_shop_was_closed_expect_nothing_and_are_no_history(heard):
    weeks = {1: 9, 2: 9, 4: 9, 5: 9}  # closed in the third
    assert heard({"reviews": weeks}, closed_dates=(D,)) == {}
    assert heard({"reviews": weeks}) == {}
    assert heard({"reviews": weeks}, closed_dates=(D - timedelta(weeks=3),)) == {"reviews": (0, 9)}


def test_a_source_that_may_be_silent_is(heard):
    assert heard({"reviews": {1: 9, 2: 9, 3: 9, 4: 9}}, may_be_silent=("reviews",)) == {}


def test_the_setting_knows_every_source():
    assert set(Source.__args__) == set(SOURCES)


def test_the_clean_gate_says_which_source_and_what_was_usual(make_run, frame):
    rows = [
        {"ingest_date": D - timedelta(weeks=week), "source": source, "file_row_count": 9, "new_row_count": 9}
        for week in range(1, 5)
        for source in ("customers", "payments", "reviews")
    ]
    rows.append({"ingest_date": D, "source": "payments", "file_row_count": 1, "new_row_count": 1})
    rows.append({"ingest_date": D, "source": "reviews", "stopped_reason": "it lacks a column"})
    run = make_run(D)
    run.replace(frame(OPS_RUN, *rows), OPS_RUN, D - timedelta(weeks=20), D)
    told = {one.expectation: one for one in gate.of_sources(run)}
    silent = told["rows of customers came, as every week"]
    assert not silent.is_success
    assert json.loads(silent.observed) == {"rows": 0, "usual": 9, "weekday": "Friday", "weeks": 4}
    assert told["rows of payments came, as every week"].is_success
    assert not told["reviews was read"].is_success and "rows of reviews came, as every week" not in told
