"""Lateness is measured by source and run, from what arrived."""

from datetime import date, timedelta

from jobs.lateness import lateness_row, quantile
from schemas.ops import OPS_LATENESS
from tests.jobs.landed import D1, D2, D3, land, line

NAMES = OPS_LATENESS.column_names


def measured(run) -> dict[tuple[date, str], dict]:
    return {(row.ingest_date, row.source): row.asDict() for row in run.read(OPS_LATENESS).collect()}


def test_rows_are_counted_by_the_days_they_are_late():
    arrived = {D3 + timedelta(days=1): 1, D3: 5, D2: 2, D1: 1, D3 - timedelta(days=30): 3, D3 - timedelta(days=200): 8}
    row = dict(zip(NAMES, lateness_row(D3, "reviews", arrived), strict=True))
    assert row == {
        "ingest_date": D3,
        "source": "reviews",
        "new_row_count": 20,
        "on_time_row_count": 6,
        "late_1_day_row_count": 2,
        "late_2_to_7_days_row_count": 1,
        "late_8_to_30_days_row_count": 3,
        "late_over_30_days_row_count": 8,
        "median_lateness_days": 30,
        "p99_lateness_days": 200,
        "maximum_lateness_days": 200,
        "earlier_day_count": 4,
    }


def test_a_quantile_is_a_value_that_came():
    assert [quantile({0: 1, 5: 1}, share) for share in (0.5, 0.51, 1.0)] == [0, 5, 5]


def test_duplicates_and_refused_rows_have_no_lateness_and_a_rerun_measures_the_same(lake, night, make_run):
    land(lake, D1, "a.csv", line("1"))
    land(lake, D3, "b.csv", line("1"), line("2"), line("3", D3), line("4", D3, amount="ten"))
    night(D1)
    night(D3)
    before = measured(make_run(D3))
    row = before[D3, "transactions"]
    assert (row["new_row_count"], row["late_2_to_7_days_row_count"], row["earlier_day_count"]) == (2, 1, 1)
    night(D3)
    assert measured(make_run(D3)) == before and set(before) == {(D1, "transactions"), (D3, "transactions")}
